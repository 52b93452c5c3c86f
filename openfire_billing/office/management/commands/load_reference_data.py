from typing import Any

from django.core.management.base import BaseCommand

from openfire_billing.office.reference import load_reference_data


class Command(BaseCommand):
    help = "Charge les données de référence (taxes, positions fiscales, unités, journaux, rôles…). Rejouable."

    def handle(self, *args: Any, **options: Any) -> None:
        load_reference_data()
        self.stdout.write("Données de référence chargées.")
