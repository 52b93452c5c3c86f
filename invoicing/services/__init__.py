"""Services of invoicing, on the same shelves as its models."""
