import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('appointments', '0002_postgresql'),
        ('interventions', '0003_equipment_is_kept'),
    ]

    operations = [
        migrations.AlterField(
            model_name='appointment',
            name='equipment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='appointments', to='interventions.installedproduct', verbose_name='Produit installé'),
        ),
    ]
