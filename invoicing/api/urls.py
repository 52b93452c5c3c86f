"""Addresses of invoicing under /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from invoicing.api import catalogue, parties, records
from invoicing.api.invoices import InvoiceView
from invoicing.api.login import LoginView, LogoutView
from invoicing.api.payments import PaymentView
from invoicing.api.purchases import PurchaseOrderView, SupplierBillView
from invoicing.api.quotes import QuoteView
from invoicing.api.texts import SmsTemplateView
from invoicing.api.webhooks import DeliveryView, WebhookView

router = SimpleRouter()
router.register("partners", parties.PartnerView)
router.register("addresses", parties.AddressView)
router.register("tags", parties.TagView)
router.register("products", catalogue.ProductView)
router.register("units", catalogue.UnitView)
router.register("taxes", catalogue.TaxView)
router.register("fiscal-positions", catalogue.FiscalPositionView)
router.register("payment-terms", catalogue.PaymentTermView)
router.register("quotes", QuoteView)
router.register("invoices", InvoiceView)
router.register("payments", PaymentView)
router.register("messages", records.MessageView)
router.register("sms-templates", SmsTemplateView)
router.register("purchase-orders", PurchaseOrderView)
router.register("supplier-bills", SupplierBillView)
router.register("webhooks", WebhookView)
router.register("webhook-deliveries", DeliveryView)

urlpatterns = [
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    *router.urls,
]
