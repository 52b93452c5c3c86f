"""From a DI to purchase orders: one for each supplier; each line left out has its reason."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext_lazy as _

from interventions.models import InterventionRequest, PurchasedLine, RequestLine
from interventions.services.locks import lock_intervention
from interventions.services.states import validation_of
from invoicing.choices import OrderState, ProductKind
from invoicing.models import Partner, PurchaseOrder
from invoicing.services.documents.lines import Item
from invoicing.services.documents.purchases import draft_order
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError, WrongState


@dataclass(frozen=True)
class Purchases:
    """The orders made from a DI, and (line, reason) of each line left out."""

    orders: list[PurchaseOrder] = field(default_factory=list)
    skipped: list[tuple[RequestLine, str]] = field(default_factory=list)

    @property
    def note(self) -> str:
        """The lines left out, in one sentence."""
        return " ".join(str(_("« %(line)s » : %(why)s.") % {"line": line, "why": why}) for line, why in self.skipped)


def order_supplies(intervention: InterventionRequest, *, seen: int | None = None, on: date, by: By) -> Purchases:
    """Draft orders for a DI's articles (from their supplier) and services (from its subcontractor).

    Raises WrongState (not validated), BusinessError when nothing is to be ordered, saying why for each line.
    """
    with atomic():
        intervention = lock_intervention(intervention, seen=seen)
        if not intervention.is_validated:
            raise WrongState(
                _("%(di)s est à l'état « %(state)s » : validez-la avant de commander.")
                % {"di": intervention, "state": intervention.get_state_display()},
                step=validation_of(intervention),
            )
        wanted: dict[Partner, list[RequestLine]] = defaultdict(list)
        skipped: list[tuple[RequestLine, str]] = []
        # a line with a negative price is a deduction for the customer: nothing to buy
        lines = intervention.lines.filter(kind="article", quantity__gt=0, unit_price__gte=0).select_related(
            "product__supplier", "product__tax", "tax", "unit"
        )
        ordered = set(
            PurchasedLine.objects.filter(request_line__in=lines)
            .exclude(order_line__order__state=OrderState.CANCELLED)
            .values_list("request_line", flat=True)
        )
        for line in lines:
            supplier = _supplier_of(line, intervention)
            why = _why_not(line, supplier, intervention, ordered)
            if why or supplier is None:
                skipped.append((line, why))
            else:
                wanted[supplier].append(line)
        made = Purchases([_order(intervention, s, found, on=on, by=by) for s, found in wanted.items()], skipped)
        if not made.orders:
            raise BusinessError(
                _("%(di)s : rien à commander. %(why)s") % {"di": intervention, "why": made.note}
                if skipped
                else _("%s : aucune ligne d'article. Ajoutez-en une dans l'onglet Facturation.") % intervention
            )
        numbers = ", ".join(order.number for order in made.orders)
        record(intervention, "purchased", by=by, text=_("Commandes fournisseurs : %s") % numbers)
    return made


def _supplier_of(line: RequestLine, intervention: InterventionRequest) -> Partner | None:
    """Return the article's supplier; for a service, the DI's subcontractor."""
    product = line.product
    if product is not None and product.supplier is not None:
        return product.supplier
    if product is None or product.kind == ProductKind.SERVICE:
        return intervention.subcontractor
    return None


def _why_not(line: RequestLine, supplier: Partner | None, intervention: InterventionRequest, ordered: set[int]) -> str:
    if line.pk in ordered:
        return str(_("déjà commandé"))
    if supplier is None:
        return str(_("pas de fournisseur (fiche de l'article, ou prestataire de la DI)"))
    if supplier.siren and supplier.siren == intervention.company.siren:
        return str(_("notre propre société"))
    return ""


def _order(
    intervention: InterventionRequest, supplier: Partner, lines: list[RequestLine], *, on: date, by: By
) -> PurchaseOrder:
    draft = draft_order(
        company=intervention.company,
        supplier=supplier,
        items=[
            Item(
                product=line.product,
                label=line.label,
                quantity=line.quantity,
                unit=line.unit,
                unit_price=line.product.purchase_price if line.product else line.unit_price,
                tax=line.product.tax.on(on) if line.product else line.tax,
            )
            for line in lines
        ],
        on=on,
        by=by,
        origin=str(intervention),
        deliver_to=intervention.address,
    )
    PurchasedLine.objects.bulk_create(
        PurchasedLine(order_line=made, request_line=line) for made, line in zip(draft.lines, lines, strict=True)
    )
    return draft.order
