"""Working hours belong to a week, which may take turns with others; hours of one day, recurring absences, on-call.

The hours of each technician, and the usual ones of each company, become one week that comes back every week: nobody's
hours change. Backwards, the hours of the first week of the last valid one are kept, the others are lost.
"""

import datetime

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

ANY_MONDAY = datetime.date(2026, 1, 5)  # it decides nothing while a cycle has one week


def take_over(apps, schema_editor):
    hours = apps.get_model("appointments", "WorkingHours")
    weeks = apps.get_model("appointments", "WorkingWeek")
    owners = hours.objects.order_by("company_id", "technician_id").values_list("company_id", "technician_id").distinct()
    for company, technician in list(owners):
        week = weeks.objects.create(company_id=company, technician_id=technician, first_monday=ANY_MONDAY)
        hours.objects.filter(company=company, technician=technician).update(week=week)
    check_now(schema_editor)


def give_back(apps, schema_editor):
    hours = apps.get_model("appointments", "WorkingHours")
    weeks = apps.get_model("appointments", "WorkingWeek")
    last = {}
    for week in sorted(weeks.objects.all(), key=lambda week: (week.from_on or datetime.date.min, week.pk)):
        last[week.company_id, week.technician_id] = week
    hours.objects.exclude(week__in=last.values(), rank=1).delete()
    for (company, technician), week in last.items():
        hours.objects.filter(week=week).update(company=company, technician=technician)
    check_now(schema_editor)


def check_now(schema_editor):
    """Check foreign keys before the table is altered: PostgreSQL alters none with checks that wait."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def add(apps, schema_editor):
    """Refuse two weeks of one technician, or of one company, that are valid on one day."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE appointments_workingweek ADD CONSTRAINT appointments_week_not_twice "
            "EXCLUDE USING gist (company_id WITH =, COALESCE(technician_id, 0) WITH =, "
            "daterange(from_on, to_on, '[]') WITH &&)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE appointments_workingweek DROP CONSTRAINT appointments_week_not_twice")


class Migration(migrations.Migration):

    dependencies = [
        ('appointments', '0006_programs'),
        ('interventions', '0006_customer_is_called_so'),
        ('invoicing', '0018_indexes_of_sums_and_notes'),
    ]

    operations = [
        migrations.CreateModel(
            name='DayHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), db_index=True, verbose_name='modifié le')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('on', models.DateField(verbose_name='jour')),
                ('starts', models.TimeField(verbose_name='de')),
                ('ends', models.TimeField(verbose_name='à')),
                ('technician', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='day_hours', to='interventions.technician', verbose_name='intervenant')),
            ],
            options={
                'verbose_name': "horaire d'un jour",
                'verbose_name_plural': "horaires d'un jour",
                'ordering': ['-on', 'technician', 'starts'],
            },
        ),
        migrations.CreateModel(
            name='OnCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), db_index=True, verbose_name='modifié le')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('starts_at', models.DateTimeField(verbose_name='du')),
                ('ends_at', models.DateTimeField(verbose_name='au')),
                ('technician', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='on_calls', to='interventions.technician', verbose_name='intervenant')),
            ],
            options={
                'verbose_name': 'astreinte',
                'verbose_name_plural': 'astreintes',
                'ordering': ['-starts_at'],
            },
        ),
        migrations.CreateModel(
            name='RecurringAbsence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), db_index=True, verbose_name='modifié le')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Lundi'), (1, 'Mardi'), (2, 'Mercredi'), (3, 'Jeudi'), (4, 'Vendredi'), (5, 'Samedi'), (6, 'Dimanche')], verbose_name='jour')),
                ('starts', models.TimeField(blank=True, null=True, verbose_name='de')),
                ('ends', models.TimeField(blank=True, null=True, verbose_name='à')),
                ('cycle', models.PositiveSmallIntegerField(choices=[(1, 'Chaque semaine'), (2, 'Une semaine sur deux'), (3, 'Une semaine sur trois'), (4, 'Une semaine sur quatre')], default=1, verbose_name='rythme')),
                ('first_on', models.DateField(verbose_name='à partir du')),
                ('until', models.DateField(blank=True, null=True, verbose_name="jusqu'au")),
                ('reason', models.CharField(blank=True, max_length=80, verbose_name='motif')),
                ('technician', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recurring_absences', to='interventions.technician', verbose_name='intervenant')),
            ],
            options={
                'verbose_name': 'absence récurrente',
                'verbose_name_plural': 'absences récurrentes',
                'ordering': ['technician', 'weekday', 'starts', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='WorkingWeek',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('updated_at', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now(), db_index=True, verbose_name='modifié le')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('cycle', models.PositiveSmallIntegerField(choices=[(1, 'La même chaque semaine'), (2, '2 semaines en alternance'), (3, '3 semaines en alternance'), (4, '4 semaines en alternance')], default=1, verbose_name='rythme')),
                ('first_monday', models.DateField(verbose_name='premier lundi')),
                ('from_on', models.DateField(blank=True, null=True, verbose_name='valable du')),
                ('to_on', models.DateField(blank=True, null=True, verbose_name='au')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='working_weeks', to='invoicing.company', verbose_name='société')),
                ('technician', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='working_weeks', to='interventions.technician', verbose_name='intervenant (vide = tous)')),
            ],
            options={
                'verbose_name': 'horaire de travail',
                'verbose_name_plural': 'horaires de travail',
                'ordering': ['company', 'technician', 'from_on', 'pk'],
            },
        ),
        migrations.AddField(
            model_name='workinghours',
            name='rank',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Semaine 1'), (2, 'Semaine 2'), (3, 'Semaine 3'), (4, 'Semaine 4')], default=1, verbose_name='semaine'),
        ),
        migrations.AddField(
            model_name='workinghours',
            name='week',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='appointments.workingweek', verbose_name='horaire de travail'),
        ),
        # nullable before it is removed: backwards, it comes back empty and is then filled
        migrations.AlterField(
            model_name='workinghours',
            name='company',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='working_hours', to='invoicing.company', verbose_name='société'),
        ),
        migrations.RunPython(take_over, give_back),
        migrations.AlterField(
            model_name='workinghours',
            name='week',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='hours', to='appointments.workingweek', verbose_name='horaire de travail'),
        ),
        migrations.AlterModelOptions(
            name='workinghours',
            options={'ordering': ['week', 'rank', 'weekday', 'starts'], 'verbose_name': 'plage horaire', 'verbose_name_plural': 'plages horaires'},
        ),
        migrations.RemoveField(
            model_name='workinghours',
            name='company',
        ),
        migrations.RemoveField(
            model_name='workinghours',
            name='technician',
        ),
        migrations.AddConstraint(
            model_name='workinghours',
            constraint=models.CheckConstraint(condition=models.Q(('rank__range', (1, 4))), name='appointments_hours_rank', violation_error_message='Un rythme a une à quatre semaines.'),
        ),
        migrations.AddConstraint(
            model_name='dayhours',
            constraint=models.CheckConstraint(condition=models.Q(('starts__lt', models.F('ends'))), name='appointments_dayhours_order', violation_error_message="La fin de l'horaire n'est pas après son début : corrigez l'une des deux heures."),
        ),
        migrations.AddConstraint(
            model_name='dayhours',
            constraint=models.UniqueConstraint(fields=('technician', 'on', 'starts'), name='appointments_dayhours_once', violation_error_message='Cet intervenant a déjà une plage qui commence à cette heure ce jour-là.'),
        ),
        migrations.AddConstraint(
            model_name='oncall',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='appointments_oncall_order', violation_error_message="La fin de l'astreinte n'est pas après son début : corrigez l'une des deux."),
        ),
        migrations.AddConstraint(
            model_name='recurringabsence',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ends__isnull', True), ('starts__isnull', True)), models.Q(('ends__isnull', False), ('starts__isnull', False), ('starts__lt', models.F('ends'))), _connector='OR'), name='appointments_recurring_hours', violation_error_message='Donnez deux heures, la fin après le début, ou aucune pour la journée entière.'),
        ),
        migrations.AddConstraint(
            model_name='recurringabsence',
            constraint=models.CheckConstraint(condition=models.Q(('until__isnull', True), ('first_on__lte', models.F('until')), _connector='OR'), name='appointments_recurring_order', violation_error_message="La fin de l'absence précède son début : corrigez l'une des deux dates."),
        ),
        migrations.AddConstraint(
            model_name='recurringabsence',
            constraint=models.CheckConstraint(condition=models.Q(('cycle__range', (1, 4))), name='appointments_recurring_cycle', violation_error_message='Un rythme a une à quatre semaines.'),
        ),
        migrations.AddConstraint(
            model_name='workingweek',
            constraint=models.CheckConstraint(condition=models.Q(('from_on__isnull', True), ('to_on__isnull', True), ('from_on__lte', models.F('to_on')), _connector='OR'), name='appointments_week_order', violation_error_message="La fin de la validité précède son début : corrigez l'une des deux dates."),
        ),
        migrations.AddConstraint(
            model_name='workingweek',
            constraint=models.CheckConstraint(condition=models.Q(('cycle__range', (1, 4))), name='appointments_week_cycle', violation_error_message='Un rythme a une à quatre semaines.'),
        ),
        migrations.RunPython(add, remove),
    ]
