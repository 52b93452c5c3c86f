"""The technician's phone: his own RDVs only, no prices, small pages for a poor network."""
