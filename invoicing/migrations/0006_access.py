import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invoicing', '0005_reversed_allocations'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PasswordRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('site', models.CharField(max_length=200, verbose_name='site')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='le')),
            ],
            options={
                'verbose_name': 'demande de mot de passe',
                'verbose_name_plural': 'demandes de mot de passe',
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='LoginFailure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.CharField(max_length=150, verbose_name='compte')),
                ('address', models.CharField(max_length=45, verbose_name='adresse')),
                ('device', models.CharField(blank=True, max_length=40, verbose_name='appareil')),
                ('at', models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name='le')),
            ],
            options={
                'verbose_name': 'connexion refusée',
                'verbose_name_plural': 'connexions refusées',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['account', 'at'], name='invoicing_failure_account'), models.Index(fields=['address', 'at'], name='invoicing_failure_address')],
            },
        ),
        migrations.CreateModel(
            name='UserSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('session_key', models.CharField(max_length=40, unique=True, verbose_name='clé')),
                ('scope', models.CharField(choices=[('office', 'Bureau'), ('phone', 'Téléphone')], max_length=10, verbose_name='accès')),
                ('device', models.CharField(max_length=60, verbose_name='appareil')),
                ('address', models.CharField(blank=True, max_length=45, verbose_name='adresse')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='ouverte le')),
                ('last_act_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='dernière activité')),
                ('expires_at', models.DateTimeField(verbose_name='expire le')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='terminée le')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='own_sessions', to=settings.AUTH_USER_MODEL, verbose_name='utilisateur')),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'ordering': ['-last_act_at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, verbose_name='empreinte')),
                ('used_at', models.DateTimeField(blank=True, null=True, verbose_name='utilisé le')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL, verbose_name='utilisateur')),
            ],
            options={
                'verbose_name': 'code de secours',
                'verbose_name_plural': 'codes de secours',
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('user', 'digest'), name='invoicing_recovery_code_once')],
            },
        ),
    ]
