"""What every door of the API shares, whatever the app: errors, pages, fields, counts, permissions, its description."""
