"""Invoicing: parties, catalogue, documents and accounts, on which every other app stands.

Shelves, each importing only those before it: parties (who), catalogue (what is sold, taxes, journals), accounts
(balanced entries), documents (quotes, invoices, their lines, claims and holds), settlement (payments), posting (post,
credit); paper (PDF) reads posted documents. Posting numbers a draft without a gap in its series and freezes it. The app
that ordered the work claims each invoice line that bills it, so that it is billed once.
"""
