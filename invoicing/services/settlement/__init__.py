"""Payments, what they settle, and money paid back."""
