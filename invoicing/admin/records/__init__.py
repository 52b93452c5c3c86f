"""Pages and page parts of what any record may carry: journal, files, notes, messages."""
