"""The journal of a page: the record's own lines, and those of the documents made from it, each linked to its document."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.db.models import Model, Q, Value, prefetch_related_objects

from invoicing.models import HistoryLine, Invoice, SupplierBill
from invoicing.services.records.changes import shown_changes
from invoicing.services.records.history import OWN_ACTS, journal_shown
from openfire_billing.db.scope import visible
from openfire_billing.web.contributions import SmartButton
from openfire_billing.web.record_links import link_to
from openfire_billing.web.smart_buttons import made_from

SHOWN_LINES = 40  # of a record's own journal, and as many of those that it follows
# Notes, files and edits of a document stay in its own journal; its mails are shown.
LEFT_OUT = (OWN_ACTS - {"message"}) | {"changed", "edited", "taxes_updated", "published", "link_renewed"}
MAKING = frozenset(["credited", "invoiced", "purchased", "quoted"])  # acts that make a document
SAME_ACT = timedelta(minutes=1)  # between the line of the document made and that of the record it is made from


@dataclass(frozen=True)
class JournalEntry:
    """A line with its changes (label, before, after). `link`: the document whose line it is; "" of the record's own."""

    line: HistoryLine
    changes: list[tuple[str, str, str]]
    link: Any = ""


@dataclass(frozen=True)
class ShownJournal:
    """What a page shows of a journal, newest first. `own`: the record's own lines, those that `entries` leaves out too."""

    entries: list[JournalEntry] = field(default_factory=list)
    own: list[HistoryLine] = field(default_factory=list)


def journal_of(
    document: Model, user: User, *, labels: Mapping[str, object], followed: Collection[SmartButton] = ()
) -> ShownJournal:
    """Return the latest lines of a record's journal that the user may see, in a constant number of queries.

    `labels`: {field: label} that replace those of the model. `followed`: the counters of the documents made from it, whose
    latest lines are shown. An act that made one is then told by the line of the document, which bears a link.
    """
    own = list(journal_shown(document, user=user)[:SHOWN_LINES])
    made = _made_from(document, user, followed)
    if not made:
        return ShownJournal([_own(line, labels) for line in own], own)
    theirs = Q(pk__in=[])
    for kind, ids in made.items():
        theirs |= Q(content_type=kind, object_id__in=ids)
    followed = HistoryLine.objects.filter(theirs).exclude(act__in=LEFT_OUT).select_related("by").order_by("-pk")
    others = list(followed[:SHOWN_LINES])
    named_by_supplier = SupplierBill.objects.select_related("supplier")
    prefetch_related_objects(others, GenericPrefetch("object", [named_by_supplier]))
    lines = sorted([*own, *others], key=lambda line: (line.at, line.pk), reverse=True)
    told, named = _told_twice(lines, others), {line.pk for line in others}
    return ShownJournal(
        entries=[
            JournalEntry(line, [], link_to(line.object)) if line.pk in named else _own(line, labels)
            for line in lines
            if line.pk not in told
        ],
        own=own,
    )


def _own(line: HistoryLine, labels: Mapping[str, object]) -> JournalEntry:
    model = ContentType.objects.get_for_id(line.content_type_id).model_class()
    assert model is not None
    return JournalEntry(line, shown_changes(line.changes, model, labels))


def _kind_of(document: Model | type[Model]) -> int:
    return int(ContentType.objects.get_for_model(document).pk)


def _made_from(document: Model, user: User, followed: Collection[SmartButton]) -> dict[int, list[int]]:
    """Return {content type id: ids} of the documents made from a record that the user may see, in one query.

    The credit notes of its invoices are among them.
    """
    rows = []
    for button in followed:
        documents = visible(made_from(button, type(document), document.pk), user)
        found = [documents]
        if documents.model is Invoice:
            found.append(Invoice.objects.filter(credits__in=documents.order_by().values("pk")))
        rows += [each.order_by().values_list(Value(_kind_of(each.model)), "pk") for each in found]
    made: dict[int, list[int]] = {}
    for kind, pk in rows[0].union(*rows[1:]) if rows else ():
        made.setdefault(kind, []).append(pk)
    return made


def _told_twice(lines: Iterable[HistoryLine], others: Iterable[HistoryLine]) -> set[int]:
    """Return the ids of the lines that repeat the « created » line of a document."""
    told: set[int] = set()
    making = [line for line in lines if line.act in MAKING]
    for created in (line for line in others if line.act == "created"):
        same = (
            line
            for line in making
            if line.pk not in told
            and line.by_id == created.by_id
            and abs(line.at - created.at) <= SAME_ACT
            and line.pk > created.pk
        )
        if (twice := min(same, key=lambda line: line.pk, default=None)) is not None:
            told.add(twice.pk)
    return told
