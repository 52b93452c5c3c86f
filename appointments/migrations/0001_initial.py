import django.core.validators
import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('interventions', '0002_postgresql'),
        ('invoicing', '0002_postgresql'),
    ]

    operations = [
        migrations.CreateModel(
            name='Appointment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('number', models.CharField(blank=True, max_length=35, null=True, verbose_name='Numéro')),
                ('state', models.CharField(choices=[('draft', 'Brouillon'), ('confirmed', 'Confirmé'), ('done', 'Réalisé'), ('unfinished', 'Inachevé'), ('postponed', 'Reporté'), ('cancelled', 'Annulé')], db_index=True, default='draft', max_length=12, verbose_name='État')),
                ('title', models.CharField(blank=True, max_length=160, verbose_name='Titre')),
                ('duration', models.DecimalField(blank=True, decimal_places=2, max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.05'))], verbose_name='Durée (h)')),
                ('description', models.TextField(blank=True, verbose_name='Description')),
                ('report', models.TextField(blank=True, verbose_name='Compte rendu')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='Motif')),
                ('starts_at', models.DateTimeField(blank=True, db_index=True, null=True, verbose_name='Début')),
                ('ends_at', models.DateTimeField(blank=True, null=True, verbose_name='Fin')),
                ('is_end_forced', models.BooleanField(default=False, verbose_name='Fin forcée')),
                ('is_all_day', models.BooleanField(default=False, verbose_name='Journée entière')),
                ('override', models.CharField(blank=True, max_length=200, verbose_name='Dérogation (motif)')),
                ('done_at', models.DateTimeField(blank=True, null=True, verbose_name='Réalisé le')),
                ('address', models.ForeignKey(blank=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='invoicing.address', verbose_name='Adresse')),
                ('bill_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments_to_pay', to='invoicing.partner', verbose_name='Facturer à')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='invoicing.company', verbose_name='Société')),
                ('equipment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='appointments', to='interventions.installedproduct', verbose_name='Produit installé')),
                ('fiscal_position', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.fiscalposition', verbose_name='Position fiscale')),
                ('intervention', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='interventions.interventionrequest', verbose_name="Demande d'intervention")),
                ('lead', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='led_appointments', to='interventions.technician', verbose_name='Intervenant principal')),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='invoicing.partner', verbose_name='Client')),
                ('tags', models.ManyToManyField(blank=True, limit_choices_to={'scope': 'intervention'}, to='invoicing.tag', verbose_name='Étiquettes')),
                ('task', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='interventions.task', verbose_name='Tâche')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='appointments', to='interventions.team', verbose_name='Équipe')),
                ('technicians', models.ManyToManyField(related_name='appointments', to='interventions.technician', verbose_name='Intervenants')),
                ('template', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='appointments', to='interventions.interventiontemplate', verbose_name="Modèle d'intervention")),
                ('type', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='interventions.interventiontype', verbose_name='Type')),
            ],
            options={
                'verbose_name': 'rendez-vous',
                'verbose_name_plural': 'rendez-vous',
                'ordering': ['-starts_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='AppointmentLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('article', 'Article'), ('section', 'Section'), ('note', 'Note')], default='article', max_length=10, verbose_name='Type')),
                ('position', models.PositiveIntegerField(default=0, verbose_name='Ordre')),
                ('label', models.TextField(verbose_name='Description')),
                ('quantity', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=12, verbose_name='Qté')),
                ('unit_price', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='Prix unitaire')),
                ('discount', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='Remise %')),
                ('tax_is_manual', models.BooleanField(default=False, verbose_name='TVA choisie à la main')),
                ('appointment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='appointments.appointment', verbose_name='rendez-vous')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.product', verbose_name='Article')),
                ('request_line', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointment_lines', to='interventions.requestline', verbose_name='ligne de la DI')),
                ('tax', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(app_label)s_%(class)ss', to='invoicing.tax', verbose_name='TVA')),
                ('unit', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.unit', verbose_name='Unité')),
            ],
            options={
                'verbose_name': 'ligne de RDV',
                'verbose_name_plural': 'lignes de RDV',
                'ordering': ['position', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='AppointmentLineClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('appointment_line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='appointments.appointmentline', verbose_name='ligne de RDV')),
                ('invoice_line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='invoicing.invoiceline', verbose_name='ligne de facture')),
            ],
            options={
                'verbose_name': 'ligne de RDV facturée',
                'verbose_name_plural': 'lignes de RDV facturées',
            },
        ),
        migrations.CreateModel(
            name='ClosingDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('from_on', models.DateField(verbose_name='du')),
                ('to_on', models.DateField(verbose_name='au')),
                ('name', models.CharField(blank=True, max_length=80, verbose_name='nom')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='closing_days', to='invoicing.company', verbose_name='société')),
            ],
            options={
                'verbose_name': 'jour de fermeture',
                'verbose_name_plural': 'jours de fermeture',
                'ordering': ['-from_on'],
            },
        ),
        migrations.CreateModel(
            name='Slot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField(verbose_name='début')),
                ('ends_at', models.DateTimeField(verbose_name='fin')),
                ('blocks', models.BooleanField(default=True, verbose_name='exclusif')),
                ('appointment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='slots', to='appointments.appointment', verbose_name='rendez-vous')),
                ('technician', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='slots', to='interventions.technician', verbose_name='intervenant')),
            ],
            options={
                'verbose_name': 'temps pris',
                'verbose_name_plural': 'temps pris',
                'ordering': ['starts_at', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='WorkingHours',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('weekday', models.PositiveSmallIntegerField(choices=[(0, 'Lundi'), (1, 'Mardi'), (2, 'Mercredi'), (3, 'Jeudi'), (4, 'Vendredi'), (5, 'Samedi'), (6, 'Dimanche')], verbose_name='jour')),
                ('starts', models.TimeField(verbose_name='de')),
                ('ends', models.TimeField(verbose_name='à')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='working_hours', to='invoicing.company', verbose_name='société')),
                ('technician', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='working_hours', to='interventions.technician', verbose_name='intervenant (vide = tous)')),
            ],
            options={
                'verbose_name': 'horaire de travail',
                'verbose_name_plural': 'horaires de travail',
                'ordering': ['company', 'technician', 'weekday', 'starts'],
            },
        ),
        migrations.CreateModel(
            name='Absence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('starts_at', models.DateTimeField(verbose_name='du')),
                ('ends_at', models.DateTimeField(verbose_name='au')),
                ('reason', models.CharField(blank=True, max_length=80, verbose_name='motif')),
                ('technician', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='absences', to='interventions.technician', verbose_name='intervenant')),
            ],
            options={
                'verbose_name': 'absence',
                'verbose_name_plural': 'absences',
                'ordering': ['-starts_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='appointments_absence_order', violation_error_message="La fin de l'absence n'est pas après son début : corrigez l'une des deux.")],
            },
        ),
        migrations.AddIndex(
            model_name='appointment',
            index=models.Index(fields=['company', 'state', 'starts_at'], name='appointments_by_day'),
        ),
        migrations.AddConstraint(
            model_name='appointment',
            constraint=models.UniqueConstraint(fields=('company', 'number'), name='appointments_number_once'),
        ),
        migrations.AddConstraint(
            model_name='appointment',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='appointments_order', violation_error_message="La fin du RDV n'est pas après son début : corrigez l'heure de fin, ou décochez « Fin forcée »."),
        ),
        migrations.AddConstraint(
            model_name='appointment',
            constraint=models.CheckConstraint(condition=models.Q(('duration__gt', 0)), name='appointments_duration', violation_error_message='La durée est supérieure à zéro.'),
        ),
        migrations.AddConstraint(
            model_name='appointmentline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('tax__isnull', False), ('request_line__isnull', False), _connector='OR'), name='appointments_line_has_tax', violation_error_message="Une ligne d'article a une TVA."),
        ),
        migrations.AddConstraint(
            model_name='appointmentline',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('discount__lte', 100), ('unit_price__gte', 0)), name='appointments_line_price_sane', violation_error_message="Le prix n'est pas négatif et la remise va de 0 à 100 %."),
        ),
        migrations.AddConstraint(
            model_name='appointmentline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('quantity__gte', 0), _connector='OR'), name='appointments_line_quantity', violation_error_message="La quantité n'est pas négative."),
        ),
        migrations.AddConstraint(
            model_name='appointmentline',
            constraint=models.UniqueConstraint(condition=models.Q(('request_line__isnull', False)), fields=('appointment', 'request_line'), name='appointments_line_of_request_once'),
        ),
        migrations.AddConstraint(
            model_name='appointmentlineclaim',
            constraint=models.UniqueConstraint(fields=('invoice_line',), name='appointments_claim_line_once'),
        ),
        migrations.AddConstraint(
            model_name='closingday',
            constraint=models.CheckConstraint(condition=models.Q(('from_on__lte', models.F('to_on'))), name='appointments_closing_order', violation_error_message="La fin de la fermeture précède son début : corrigez l'une des deux dates."),
        ),
        migrations.AddIndex(
            model_name='slot',
            index=models.Index(fields=['technician', 'starts_at'], name='appointments_slot_of'),
        ),
        migrations.AddConstraint(
            model_name='slot',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='appointments_slot_order'),
        ),
        migrations.AddConstraint(
            model_name='workinghours',
            constraint=models.CheckConstraint(condition=models.Q(('starts__lt', models.F('ends'))), name='appointments_hours_order', violation_error_message="La fin de l'horaire n'est pas après son début : corrigez l'une des deux heures."),
        ),
    ]
