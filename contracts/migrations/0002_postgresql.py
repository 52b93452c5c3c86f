"""No two live claims of an article overlap: on PostgreSQL the database itself refuses it.

SQLite has no exclusion constraints; there the plan under the contract's lock stands alone, with the unique key.
"""

from django.db import migrations


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        schema_editor.execute(
            'ALTER TABLE contracts_periodclaim ADD CONSTRAINT contracts_period_no_overlap EXCLUDE USING gist '
            '(article_id WITH =, kind WITH =, daterange(start, "end", \'[)\') WITH &&) WHERE (released_by_id IS NULL)'
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE contracts_periodclaim DROP CONSTRAINT contracts_period_no_overlap")


class Migration(migrations.Migration):
    dependencies = [("contracts", "0001_initial")]
    operations = [migrations.RunPython(add, remove)]
