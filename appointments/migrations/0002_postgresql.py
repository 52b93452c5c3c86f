"""A technician is never in two places: on PostgreSQL the database itself refuses it.

SQLite has no exclusion constraints; there the check under the technicians' lock stands alone.
"""

from django.db import migrations


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        schema_editor.execute(
            "ALTER TABLE appointments_slot ADD CONSTRAINT appointments_slot_not_in_two_places "
            "EXCLUDE USING gist (technician_id WITH =, tstzrange(starts_at, ends_at, '[)') WITH &&) WHERE (blocks)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE appointments_slot DROP CONSTRAINT appointments_slot_not_in_two_places")


class Migration(migrations.Migration):
    dependencies = [("appointments", "0001_initial")]
    operations = [migrations.RunPython(add, remove)]
