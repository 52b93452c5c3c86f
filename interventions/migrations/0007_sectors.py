"""Sectors: ranges of postcodes in place of beginnings of postcodes, a code, a colour; the sectors found of addresses."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


def ranges_of(prefixes):
    """Return the ranges of beginnings of postcodes; what begins no postcode of five digits covered nothing."""
    return sorted(
        {
            (prefix.ljust(5, "0"), prefix.ljust(5, "9"))
            for prefix in prefixes.replace(",", " ").split()
            if len(prefix) <= 5 and prefix.isascii() and prefix.isdigit()
        }
    )


def prefixes_of(ranges):
    """Return the fewest beginnings of postcodes that cover ranges, separated by spaces."""
    found = []
    for first, last in ranges:
        start, end = int(first), int(last)
        while start <= end:
            zeros = next(n for n in range(5, -1, -1) if start % 10**n == 0 and start + 10**n - 1 <= end)
            found.append(f"{start:05d}"[: 5 - zeros] or "")
            start += 10**zeros
    return " ".join(found)


def to_ranges(apps, schema_editor):
    sector, sector_range = apps.get_model("interventions", "Sector"), apps.get_model("interventions", "SectorRange")
    sector_range.objects.bulk_create(
        sector_range(sector=row, first=first, last=last)
        for row in sector.objects.order_by("pk")
        for first, last in ranges_of(row.zip_prefixes)
    )


def to_prefixes(apps, schema_editor):
    for row in apps.get_model("interventions", "Sector").objects.prefetch_related("ranges"):
        row.zip_prefixes = prefixes_of((one.first, one.last) for one in row.ranges.all())[:200]
        row.save(update_fields=["zip_prefixes"])


_DIGITS = django.core.validators.RegexValidator(
    "\\A[0-9]{1,5}\\Z", "Donnez un code postal de cinq chiffres, ou son début : « 35 »."
)


class Migration(migrations.Migration):
    dependencies = [
        ("interventions", "0006_customer_is_called_so"),
    ]

    operations = [
        migrations.AddField(
            model_name="sector",
            name="code",
            field=models.CharField(
                blank=True,
                help_text="Quelques lettres, là où le nom entier ne tient pas.",
                max_length=8,
                null=True,
                unique=True,
                verbose_name="Code",
            ),
        ),
        migrations.AddField(
            model_name="sector",
            name="colour",
            field=models.CharField(
                choices=[
                    ("grey", "gris"),
                    ("blue", "bleu"),
                    ("amber", "ambre"),
                    ("green", "vert"),
                    ("red", "rouge"),
                    ("violet", "violet"),
                ],
                default="grey",
                max_length=10,
                verbose_name="Couleur",
            ),
        ),
        migrations.AddField(
            model_name="sector",
            name="is_active",
            field=models.BooleanField(default=True, verbose_name="actif"),
        ),
        migrations.AddField(
            model_name="addresssector",
            name="is_manual",
            field=models.BooleanField(default=True, editable=False, verbose_name="choisi à la main"),
        ),
        migrations.AddField(
            model_name="addresssector",
            name="zip",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=10, verbose_name="trouvé pour le code postal"
            ),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="SectorRange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "first",
                    models.CharField(
                        help_text="Un code postal, ou son début : « 35 » seul vaut de 35000 à 35999.",
                        max_length=5,
                        validators=[_DIGITS],
                        verbose_name="du code postal",
                    ),
                ),
                (
                    "last",
                    models.CharField(blank=True, max_length=5, validators=[_DIGITS], verbose_name="au code postal"),
                ),
                (
                    "sector",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ranges",
                        to="interventions.sector",
                        verbose_name="secteur",
                    ),
                ),
            ],
            options={
                "verbose_name": "codes postaux",
                "verbose_name_plural": "codes postaux",
                "ordering": ["first", "last"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("first__lte", models.F("last"))),
                        name="interventions_range_order",
                        violation_error_message="Le dernier code postal précède le premier : corrigez l'un des deux.",
                    ),
                    models.UniqueConstraint(
                        fields=("sector", "first", "last"),
                        name="interventions_range_once",
                        violation_error_message="Ces codes postaux sont déjà dans le secteur.",
                    ),
                ],
            },
        ),
        migrations.RunPython(to_ranges, to_prefixes),
        migrations.RemoveField(model_name="sector", name="zip_prefixes"),
    ]
