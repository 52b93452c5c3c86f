"""The RDVs, orders and supplier bills of a contract's DIs."""

from django.utils.translation import gettext_lazy as _

from appointments.models import Appointment
from contracts.models import Contract
from interventions.models import PurchasedLine
from invoicing.models import SupplierBill
from openfire_billing.web.contributions import SmartButton, contribute

contribute(
    Contract,
    smart_buttons=[
        SmartButton(
            "appointments",
            _("RDVs"),
            "event",
            "appointments.Appointment",
            order=30,
            permission="appointments.view_appointment",
        ),
        SmartButton(
            "purchases",
            _("Commandes fourn."),
            "shopping_cart",
            "invoicing.PurchaseOrder",
            order=40,
            permission="invoicing.view_purchaseorder",
        ),
        SmartButton("supplier_bills", _("Factures fourn."), "receipt", "invoicing.SupplierBill", order=50),
    ],
    origins={
        "appointments": lambda contract: Appointment.objects.filter(
            intervention__contract_request__line__contract=contract
        ).values("pk"),
        "purchases": lambda contract: PurchasedLine.objects.filter(
            request_line__intervention__contract_request__line__contract=contract
        ).values("order_line__order"),
        "supplier_bills": lambda contract: SupplierBill.objects.filter(
            order__lines__purchased__request_line__intervention__contract_request__line__contract=contract
        ).values("pk"),
    },
)
