import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from invoicing.models import Invoice
from invoicing.services.posting.post import post_invoices
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import read_id


class Command(BaseCommand):
    help = "Valide des brouillons : factures et avoirs reçoivent leur numéro, dans l'ordre de leur date proposée."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--on", type=date.fromisoformat, required=True, help="AAAA-MM-JJ")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--all-drafts", action="store_true", help="tous les brouillons")
        which.add_argument("--id", type=int, nargs="+", dest="ids", metavar="ID")

    def handle(self, *args: Any, on: date, all_drafts: bool, ids: list[int] | None, **options: Any) -> None:
        wanted = (
            Invoice.objects.drafts()
            if all_drafts
            else Invoice.objects.filter(pk__in=[pk for pk in ids or () if read_id(pk)])
        )
        invoices = list(wanted.only("pk", "proposed_on"))
        if ids and len(invoices) < len(set(ids)):
            unknown = sorted(set(ids) - {invoice.pk for invoice in invoices})
            raise CommandError(f"Facture inconnue : {', '.join(map(str, unknown))}.", returncode=2)
        try:
            outcomes = post_invoices(invoices, on=on, by=None)
        except BusinessError as refusal:
            raise CommandError(str(refusal)) from refusal
        refused = [outcome for outcome in outcomes if outcome.is_refused]
        for outcome in refused:
            self.stdout.write(f"Refusé : {outcome.refusal}")
        self.stdout.write(f"{len(outcomes) - len(refused)} facture(s) validée(s), {len(refused)} refus.")
        if refused:
            sys.exit(1)
