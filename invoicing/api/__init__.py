"""The API of invoicing, and what the APIs of the other apps stand on (`base`, `lines`)."""
