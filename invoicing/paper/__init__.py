"""PDFs of documents."""
