import json
import sys
from collections import Counter
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from contracts.choices import Result
from contracts.models import BillingRun, Contract
from contracts.services.billing import bill_contracts
from invoicing.models import Company, Invoice
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import money_text


class Command(BaseCommand):
    help = "Facture ce qui est dû sur les contrats, en brouillons. Rejouable : rien n'est facturé deux fois."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--on", type=date.fromisoformat, default=timezone.localdate(), help="AAAA-MM-JJ")
        parser.add_argument("--contract", action="append", metavar="REF", help="ce contrat seul (répétable)")
        parser.add_argument("--company", help="avec --contract : la raison sociale de leur société")
        parser.add_argument("--dry-run", action="store_true", help="dit ce qui serait fait, n'écrit aucune facture")
        parser.add_argument("--force", action="store_true", help="« Facturer quand même » au-delà de 36 périodes")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, on: date, as_json: bool, **options: Any) -> None:
        contracts = named(options["contract"], company=options["company"])
        try:
            run = bill_contracts(contracts, on=on, by=None, dry_run=options["dry_run"], force=options["force"])
        except BusinessError as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal  # the day asked for is too far
        if as_json:
            self.stdout.write(json.dumps(answer(run), ensure_ascii=False))
        else:
            self.report(run)
        if run.refused:
            sys.exit(1)

    def report(self, run: BillingRun) -> None:
        """Print, for each contract, the invoices made or the drafts a dry run would make, or why it was set aside; then
        the totals of the run.
        """
        for outcome in run.outcomes.exclude(result=Result.SKIPPED).select_related("contract").order_by("contract"):
            if outcome.result == Result.REFUSED:
                self.stdout.write(f"Mis de côté : {outcome.reason}")
                continue
            for invoice in Invoice.objects.filter(pk__in=outcome.invoices).order_by("proposed_on", "pk"):
                amount = money_text(invoice.net.amount, invoice.currency)
                self.stdout.write(f"{outcome.contract} : {invoice} du {invoice.proposed_on:%d/%m/%Y}, {amount} HT")
            for draft in outcome.drafts:
                self.stdout.write(f"{outcome.contract} : {draft['kind']} du {draft['proposed_on']}, {draft['net']} HT")
            if outcome.reason and not outcome.drafts:
                self.stdout.write(f"{outcome.contract} : {outcome.reason}")
        self.stdout.write(
            f"{run} : {run.expected} attendu(s), {run.billed} facturé(s), {run.skipped} sans rien à facturer, "
            f"{run.refused} mis de côté."
        )


def named(references: list[str] | None, *, company: str | None) -> list[Contract] | None:
    """Return the contracts of these references; None = all. Raise CommandError (2) for unknown or ambiguous ones.

    A draft has no reference yet: an empty one names nothing.
    """
    if references is None:
        if company:
            raise CommandError("--company va avec --contract.", returncode=2)
        return None
    if not all(reference.strip() for reference in references):
        raise CommandError("--contract attend une référence, par exemple CONT/000123.", returncode=2)
    if company and not Company.objects.filter(name=company).exists():
        raise CommandError(f"Société inconnue : {company}.", returncode=2)
    contracts = Contract.objects.filter(reference__in=references).order_by("pk")
    found = list(contracts.filter(company__name=company) if company else contracts)
    times = Counter(contract.reference or "" for contract in found)
    if unknown := set(references) - set(times):
        raise CommandError(f"Contrat inconnu : {', '.join(sorted(unknown))}.", returncode=2)
    if shared := sorted(reference for reference, count in times.items() if count > 1):
        text = f"{', '.join(shared)} : plusieurs sociétés ont cette référence. Dites laquelle : --company « raison sociale »."
        raise CommandError(text, returncode=2)
    return found


def answer(run: BillingRun) -> dict[str, Any]:
    """Return the run as the API shows it."""
    return {
        "on": run.on.isoformat(),
        "state": run.state,
        "dry_run": run.is_dry,
        "expected": run.expected,
        "billed": run.billed,
        "skipped": run.skipped,
        "refused": run.refused,
        "outcomes": [
            {
                "contract": outcome.contract.reference,
                "result": outcome.result,
                "code": outcome.code,
                "reason": outcome.reason,
                "invoices": outcome.invoices,
                "drafts": outcome.drafts,
            }
            for outcome in run.outcomes.select_related("contract").order_by("contract").iterator(1000)
        ],
    }
