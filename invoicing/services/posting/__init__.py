"""Posting of drafts and credit notes."""
