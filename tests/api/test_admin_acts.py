"""Whatever the Action menus offer, a program may do too: each act of the admin has its address, named here by hand."""

from django.contrib import admin
from django.urls import get_resolver

from tests.api.test_roles import every_address

# act of the admin → what the API offers for it
SAME: dict[str, str] = {
    "invoicing.invoice message": "post invoices/{id}/send/",
    "invoicing.invoice post": "post invoices/{id}/post/",
    "invoicing.invoice pay": "post invoices/{id}/pay/",
    "invoicing.invoice refund": "post invoices/{id}/refund/",
    "invoicing.invoice allocate": "post invoices/{id}/allocate/",
    "invoicing.invoice taxes": "post invoices/{id}/update-taxes/",
    "invoicing.invoice credit": "post invoices/{id}/credit/",
    "invoicing.invoice cancel": "post invoices/{id}/cancel/",
    "invoicing.invoice delete": "delete invoices/{id}/",
    "invoicing.invoice publish": "post invoices/{id}/publish/",
    "invoicing.payment allocate": "post payments/{id}/allocate/",
    "invoicing.payment refund": "post payments/{id}/refund/",
    "invoicing.payment reject": "post payments/{id}/reject/",
    "invoicing.purchaseorder message": "post purchase-orders/{id}/mail/",
    "invoicing.purchaseorder send": "post purchase-orders/{id}/send/",
    "invoicing.purchaseorder confirm": "post purchase-orders/{id}/confirm/",
    "invoicing.purchaseorder receive": "post purchase-orders/{id}/receive/",
    "invoicing.purchaseorder bill": "post purchase-orders/{id}/bill/",
    "invoicing.purchaseorder reset": "post purchase-orders/{id}/reset/",
    "invoicing.purchaseorder cancel": "post purchase-orders/{id}/cancel/",
    "invoicing.purchaseorder delete": "delete purchase-orders/{id}/",
    "invoicing.supplierbill check": "post supplier-bills/{id}/check/",
    "invoicing.supplierbill pay": "post supplier-bills/{id}/pay/",
    "invoicing.supplierbill reset": "post supplier-bills/{id}/reset/",
    "invoicing.supplierbill cancel": "post supplier-bills/{id}/cancel/",
    "invoicing.quote message": "post quotes/{id}/mail/",
    "invoicing.quote send": "post quotes/{id}/send/",
    "invoicing.quote accept": "post quotes/{id}/accept/",
    "invoicing.quote invoice": "post quotes/{id}/invoice/",
    "invoicing.quote prolong": "post quotes/{id}/prolong/",
    "invoicing.quote reset": "post quotes/{id}/reset/",
    "invoicing.quote duplicate": "post quotes/{id}/duplicate/",
    "invoicing.quote refuse": "post quotes/{id}/refuse/",
    "invoicing.quote settle": "post quotes/{id}/settle/",
    "invoicing.quote cancel": "post quotes/{id}/cancel/",
    "invoicing.quote delete": "delete quotes/{id}/",
    "invoicing.quote publish": "post quotes/{id}/publish/",
    "invoicing.partner merge": "post partners/{id}/merge/",
    "invoicing.partner sms": "post partners/{id}/sms/",
    "invoicing.invoice sms": "post invoices/{id}/sms/",
    "invoicing.quote sms": "post quotes/{id}/sms/",
    "interventions.interventionrequest sms": "post interventions/{id}/sms/",
    "appointments.appointment sms": "post appointments/{id}/sms/",
    "invoicing.message resend": "post messages/{id}/resend/",
    "interventions.interventionrequest validate": "post interventions/{id}/validate/",
    "interventions.interventionrequest quote": "post interventions/{id}/quote/",
    "interventions.interventionrequest invoice": "post interventions/{id}/invoice/",
    "interventions.interventionrequest invoice-many": "post interventions/invoice/",
    "interventions.interventionrequest purchase": "post interventions/{id}/purchase/",
    "interventions.interventionrequest finish": "post interventions/{id}/finish/",
    "interventions.interventionrequest message": "post interventions/{id}/mail/",
    "interventions.interventionrequest duplicate": "post interventions/{id}/duplicate/",
    "interventions.interventionrequest reset": "post interventions/{id}/reset/",
    "interventions.interventionrequest archive": "post interventions/{id}/archive/",
    "interventions.interventionrequest restore": "post interventions/{id}/restore/",
    "interventions.interventionrequest cancel": "post interventions/{id}/cancel/",
    "interventions.interventionrequest delete": "delete interventions/{id}/",
    "interventions.interventionrequest appointment": "post interventions/{id}/appointment/",
    "interventions.interventionrequest place": "post interventions/{id}/appointment/",  # without a moment
    "interventions.interventionrequest publish": "post interventions/{id}/publish/",
    "interventions.interventionrequest find": "get slots/",
    "appointments.absence absent": "post absences/",
    "appointments.appointment fill": "get slots/",
    "appointments.appointment place": "post interventions/{id}/appointment/",
    "appointments.appointment move": "post appointments/{id}/move/",
    "appointments.appointment sectors": "post tours/",
    "appointments.appointment message": "post appointments/{id}/mail/",
    "appointments.appointment confirm": "post appointments/{id}/confirm/",
    "appointments.appointment done": "post appointments/{id}/done/",
    "appointments.appointment unfinished": "post appointments/{id}/unfinished/",
    "appointments.appointment invoice": "post appointments/{id}/invoice/",
    "appointments.appointment invoice-many": "post appointments/invoice/",
    "appointments.appointment duplicate": "post appointments/{id}/duplicate/",
    "appointments.appointment next": "post appointments/",
    "appointments.appointment reset": "post appointments/{id}/reset/",
    "appointments.appointment postpone": "post appointments/{id}/postpone/",
    "appointments.appointment cancel": "post appointments/{id}/cancel/",
    "appointments.appointment delete": "delete appointments/{id}/",
    "appointments.appointment publish": "post appointments/{id}/publish/",
    "contracts.contract activate": "post contracts/{id}/activate/",
    "contracts.contract bill": "post contracts/{id}/bill/",
    "contracts.contract plan-visits": "post contracts/{id}/plan-visits/",
    "contracts.contract waive": "post contracts/{id}/waive/",
    "contracts.contract take-back": "post contracts/{id}/take-back/",
    "contracts.contract archive": "post contracts/{id}/archive/",
    "contracts.contract restore": "post contracts/{id}/restore/",
    "contracts.contract reset": "post contracts/{id}/reset/",
    "contracts.contract terminate": "post contracts/{id}/terminate/",
    "contracts.contract cancel": "post contracts/{id}/cancel/",
    "contracts.contract delete": "delete contracts/{id}/",
    "contracts.contractline activate": "post contract-lines/{id}/activate/",
    "contracts.contractline call-out": "post contract-lines/{id}/call-out/",
    "contracts.contractline price": "post contract-lines/{id}/price/",
    "contracts.contractline reset": "post contract-lines/{id}/reset/",
    "contracts.contractline cancel": "post contract-lines/{id}/cancel/",
    "invoicing.webhookendpoint resume": "post webhooks/{id}/resume/",
    "invoicing.webhookendpoint renew-secret": "post webhooks/{id}/renew-secret/",
    "invoicing.webhookendpoint stop": "post webhooks/{id}/stop/",
    "invoicing.webhookendpoint delete": "delete webhooks/{id}/",
    "invoicing.webhookdelivery replay": "post webhook-deliveries/{id}/replay/",
}
AT_THE_OFFICE_ONLY = {
    "auth.user invite",
    "auth.user end-sessions",
    "auth.user remove-second-factor",
    "invoicing.serviceaccount new-key",
    "invoicing.serviceaccount revoke-key",
    "invoicing.serviceaccount close",
    "invoicing.serviceaccount open",
    "invoicing.smsstop lift",
}  # accounts and settings are no business of other programs


def test_every_act_of_the_admin_is_in_the_api() -> None:
    assert get_resolver().url_patterns  # reading the addresses loads what contributes acts
    offered = {
        f"{model._meta.label_lower} {action.name}"
        for model, page in admin.site._registry.items()
        if hasattr(page, "all_actions")
        for action in page.all_actions()
    }

    assert offered - AT_THE_OFFICE_ONLY == set(SAME)
    assert set(SAME.values()) <= every_address()
