"""What stands between Django's ORM and the databases: column types, SQL functions, bulk writes, search."""
