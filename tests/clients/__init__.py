"""Clients generated from the description of the API, and a program on each."""
