"""The sectors of technicians' days."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("appointments", "0007_weeks"),
        ("interventions", "0007_sectors"),
    ]

    operations = [
        migrations.CreateModel(
            name="Tour",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "updated_at",
                    models.DateTimeField(
                        auto_now=True,
                        db_default=django.db.models.functions.datetime.Now(),
                        db_index=True,
                        verbose_name="modifié le",
                    ),
                ),
                (
                    "version",
                    models.PositiveIntegerField(db_default=1, default=1, editable=False, verbose_name="version"),
                ),
                ("on", models.DateField(verbose_name="jour")),
                (
                    "sectors",
                    models.ManyToManyField(
                        blank=True, related_name="tours", to="interventions.sector", verbose_name="secteurs"
                    ),
                ),
                (
                    "technician",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tours",
                        to="interventions.technician",
                        verbose_name="intervenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "tournée",
                "verbose_name_plural": "tournées",
                "ordering": ["-on", "technician__name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("technician", "on"),
                        name="appointments_tour_once_a_day",
                        violation_error_message="Cet intervenant a déjà une tournée ce jour-là.",
                    )
                ],
            },
        ),
    ]
