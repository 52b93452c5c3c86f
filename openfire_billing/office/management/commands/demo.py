"""`manage.py demo`: the whole product in one process, with no service to install."""

import os
import socket
import threading
from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import Any

from celery.beat import EmbeddedService
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands.runserver import naiveip_re
from django.utils import timezone

from appointments.choices import AppointmentState
from contracts.services.billing import bill_contracts
from contracts.services.run_outcomes import drafts_of
from contracts.services.visits import horizon, plan_visits
from interventions.models import InterventionRequest
from interventions.services.billing import invoice_interventions
from invoicing.models import Quote
from invoicing.services.documents.quotes import invoice_quote
from invoicing.services.records.acts import perform_each
from openfire_billing.celery import app
from openfire_billing.db.base_version import keep_other_version_aside
from openfire_billing.db.new_base import filled_aside
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.formats import number_text
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_firm import PASSWORD, USERS
from openfire_billing.office.demonstration_second import USERS as USERS_OF_SECOND


def _address(text: str) -> str:
    """Refused before anything is made, rather than when it is served."""
    found = naiveip_re.match(text)
    if found is None or int(found["port"]) > 65535:
        raise ArgumentTypeError(f"« {text} » n'est pas une adresse, par exemple 127.0.0.1:8000")
    return text


def _refuse_taken(address: str) -> None:
    """Raise CommandError when another program serves this address, before anything is prepared."""
    host, _colon, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            tried.bind((host, int(port)))
        except OSError as refused:
            raise CommandError(
                f"L'adresse {address} ne peut pas être servie ({refused.strerror}) : un autre programme s'en sert "
                f"peut-être. Choisissez un autre port : make demo ARGS=127.0.0.1:{int(port) % 65535 + 1}"
            ) from refused


class Command(BaseCommand):
    help = "Prépare la base, charge la démonstration, fait le travail du jour une fois, puis sert le tout."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("address", nargs="?", type=_address, default="127.0.0.1:8000")
        parser.add_argument("--once", action="store_true", help="fait le travail du jour puis s'arrête, sans serveur")

    def handle(self, *args: Any, address: str, once: bool, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("La démonstration ne se lance pas en production (DEMO=1 manque).")
        if not once:
            _refuse_taken(address)
        self.keep_aside()
        with filled_aside():
            call_command("migrate", verbosity=0)
            load_demonstration(on=timezone.localdate(), with_history=True)
        self.main_job()
        if not once:
            self.serve(address)

    def keep_aside(self) -> None:
        """Set a database of another version aside, and print where it is kept."""
        try:
            kept = keep_other_version_aside()
        except BusinessError as refusal:
            raise CommandError(str(refusal)) from refusal
        if kept:
            self.stdout.write(
                f"La base vient d'une autre version du programme : elle est gardée sous {kept}, une neuve est créée."
            )

    def main_job(self) -> None:
        """Bill what is due today; a second call makes nothing new."""
        today = timezone.localdate()
        by = User.objects.get(username="factu")
        interventions = (
            InterventionRequest.objects.active()
            .to_bill(today)
            .exclude(appointments__state__in=AppointmentState.open)
            .select_related("partner__bill_to", "bill_to")
        )
        outcomes = invoice_interventions(interventions.order_by("pk"), on=today, by=by)
        quotes = Quote.objects.to_bill().order_by("pk")
        outcomes += perform_each(quotes, lambda quote: invoice_quote(quote, on=today, by=by))
        visits = plan_visits(until=horizon(today), on=today, by=None)
        run = bill_contracts(on=today, by=None)
        self.table([*outcomes, *drafts_of(run)])
        made = sum(1 for visit in visits if not visit.is_refused)
        self.stdout.write(f"{made} visite(s) de contrat créée(s) ; {run} : {run.billed} contrat(s) facturé(s).")

    def table(self, outcomes: Sequence[Outcome]) -> None:
        """Print what was made and refused, a line each."""
        made = [outcome for outcome in outcomes if outcome.made]
        refused = [outcome for outcome in outcomes if outcome.is_refused]
        self.stdout.write("")
        self.stdout.write(f"{'Origine':<14} {'Client':<26} {'Brouillon':<34} {'HT':>12} {'TVA':>10} {'TTC':>12}")
        for outcome in made:
            invoice = outcome.made
            amounts = [number_text(amount.amount) for amount in (invoice.net, invoice.tax, invoice.gross)]
            self.stdout.write(
                f"{outcome.document!s:<14} {invoice.customer!s:<26} {invoice!s:<34} "
                f"{amounts[0]:>12} {amounts[1]:>10} {amounts[2]:>12}"
            )
        for outcome in refused:
            self.stdout.write(f"Refusé : {outcome.refusal}")
        self.stdout.write(f"\n{len(made)} brouillon(s) créé(s), {len(refused)} refus.")

    def serve(self, address: str) -> None:
        """Run web, worker threads and beat in this process, with a broker in memory."""
        app.loader.import_default_modules()  # without it beat falls back to names, and nothing runs
        app.finalize()
        worker = app.WorkController(
            app=app,
            pool="threads",
            concurrency=3,
            hostname="demo@local",
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
        )
        threading.Thread(target=worker.start, name="celery-worker", daemon=True).start()
        beat = EmbeddedService(app, thread=True, scheduler_cls=app.conf.beat_scheduler)
        beat.daemon = True
        beat.start()
        if "SITE_URL" not in os.environ:
            settings.SITE_URL = f"http://{address}"
        self.stdout.write(f"\nOuvrez http://{address}/ — mot de passe de tous : {PASSWORD}")
        for username, first, last, role in (*USERS, *USERS_OF_SECOND):
            self.stdout.write(f"  {username:<15} {first} {last}, {role}")
        self.stdout.write("Un fichier à importer, avec des fautes à voir : docs/examples/clients-a-corriger.csv")
        self.stdout.write("Ctrl+C pour arrêter.\n")
        call_command("runserver", address, use_reloader=False)
