import django.core.validators
import django.db.models.deletion
import openfire_billing.db.fields
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('invoicing', '0002_postgresql'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='InterventionType',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('name', models.CharField(max_length=60, unique=True, verbose_name='Nom')),
                ('position', models.PositiveSmallIntegerField(default=0, verbose_name='Ordre')),
                ('is_active', models.BooleanField(default=True, verbose_name='proposé')),
            ],
            options={
                'verbose_name': "type d'intervention",
                'verbose_name_plural': "types d'intervention",
                'ordering': ['position', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Sector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('name', models.CharField(max_length=60, unique=True, verbose_name='Nom')),
                ('zip_prefixes', models.CharField(blank=True, max_length=200, verbose_name='Débuts de codes postaux')),
            ],
            options={
                'verbose_name': 'secteur',
                'verbose_name_plural': 'secteurs',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='InstalledProduct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('name', models.CharField(max_length=120, verbose_name='Désignation')),
                ('brand', models.CharField(blank=True, max_length=60, verbose_name='Marque')),
                ('serial_number', models.CharField(blank=True, db_index=True, max_length=60, verbose_name='N° de série')),
                ('installed_on', models.DateField(blank=True, null=True, verbose_name='Posé le')),
                ('warranty_until', models.DateField(blank=True, null=True, verbose_name="Garantie jusqu'au")),
                ('note', models.TextField(blank=True, verbose_name='Note')),
                ('search_text', openfire_billing.db.fields.SearchTextField()),
                ('is_active', models.BooleanField(default=True, verbose_name='en service')),
                ('address', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='installed_products', to='invoicing.address', verbose_name='adresse')),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='installed_products', to='invoicing.partner', verbose_name='client')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoicing.product', verbose_name='article')),
            ],
            options={
                'verbose_name': 'produit installé',
                'verbose_name_plural': 'parc installé',
                'ordering': ['partner__name', 'name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='InterventionTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('name', models.CharField(max_length=120, unique=True, verbose_name='Nom')),
                ('description', models.TextField(blank=True, verbose_name='Description')),
                ('spans_break', models.BooleanField(default=True, verbose_name='peut enjamber la pause de midi')),
                ('is_active', models.BooleanField(default=True, verbose_name='proposé')),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.company', verbose_name='société (vide = toutes)')),
                ('fiscal_position', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoicing.fiscalposition', verbose_name='position fiscale')),
                ('type', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='interventions.interventiontype', verbose_name='type')),
            ],
            options={
                'verbose_name': "modèle d'intervention",
                'verbose_name_plural': "modèles d'intervention",
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='InterventionRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('number', models.CharField(blank=True, max_length=35, null=True, verbose_name='Numéro')),
                ('state', models.CharField(choices=[('draft', 'Brouillon'), ('to_plan', 'À planifier'), ('partly_planned', 'Partiellement planifiée'), ('planned', 'Planifiée'), ('done', 'Réalisée'), ('cancelled', 'Annulée')], db_index=True, default='draft', max_length=15, verbose_name='État')),
                ('title', models.CharField(blank=True, max_length=160, verbose_name='Titre')),
                ('priority', models.PositiveSmallIntegerField(choices=[(0, '☆☆ Normale'), (1, '★☆ Haute'), (2, '★★ Urgente')], default=0, verbose_name='Priorité')),
                ('duration', models.DecimalField(blank=True, decimal_places=2, max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.05'))], verbose_name='Durée estimée (h)')),
                ('planned_duration', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, verbose_name='Durée planifiée (h)')),
                ('from_on', models.DateField(verbose_name='Entre le')),
                ('to_on', models.DateField(blank=True, verbose_name='et le')),
                ('done_on', models.DateField(blank=True, null=True, verbose_name='Réalisée le')),
                ('description', models.TextField(blank=True, verbose_name='Description')),
                ('is_active', models.BooleanField(default=True, verbose_name='Actif')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='Créée le')),
                ('address', models.ForeignKey(blank=True, on_delete=django.db.models.deletion.PROTECT, related_name='interventions', to='invoicing.address', verbose_name="Adresse d'intervention")),
                ('bill_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='interventions_to_pay', to='invoicing.partner', verbose_name='Facturer à')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='interventions', to='invoicing.company', verbose_name='Société')),
                ('equipment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='interventions', to='interventions.installedproduct', verbose_name='Produit installé')),
                ('fiscal_position', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.fiscalposition', verbose_name='Position fiscale')),
                ('partner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='interventions', to='invoicing.partner', verbose_name='Partenaire')),
                ('subcontractor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='subcontracted_interventions', to='invoicing.partner', verbose_name='Prestataire')),
                ('tags', models.ManyToManyField(blank=True, limit_choices_to={'scope': 'intervention'}, to='invoicing.tag', verbose_name='Étiquettes')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='interventions', to=settings.AUTH_USER_MODEL, verbose_name='Utilisateur')),
                ('template', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='interventions', to='interventions.interventiontemplate', verbose_name="Modèle d'intervention")),
                ('type', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='interventions', to='interventions.interventiontype', verbose_name='Type')),
            ],
            options={
                'verbose_name': "demande d'intervention",
                'verbose_name_plural': "demandes d'intervention",
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='RequestLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('article', 'Article'), ('section', 'Section'), ('note', 'Note')], default='article', max_length=10, verbose_name='Type')),
                ('position', models.PositiveIntegerField(default=0, verbose_name='Ordre')),
                ('label', models.TextField(verbose_name='Description')),
                ('quantity', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=12, verbose_name='Qté')),
                ('unit_price', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='Prix unitaire')),
                ('discount', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='Remise %')),
                ('tax_is_manual', models.BooleanField(default=False, verbose_name='TVA choisie à la main')),
                ('covered', models.BooleanField(default=False, verbose_name='couverte par le contrat')),
                ('intervention', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='interventions.interventionrequest', verbose_name="demande d'intervention")),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.product', verbose_name='Article')),
                ('tax', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(app_label)s_%(class)ss', to='invoicing.tax', verbose_name='TVA')),
                ('unit', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.unit', verbose_name='Unité')),
            ],
            options={
                'verbose_name': 'ligne de facturation',
                'verbose_name_plural': 'lignes de facturation',
                'ordering': ['position', 'pk'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='QuotedLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quote_line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='invoicing.quoteline', verbose_name='ligne de devis')),
                ('request_line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='quoted', to='interventions.requestline', verbose_name='ligne de facturation')),
            ],
            options={
                'verbose_name': 'ligne de DI sur devis',
                'verbose_name_plural': 'lignes de DI sur devis',
            },
        ),
        migrations.CreateModel(
            name='PurchasedLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order_line', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='purchased', to='invoicing.purchaseorderline', verbose_name='ligne de commande')),
                ('request_line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='purchases', to='interventions.requestline', verbose_name='ligne de facturation')),
            ],
            options={
                'verbose_name': 'ligne de DI commandée',
                'verbose_name_plural': 'lignes de DI commandées',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='RequestLineClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('invoice_line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='invoicing.invoiceline', verbose_name='ligne de facture')),
                ('request_line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='interventions.requestline', verbose_name='ligne de facturation')),
            ],
            options={
                'verbose_name': 'ligne de DI facturée',
                'verbose_name_plural': 'lignes de DI facturées',
            },
        ),
        migrations.CreateModel(
            name='AddressSector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sector_choice', to='invoicing.address', verbose_name='adresse')),
                ('sector', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='addresses', to='interventions.sector', verbose_name='secteur')),
            ],
            options={
                'verbose_name': "secteur d'adresse",
                'verbose_name_plural': "secteurs d'adresses",
                'ordering': ['sector', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Task',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('name', models.CharField(max_length=120, unique=True, verbose_name='Nom')),
                ('duration', models.DecimalField(decimal_places=2, default=Decimal('1'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.05'))], verbose_name='Durée (heures)')),
                ('granularity', models.CharField(choices=[('week', 'Semaine'), ('fortnight', 'Quinzaine'), ('month', 'Mois')], default='fortnight', max_length=10, verbose_name='Fenêtre proposée')),
                ('is_active', models.BooleanField(default=True, verbose_name='proposée')),
                ('fiscal_position', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoicing.fiscalposition', verbose_name='position fiscale')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='invoicing.product', verbose_name='article lié')),
                ('type', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tasks', to='interventions.interventiontype', verbose_name='type')),
            ],
            options={
                'verbose_name': 'tâche',
                'verbose_name_plural': 'tâches',
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='interventiontemplate',
            name='task',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='interventions.task', verbose_name='tâche'),
        ),
        migrations.AddField(
            model_name='interventionrequest',
            name='task',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='interventions', to='interventions.task', verbose_name='Tâche'),
        ),
        migrations.CreateModel(
            name='Technician',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('name', models.CharField(max_length=80, verbose_name='Nom')),
                ('phone', models.CharField(blank=True, max_length=30, verbose_name='Téléphone')),
                ('is_active', models.BooleanField(default=True, verbose_name='actif')),
                ('search_text', openfire_billing.db.fields.SearchTextField()),
                ('phone_key', openfire_billing.db.fields.TelephoneKeyField(max_length=32)),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='technicians', to='invoicing.company', verbose_name='société')),
                ('sectors', models.ManyToManyField(blank=True, related_name='technicians', to='interventions.sector', verbose_name='secteurs')),
                ('tasks', models.ManyToManyField(blank=True, related_name='technicians', to='interventions.task', verbose_name='sait faire (vide = tout)')),
                ('user', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='technician', to=settings.AUTH_USER_MODEL, verbose_name='compte')),
            ],
            options={
                'verbose_name': 'intervenant',
                'verbose_name_plural': 'intervenants',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('name', models.CharField(max_length=80, unique=True, verbose_name='Nom')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('company', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='teams', to='invoicing.company', verbose_name='société')),
                ('technicians', models.ManyToManyField(related_name='teams', to='interventions.technician', verbose_name='intervenants')),
            ],
            options={
                'verbose_name': 'équipe',
                'verbose_name_plural': 'équipes',
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='interventionrequest',
            name='technicians',
            field=models.ManyToManyField(blank=True, related_name='interventions', to='interventions.technician', verbose_name='Intervenants'),
        ),
        migrations.CreateModel(
            name='TemplateLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('article', 'Article'), ('section', 'Section'), ('note', 'Note')], default='article', max_length=10, verbose_name='Type')),
                ('position', models.PositiveIntegerField(default=0, verbose_name='Ordre')),
                ('label', models.TextField(verbose_name='Description')),
                ('quantity', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=12, verbose_name='Qté')),
                ('unit_price', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='Prix unitaire')),
                ('discount', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='Remise %')),
                ('tax_is_manual', models.BooleanField(default=False, verbose_name='TVA choisie à la main')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.product', verbose_name='Article')),
                ('tax', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(app_label)s_%(class)ss', to='invoicing.tax', verbose_name='TVA')),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='interventions.interventiontemplate', verbose_name="modèle d'intervention")),
                ('unit', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.unit', verbose_name='Unité')),
            ],
            options={
                'verbose_name': 'ligne de modèle',
                'verbose_name_plural': 'lignes de modèle',
                'ordering': ['position', 'pk'],
                'abstract': False,
            },
        ),
        migrations.AddConstraint(
            model_name='requestline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('tax__isnull', False), _connector='OR'), name='interventions_requestline_has_tax', violation_error_message="Une ligne d'article a une TVA."),
        ),
        migrations.AddConstraint(
            model_name='requestline',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('discount__lte', 100), ('unit_price__gte', 0)), name='interventions_requestline_price_sane', violation_error_message="Le prix n'est pas négatif et la remise va de 0 à 100 %."),
        ),
        migrations.AddConstraint(
            model_name='requestline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('quantity__gte', 0), _connector='OR'), name='interventions_requestline_quantity', violation_error_message="La quantité n'est pas négative."),
        ),
        migrations.AddConstraint(
            model_name='quotedline',
            constraint=models.UniqueConstraint(fields=('quote_line',), name='interventions_quotedline_once'),
        ),
        migrations.AddConstraint(
            model_name='requestlineclaim',
            constraint=models.UniqueConstraint(fields=('invoice_line',), name='interventions_requestclaim_line_once'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(('duration__gt', 0)), name='interventions_task_duration', violation_error_message='La durée est supérieure à zéro.'),
        ),
        migrations.AddIndex(
            model_name='interventionrequest',
            index=models.Index(fields=['company', 'state', 'to_on'], name='interventions_to_plan'),
        ),
        migrations.AddIndex(
            model_name='interventionrequest',
            index=models.Index(fields=['partner', '-id'], name='interventions_by_partner'),
        ),
        migrations.AddConstraint(
            model_name='interventionrequest',
            constraint=models.UniqueConstraint(fields=('company', 'number'), name='interventions_request_number_once'),
        ),
        migrations.AddConstraint(
            model_name='interventionrequest',
            constraint=models.CheckConstraint(condition=models.Q(('to_on__gte', models.F('from_on'))), name='interventions_request_dates', violation_error_message="La fin de la période précède son début : corrigez l'une des deux dates."),
        ),
        migrations.AddConstraint(
            model_name='interventionrequest',
            constraint=models.CheckConstraint(condition=models.Q(('duration__gt', 0)), name='interventions_request_duration', violation_error_message='La durée estimée est supérieure à zéro.'),
        ),
        migrations.AddConstraint(
            model_name='interventionrequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['done', 'partly_planned', 'planned', 'to_plan']), _negated=True), ('number__isnull', False), _connector='OR'), name='interventions_request_numbered'),
        ),
        migrations.AddConstraint(
            model_name='templateline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('tax__isnull', False), _connector='OR'), name='interventions_templateline_has_tax', violation_error_message="Une ligne d'article a une TVA."),
        ),
        migrations.AddConstraint(
            model_name='templateline',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('discount__lte', 100), ('unit_price__gte', 0)), name='interventions_templateline_price_sane', violation_error_message="Le prix n'est pas négatif et la remise va de 0 à 100 %."),
        ),
        migrations.AddConstraint(
            model_name='templateline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('quantity__gt', 0), _connector='OR'), name='interventions_templateline_quantity', violation_error_message='La quantité est supérieure à zéro.'),
        ),
    ]
