"""Intervention requests: made, saved, their lines and templates, copied, deleted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from interventions.choices import Granularity, InterventionState
from interventions.models import InterventionRequest, InterventionTemplate, RequestLine
from interventions.services.locks import lock_intervention, lock_interventions
from interventions.services.promises import check_promises
from invoicing.models import Company, Partner
from invoicing.services.catalogue import usual_terms
from invoicing.services.documents.deductions import parts_of, refuse_deductions
from invoicing.services.documents.lines import COPIED, Item, LineEdit, apply_edits, complete_line, remap_taxes
from invoicing.services.records.attachments import copy_attachments
from invoicing.services.records.history import record
from invoicing.services.records.saving import assign, describe_changes, set_many
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import columns_of, raise_version, save_changed
from openfire_billing.kernel.errors import BusinessError, Step, WrongState
from openfire_billing.kernel.formats import number_text


def propose_dates(granularity: str, from_on: date) -> date:
    """Return the last day, included, proposed for a date range that begins on `from_on`."""
    return from_on + timedelta(days=Granularity.days.get(granularity, 13))


def refusal_of_no_address(partner: Partner) -> BusinessError:
    """Return the refusal of a DI or an RDV of a customer without address."""
    return BusinessError(
        _("« %s » n'a pas d'adresse : ajoutez-la sur sa fiche, ou choisissez-en une.") % partner,
        field="address",
        documents=[partner],
        step=Step(_("Ajouter l'adresse"), partner),
        code="missing_field",
    )


def fill_defaults(intervention: InterventionRequest, *, by: By) -> None:
    """Fill what was left empty from the partner, the template and the task. Saves nothing.

    Raises BusinessError: no task, no type, a partner without address.
    """
    template, task = intervention.template, intervention.task if intervention.task_id else None
    if template is not None:
        task = task or template.task
        intervention.type_id = intervention.type_id or template.type_id  # type: ignore[assignment]  # checked below
        intervention.fiscal_position = intervention.fiscal_position or template.fiscal_position
        intervention.description = intervention.description or template.description
    partner = intervention.partner
    address = None if intervention.address_id else partner.default_address()
    faults = []
    if task is None:
        text = _("Choisissez une tâche, ou un modèle d'intervention qui en a une.")
        faults.append(BusinessError(text, field="task"))
    elif not (intervention.type_id or task.type_id):
        text = _("Choisissez un type : ni le modèle ni la tâche n'en apportent un.")
        faults.append(BusinessError(text, field="type"))
    if address is None and not intervention.address_id:
        faults.append(refusal_of_no_address(partner))
    if task is None or faults:
        raise BusinessError.all(faults)
    intervention.task = task
    intervention.type_id = intervention.type_id or task.type_id  # type: ignore[assignment]  # checked above
    if address is not None:
        intervention.address = address
    intervention.bill_to = intervention.bill_to or partner.bill_to
    intervention.fiscal_position = (
        intervention.fiscal_position or usual_terms(partner).fiscal_position or task.fiscal_position
    )
    intervention.duration = intervention.duration or task.duration
    intervention.to_on = intervention.to_on or propose_dates(task.granularity, intervention.from_on)
    intervention.user = intervention.user or by


def save_intervention(
    pk: int | None,
    values: Mapping[str, object],
    *,
    edits: Sequence[LineEdit] = (),
    seen: int | None = None,
    on: date,
    by: By,
) -> InterventionRequest:
    """Save a DI from its form, with its lines: a new one when `pk` is None, with the lines its task and template bring.

    `values`: {field: wanted value}; the columns it does not name are left as they are. A line billed in part keeps
    article, price, discount and tax; its quantity may rise, or fall to what is billed. Raises BusinessError,
    ValidationError (Django's) or StaleForm, and saves nothing.
    """
    with atomic():
        if pk is None:
            return _create(values, edits, on=on, by=by)
        intervention = lock_intervention(InterventionRequest(pk=pk), seen=seen)
        before = columns_of(intervention)
        many = assign(intervention, values)
        fill_defaults(intervention, by=by)
        intervention.full_clean(exclude=["company", "partner", "type", "task"])
        written = save_changed(intervention, before)
        changes = describe_changes(intervention, before, values) | set_many(intervention, many)
        lines = _write_lines(intervention, edits, on=on, by=by)
        if intervention.template and before["template_id"] != intervention.template_id:
            append_template(intervention, intervention.template, on=on, by=by)
        is_remapped = before["fiscal_position_id"] != intervention.fiscal_position_id
        if is_remapped:
            _remap(intervention, on=on)
        if lines or is_remapped:
            _refuse_too_deducted(intervention)
        if (changes or lines) and not written:
            raise_version(intervention)
        if changes:
            record(intervention, "changed", by=by, text=_("Fiche modifiée"), changes=changes)
    return intervention


def _create(values: Mapping[str, object], edits: Sequence[LineEdit], *, on: date, by: By) -> InterventionRequest:
    intervention = InterventionRequest()
    many = assign(intervention, values)
    fill_defaults(intervention, by=by)
    intervention.full_clean(exclude=["company", "partner", "type", "task"])
    intervention.save()
    set_many(intervention, many)
    record(intervention, "created", by=by, text=_("DI créée"))
    _write_lines(intervention, edits, on=on, by=by)
    if not edits and intervention.task.product:
        add_items(intervention, [Item(label="", product=intervention.task.product)], on=on)
    if intervention.template:
        append_template(intervention, intervention.template, on=on, by=by)
    if edits:
        _refuse_too_deducted(intervention)
    return intervention


def _refuse_too_deducted(intervention: InterventionRequest) -> None:
    """Raise BusinessError when the fixed deductions of a DI exceed what they reduce, covered lines left out."""
    rounding = intervention.company.rounding
    refuse_deductions(
        parts_of(intervention.lines.filter(covered=False).select_related("tax"), rounding),
        name=intervention if intervention.number else _("Cette DI"),  # a new one may be about to go
        rounding=rounding,
        currency=intervention.company.currency,
        step=Step(_("Corriger les lignes"), intervention, tab="billing") if intervention.number else None,
    )


def new_intervention(*, company: Company, by: By, **values: object) -> InterventionRequest:
    """Return an unsaved draft DI with its empty fields filled by `fill_defaults`, and validated. Company, partner,
    type, task and the table's constraints are not validated here. Raises BusinessError or ValidationError.
    """
    intervention = InterventionRequest(company=company, **values)
    fill_defaults(intervention, by=by)
    intervention.full_clean(exclude=["company", "partner", "type", "task"], validate_constraints=False)
    return intervention


def create_intervention(
    *, company: Company, items: Sequence[Item] = (), covered: bool = False, on: date, by: By, **values: object
) -> InterventionRequest:
    """Make a draft DI from values and items (`covered`: a contract bills them). Empty values are filled as on the page."""
    with atomic():
        intervention = new_intervention(company=company, by=by, **values)
        intervention.validate_constraints()
        intervention.save()
        if any(line.is_deduction for line in add_items(intervention, items, on=on, covered=covered)):
            _refuse_too_deducted(intervention)
        record(intervention, "created", by=by, text=_("DI créée"))
    return intervention


def add_items(
    intervention: InterventionRequest, items: Iterable[Item], *, on: date, covered: bool = False
) -> list[RequestLine]:
    """Append lines to a DI."""
    last = max((line.position for line in intervention.lines.all()), default=0)
    return RequestLine.objects.bulk_create(new_lines(intervention, items, after=last, on=on, covered=covered))


def new_lines(
    intervention: InterventionRequest, items: Iterable[Item], *, after: int = 0, on: date, covered: bool = False
) -> list[RequestLine]:
    """Return lines of a DI, completed and checked, not saved. `after`: the position of its last line."""
    made = []
    for position, item in enumerate(items, after + 1):
        line = RequestLine(
            intervention=intervention,
            position=position,
            covered=covered,
            **{name.removesuffix("_id"): getattr(item, name.removesuffix("_id")) for name in COPIED},
        )
        if line.product is not None and not item.label:
            line.unit_price = line.product.unit_price
        complete_line(line, position=intervention.fiscal_position, company=intervention.company, on=on)
        made.append(line)
    return made


def append_template(
    intervention: InterventionRequest, template: InterventionTemplate, *, on: date, by: By
) -> list[RequestLine]:
    """Append a template's billing lines to a DI."""
    lines = list(template.lines.select_related("product__tax", "tax", "unit"))
    made = add_items(
        intervention,
        [
            Item(**{name.removesuffix("_id"): getattr(line, name.removesuffix("_id")) for name in COPIED})
            for line in lines
        ],
        on=on,
    )
    if made:
        record(
            intervention,
            "template",
            by=by,
            text=_("%(count)s ligne(s) ajoutée(s) par le modèle « %(name)s »") % {"count": len(made), "name": template},
        )
    return made


_FIXED_ONCE_BILLED = ("product", "unit_price", "discount", "tax", "kind")


def _write_lines(intervention: InterventionRequest, edits: Sequence[LineEdit], *, on: date, by: By) -> bool:
    """Apply a form's edits to the lines of a locked DI. Return whether a line changed."""
    if not edits:
        return False
    lines = {
        line.pk: line for line in intervention.lines.left_to_bill(on).select_related("product__tax", "tax", "unit")
    }
    if any(edit.pk and edit.pk not in lines for edit in edits):
        raise BusinessError(_("Une ligne modifiée n'est plus sur cette DI. Rechargez la page."), code="stale")

    def save(line: RequestLine, before: RequestLine | None) -> None:
        if before is not None:
            _refuse_change(lines[line.pk], before)
        complete_line(line, position=intervention.fiscal_position, company=intervention.company, on=on)
        line.save()

    doomed, changes = apply_edits(lines, edits, new=lambda: RequestLine(intervention=intervention), save=save)
    for line in doomed:
        _refuse_deletion(line)
    try:
        RequestLine.objects.filter(pk__in=[line.pk for line in doomed]).delete()
    except ProtectedError as kept:
        raise BusinessError(
            _("« %s » est reprise sur un rendez-vous : mettez sa quantité à 0 plutôt que de la supprimer.")
            % " », « ".join(str(line) for line in doomed)
        ) from kept
    if changes:
        record(intervention, "edited", by=by, text=_("Lignes modifiées"), changes={"lines": changes})
    return bool(changes)


def _refuse_change(line: RequestLine, before: RequestLine) -> None:
    """Refuse a change of a covered, quoted or billed line. `line` has the wanted values and the annotations read under
    the lock.
    """
    if line.covered and any(getattr(line, n) != getattr(before, n) for n in ("quantity", "unit_price", "discount")):
        raise BusinessError(_("« %s » est couverte par le contrat : elle se change sur le contrat.") % line)
    if line.billed <= 0 and not line.is_quoted:
        return
    for name in _FIXED_ONCE_BILLED:
        if getattr(line, name) != getattr(before, name):
            raise BusinessError(
                _("« %(line)s » est %(why)s : article, prix, remise et TVA n'y changent plus. Ajoutez une autre ligne.")
                % {
                    "line": before,
                    "why": _("sur un devis en cours") if line.is_quoted else _("facturée, au moins en partie"),
                }
            )
    if line.quantity < line.billed:
        raise BusinessError(
            _("« %(line)s » : %(billed)s déjà facturé, la quantité ne descend pas en dessous.")
            % {"line": line, "billed": number_text(line.billed, 0)},
            code="already_billed",
        )


def _refuse_deletion(line: RequestLine) -> None:
    if line.claims.exists():
        raise BusinessError(
            _("« %s » est facturée : supprimez d'abord le brouillon de facture, ou faites un avoir.") % line,
            code="already_billed",
        )
    if line.quoted.exists():
        raise BusinessError(_("« %s » est sur un devis : mettez sa quantité à 0 plutôt que de la supprimer.") % line)


def _remap(intervention: InterventionRequest, *, on: date) -> None:
    """Give the lines not billed and not quoted the taxes of the new fiscal position."""
    free = [
        line
        for line in intervention.lines.left_to_bill(on).select_related("product__tax", "tax")
        if line.billed <= 0 and not line.is_quoted
    ]
    changed = remap_taxes(free, position=intervention.fiscal_position, on=on)
    RequestLine.objects.bulk_update(changed, ["tax", "tax_is_manual"])


_COPIED_FIELDS = (
    "company",
    "title",
    "priority",
    "type",
    "partner",
    "bill_to",
    "address",
    "task",
    "duration",
    "subcontractor",
    "equipment",
    "description",
    "fiscal_position",
)


def duplicate_intervention(intervention: InterventionRequest, *, on: date, by: By) -> InterventionRequest:
    """Make a draft copy that begins on `on`: same customer, work and lines; no number, no link, nothing billed."""
    with atomic():
        copy = InterventionRequest(
            **{name: getattr(intervention, name) for name in _COPIED_FIELDS},
            user=by,
            from_on=on,
            to_on=on + (intervention.to_on - intervention.from_on),
        )
        copy.save()
        copy.tags.set(intervention.tags.all())
        copy.technicians.set(intervention.technicians.all())
        RequestLine.objects.bulk_create(
            RequestLine(intervention=copy, position=line.position, **{name: getattr(line, name) for name in COPIED})
            for line in intervention.lines.filter(covered=False)
        )
        copy_attachments(intervention, copy, by=by)
        record(copy, "created", by=by, text=_("Copie de %s") % intervention)
    return copy


def delete_interventions(interventions: Iterable[InterventionRequest], *, by: By) -> int:
    """Delete DIs that are still drafts, with nothing quoted or billed. All or none."""
    interventions = list(interventions)
    with atomic():
        locked = lock_interventions(interventions, promises=True)
        check_promises(locked, "delete", by=by)
        for intervention in locked:
            if intervention.state != InterventionState.DRAFT or intervention.number:
                raise WrongState(
                    _(
                        "%(document)s est à l'état « %(state)s » : seule une DI en brouillon, jamais validée, se supprime. Archivez-la."
                    )
                    % {"document": intervention, "state": intervention.get_state_display()}
                )
            for line in intervention.lines.all():
                _refuse_deletion(line)
            record(intervention, "deleted", by=by, text=_("DI supprimée"))
        try:
            InterventionRequest.objects.filter(pk__in=[i.pk for i in locked]).delete()
        except ProtectedError as kept:
            raise BusinessError(_("Cette DI a un rendez-vous : supprimez-le d'abord, ou archivez la DI.")) from kept
    return len(locked)
