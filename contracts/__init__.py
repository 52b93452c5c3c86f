"""Contracts: what a firm promised to do and to bill, year after year.

A contract has one line for each site and equipment: articles priced a year, one-off dated exceptions, and the visits
it promises. Every night the visits to come become validated DIs, and what is due becomes draft invoices.
What is owed is billed exactly once: each period, visit and exception is claimed by a row under a unique key, and what
is due is always proposed whole, less what is claimed. A missed night, a double run and a back-fill are the same code.
`planner/` decides and touches no database; `services/` lock, read, plan and write.
"""
