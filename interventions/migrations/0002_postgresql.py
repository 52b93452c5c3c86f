"""PostgreSQL finds equipment by three letters of its name, brand or serial number. SQLite reads the table."""

from django.db import migrations


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX interventions_installed_search ON interventions_installedproduct "
            "USING gin (search_text gin_trgm_ops)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX interventions_installed_search")


class Migration(migrations.Migration):
    dependencies = [("interventions", "0001_initial"), ("invoicing", "0002_postgresql")]
    operations = [migrations.RunPython(add, remove)]
