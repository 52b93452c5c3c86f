from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0013_unread_columns")]
    operations = [migrations.DeleteModel("IdempotencyKey")]
