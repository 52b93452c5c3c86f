import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('invoicing', '0002_postgresql'),
    ]

    operations = [
        migrations.AddField(
            model_name='attachment',
            name='company',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='invoicing.company', verbose_name='société'),
        ),
        migrations.AddField(
            model_name='attachment',
            name='size',
            field=models.PositiveBigIntegerField(default=0, verbose_name='taille'),
        ),
        migrations.AddField(
            model_name='documentjob',
            name='losses',
            field=models.PositiveSmallIntegerField(default=0, verbose_name='arrêts'),
        ),
        migrations.AddField(
            model_name='followup',
            name='company',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='invoicing.company', verbose_name='société'),
        ),
        migrations.AddField(
            model_name='historyline',
            name='company',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='invoicing.company', verbose_name='société'),
        ),
    ]
