"""Invoicing: the words every other app needs, and the documents that money is owed on.

Shelves, each importing only those before it: parties (who), catalogue (what is sold, taxes, journals), accounts
(balanced entries), documents (quotes, invoices, the lines under them, claims and holds), settlement (payments),
exchange (PDF), posting (post, credit). What it promises: a draft becomes a numbered, frozen invoice without a gap
in the numbers; what an invoice line bills is claimed by the app that promised it, so that it is billed once.
"""
