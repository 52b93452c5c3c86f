"""Services on what any record may carry: journal, files, messages, public link, notes, follow-ups."""
