"""Services on what every record carries: journal, messages, files, public link."""
