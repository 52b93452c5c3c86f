"""Pages of companies, customers, addresses and tags."""

from invoicing.admin.parties import companies, customer_timeline, partners

__all__ = ["companies", "customer_timeline", "partners"]
