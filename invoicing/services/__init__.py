"""What invoicing can be asked to do, on the same shelves as its models."""
