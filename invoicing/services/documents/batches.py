"""Draft invoices of documents (DIs, RDVs): of one document, or of many in one act, in groups that share a draft."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models import Invoice
from invoicing.services.documents.intents import DraftIntent, title_intent
from invoicing.services.documents.writing import Books, write_drafts
from invoicing.services.locks import AnyRecord
from invoicing.services.records.acts import Once, perform_together
from openfire_billing.db.people import By
from openfire_billing.db.transactions import in_transaction
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome

Document: TypeAlias = Any  # type: ignore[explicit-any]  # of the app that bills: its functions name their model
Source: TypeAlias = Any  # type: ignore[explicit-any]  # a line of the app that bills, likewise


@dataclass(frozen=True)
class Billable:
    """What a locked document has to bill: `intent`, a draft for it alone, and the source of each line (None for a title).

    `title`: the section title of its lines on a draft of several documents. `notes`: sentences on what the draft
    leaves out.
    """

    document: Document
    intent: DraftIntent
    sources: Sequence[Source | None]
    title: str
    notes: tuple[str, ...] = ()


# Writes the claims of (id of the invoice line, its source), for each line that bills a source.
Claims: TypeAlias = Callable[[Sequence[tuple[int, Source]]], None]


def bill_one(billable: Billable, *, claim: Claims, by: By) -> Invoice:
    """Write the draft of one locked document and its claims. Raises BusinessError when the draft could never be posted."""
    (outcome,) = _bill([billable], claim=claim, by=by)
    if outcome.error is not None:
        raise outcome.error
    made: Invoice = outcome.made
    return made


def bill_in_groups(
    documents: Iterable[AnyRecord],
    *,
    key: Callable[[AnyRecord], object],
    lock: Callable[[Sequence[AnyRecord]], Sequence[AnyRecord]],
    billable: Callable[[AnyRecord], Billable],
    claim: Claims,
    billed: Callable[[Sequence[Billable]], None],
    by: By,
    once: Once | None = None,
) -> list[Outcome]:
    """Bill documents: those with the same `key(document)` share a draft and a transaction. Outcomes in the order given.

    `lock(members)` locks the documents and reads them again. `billable(document)` may raise BusinessError, which
    leaves out that document alone. `billed(billables)` writes the journals of the documents on the draft. `once`: the
    key of the act; each document has a key under it.
    """
    wanted = list(documents)
    groups: dict[object, list[AnyRecord]] = defaultdict(list)
    for document in wanted:
        groups[key(document)].append(document)
    outcomes: dict[int, Outcome] = {}
    if in_transaction() and len(groups) > 1:  # locking group by group would break the order of locks
        lock(wanted)
    for members in groups.values():

        def act(members: Sequence[AnyRecord]) -> list[Outcome]:
            return _bill_group(members, lock=lock, billable=billable, claim=claim, billed=billed, by=by)

        outcomes.update({outcome.document.pk: outcome for outcome in perform_together(members, act, once=once)})
    return [outcomes[document.pk] for document in wanted]


def _bill_group(
    members: Sequence[AnyRecord],
    *,
    lock: Callable[[Sequence[AnyRecord]], Sequence[AnyRecord]],
    billable: Callable[[AnyRecord], Billable],
    claim: Claims,
    billed: Callable[[Sequence[Billable]], None],
    by: By,
) -> list[Outcome]:
    outcomes = {d.pk: Outcome(d, refusal=str(_("%s n'existe plus.") % d)) for d in members}
    ready: list[Billable] = []
    for document in lock(members):
        try:
            ready.append(billable(document))
        except BusinessError as refusal:
            outcomes[document.pk] = Outcome.refused(document, refusal)
    done = _bill(ready, claim=claim, by=by) if ready else []
    outcomes.update({outcome.document.pk: outcome for outcome in done})
    on_draft = {outcome.document.pk for outcome in done if outcome.made is not None}
    billed([billable for billable in ready if billable.document.pk in on_draft])
    return list(outcomes.values())


def _bill(ready: Sequence[Billable], *, claim: Claims, by: By) -> list[Outcome]:
    """Write one draft for these documents, without those that could never be posted. Returns an outcome for each."""
    books = Books([billable.intent for billable in ready])
    refusals = [books.refusal_of(billable.intent) for billable in ready]
    sound = [billable for billable, refusal in zip(ready, refusals, strict=True) if refusal is None]
    outcomes = [
        Outcome.refused(billable.document, refusal)
        for billable, refusal in zip(ready, refusals, strict=True)
        if refusal is not None
    ]
    if not sound:
        return outcomes
    intent, sources = _together(sound)
    (written,) = write_drafts([intent], by=by, at=timezone.now(), books=books)
    assert not isinstance(written, BusinessError)
    claim([(pk, source) for pk, source in zip(written.lines, sources, strict=True) if source is not None])
    invoice = Invoice.objects.select_related("company", "customer").get(pk=written.invoice)
    return outcomes + [Outcome(billable.document, made=invoice, notes=billable.notes) for billable in sound]


def _together(ready: Sequence[Billable]) -> tuple[DraftIntent, list[object]]:
    """Return one intent for documents of one payer, with a section title for each of several, and the sources of its lines."""
    first = ready[0].intent
    if len(ready) == 1:
        return first, list(ready[0].sources)
    lines, sources = [], []
    for billable in ready:
        lines += [title_intent(billable.title), *billable.intent.lines]
        sources += [None, *billable.sources]
    sites = {billable.intent.site for billable in ready}
    origin = ", ".join(billable.intent.origin for billable in ready)
    return replace(first, lines=lines, origin=origin, site=first.site if len(sites) == 1 else None), sources
