"""Services on companies, partners and logos."""
