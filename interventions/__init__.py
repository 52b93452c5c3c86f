"""Interventions: what customers ask for, where, for which equipment, and what of it is left to bill.

The intervention request (DI) carries billing lines. They are billed directly, or
through a quote that the customer accepts. A line on a live quote is billed by the quote alone; a line covered
by a contract by the contract alone.
"""
