"""What pages and addresses are built with: the admin kit, the base of the API, tags, contributions, transport."""
