"""Templates of interventions: their header and the billing lines they bring."""

from collections.abc import Mapping, Sequence
from datetime import date

from django.utils.translation import gettext_lazy as _

from interventions.models import InterventionTemplate, TemplateLine
from invoicing.models import Company
from invoicing.services.documents.lines import LineEdit, apply_edits, complete_line
from invoicing.services.records.history import record
from invoicing.services.records.saving import save_record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.db.versions import raise_version
from openfire_billing.kernel.errors import BusinessError


def save_template(
    template: InterventionTemplate,
    values: Mapping[str, object],
    *,
    edits: Sequence[LineEdit],
    usual_company: Company | None,
    seen: int | None = None,
    on: date,
    by: By,
) -> InterventionTemplate:
    """Save a template with its lines. `usual_company`: whose taxes its lines have when it is shared by all companies.

    Raises BusinessError, ValidationError (Django's) or StaleForm, and saves nothing.
    """
    with atomic():
        is_new = template.pk is None
        before = None if is_new else template.version
        template = save_record(template, values=values, seen=seen, by=by)
        company = template.company or usual_company
        lines = {line.pk: line for line in template.lines.select_related("product__tax", "tax", "unit")}
        if any(edit.pk and edit.pk not in lines for edit in edits):
            raise BusinessError(_("Une ligne modifiée n'est plus sur ce modèle. Rechargez la page."))

        def save(line: TemplateLine, _before: TemplateLine | None) -> None:
            assert company is not None
            complete_line(line, position=template.fiscal_position, company=company, on=on)
            line.save()

        doomed, changes = apply_edits(lines, edits, new=lambda: TemplateLine(template=template), save=save)
        TemplateLine.objects.filter(pk__in=[line.pk for line in doomed]).delete()
        if changes and not is_new:
            if template.version == before:
                raise_version(template)
            record(template, "edited", by=by, text=_("Lignes modifiées"), changes={"lines": changes})
    return template
