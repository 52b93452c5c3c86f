from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0012_due_days_counted")]
    operations = [migrations.RemoveField(model_name="paymentterm", name="end_of_month")]
