"""Measures on throw-away databases: `make bench`. Not part of the product."""
