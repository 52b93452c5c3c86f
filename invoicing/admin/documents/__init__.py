"""Pages of quotes, invoices, purchase orders and suppliers' bills."""

from invoicing.admin.documents import invoices, purchases, quotes

__all__ = ["invoices", "purchases", "quotes"]
