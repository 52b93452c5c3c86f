"""The sidebar: the lists of each role, in the order of the daily work. A user sees only what he may open."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy

_MENU: list[tuple[str, list[tuple[str, str, str]]]] = [
    (
        "Interventions",
        [
            ("Demandes d'intervention", "home_repair_service", "interventions.interventionrequest"),
            ("Rendez-vous", "event", "appointments.appointment"),
            ("Parc installé", "local_fire_department", "interventions.installedproduct"),
        ],
    ),
    (
        "Ventes",
        [
            ("Devis", "request_quote", "invoicing.quote"),
            ("Factures", "receipt_long", "invoicing.invoice"),
            ("Paiements", "payments", "invoicing.payment"),
            ("Commandes fournisseurs", "shopping_cart", "invoicing.purchaseorder"),
            ("Factures fournisseurs", "receipt", "invoicing.supplierbill"),
            ("Contrats", "contract", "contracts.contract"),
            ("Passages de facturation", "autorenew", "contracts.billingrun"),
        ],
    ),
    (
        "Répertoire",
        [
            ("Clients", "group", "invoicing.partner"),
            ("Adresses", "location_on", "invoicing.address"),
            ("Articles", "inventory_2", "invoicing.product"),
            ("Modèles d'intervention", "assignment", "interventions.interventiontemplate"),
            ("Tâches", "checklist", "interventions.task"),
            ("Intervenants", "engineering", "interventions.technician"),
            ("Messages", "outgoing_mail", "invoicing.message"),
            ("Modèles de SMS", "sms", "invoicing.smstemplate"),
        ],
    ),
    (
        "Réglages",
        [
            ("Sociétés", "domain", "invoicing.company"),
            ("Utilisateurs", "person", "auth.user"),
            ("Rôles", "shield_person", "auth.group"),
            ("Programmes", "key", "invoicing.serviceaccount"),
            ("Webhooks", "webhook", "invoicing.webhookendpoint"),
            ("Refus de SMS", "do_not_disturb_on", "invoicing.smsstop"),
            ("Taxes", "percent", "invoicing.tax"),
            ("Positions fiscales", "gavel", "invoicing.fiscalposition"),
            ("Conditions de règlement", "schedule", "invoicing.paymentterm"),
            ("Journaux", "menu_book", "invoicing.journal"),
            ("Écritures", "account_balance", "invoicing.entry"),
            ("Horaires de travail", "work_history", "appointments.workingweek"),
            ("Horaires d'un jour", "today", "appointments.dayhours"),
            ("Absences", "event_busy", "appointments.absence"),
            ("Absences récurrentes", "event_repeat", "appointments.recurringabsence"),
            ("Astreintes", "call", "appointments.oncall"),
            ("Jours de fermeture", "door_front", "appointments.closingday"),
            ("Types d'intervention", "category", "interventions.interventiontype"),
            ("Équipes", "groups", "interventions.team"),
            ("Secteurs", "map", "interventions.sector"),
            ("Étiquettes", "sell", "invoicing.tag"),
            ("Unités", "straighten", "invoicing.unit"),
            ("Tâches automatiques", "alarm", "django_celery_beat.periodictask"),
        ],
    ),
]
# Settings one may read but not change are left out of the sidebar.
_SETTINGS = "Réglages"
# Records without a list in the sidebar, by the list that they are a part of.
_PARTS = {"contracts.contract": "contracts.contractline"}
_PLANNING = {"title": "Planning", "icon": "calendar_view_week", "link": reverse_lazy("planning:board")}
_IMPORT = {"title": "Importer", "icon": "upload_file", "link": reverse_lazy("import_pages")}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of the sidebar for this user."""
    user = request.user
    groups: list[dict[str, Any]] = []
    for title, entries in _MENU:
        act = "change" if title == _SETTINGS else "view"
        items = [
            {"title": label, "icon": icon, "link": _list_url(name), **_marked(request, name)}
            for label, icon, name in entries
            if _is_installed(name) and _may(user, act, name)
        ]
        if not groups and user.has_perm("appointments.view_appointment"):
            items.insert(0, _PLANNING)
        if items:
            groups.append({"title": title, "separator": True, "collapsible": title == _SETTINGS, "items": items})
    if user.has_perm("invoicing.add_partner"):
        groups.append({"title": "Échanges", "separator": True, "items": [_IMPORT]})
    return groups


def _list_url(name: str) -> str:
    return reverse(f"admin:{name.replace('.', '_')}_changelist")


def _marked(request: HttpRequest, name: str) -> dict[str, bool]:
    """Mark a list as the one where the user is on the page of a part of its records. The theme marks the others."""
    part = _PARTS.get(name)
    return {"active": True} if part and _is_installed(part) and request.path.startswith(_list_url(part)) else {}


def lists_of(request: HttpRequest) -> list[Any]:
    """Return the models whose lists stand in the sidebar of this user, in its order."""
    names = [name for title, entries in _MENU for _label, _icon, name in entries if title != _SETTINGS]
    return [apps.get_model(name) for name in names if _is_installed(name) and _may(request.user, "view", name)]


def _may(user: Any, act: str, name: str) -> bool:
    app, model = name.split(".")
    return user.has_perm(f"{app}.{act}_{model}") or (
        name == "invoicing.entry" and user.has_perm("invoicing.view_entry")
    )


def _is_installed(name: str) -> bool:
    try:
        return admin.site.is_registered(apps.get_model(name))
    except LookupError:
        return False
