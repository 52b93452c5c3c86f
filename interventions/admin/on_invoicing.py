"""What interventions add to the pages of invoicing: where invoices and quotes come from."""

from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from interventions.choices import InterventionState
from interventions.models import InstalledProduct, InterventionRequest, PurchasedLine, QuotedLine, RequestLineClaim
from invoicing.models import Invoice, Partner, PurchaseOrder, PurchaseOrderLine, Quote, QuoteLine, SupplierBill
from invoicing.services.documents.suppliers import is_supplier_alone
from openfire_billing.web.contributions import FirstAct, OpenItems, SmartButton, TimelineKind, contribute
from openfire_billing.web.tags import stored_state

DI = "interventions.InterventionRequest"


def _dates_of(equipment: InstalledProduct) -> str:
    """Return since when an appliance is there, and until when it is under warranty."""
    since = equipment.installed_on and _("posé le %s") % date_format(equipment.installed_on, "d/m/Y")
    until = equipment.warranty_until and _("garanti jusqu'au %s") % date_format(equipment.warranty_until, "d/m/Y")
    return " · ".join(str(part) for part in (since, until) if part)


contribute(
    Invoice,
    smart_buttons=[SmartButton("interventions", _("DI"), "home_repair_service", DI, order=5)],
    origins={
        "interventions": lambda invoice: InterventionRequest.objects.filter(
            lines__claims__invoice_line__invoice=invoice
        ).values("pk"),
    },
)
contribute(
    Invoice,
    origins={
        "interventions": lambda invoice: InterventionRequest.objects.filter(
            lines__quoted__quote_line__claims__invoice_line__invoice=invoice
        ).values("pk"),
    },
)
contribute(
    Quote,
    smart_buttons=[SmartButton("interventions", _("DI"), "home_repair_service", DI, order=5)],
    origins={
        "interventions": lambda quote: QuotedLine.objects.filter(quote_line__quote=quote).values(
            "request_line__intervention"
        ),
    },
)
contribute(
    QuoteLine,
    origins={"line": lambda line: QuotedLine.objects.filter(quote_line=line).values("request_line")},
)
contribute(
    PurchaseOrderLine,
    origins={"line": lambda line: PurchasedLine.objects.filter(order_line=line).values("request_line")},
)
contribute(
    InterventionRequest,
    smart_buttons=[
        SmartButton("quotes", _("Ventes"), "request_quote", "invoicing.Quote", order=10),
        SmartButton("invoices", _("Factures"), "receipt_long", "invoicing.Invoice", order=20),
    ],
    origins={
        "quotes": lambda di: QuotedLine.objects.filter(request_line__intervention=di).values("quote_line__quote"),
        "invoices": lambda di: RequestLineClaim.objects.filter(request_line__intervention=di).values(
            "invoice_line__invoice"
        ),
    },
)
contribute(
    InterventionRequest,
    origins={
        "invoices": lambda di: QuotedLine.objects.filter(
            request_line__intervention=di, quote_line__claims__isnull=False
        ).values("quote_line__claims__invoice_line__invoice"),
    },
)

contribute(
    InterventionRequest,
    smart_buttons=[
        SmartButton("purchases", _("Achats"), "shopping_cart", "invoicing.PurchaseOrder", order=60),
        SmartButton("supplier_bills", _("Factures fourn."), "receipt", "invoicing.SupplierBill", order=70),
    ],
    origins={
        "purchases": lambda di: PurchasedLine.objects.filter(request_line__intervention=di).values("order_line__order"),
        "supplier_bills": lambda di: SupplierBill.objects.filter(
            order__lines__purchased__request_line__intervention=di
        ).values("pk"),
    },
)
contribute(
    PurchaseOrder,
    smart_buttons=[SmartButton("interventions", _("DI"), "home_repair_service", DI, order=5)],
    origins={
        "interventions": lambda order: PurchasedLine.objects.filter(order_line__order=order).values(
            "request_line__intervention"
        ),
    },
)

contribute(
    Partner,
    smart_buttons=[
        SmartButton("interventions", _("DI"), "home_repair_service", DI, order=10),
        SmartButton("equipment", _("Équipements"), "local_fire_department", "interventions.InstalledProduct", order=60),
    ],
    open_items=[
        OpenItems(
            _("DI en cours"),
            "home_repair_service",
            "interventions.view_interventionrequest",
            lambda ids, today: (
                InterventionRequest.objects.filter(Q(partner__in=ids) | Q(bill_to__in=ids))
                .exclude(state__in=[InterventionState.DONE, InterventionState.CANCELLED])
                .select_related("task")
                .order_by("from_on", "pk")
            ),
            ("partner_id", "bill_to_id"),
            lambda di: f"{di.get_state_display()} · {di.title or di.task} · {date_format(di.from_on, 'd/m/Y')}",
            order=10,
        ),
        OpenItems(
            _("Équipements"),
            "local_fire_department",
            "interventions.view_installedproduct",
            lambda ids, today: InstalledProduct.objects.filter(partner__in=ids, is_active=True).order_by("name", "pk"),
            ("partner_id",),
            _dates_of,
            most=6,
            order=50,
            is_searched=False,
        ),
    ],
    timeline=[
        TimelineKind(
            "interventions",
            _("DI"),
            "home_repair_service",
            "interventions.view_interventionrequest",
            lambda partner, user: (
                InterventionRequest.objects.filter(Q(partner=partner) | Q(bill_to=partner))
                .with_lines()
                .select_related("task")
            ),
            F("from_on"),
            say=lambda di: di.title or str(di.task),
            amount=lambda di: di.totals.gross or None,
            state=stored_state,
            order=10,
        )
    ],
    first_acts=[
        FirstAct(
            _("Nouvelle DI"),
            "add",
            "admin:interventions_interventionrequest_add",
            "interventions.add_interventionrequest",
            is_offered=lambda partner: not is_supplier_alone(partner),
        )
    ],
    origins={
        "interventions": lambda partner: InterventionRequest.objects.filter(
            Q(partner=partner) | Q(bill_to=partner)
        ).values("pk"),
        "equipment": lambda partner: InstalledProduct.objects.filter(partner=partner).values("pk"),
    },
)
