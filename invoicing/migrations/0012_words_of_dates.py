"""Says of a due day before its bill what to do."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invoicing', '0011_rules_of_rows'),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='supplierbill',
            name='invoicing_supplier_bill_dates',
            constraint=models.CheckConstraint(condition=models.Q(('due_on__isnull', True), ('due_on__gte', models.F('billed_on')), _connector='OR'), name='invoicing_supplier_bill_dates', violation_error_message="L'échéance précède la date de la facture : corrigez l'une des deux dates."),
        ),
    ]
