import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contracts", "0005_run_totals")]
    operations = [
        migrations.AddConstraint(
            model_name='billingrun',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), ('expected', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('billed'), '+', models.F('skipped')), '+', models.F('refused'))), _connector='OR'), name='contracts_run_adds_up'),
        ),
    ]
