"""Pages of quotes and invoices."""

from invoicing.admin.documents import invoices, quotes

__all__ = ["invoices", "quotes"]
