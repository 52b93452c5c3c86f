"""Fill the company of the notes, files and follow-ups that exist, from their documents, and the size of the files."""

from django.db import migrations

# Tables of records with a company; rows of the others stay without one. Upper apps are found by their content types.
TABLES = ("invoicing_historyline", "invoicing_attachment", "invoicing_followup")


def fill(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        cursor.execute("SELECT id, app_label, model FROM django_content_type")
        for kind, app, model in cursor.fetchall():
            table = f"{app}_{model}"
            if table not in existing or table in TABLES:
                continue
            columns = {column.name for column in connection.introspection.get_table_description(cursor, table)}
            company = "id" if table == "invoicing_company" else "company_id"
            if not {"id", company} <= columns:
                continue
            for filled in TABLES:
                cursor.execute(
                    f"UPDATE {filled} SET company_id = (SELECT d.{company} FROM {table} d WHERE d.id = {filled}.object_id)"
                    f" WHERE content_type_id = %s",
                    [kind],
                )
    for attachment in apps.get_model("invoicing", "Attachment").objects.filter(size=0).iterator():
        try:
            attachment.size = attachment.file.size
        except OSError:
            continue
        attachment.save(update_fields=["size"])


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0003_company_of_neighbours")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
