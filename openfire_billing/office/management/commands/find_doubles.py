from typing import Any

from django.core.management.base import BaseCommand, CommandError

from invoicing.models import Partner, Product
from openfire_billing.office.double_codes import double_codes


class Command(BaseCommand):
    help = "Nomme les codes portés deux fois (clients, articles), avant ou après `migrate`. Code 1 s'il y en a."

    def handle(self, *args: Any, **options: Any) -> None:
        found = double_codes(Partner, Product)
        for line in found:
            self.stdout.write(line)
        if found:
            raise CommandError(
                f"{len(found)} code(s) portés deux fois : fusionnez les clients ou changez les codes, avant `migrate`."
            )
        self.stdout.write("Aucun code n'est porté deux fois.")
