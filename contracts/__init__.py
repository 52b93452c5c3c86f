"""Contracts: what a firm promised to do and to bill, year after year."""
