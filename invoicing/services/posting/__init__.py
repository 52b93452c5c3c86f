"""Posting and crediting: the only services that make an accounting fact."""
