"""The end of the month is counted before or after the days: what a box said becomes one of three ways."""

from django.db import migrations, models


def fill(apps, schema_editor):
    apps.get_model("invoicing", "PaymentTerm").objects.filter(end_of_month=True).update(counted="then_end")


def empty(apps, schema_editor):
    apps.get_model("invoicing", "PaymentTerm").objects.exclude(counted="net").update(end_of_month=True)


class Migration(migrations.Migration):
    dependencies = [("invoicing", "0011_receipts_of_received_orders")]
    operations = [
        migrations.AddField(
            model_name="paymentterm",
            name="counted",
            field=models.CharField(
                choices=[
                    ("net", "date de la facture + jours"),
                    ("then_end", "date de la facture + jours, puis fin de ce mois"),
                    ("end_then", "fin du mois de la facture, puis + jours"),
                ],
                default="net",
                max_length=10,
                verbose_name="Compte",
            ),
        ),
        migrations.RunPython(fill, empty),
    ]
