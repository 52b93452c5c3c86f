"""A document in, bytes out."""
