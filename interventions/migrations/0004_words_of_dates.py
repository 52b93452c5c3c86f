"""Says of an end before its start what to do."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('interventions', '0003_words'),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='interventionrequest',
            name='interventions_request_dates',
            constraint=models.CheckConstraint(condition=models.Q(('to_on__gte', models.F('from_on'))), name='interventions_request_dates', violation_error_message="La fin de la période précède son début : corrigez l'une des deux dates."),
        ),
    ]
