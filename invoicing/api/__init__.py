"""The API of invoicing, and the base of the other apps' APIs (`base`, `lines`)."""
