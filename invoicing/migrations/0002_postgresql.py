"""PostgreSQL finds words and telephones by three of their letters or digits: one index a column that searches read.

SQLite reads the table.
"""

from django.db import migrations

INDEXES = {
    "invoicing_partner_search": ("invoicing_partner", ("search_text", "phone_key", "mobile_key")),
    "invoicing_address_search": ("invoicing_address", ("search_text", "phone_key")),
}


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        for name, (table, columns) in INDEXES.items():
            terms = ", ".join(f"{column} gin_trgm_ops" for column in columns)
            schema_editor.execute(f"CREATE INDEX {name} ON {table} USING gin ({terms})")


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0001_initial")]
    operations = [migrations.RunPython(add, remove)]
