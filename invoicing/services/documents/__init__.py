"""Services on quotes, purchases and draft invoices: intents, lines, writing, mailing, PDF jobs."""
