"""Services on the rows attached to any record (journal, files, messages, …), on saving, and on acts done once."""
