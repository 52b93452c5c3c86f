"""What is broken, for « À traiter »: a night without billing, PDFs and messages that wait or failed."""

from collections.abc import Iterator

from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contracts.services.night import night_alarm
from invoicing.choices import MessageState
from invoicing.models import Message
from invoicing.services.documents.jobs import LATE_AFTER, late_documents
from openfire_billing.db.scope import visible
from openfire_billing.office.dashboard.reader import Reader, Work, first_of, list_url, page_url
from openfire_billing.office.dashboard.waiting import Kind, Urgency, Waiting


def night(reader: Reader) -> Iterator[Kind]:
    """The last night, when it did not bill."""
    if not reader.does(Work.BILLING, Work.ACCOUNTS, permission="contracts.bill_contract"):
        return
    if sentence := night_alarm(timezone.now())[1]:
        url = list_url("contracts_billingrun", view="nights")
        yield Kind(1, [Waiting(Urgency.BROKEN, _("Nuit sans facturation"), _("Voir"), url, why=sentence)])


def papers(reader: Reader) -> Iterator[Kind]:
    """PDFs that failed or wait for too long; mails with them wait too."""
    if not reader.does(Work.BILLING, Work.ACCOUNTS, permission="invoicing.view_invoice"):
        return
    count, reason = late_documents(reader.companies)
    if count:
        what = ngettext("%s document en attente", "%s documents en attente", count) % count
        why = (
            _("%s Les e-mails qui les joignent attendent aussi.") % reason
            if reason
            else _("Depuis plus de dix minutes. Si leur nombre ne baisse pas, vérifiez que les tâches tournent.")
        )
        yield Kind(1, [Waiting(Urgency.BROKEN, what, _("Voir"), list_url("invoicing_invoice", view="pdf"), why=why)])


def messages(reader: Reader) -> Iterator[Kind]:
    """Messages that failed, and those that wait for more than ten minutes."""
    if not reader.user.has_perm("invoicing.view_message"):
        return
    readable = visible(Message.objects.readable_by(reader.user), reader.user).order_by()
    failed = Q(state__in=MessageState.stopped)
    now = timezone.now()
    chosen_later = Q(attempts=0, next_try_at__gt=now)
    waiting = Q(state__in=MessageState.pending, created_at__lt=now - LATE_AFTER) & ~chosen_later
    found = readable.filter(failed | waiting).aggregate(
        failed=Count("pk", filter=failed), oldest=Min("created_at", filter=failed), waiting=Count("pk", filter=waiting)
    )
    rows = first_of(readable.filter(failed), "created_at", "pk")
    yield Kind(
        found["failed"],
        [
            Waiting(
                Urgency.BROKEN,
                _("%s en échec") % message.get_kind_display(),
                _("Ouvrir"),
                page_url("invoicing_message", message.pk),
                who=message.to,
                since=timezone.localtime(message.created_at).date(),
                why=message.error.partition("\n")[0][:160],
            )
            for message in rows
        ],
        Waiting(
            Urgency.BROKEN,
            _("%s messages en échec") % found["failed"],
            _("Voir"),
            list_url("invoicing_message", view="failed"),
            since=timezone.localtime(found["oldest"]).date() if found["oldest"] else None,
        ),
    )
    if found["waiting"]:
        what = ngettext("%s message en attente", "%s messages en attente", found["waiting"]) % found["waiting"]
        why = _(
            "Depuis plus de dix minutes. Ouvrez-en un, lisez l'erreur ; sans erreur, vérifiez que les tâches tournent."
        )
        url = list_url("invoicing_message", view="waiting")
        yield Kind(1, [Waiting(Urgency.BROKEN, what, _("Voir"), url, why=why)])
