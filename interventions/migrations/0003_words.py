"""A serial number is found by a part of it: on PostgreSQL by an index of its three letters, as names are."""

from django.db import migrations


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX interventions_installed_words ON interventions_installedproduct "
            "USING gin (UPPER(serial_number) gin_trgm_ops)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX interventions_installed_words")


class Migration(migrations.Migration):
    dependencies = [("interventions", "0002_purchased_line"), ("invoicing", "0007_words")]
    operations = [migrations.RunPython(add, remove)]
