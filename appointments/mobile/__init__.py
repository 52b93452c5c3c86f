"""The technician's phone: own RDVs only, no prices, pages small enough for a cellar."""
