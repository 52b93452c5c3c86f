"""A claim keeps the net it bills. Nobody has claims yet: the 0 given to existing rows is never read."""

from decimal import Decimal

from django.db import migrations, models


def net():
    return models.DecimalField(decimal_places=2, default=Decimal(0), max_digits=14, verbose_name="net HT")


class Migration(migrations.Migration):
    dependencies = [("contracts", "0004_versions")]
    operations = [
        migrations.AddField(model_name=name, name="net", field=net(), preserve_default=False)
        for name in ("periodclaim", "visitclaim", "exceptionclaim")
    ]
