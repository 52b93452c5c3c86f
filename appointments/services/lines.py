"""Lines of an RDV: copied from the DI, increased on site, added on site."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from appointments.choices import AppointmentState
from appointments.models import Appointment, AppointmentLine
from appointments.services.deductions import check_deductions, put_off_deductions
from appointments.services.locks import lock_appointment
from interventions.models import RequestLine
from invoicing.models import Product
from invoicing.services.documents.lines import COPIED, LineEdit, apply_edits, complete_line
from invoicing.services.records.changes import line_change
from invoicing.services.records.history import record, refuse_stale
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import raise_version
from openfire_billing.kernel.errors import BusinessError, Step, WrongState
from openfire_billing.kernel.formats import number_text

_FIXED_ONCE_BILLED = ("product", "unit_price", "discount", "tax", "kind")
_OWNED_BY_REQUEST = ("product", "label", "unit_price", "discount", "tax", "kind")


def copy_request_lines(appointment: Appointment) -> list[AppointmentLine]:
    """Copy all the DI's lines, ordered or not, billed or not, each with a link to its origin."""
    return AppointmentLine.objects.bulk_create(
        AppointmentLine(
            appointment=appointment,
            request_line=line,
            kind=line.kind,
            position=line.position,
            quantity=line.quantity,
        )
        for line in RequestLine.objects.filter(intervention=appointment.intervention_id)
    )


def write_lines(
    appointment: Appointment, edits: Sequence[LineEdit], *, on: date, by: By, on_site: bool = False
) -> bool:
    """Apply a form's edits to a locked RDV's lines. Return whether a line changed.

    A linked line owns only its quantity, never more than its DI line's: the difference goes on a new line of the
    RDV's own, with the same article, price and tax, billed on its own. `on_site`: what was used, noted there: new
    lines are marked so, and a deduction that the RDV no longer bears is put off instead of refused.
    """
    if not edits:
        return False
    lines = {line.pk: line for line in _annotated(appointment, on)}
    if any(edit.pk and edit.pk not in lines for edit in edits):
        raise BusinessError(_("Une ligne modifiée n'est plus sur ce RDV. Rechargez la page."))
    raised: list[tuple[AppointmentLine, Decimal]] = []
    beyond: dict[int, list[str]] = {}  # quantities beyond what the DI has: the line itself does not show it
    all_lines = list(lines.values())

    def save(line: AppointmentLine, before: AppointmentLine | None) -> None:
        if line.request_line is not None:
            assert before is not None
            _refuse_change_of_linked(line, before, lines[line.pk].billed)
            if line.quantity != before.quantity and (more := _bring_back(line)):
                raised.append((line, more))
                beyond[line.pk] = [number_text(before.quantity, 0), _shared_out(line, more)]
            line.save(update_fields=["quantity", "position"])
            return
        if before is not None:
            _refuse_change(line, before, lines[line.pk].billed)
        complete_line(
            line, position=appointment.fiscal_position, company=appointment.company, on=_supply_day(appointment, on)
        )
        line.save()
        if before is None:
            all_lines.append(line)

    doomed, changes = apply_edits(
        lines, edits, new=lambda: AppointmentLine(appointment=appointment, on_site=on_site), save=save
    )
    _delete(doomed)
    _add_own(appointment, raised, on_site=on_site)
    changes_by_line = {change["id"]: change for change in changes}
    for line, _more in raised:
        changes_by_line.setdefault(line.pk, line_change(line, "changed"))["changes"]["quantity"] = beyond[line.pk]
    if changes_by_line:
        record(
            appointment, "edited", by=by, text=_("Lignes modifiées"), changes={"lines": list(changes_by_line.values())}
        )
    _settle_deductions(appointment, all_lines, on=on, by=by, on_site=on_site)
    return bool(changes_by_line)


def _settle_deductions(
    appointment: Appointment, lines: Sequence[AppointmentLine], *, on: date, by: By, on_site: bool
) -> None:
    """Refuse deductions above what they reduce; on site, put them off."""
    if not any(line.is_deduction for line in lines):
        return
    if on_site:
        put_off_deductions(appointment, on=on, by=by)
    else:
        check_deductions(appointment)


def _shared_out(line: AppointmentLine, more: Decimal) -> str:
    return str(
        _("%(all)s, dont %(more)s sur une ligne à part")
        % {"all": number_text(line.quantity + more, 0), "more": number_text(more, 0)}
    )


def _delete(doomed: Sequence[AppointmentLine]) -> None:
    for line in doomed:
        if line.claims.exists():
            raise BusinessError(
                _("« %s » est facturée : supprimez d'abord le brouillon de facture, ou faites un avoir.") % line
            )
    AppointmentLine.objects.filter(pk__in=[line.pk for line in doomed]).delete()


def _bring_back(line: AppointmentLine) -> Decimal:
    """Reduce a linked line to its DI line's quantity. Return the quantity beyond it."""
    assert line.request_line is not None
    if not line.is_article or line.quantity <= line.request_line.quantity:
        return Decimal(0)
    more = line.quantity - line.request_line.quantity
    line.quantity = line.request_line.quantity
    return more


def _annotated(appointment: Appointment, on: date) -> QuerySet[AppointmentLine]:
    return appointment.lines.left_to_bill(on).select_related(
        "product__tax", "tax", "unit", "request_line__product__tax", "request_line__tax", "request_line__unit"
    )


def _supply_day(appointment: Appointment, on: date) -> date:
    return appointment.day or on


def _add_own(appointment: Appointment, raised: Sequence[tuple[AppointmentLine, Decimal]], *, on_site: bool) -> None:
    """Make lines of the RDV's own for the quantities beyond those of the DI lines."""
    AppointmentLine.objects.bulk_create(
        AppointmentLine(
            appointment=appointment,
            position=line.position,
            **{name: getattr(line.terms, name) for name in COPIED if name != "quantity"},
            quantity=more,
            on_site=on_site,
        )
        for line, more in raised
    )


def _refuse_change_of_linked(line: AppointmentLine, before: AppointmentLine, billed: Decimal) -> None:
    if any(getattr(line, name) != getattr(before, name) for name in _OWNED_BY_REQUEST):
        raise BusinessError(
            _("« %(line)s » vient de la DI : article, description, prix, remise et TVA se changent sur %(di)s.")
            % {"line": line, "di": line.request_line and line.request_line.intervention}
        )
    if line.covered and line.quantity != before.quantity:
        raise BusinessError(_("« %s » est couverte par le contrat : sa quantité se change sur le contrat.") % line)
    _refuse_below(line, billed)


def _refuse_change(line: AppointmentLine, before: AppointmentLine, billed: Decimal) -> None:
    if billed <= 0:
        return
    if any(getattr(line, name) != getattr(before, name) for name in _FIXED_ONCE_BILLED):
        raise BusinessError(
            _(
                "« %s » est facturée, au moins en partie : article, prix, remise et TVA n'y changent plus. Ajoutez une autre ligne."
            )
            % before
        )
    _refuse_below(line, billed)


def _refuse_below(line: AppointmentLine, billed: Decimal) -> None:
    if line.quantity < billed:
        raise BusinessError(
            _("« %(line)s » : %(billed)s déjà facturé, la quantité ne descend pas en dessous.")
            % {"line": line, "billed": number_text(billed, 0)}
        )


def add_part(appointment: Appointment, *, product: Product, quantity: Decimal, on: date, by: By) -> AppointmentLine:
    """Add an article used on site: a line of the RDV's own, at the catalogue's price. Refuse an RDV not confirmed."""
    if quantity <= 0:
        raise BusinessError(_("« %s » : la quantité est supérieure à zéro.") % product)
    with atomic():
        appointment = lock_appointment(appointment)
        _refuse_not_confirmed(appointment)
        last = max((line.position for line in appointment.lines.all()), default=0)
        line = AppointmentLine(
            appointment=appointment,
            position=last + 1,
            product=product,
            label=product.label,
            quantity=quantity,
            unit_price=product.unit_price,
            on_site=True,
        )
        complete_line(
            line, position=appointment.fiscal_position, company=appointment.company, on=_supply_day(appointment, on)
        )
        line.save()
        raise_version(appointment)
        record(
            appointment,
            "part",
            by=by,
            text=_("Ajouté sur place : %(quantity)s × %(what)s")
            % {"quantity": number_text(quantity, 0), "what": product},
        )
    return line


def record_used(
    appointment: Appointment,
    quantities: Mapping[int, Decimal],
    removed: Collection[int] = (),
    *,
    seen: int | None = None,
    on: date,
    by: By,
) -> Appointment:
    """Record what was used on site: `quantities` {id of a line: quantity}, `removed` ids of lines added on site.

    What a quantity has beyond the DI line goes on a line of the RDV's own, marked « ajoutée sur place ». Quantities that
    the lines have already change nothing, not even the version. Raises BusinessError and changes nothing: an RDV not
    confirmed, a line planned by the office to remove, a text, a negative quantity, and what `write_lines` refuses;
    StaleForm.
    """
    with atomic():
        appointment = lock_appointment(appointment)
        _refuse_not_confirmed(appointment)  # before another version, which an RDV that is over always has
        if seen is not None:
            refuse_stale(appointment, seen)
        _refuse_use(appointment, quantities, removed)
        edits = [LineEdit(pk=pk, delete=True) for pk in removed]
        edits += [LineEdit(pk=pk, values={"quantity": quantity}) for pk, quantity in quantities.items()]
        if write_lines(appointment, edits, on=on, by=by, on_site=True):
            raise_version(appointment)
    return appointment


def _refuse_not_confirmed(appointment: Appointment) -> None:
    if appointment.state == AppointmentState.CONFIRMED:
        return
    if appointment.is_open:
        raise WrongState(
            _("%s n'est pas confirmé : confirmez-le avant d'y noter ce qui est utilisé.") % appointment,
            step=Step(_("Confirmer le RDV"), appointment, act="confirm"),
        )
    raise WrongState(_("Ce RDV est terminé : demandez au bureau d'ajouter ou de corriger la ligne."))


def _refuse_use(appointment: Appointment, quantities: Mapping[int, Decimal], removed: Collection[int]) -> None:
    """Refuse to remove a line of the office, to give a text a quantity, or a line a negative one."""
    for line in appointment.lines.select_related("request_line"):
        if line.pk in removed and not line.on_site:
            raise BusinessError(
                _("« %s » est prévue par le bureau : elle ne se supprime pas d'ici. Rien n'a servi ? Mettez 0.") % line
            )
        quantity = quantities.get(line.pk)
        if quantity is not None and not line.terms.is_article:
            raise BusinessError(_("« %s » est un texte : il n'a pas de quantité. Laissez-le tel quel.") % line)
        if quantity is not None and line.is_deduction and quantity != line.quantity:
            raise BusinessError(
                _("« %s » est une remise : le bureau seul la change. Demandez-lui, ou laissez-la telle quelle.") % line
            )
        if quantity is not None and quantity < 0:
            raise BusinessError(_("« %s » : la quantité n'est pas négative. Mettez 0 si rien n'a servi.") % line)
