import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('interventions', '0002_postgresql'),
    ]

    operations = [
        migrations.AlterField(
            model_name='interventionrequest',
            name='equipment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='interventions', to='interventions.installedproduct', verbose_name='Produit installé'),
        ),
    ]
