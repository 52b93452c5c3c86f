"""The journal of a record, with one line for each act; its version; its moves from state to state."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol, cast

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Max, Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models import HistoryLine
from invoicing.models.records.history import HistoryQuerySet
from invoicing.services.records.events import note_events
from invoicing.services.records.shared import company_made_in, shown_of
from openfire_billing.db import bulk
from openfire_billing.db.people import By
from openfire_billing.db.scope import company_id_of
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned, save_columns
from openfire_billing.kernel.errors import StaleForm, WrongState

COLUMNS = ("content_type_id", "object_id", "company_id", "act", "text", "changes", "by_id", "at")  # of bulk inserts
OWN_ACTS = frozenset(["attached", "detached", "follow_up", "follow_up_done", "message", "note"])


def record(
    document: Model, act: str, *, by: By, text: Text = "", changes: Mapping[str, object] | None = None
) -> HistoryLine:
    """Write one line in the journal of `document`. `changes`: see `changes.py`."""
    is_own = act in OWN_ACTS  # on a record that companies share, of the company of its author
    company = company_made_in(document, by=by) if is_own else company_id_of(document)
    kind, at = ContentType.objects.get_for_model(document), timezone.now()
    note_events([(kind.pk, document.pk, company, act, at)])
    return HistoryLine.objects.create(
        content_type=kind,
        object_id=document.pk,
        company_id=company,
        act=act,
        text=str(text),
        changes=dict(changes or {}),
        by=by,
        at=at,
    )


def record_many(acts: Iterable[tuple[Model, Text, Mapping[str, object] | None]], act: str, *, by: By) -> None:
    """Write one line for each (document, text, changes), in bulk."""
    at, author = timezone.now(), by.pk if by else None
    rows = (
        (
            ContentType.objects.get_for_model(d).pk,
            d.pk,
            company_id_of(d),
            act,
            str(text),
            dict(changes or {}),
            author,
            at,
        )
        for d, text, changes in acts
    )
    write_lines(list(rows))


def write_lines(rows: Sequence[Sequence[Any]]) -> None:  # type: ignore[explicit-any]  # values of COLUMNS
    """Insert journal lines, in bulk, in the order of COLUMNS. The caller holds the transaction."""
    bulk.insert(HistoryLine, COLUMNS, rows)
    note_events((kind, pk, company, act, at) for kind, pk, company, act, _text, _changes, _by, at in rows)


def journal_shown(document: Model, *, user: User) -> HistoryQuerySet:
    """Return the journal of a record that `user` may see, newest first."""
    return cast("HistoryQuerySet", shown_of(document, HistoryLine.objects.of(document), user=user))


def days_of_states(document: Any, lines: Sequence[HistoryLine]) -> dict[str, date]:  # type: ignore[explicit-any]
    """Return {label of a state: the day the document last came to it}, from its journal, newest first.

    `document`: any with states. The oldest line is the day of the state that it was in before its first move, or is in.
    """
    found: dict[str, date] = {}
    for line in reversed(lines):
        before, after = line.changes.get("state", ("", ""))
        if after:
            found.setdefault(before, timezone.localdate(lines[-1].at))
            found[after] = timezone.localdate(line.at)
    if lines and not found:
        found[str(document.get_state_display())] = timezone.localdate(lines[-1].at)
    return found


def state_lines(document: Model) -> list[HistoryLine]:
    """Return the lines of a journal that `days_of_states` reads: the moves from state to state and the oldest line, newest
    first. For a long journal.
    """
    lines = HistoryLine.objects.of(document).select_related(None)
    moves = list(lines.filter(changes__has_key="state"))
    oldest = lines.order_by("pk")[:1]
    return [*moves, *(line for line in oldest if line not in moves)]


def version_of(document: Model) -> int:
    """Return the version of a record; without a `version` column (accounts, roles), the id of its last journal line."""
    if isinstance(document, Versioned):
        return document.version
    return HistoryLine.objects.of(document).aggregate(last=Max("pk"))["last"] or 0


def refuse_stale(document: Model, seen: int) -> None:
    """Raise StaleForm when a locked record changed after the version `seen` by the user."""
    if version_of(document) == seen:
        return
    last = HistoryLine.objects.of(document).first()
    at = timezone.localtime(last.at) if last else timezone.localtime()
    raise StaleForm(
        _(
            "Modifié entre-temps par %(who)s à %(at)s : votre saisie est gardée ci-dessous mais n'est pas enregistrée. "
            "Ouvrez la fiche dans un autre onglet, comparez, puis reportez vos changements."
        )
        % {
            "who": (last and last.by and (last.by.get_full_name() or last.by.username)) or _("le système"),
            "at": f"{at:%H:%M}",
        }
    )


class Stateful(Protocol):
    """A document with a state and a table of moves: {state: states it may move to}."""

    MOVES: Mapping[str, Collection[str]]
    state: str

    def get_state_display(self) -> str: ...


def move(
    document: Versioned,
    state: str,
    *,
    by: By,
    act: str,
    text: Text = "",
    save: tuple[str, ...] = (),
    is_derived: bool = False,
    is_undo: bool = False,
) -> None:
    """Move a locked document to `state`, write its journal and raise its version.

    `save`: other columns to write with the state. `is_derived`: the state follows from other documents; the version
    does not rise, so that an open form stays valid. `is_undo`: back to the state before the last move, whatever MOVES say.
    Raises WrongState when the document's MOVES do not allow the move.
    """
    stateful = cast("Stateful", document)
    if not is_undo and state not in stateful.MOVES[stateful.state]:
        raise WrongState(
            _("%(document)s est à l'état « %(state)s » : « %(wanted)s » n'est pas possible d'ici.")
            % {
                "document": document,
                "state": stateful.get_state_display(),
                "wanted": dict(document._meta.get_field("state").flatchoices)[state],
            }
        )
    before = stateful.get_state_display()
    stateful.state = state
    if is_derived:
        document.save(update_fields=["state", *save])
    else:
        save_columns(document, ["state", *save])
    record(document, act, by=by, text=text, changes={"state": [str(before), str(stateful.get_state_display())]})
