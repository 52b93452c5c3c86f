"""The API of contracts and of the runs that bill them."""
