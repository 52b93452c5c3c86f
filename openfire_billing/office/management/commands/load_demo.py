from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from openfire_billing.office.demonstration import load_demonstration


class Command(BaseCommand):
    help = "Charge la société de démonstration. Refusé en production. Rejouable."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("Les données de démonstration ne se chargent pas en production.")
        made = load_demonstration(on=timezone.localdate())
        self.stdout.write("Société de démonstration chargée." if made else "Société de démonstration déjà là.")
