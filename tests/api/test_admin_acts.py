"""Whatever the Action menus offer, a program may do too: each act of the admin has its address, named here by hand."""

from django.contrib import admin
from django.urls import get_resolver

from tests.api.test_roles import every_address

# act of the admin → what the API offers for it
SAME: dict[str, str] = {
    "invoicing.invoice message": "post invoices/{id}/send/",
    "invoicing.invoice valider": "post invoices/{id}/post/",
    "invoicing.invoice encaisser": "post invoices/{id}/pay/",
    "invoicing.invoice rembourser": "post invoices/{id}/refund/",
    "invoicing.invoice imputer": "post invoices/{id}/allocate/",
    "invoicing.invoice taxes": "post invoices/{id}/update-taxes/",
    "invoicing.invoice avoir": "post invoices/{id}/credit/",
    "invoicing.invoice annuler": "post invoices/{id}/cancel/",
    "invoicing.invoice supprimer": "delete invoices/{id}/",
    "invoicing.invoice publier": "post invoices/{id}/publish/",
    "invoicing.payment affecter": "post payments/{id}/allocate/",
    "invoicing.payment rembourser": "post payments/{id}/refund/",
    "invoicing.payment rejeter": "post payments/{id}/reject/",
    "invoicing.purchaseorder envoyer": "post purchase-orders/{id}/send/",
    "invoicing.purchaseorder confirmer": "post purchase-orders/{id}/confirm/",
    "invoicing.purchaseorder recevoir": "post purchase-orders/{id}/receive/",
    "invoicing.purchaseorder facture": "post purchase-orders/{id}/bill/",
    "invoicing.purchaseorder brouillon": "post purchase-orders/{id}/reset/",
    "invoicing.purchaseorder annuler": "post purchase-orders/{id}/cancel/",
    "invoicing.purchaseorder supprimer": "delete purchase-orders/{id}/",
    "invoicing.supplierbill verifier": "post supplier-bills/{id}/check/",
    "invoicing.supplierbill payer": "post supplier-bills/{id}/pay/",
    "invoicing.supplierbill reprendre": "post supplier-bills/{id}/reset/",
    "invoicing.supplierbill annuler": "post supplier-bills/{id}/cancel/",
    "invoicing.quote message": "post quotes/{id}/mail/",
    "invoicing.quote envoyer": "post quotes/{id}/send/",
    "invoicing.quote accepter": "post quotes/{id}/accept/",
    "invoicing.quote facturer": "post quotes/{id}/invoice/",
    "invoicing.quote prolonger": "post quotes/{id}/prolong/",
    "invoicing.quote brouillon": "post quotes/{id}/reset/",
    "invoicing.quote dupliquer": "post quotes/{id}/duplicate/",
    "invoicing.quote refuser": "post quotes/{id}/refuse/",
    "invoicing.quote solder": "post quotes/{id}/settle/",
    "invoicing.quote annuler": "post quotes/{id}/cancel/",
    "invoicing.quote supprimer": "delete quotes/{id}/",
    "invoicing.quote publier": "post quotes/{id}/publish/",
    "invoicing.partner fusionner": "post partners/{id}/merge/",
    "invoicing.message renvoyer": "post messages/{id}/resend/",
    "interventions.interventionrequest valider": "post interventions/{id}/validate/",
    "interventions.interventionrequest devis": "post interventions/{id}/quote/",
    "interventions.interventionrequest facturer": "post interventions/{id}/invoice/",
    "interventions.interventionrequest facturer-plusieurs": "post interventions/invoice/",
    "interventions.interventionrequest commander": "post interventions/{id}/purchase/",
    "interventions.interventionrequest terminer": "post interventions/{id}/finish/",
    "interventions.interventionrequest message": "post interventions/{id}/mail/",
    "interventions.interventionrequest dupliquer": "post interventions/{id}/duplicate/",
    "interventions.interventionrequest brouillon": "post interventions/{id}/reset/",
    "interventions.interventionrequest archiver": "post interventions/{id}/archive/",
    "interventions.interventionrequest activer": "post interventions/{id}/restore/",
    "interventions.interventionrequest annuler": "post interventions/{id}/cancel/",
    "interventions.interventionrequest supprimer": "delete interventions/{id}/",
    "interventions.interventionrequest rdv": "post interventions/{id}/appointment/",
    "interventions.interventionrequest placer": "post interventions/{id}/appointment/",  # without a moment
    "interventions.interventionrequest publier": "post interventions/{id}/publish/",
    "appointments.appointment message": "post appointments/{id}/mail/",
    "appointments.appointment confirmer": "post appointments/{id}/confirm/",
    "appointments.appointment realiser": "post appointments/{id}/done/",
    "appointments.appointment inacheve": "post appointments/{id}/unfinished/",
    "appointments.appointment facturer": "post appointments/{id}/invoice/",
    "appointments.appointment facturer-plusieurs": "post appointments/invoice/",
    "appointments.appointment dupliquer": "post appointments/{id}/duplicate/",
    "appointments.appointment suivant": "post appointments/",
    "appointments.appointment brouillon": "post appointments/{id}/reset/",
    "appointments.appointment reporter": "post appointments/{id}/postpone/",
    "appointments.appointment annuler": "post appointments/{id}/cancel/",
    "appointments.appointment supprimer": "delete appointments/{id}/",
    "appointments.appointment publier": "post appointments/{id}/publish/",
    "contracts.contract activer": "post contracts/{id}/activate/",
    "contracts.contract facturer": "post contracts/{id}/bill/",
    "contracts.contract planifier": "post contracts/{id}/plan-visits/",
    "contracts.contract ne-pas-facturer": "post contracts/{id}/waive/",
    "contracts.contract remettre-a-facturer": "post contracts/{id}/take-back/",
    "contracts.contract archiver": "post contracts/{id}/archive/",
    "contracts.contract reactiver": "post contracts/{id}/restore/",
    "contracts.contract brouillon": "post contracts/{id}/reset/",
    "contracts.contract resilier": "post contracts/{id}/terminate/",
    "contracts.contract annuler": "post contracts/{id}/cancel/",
    "contracts.contract supprimer": "delete contracts/{id}/",
    "contracts.contractline valider": "post contract-lines/{id}/activate/",
    "contracts.contractline sav": "post contract-lines/{id}/call-out/",
    "contracts.contractline prix-date": "post contract-lines/{id}/price/",
    "contracts.contractline brouillon": "post contract-lines/{id}/reset/",
    "contracts.contractline annuler": "post contract-lines/{id}/cancel/",
}
AT_THE_OFFICE_ONLY = {"auth.user inviter"}  # accounts and settings are no business of other programs


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
