"""Pages of companies, customers, addresses and tags."""

from invoicing.admin.parties import companies, partners

__all__ = ["companies", "partners"]
