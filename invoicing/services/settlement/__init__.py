"""Payments, allocations, refunds and rejected payments."""
