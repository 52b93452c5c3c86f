"""Contracts: their life, their visits, their billing."""
