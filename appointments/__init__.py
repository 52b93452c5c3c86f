"""Appointments (RDV): who goes where, when, what was done there, what is left to bill.

Promises: a technician is never in two places unless somebody said so on the record; what a DI and its RDVs share is
billed once, whichever of them is billed first; the DI follows what is planned and done.
"""
