"""Services on drafts and quotes."""
