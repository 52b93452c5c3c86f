from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contracts', '0002_postgresql'),
    ]

    operations = [
        migrations.AddField(
            model_name='billingrun',
            name='resumed',
            field=models.PositiveSmallIntegerField(default=0, editable=False, verbose_name='Reprises'),
        ),
    ]
