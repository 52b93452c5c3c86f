import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contracts', '0006_run_adds_up'),
        ('interventions', '0003_equipment_is_kept'),
    ]

    operations = [
        migrations.AlterField(
            model_name='contractline',
            name='equipment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='contract_lines', to='interventions.installedproduct', verbose_name='Produit installé'),
        ),
    ]
