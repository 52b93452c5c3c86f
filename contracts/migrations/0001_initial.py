import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('interventions', '0002_postgresql'),
        ('invoicing', '0002_postgresql'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BillingRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField(verbose_name='Date de facturation')),
                ('kind', models.CharField(choices=[('night', 'Nuit'), ('manual', 'À la demande')], default='manual', max_length=8, verbose_name='Origine')),
                ('state', models.CharField(choices=[('running', 'En cours'), ('done', 'Terminé'), ('short', 'Interrompu')], default='running', max_length=8, verbose_name='État')),
                ('is_dry', models.BooleanField(default=False, verbose_name='à blanc')),
                ('force', models.BooleanField(default=False, verbose_name='au-delà de la limite de sécurité')),
                ('selection', models.JSONField(blank=True, null=True, verbose_name='contrats demandés')),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='Commencé le')),
                ('touched_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='dernier signe')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='Fini le')),
                ('expected', models.PositiveIntegerField(default=0, verbose_name='Attendus')),
                ('billed', models.PositiveIntegerField(default=0, verbose_name='Facturés')),
                ('skipped', models.PositiveIntegerField(default=0, verbose_name='Sans rien à facturer')),
                ('refused', models.PositiveIntegerField(default=0, verbose_name='Mis de côté')),
                ('visits', models.PositiveIntegerField(default=0, verbose_name='Visites créées')),
                ('note', models.TextField(blank=True, verbose_name='remarque')),
                ('key', models.CharField(blank=True, editable=False, max_length=160, null=True, unique=True, verbose_name='clé')),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='par')),
            ],
            options={
                'verbose_name': 'passage de facturation',
                'verbose_name_plural': 'passages de facturation',
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Contract',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('reference', models.CharField(blank=True, max_length=35, null=True, verbose_name='Référence')),
                ('state', models.CharField(choices=[('draft', 'Brouillon'), ('validated', 'Validé'), ('suspended', 'Suspendu'), ('terminated', 'Résilié'), ('cancelled', 'Annulé')], default='draft', max_length=12, verbose_name='État')),
                ('subscribed_on', models.DateField(blank=True, null=True, verbose_name='Souscrit le')),
                ('start_on', models.DateField(verbose_name='Début')),
                ('end_on', models.DateField(blank=True, null=True, verbose_name='Fin (dernier jour)')),
                ('auto_renew', models.BooleanField(default=True, help_text='La fin marque alors le terme, sans arrêter la facturation.', verbose_name='Renouvellement tacite')),
                ('terminated_on', models.DateField(blank=True, null=True, verbose_name='Résilié au (dernier jour)')),
                ('termination_reason', models.CharField(blank=True, max_length=200, verbose_name='Motif de résiliation')),
                ('frequency', models.CharField(choices=[('monthly', 'Mensuelle'), ('quarterly', 'Trimestrielle'), ('half_yearly', 'Semestrielle'), ('yearly', 'Annuelle'), ('per_visit', 'À la prestation'), ('every', 'Tous les…')], default='yearly', max_length=12, verbose_name='Fréquence de facturation')),
                ('every', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='Tous les')),
                ('unit', models.CharField(blank=True, choices=[('day', 'jours'), ('week', 'semaines'), ('month', 'mois'), ('year', 'ans')], max_length=5, verbose_name='unité')),
                ('timing', models.CharField(choices=[('in_advance', 'À échoir'), ('in_arrears', 'Échu'), ('on_visit', 'Au jour de la visite')], default='in_advance', max_length=12, verbose_name='Type de facturation')),
                ('alignment', models.CharField(choices=[('calendar', 'Calendaire (le 1er du mois)'), ('anniversary', "Anniversaire (jour d'ancrage)")], default='calendar', max_length=12, verbose_name='Alignement')),
                ('anchor_day', models.PositiveSmallIntegerField(blank=True, help_text='Vide : le jour du début. 31 : la fin du mois.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(31)], verbose_name="Jour d'ancrage")),
                ('proration', models.CharField(choices=[('none', 'Aucun'), ('full', 'Période entamée due entière'), ('days', 'Au jour')], default='none', max_length=5, verbose_name='Prorata')),
                ('grouped', models.BooleanField(default=True, verbose_name='Regrouper les lignes sur une facture')),
                ('group_by_payer', models.BooleanField(default=False, verbose_name='Regrouper avec les contrats du même payeur')),
                ('late_billing', models.CharField(choices=[('one_per_period', 'Une facture par période'), ('one_invoice', 'Une seule facture'), ('on_date', 'Une par période, à la date choisie')], default='one_per_period', max_length=15, verbose_name='Retard')),
                ('auto_post', models.BooleanField(default=False, verbose_name='Validation automatique')),
                ('purchase_order', models.CharField(blank=True, max_length=60, verbose_name='N° de commande du client')),
                ('notes', models.TextField(blank=True, verbose_name='Commentaires')),
                ('is_active', models.BooleanField(default=True, verbose_name='Actif')),
                ('validated_on', models.DateField(blank=True, null=True, verbose_name='Validé le')),
                ('next_due_on', models.DateField(blank=True, null=True, verbose_name='Prochaine échéance')),
                ('next_visit_on', models.DateField(blank=True, null=True, verbose_name='Prochaine visite à créer')),
                ('set_aside_code', models.CharField(blank=True, editable=False, max_length=30)),
                ('set_aside_reason', models.TextField(blank=True, editable=False, verbose_name='Mis de côté')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='Créé le')),
                ('billing_address', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.address', verbose_name='Adresse de facturation')),
                ('company', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='invoicing.company', verbose_name='Société')),
                ('fiscal_position', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.fiscalposition', verbose_name='Position fiscale')),
                ('journal', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.journal', verbose_name='Journal')),
                ('manager', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='contracts', to=settings.AUTH_USER_MODEL, verbose_name='Gestionnaire')),
                ('payer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='invoicing.partner', verbose_name='Client payeur')),
                ('payment_term', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.paymentterm', verbose_name='Conditions de règlement')),
            ],
            options={
                'verbose_name': 'contrat',
                'verbose_name_plural': 'contrats',
                'ordering': ['-pk'],
                'permissions': [('bill_contract', 'Peut facturer des contrats'), ('administer_contract', 'Peut résilier et annuler des contrats')],
            },
        ),
        migrations.CreateModel(
            name='BillingOutcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('result', models.CharField(choices=[('billed', 'Facturé'), ('skipped', 'Rien à facturer'), ('refused', 'Mis de côté')], max_length=8, verbose_name='résultat')),
                ('code', models.CharField(blank=True, max_length=30, verbose_name='code')),
                ('reason', models.TextField(blank=True, verbose_name='raison')),
                ('invoices', models.JSONField(blank=True, default=list, verbose_name='factures')),
                ('drafts', models.JSONField(blank=True, default=list, verbose_name='à blanc')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='contracts.billingrun', verbose_name='passage')),
                ('contract', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='contracts.contract', verbose_name='contrat')),
            ],
            options={
                'verbose_name': 'résultat de passage',
                'verbose_name_plural': 'résultats de passages',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='ContractLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name='version')),
                ('state', models.CharField(choices=[('draft', 'Brouillon'), ('validated', 'Validée'), ('cancelled', 'Annulée')], default='draft', max_length=10, verbose_name='État')),
                ('title', models.CharField(blank=True, max_length=120, verbose_name='Intitulé')),
                ('starts_on', models.DateField(blank=True, help_text='Vide : dès le début du contrat.', null=True, verbose_name='Servie à partir du')),
                ('ends_on', models.DateField(blank=True, null=True, verbose_name="Servie jusqu'au (dernier jour)")),
                ('grid_from', models.DateField(blank=True, null=True, verbose_name='Échéances comptées depuis')),
                ('billed_elsewhere_until', models.DateField(blank=True, help_text="Dernier jour facturé par l'ancien logiciel.", null=True, verbose_name="Facturé ailleurs jusqu'au")),
                ('frequency', models.CharField(blank=True, choices=[('monthly', 'Mensuelle'), ('quarterly', 'Trimestrielle'), ('half_yearly', 'Semestrielle'), ('yearly', 'Annuelle'), ('per_visit', 'À la prestation'), ('every', 'Tous les…')], help_text='Vide : celle du contrat.', max_length=12, verbose_name='Fréquence de facturation')),
                ('every', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='Tous les')),
                ('unit', models.CharField(blank=True, choices=[('day', 'jours'), ('week', 'semaines'), ('month', 'mois'), ('year', 'ans')], max_length=5, verbose_name='unité')),
                ('timing', models.CharField(blank=True, choices=[('in_advance', 'À échoir'), ('in_arrears', 'Échu'), ('on_visit', 'Au jour de la visite')], help_text='Vide : celui du contrat.', max_length=12, verbose_name='Type de facturation')),
                ('repeat', models.PositiveSmallIntegerField(default=0, verbose_name='Répéter')),
                ('repeat_unit', models.CharField(choices=[('month', 'mois'), ('year', 'ans')], default='year', max_length=5, verbose_name='fois tous les')),
                ('visit_months', models.JSONField(blank=True, default=list, verbose_name='Mois de visite')),
                ('uses_callouts', models.BooleanField(default=False, verbose_name='Utilise les SAV')),
                ('included_callouts', models.PositiveSmallIntegerField(default=0, verbose_name='SAV inclus par an')),
                ('validated_on', models.DateField(blank=True, null=True, verbose_name='Validée le')),
                ('address', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contract_lines', to='invoicing.address', verbose_name='Site')),
                ('contract', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='contracts.contract', verbose_name='Contrat')),
                ('equipment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='contract_lines', to='interventions.installedproduct', verbose_name='Produit installé')),
                ('replaces', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaced_by', to='contracts.contractline', verbose_name='remplace')),
                ('task', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='contract_lines', to='interventions.task', verbose_name='Tâche')),
                ('template', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='interventions.interventiontemplate', verbose_name="Modèle d'intervention")),
            ],
            options={
                'verbose_name': 'ligne de contrat',
                'verbose_name_plural': 'lignes de contrat',
                'ordering': ['contract', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='ContractException',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('article', 'Article'), ('section', 'Section'), ('note', 'Note')], default='article', max_length=10, verbose_name='Type')),
                ('position', models.PositiveIntegerField(default=0, verbose_name='Ordre')),
                ('label', models.TextField(verbose_name='Description')),
                ('quantity', models.DecimalField(decimal_places=3, default=Decimal('1'), max_digits=12, verbose_name='Qté')),
                ('unit_price', models.DecimalField(decimal_places=4, default=Decimal('0'), max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='Prix unitaire')),
                ('discount', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='Remise %')),
                ('tax_is_manual', models.BooleanField(default=False, verbose_name='TVA choisie à la main')),
                ('on', models.DateField(verbose_name='Date')),
                ('product', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.product', verbose_name='Article')),
                ('tax', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='%(app_label)s_%(class)ss', to='invoicing.tax', verbose_name='TVA')),
                ('unit', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.unit', verbose_name='Unité')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='exceptions', to='contracts.contractline', verbose_name='ligne de contrat')),
            ],
            options={
                'verbose_name': 'exception',
                'verbose_name_plural': 'exceptions',
                'ordering': ['on', 'position', 'pk'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Article',
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
                ('unit', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.unit', verbose_name='Unité')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='articles', to='contracts.contractline', verbose_name='ligne de contrat')),
            ],
            options={
                'verbose_name': 'article de contrat',
                'verbose_name_plural': 'articles de contrat',
                'ordering': ['position', 'pk'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='ContractRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('visit', 'Visite'), ('callout', 'SAV')], default='visit', max_length=8, verbose_name='origine')),
                ('year', models.PositiveSmallIntegerField(verbose_name='année de contrat')),
                ('rank', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='rang')),
                ('of', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='sur')),
                ('is_covered', models.BooleanField(default=True, verbose_name='compris dans le contrat')),
                ('chain', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contracts.contractline', verbose_name='première ligne')),
                ('intervention', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='contract_request', to='interventions.interventionrequest', verbose_name='DI')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='requests', to='contracts.contractline', verbose_name='ligne de contrat')),
            ],
            options={
                'verbose_name': 'DI de contrat',
                'verbose_name_plural': 'DI de contrats',
                'ordering': ['year', 'rank', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='ExceptionClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('without_document', models.CharField(blank=True, choices=[('free', 'Gratuite'), ('waived', 'Ne pas facturer'), ('billed_elsewhere', 'Facturée ailleurs')], max_length=16, verbose_name='sans facture')),
                ('net', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='net HT')),
                ('due_on', models.DateField(verbose_name='dû le')),
                ('exception', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='contracts.contractexception', verbose_name='exception')),
                ('invoice_line', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='invoicing.invoiceline', verbose_name='ligne de facture')),
                ('released_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.invoiceline', verbose_name='libéré par')),
            ],
            options={
                'verbose_name': 'exception facturée',
                'verbose_name_plural': 'exceptions facturées',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='PeriodClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('without_document', models.CharField(blank=True, choices=[('free', 'Gratuite'), ('waived', 'Ne pas facturer'), ('billed_elsewhere', 'Facturée ailleurs')], max_length=16, verbose_name='sans facture')),
                ('net', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='net HT')),
                ('due_on', models.DateField(verbose_name='dû le')),
                ('start', models.DateField(verbose_name='du')),
                ('end', models.DateField(verbose_name='au (exclu)')),
                ('kind', models.CharField(choices=[('charge', 'Facturation'), ('refund', 'Remboursement')], default='charge', max_length=6, verbose_name='sens')),
                ('article', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='contracts.article', verbose_name='article')),
                ('invoice_line', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='invoicing.invoiceline', verbose_name='ligne de facture')),
                ('released_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.invoiceline', verbose_name='libéré par')),
            ],
            options={
                'verbose_name': 'période facturée',
                'verbose_name_plural': 'périodes facturées',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='PriceVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_on', models.DateField(verbose_name='à partir du')),
                ('unit_price', models.DecimalField(decimal_places=4, max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='Prix unitaire')),
                ('discount', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='Remise %')),
                ('article', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='contracts.article', verbose_name='article')),
            ],
            options={
                'verbose_name': 'prix daté',
                'verbose_name_plural': 'prix datés',
                'ordering': ['article', 'from_on'],
            },
        ),
        migrations.CreateModel(
            name='VisitClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('without_document', models.CharField(blank=True, choices=[('free', 'Gratuite'), ('waived', 'Ne pas facturer'), ('billed_elsewhere', 'Facturée ailleurs')], max_length=16, verbose_name='sans facture')),
                ('net', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='net HT')),
                ('due_on', models.DateField(verbose_name='dû le')),
                ('article', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='visit_claims', to='contracts.article', verbose_name='article')),
                ('invoice_line', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='%(class)ss', to='invoicing.invoiceline', verbose_name='ligne de facture')),
                ('released_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='invoicing.invoiceline', verbose_name='libéré par')),
                ('visit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='contracts.contractrequest', verbose_name='visite')),
            ],
            options={
                'verbose_name': 'visite facturée',
                'verbose_name_plural': 'visites facturées',
                'ordering': ['pk'],
            },
        ),
        migrations.AddConstraint(
            model_name='billingrun',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'night')), fields=('on',), name='contracts_one_run_a_night'),
        ),
        migrations.AddIndex(
            model_name='contract',
            index=models.Index(fields=['next_due_on'], name='contracts_due'),
        ),
        migrations.AddIndex(
            model_name='contract',
            index=models.Index(fields=['next_visit_on'], name='contracts_visits_due'),
        ),
        migrations.AddIndex(
            model_name='contract',
            index=models.Index(fields=['company', 'payer', 'id'], name='contracts_by_payer'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.UniqueConstraint(fields=('company', 'reference'), name='contracts_reference_once'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.CheckConstraint(condition=models.Q(('end_on__isnull', True), ('end_on__gte', models.F('start_on')), _connector='OR'), name='contracts_contract_dates', violation_error_message='La fin ne précède pas le début.'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'terminated'), _negated=True), ('terminated_on__isnull', False), _connector='OR'), name='contracts_terminated_when'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['suspended', 'terminated', 'validated']), _negated=True), ('reference__isnull', False), _connector='OR'), name='contracts_contract_referenced'),
        ),
        migrations.AddIndex(
            model_name='billingoutcome',
            index=models.Index(condition=models.Q(('result', 'refused')), fields=['run'], name='contracts_outcome_refused'),
        ),
        migrations.AddConstraint(
            model_name='billingoutcome',
            constraint=models.UniqueConstraint(fields=('run', 'contract'), name='contracts_outcome_once'),
        ),
        migrations.AddConstraint(
            model_name='contractline',
            constraint=models.CheckConstraint(condition=models.Q(('starts_on__isnull', True), ('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), name='contracts_line_dates', violation_error_message='La fin de la ligne ne précède pas son début.'),
        ),
        migrations.AddConstraint(
            model_name='contractline',
            constraint=models.CheckConstraint(condition=models.Q(('replaces__isnull', True), ('starts_on__isnull', False), _connector='OR'), name='contracts_line_replaces_from', violation_error_message='Une ligne qui en remplace une autre dit à partir de quand.'),
        ),
        migrations.AddConstraint(
            model_name='contractexception',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('tax__isnull', False), _connector='OR'), name='contracts_contractexception_has_tax', violation_error_message="Une ligne d'article a une TVA."),
        ),
        migrations.AddConstraint(
            model_name='contractexception',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('discount__lte', 100), ('unit_price__gte', 0)), name='contracts_contractexception_price_sane', violation_error_message="Le prix n'est pas négatif et la remise va de 0 à 100 %."),
        ),
        migrations.AddConstraint(
            model_name='contractexception',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), models.Q(('quantity', 0), _negated=True), _connector='OR'), name='contracts_exception_quantity', violation_error_message="La quantité n'est pas nulle."),
        ),
        migrations.AddConstraint(
            model_name='article',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('tax__isnull', False), _connector='OR'), name='contracts_article_has_tax', violation_error_message="Une ligne d'article a une TVA."),
        ),
        migrations.AddConstraint(
            model_name='article',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('discount__lte', 100), ('unit_price__gte', 0)), name='contracts_article_price_sane', violation_error_message="Le prix n'est pas négatif et la remise va de 0 à 100 %."),
        ),
        migrations.AddConstraint(
            model_name='article',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'article'), _negated=True), ('quantity__gt', 0), _connector='OR'), name='contracts_article_quantity', violation_error_message='La quantité est supérieure à zéro.'),
        ),
        migrations.AddConstraint(
            model_name='contractrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'visit')), fields=('chain', 'year', 'rank'), name='contracts_visit_once'),
        ),
        migrations.AddConstraint(
            model_name='contractrequest',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'visit'), ('of__gte', models.F('rank')), ('rank__gte', 1)), models.Q(('kind', 'callout'), ('rank__isnull', True)), _connector='OR'), name='contracts_visit_ranked'),
        ),
        migrations.AddIndex(
            model_name='exceptionclaim',
            index=models.Index(condition=models.Q(('released_by__isnull', False)), fields=['released_by'], name='contracts_exceptclaim_released'),
        ),
        migrations.AddConstraint(
            model_name='exceptionclaim',
            constraint=models.UniqueConstraint(condition=models.Q(('released_by__isnull', True)), fields=('exception',), name='contracts_exception_once'),
        ),
        migrations.AddConstraint(
            model_name='exceptionclaim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('invoice_line__isnull', False), ('without_document', '')), models.Q(('invoice_line__isnull', True), models.Q(('without_document', ''), _negated=True)), _connector='OR'), name='contracts_exceptionclaim_settled'),
        ),
        migrations.AddIndex(
            model_name='periodclaim',
            index=models.Index(condition=models.Q(('released_by__isnull', False)), fields=['released_by'], name='contracts_period_released'),
        ),
        migrations.AddIndex(
            model_name='periodclaim',
            index=models.Index(fields=['article', 'end'], name='contracts_period_of'),
        ),
        migrations.AddConstraint(
            model_name='periodclaim',
            constraint=models.UniqueConstraint(condition=models.Q(('released_by__isnull', True)), fields=('article', 'start', 'kind'), name='contracts_period_once'),
        ),
        migrations.AddConstraint(
            model_name='periodclaim',
            constraint=models.CheckConstraint(condition=models.Q(('start__lt', models.F('end'))), name='contracts_period_not_empty'),
        ),
        migrations.AddConstraint(
            model_name='periodclaim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('invoice_line__isnull', False), ('without_document', '')), models.Q(('invoice_line__isnull', True), models.Q(('without_document', ''), _negated=True)), _connector='OR'), name='contracts_period_settled'),
        ),
        migrations.AddConstraint(
            model_name='priceversion',
            constraint=models.UniqueConstraint(fields=('article', 'from_on'), name='contracts_price_once', violation_error_message='Un seul prix par article et par date.'),
        ),
        migrations.AddConstraint(
            model_name='priceversion',
            constraint=models.CheckConstraint(condition=models.Q(('discount__gte', 0), ('discount__lte', 100), ('unit_price__gte', 0)), name='contracts_price_sane'),
        ),
        migrations.AddIndex(
            model_name='visitclaim',
            index=models.Index(condition=models.Q(('released_by__isnull', False)), fields=['released_by'], name='contracts_visitclaim_released'),
        ),
        migrations.AddConstraint(
            model_name='visitclaim',
            constraint=models.UniqueConstraint(condition=models.Q(('released_by__isnull', True)), fields=('article', 'visit'), name='contracts_visit_billed_once'),
        ),
        migrations.AddConstraint(
            model_name='visitclaim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('invoice_line__isnull', False), ('without_document', '')), models.Q(('invoice_line__isnull', True), models.Q(('without_document', ''), _negated=True)), _connector='OR'), name='contracts_visitclaim_settled'),
        ),
    ]
