"""Says of an end before its start what to do."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('appointments', '0002_slot_exclusion'),
    ]

    operations = [
        migrations.AlterConstraint(
            model_name='absence',
            name='appointments_absence_order',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='appointments_absence_order', violation_error_message="La fin de l'absence n'est pas après son début : corrigez l'une des deux."),
        ),
        migrations.AlterConstraint(
            model_name='appointment',
            name='appointments_order',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='appointments_order', violation_error_message="La fin du RDV n'est pas après son début : corrigez l'heure de fin, ou décochez « Fin forcée »."),
        ),
        migrations.AlterConstraint(
            model_name='closingday',
            name='appointments_closing_order',
            constraint=models.CheckConstraint(condition=models.Q(('from_on__lte', models.F('to_on'))), name='appointments_closing_order', violation_error_message="La fin de la fermeture précède son début : corrigez l'une des deux dates."),
        ),
        migrations.AlterConstraint(
            model_name='workinghours',
            name='appointments_hours_order',
            constraint=models.CheckConstraint(condition=models.Q(('starts__lt', models.F('ends'))), name='appointments_hours_order', violation_error_message="La fin de l'horaire n'est pas après son début : corrigez l'une des deux heures."),
        ),
    ]
