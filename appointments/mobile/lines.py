"""The lines on the phone's page of an RDV: quantities typed, lines taken away."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment, AppointmentLine
from appointments.services.lines import record_used
from invoicing.services.records.acts import Once, perform
from openfire_billing.kernel.formats import number_text, read_id
from openfire_billing.web.number_fields import DecimalInputField
from openfire_billing.web.users import user_of

_FIELD = DecimalInputField(max_digits=9, decimal_places=3, min_value=Decimal(0), least_places=0)


@dataclass
class Used:
    """What a page sends of the lines. Keys are ids of lines.

    `typed`: texts that differ from what the page showed; `quantities`: those that are numbers; `faults`: why the others
    are not. `is_saved`: recorded by this page before.
    """

    typed: dict[int, str] = field(default_factory=dict)
    quantities: dict[int, Decimal] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)
    removed: tuple[int, ...] = ()
    seen: int | None = None
    is_saved: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.typed or self.removed)


@dataclass(frozen=True)
class Row:
    """A line as the page shows it. `typed`: what stands in its box; `fault`: why it is not a quantity."""

    line: AppointmentLine
    shown: str
    typed: str
    fault: str
    has_box: bool
    has_bin: bool

    @property
    def name(self) -> str:
        return f"qty-{self.line.pk}"

    @property
    def shown_name(self) -> str:
        return f"shown-{self.line.pk}"


def read_used(sent: QueryDict) -> Used:
    """Return what was typed in the boxes `qty-<id>` where it differs from `shown-<id>`, and the ids in `remove`."""
    removed = tuple(pk for pk in dict.fromkeys(map(read_id, sent.getlist("remove"))) if pk)
    used = Used(removed=removed, seen=read_id(sent.get("version")))
    for name in sent:
        pk = read_id(name.removeprefix("qty-")) if name.startswith("qty-") else None
        text = sent.get(name, "").strip()
        if pk is None or pk in removed or not _FIELD.has_changed(sent.get(f"shown-{pk}"), text):
            continue
        used.typed[pk] = text
        try:
            used.quantities[pk] = _FIELD.clean(text)
        except ValidationError:
            used.faults[pk] = str(_("Tapez un nombre de 0 à 999 999, trois décimales au plus : par exemple 2,5."))
    return used


def save_used(request: HttpRequest, appointment: Appointment, used: Used) -> None:
    """Record what a page sends of the lines, once for the page and what it sends. Raises what `record_used` raises."""
    if used.is_empty:
        return
    done = perform(
        lambda: record_used(
            appointment,
            used.quantities,
            used.removed,
            seen=used.seen,
            on=timezone.localdate(),
            by=user_of(request),
        ),
        once=_once(request, appointment, used),
    )
    used.is_saved = done.is_repeat


def _once(request: HttpRequest, appointment: Appointment, used: Used) -> Once | None:
    """Return the key of what a page sends of the lines; None when the page gives none."""
    token = request.POST.get("_once", "")[:40]
    content = repr((appointment.pk, sorted(used.quantities.items()), sorted(used.removed)))
    digest = sha256(content.encode()).hexdigest()
    return Once(f"phone:{request.user.pk}", f"lines:{token}:{digest}") if token else None


def rows_of(lines: Iterable[AppointmentLine], used: Used, *, is_open: bool) -> list[Row]:
    """Return the lines as the page shows them. A deduction and a line that a contract covers have no box."""
    rows = []
    for line in lines:
        shown = number_text(line.quantity, 0)
        rows.append(
            Row(
                line=line,
                shown=shown,
                typed=used.typed.get(line.pk, shown),
                fault=used.faults.get(line.pk, ""),
                has_box=is_open and line.terms.is_article and not (line.covered or line.is_deduction),
                has_bin=is_open and line.on_site,
            )
        )
    return rows


def typed_too_late(rows: Iterable[Row], used: Used) -> list[str]:
    """Return « article : quantity » of what was typed and is not saved, for a page that has no boxes any more."""
    if used.is_saved:
        return []
    return [f"{row.line.terms.label} : {row.typed}" for row in rows if row.line.pk in used.typed]
