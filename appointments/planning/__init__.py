"""The planning board: technicians × days, cards that are dragged. A door: it reads, draws, and hands drops to services."""
