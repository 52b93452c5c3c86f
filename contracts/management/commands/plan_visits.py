import json
import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from contracts.management.commands.bill_contracts import named
from contracts.services.visits import PlannedVisit, horizon, plan_visits
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome


class Command(BaseCommand):
    help = "Crée les DI des visites que promettent les contrats. Rejouable : une visite n'est créée qu'une fois."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--until", type=date.fromisoformat, default=None, help="AAAA-MM-JJ, douze mois sans")
        parser.add_argument("--contract", action="append", metavar="REF", help="ce contrat seul (répétable)")
        parser.add_argument("--company", help="avec --contract : la raison sociale de leur société")
        parser.add_argument("--dry-run", action="store_true", help="dit ce qui serait fait, n'écrit rien")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, until: date | None, dry_run: bool, as_json: bool, **options: Any) -> None:
        today = timezone.localdate()
        contracts = named(options["contract"], company=options["company"])
        try:
            outcomes = plan_visits(contracts, until=until or horizon(today), on=today, by=None, dry_run=dry_run)
        except BusinessError as refusal:
            raise CommandError(str(refusal), returncode=2) from refusal  # the day asked for is too far
        refused = [outcome for outcome in outcomes if outcome.is_refused]
        if as_json:
            self.stdout.write(json.dumps([_answer(outcome) for outcome in outcomes], ensure_ascii=False))
        else:
            for outcome in outcomes:
                self.stdout.write(outcome.refusal or f"{outcome.document} : {outcome.made}")
            self.stdout.write(f"{len(outcomes) - len(refused)} visite(s), {len(refused)} refus.")
        if refused:
            sys.exit(1)


def _answer(outcome: Outcome) -> dict[str, Any]:
    made = outcome.made
    if outcome.is_refused:
        return {"contract": str(outcome.document), "refusal": outcome.refusal}
    window = (
        (made.intent.window.start, made.intent.window.last_day)
        if isinstance(made, PlannedVisit)
        else (made.from_on, made.to_on)
    )
    return {
        "contract": str(outcome.document),
        "intervention": None if isinstance(made, PlannedVisit) else made.number,
        "from_on": window[0].isoformat(),
        "to_on": window[1].isoformat(),
    }
