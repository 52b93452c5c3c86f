"""Of which company a message is: those written before take their document's, as new ones do.

A message of no company is seen by all: left so, those of one company's invoices would be read by the others' people.
"""

import django.db.models.deletion
from django.db import migrations, models


def fill(apps, schema_editor):
    """Ask the database, not the models: the documents of the apps above are not known from here."""
    message, content_type = apps.get_model("invoicing", "Message"), apps.get_model("contenttypes", "ContentType")
    kinds = content_type.objects.filter(pk__in=message.objects.values("content_type")).in_bulk()
    with schema_editor.connection.cursor() as cursor:
        introspection = schema_editor.connection.introspection
        tables = set(introspection.table_names(cursor))
        for kind in kinds.values():
            table = f"{kind.app_label}_{kind.model}"
            if table not in tables:
                continue
            columns = {column.name for column in introspection.get_table_description(cursor, table)}
            if {"id", "company_id"} <= columns:
                cursor.execute(
                    f"UPDATE invoicing_message SET company_id = (SELECT d.company_id FROM {table} d"  # noqa: S608
                    " WHERE d.id = invoicing_message.object_id) WHERE company_id IS NULL AND content_type_id = %s",
                    [kind.pk],
                )


class Migration(migrations.Migration):

    dependencies = [
        ('contenttypes', '0002_remove_content_type_name'),
        ('invoicing', '0007_words'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='company',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoicing.company', verbose_name='société'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
