from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('appointments', '0003_equipment_is_kept'),
    ]

    operations = [
        migrations.AddField(
            model_name='appointmentline',
            name='on_site',
            field=models.BooleanField(default=False, verbose_name='ajoutée sur place'),
        ),
    ]
