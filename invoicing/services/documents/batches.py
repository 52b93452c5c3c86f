"""Documents billed by a draft: one alone, or many in one act, one draft for each or for each group."""

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
    """What a locked document has to bill: a draft of its own, and the source of each of its lines (None: a title).

    `title`: what stands above its lines on a draft of several documents. `notes`: what is left out, in sentences.
    """

    document: Document
    intent: DraftIntent
    sources: Sequence[Source | None]
    title: str
    notes: tuple[str, ...] = ()


# (id of the invoice line, its source) of each line that bills something: writes the claims.
Claims: TypeAlias = Callable[[Sequence[tuple[int, Source]]], None]


def bill_one(billable: Billable, *, claim: Claims, by: By) -> Invoice:
    """Write the draft of one locked document and its claims. Raises BusinessError when it could not be posted."""
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
    """Bill documents, those of one `key` together, in one transaction a group. Outcomes in the order given.

    `once`: the key of the act; each document has a key under it. `lock(members)` locks and reads again;
    `billable(document)` raises BusinessError, which leaves that document out alone; `billed` writes the journals of
    those that are on the draft.
    """
    wanted = list(documents)
    groups: dict[object, list[AnyRecord]] = defaultdict(list)
    for document in wanted:
        groups[key(document)].append(document)
    outcomes: dict[int, Outcome] = {}
    if in_transaction() and len(groups) > 1:  # group by group, they would be locked out of order
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
    billed([one for one in ready if one.document.pk in on_draft])
    return list(outcomes.values())


def _bill(ready: Sequence[Billable], *, claim: Claims, by: By) -> list[Outcome]:
    """One draft for these documents, those left out that could not be posted. An outcome for each."""
    books = Books([one.intent for one in ready])
    refusals = [books.refusal_of(one.intent) for one in ready]
    sound = [one for one, refusal in zip(ready, refusals, strict=True) if refusal is None]
    outcomes = [
        Outcome.refused(one.document, refusal)
        for one, refusal in zip(ready, refusals, strict=True)
        if refusal is not None
    ]
    if not sound:
        return outcomes
    intent, sources = _together(sound)
    (written,) = write_drafts([intent], by=by, at=timezone.now(), books=books)
    assert not isinstance(written, BusinessError)
    claim([(pk, source) for pk, source in zip(written.lines, sources, strict=True) if source is not None])
    invoice = Invoice.objects.select_related("company", "customer").get(pk=written.invoice)
    return outcomes + [Outcome(one.document, made=invoice, notes=one.notes) for one in sound]


def _together(ready: Sequence[Billable]) -> tuple[DraftIntent, list[object]]:
    """One intent for several documents of one payer, a section title for each when there are several; its sources."""
    first = ready[0].intent
    if len(ready) == 1:
        return first, list(ready[0].sources)
    lines, sources = [], []
    for one in ready:
        lines += [title_intent(one.title), *one.intent.lines]
        sources += [None, *one.sources]
    sites = {one.intent.site for one in ready}
    origin = ", ".join(one.intent.origin for one in ready)
    return replace(first, lines=lines, origin=origin, site=first.site if len(sites) == 1 else None), sources
