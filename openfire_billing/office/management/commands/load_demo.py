from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from invoicing.models import Company
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_firm import COMPANY
from openfire_billing.office.demonstration_volume import awkward_kinds, load_contracts


class Command(BaseCommand):
    help = "Charge la société de démonstration, et N contrats de toutes sortes. Refusé en production. Rejouable."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--scale", type=int, default=0, metavar="N", help="nombre de contrats de volume")

    def handle(self, *args: Any, scale: int, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("Les données de démonstration ne se chargent pas en production.")
        if scale < 0:
            raise CommandError("--scale attend un nombre de contrats, zéro ou plus.", returncode=2)
        today = timezone.localdate()
        made = load_demonstration(on=today, with_history=True)
        self.stdout.write("Société de démonstration chargée." if made else "Société de démonstration déjà là.")
        if scale:
            company = Company.objects.get(name=COMPANY)
            count = load_contracts(scale, company=company, on=today, kinds=awkward_kinds(today))
            self.stdout.write(f"{count} contrat(s) de volume chargé(s).")
