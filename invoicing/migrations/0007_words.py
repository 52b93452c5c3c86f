"""Words are found by three of their letters: on PostgreSQL by one index a table, of what Ctrl+K and the lists search.

SQLite reads the table: a firm of that size has another database.
"""

from django.db import migrations

INDEXES = {
    "invoicing_partner_words": ("invoicing_partner", ("name", "store_code", "phone", "mobile", "email", "siren")),
    "invoicing_address_words": ("invoicing_address", ("city", "zip", "street", "label")),
}


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        for name, (table, columns) in INDEXES.items():
            terms = ", ".join(f"UPPER({column}) gin_trgm_ops" for column in columns)
            schema_editor.execute(f"CREATE INDEX {name} ON {table} USING gin ({terms})")


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0006_refunds")]
    operations = [migrations.RunPython(add, remove)]
