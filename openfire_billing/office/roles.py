"""The roles and what each may do, as groups in the reference data. A user may hold several."""

from collections.abc import Iterable

from django.contrib.auth.models import Group, Permission

TECHNICIAN = "Technicien"
PLANNER = "Planificateur"
BILLING = "Facturation"
ACCOUNTANT = "Comptable"
MANAGER = "Gestionnaire"

_VIEW = ("view",)
_EDIT = ("view", "add", "change")
_ALL = ("view", "add", "change", "delete")

_CATALOGUE = (
    "invoicing.unit invoicing.tax invoicing.fiscalposition invoicing.product invoicing.paymentterm invoicing.tag "
    "interventions.interventiontype interventions.task interventions.interventiontemplate interventions.sector "
    "interventions.sectorrange interventions.technician interventions.team"
).split()
_CUSTOMERS = "invoicing.partner invoicing.partnerterms invoicing.address interventions.installedproduct interventions.addresssector".split()
_WORK = (
    "interventions.interventionrequest interventions.requestline appointments.appointment "
    "appointments.appointmentline appointments.absence appointments.recurringabsence appointments.oncall "
    "appointments.workingweek appointments.workinghours appointments.dayhours appointments.closingday appointments.tour"
).split()
_QUOTES = "invoicing.quote invoicing.quoteline".split()
_INVOICES = "invoicing.invoice invoicing.invoiceline".split()
_CONTRACTS = (
    "contracts.contract contracts.contractline contracts.article contracts.contractexception contracts.billingrun"
).split()
_PURCHASES = "invoicing.purchaseorder invoicing.purchaseorderline".split()
_RECORDS = "invoicing.historyline invoicing.message".split()
_TEXTS = "invoicing.smstemplate invoicing.smsstop".split()
_ACCOUNTS = "invoicing.entry invoicing.payment invoicing.journal".split()


def _grants(models: Iterable[str], acts: Iterable[str]) -> set[str]:
    return {f"{app}.{act}_{name}" for app, name in (model.split(".") for model in models) for act in acts}


_PLANS = (
    {"invoicing.send_sms"}
    | _grants(_WORK, _ALL)
    | _grants(_CUSTOMERS, _EDIT)
    | _grants(["invoicing.attachment", *_PURCHASES], _ALL)
    | _grants([*_CATALOGUE, *_QUOTES, *_CONTRACTS, *_RECORDS, *_TEXTS], _VIEW)
)
_BILLS = (
    _PLANS
    | _grants([*_QUOTES, *_INVOICES, "invoicing.supplierbill"], _ALL)
    | _grants(_CONTRACTS, ("view", "change"))
    | _grants(["invoicing.payment"], _VIEW)
    | {"invoicing.bill", "contracts.bill_contract"}
)
_ACCOUNTS_FOR = (
    _BILLS
    | _grants(_ACCOUNTS, _VIEW)
    | _grants(["invoicing.payment"], ("view", "add"))
    | {"invoicing.post_invoice", "invoicing.export_accounts"}
)

# None = every permission there is.
ROLES: dict[str, set[str] | None] = {
    TECHNICIAN: set(),
    PLANNER: _PLANS,
    BILLING: _BILLS,
    ACCOUNTANT: _ACCOUNTS_FOR,
    MANAGER: None,
}
# Written by services only, whoever asks: no role adds, changes or deletes them by hand.
_NEVER_BY_HAND = {
    f"{act}_{name}"
    for act in ("add", "change", "delete")
    for name in (
        "historyline",
        "entry",
        "entryline",
        "invoicedocument",
        "allocation",
        "journalcounter",
        "counter",
        "idempotencykey",
    )
} | {
    "delete_payment",
    "change_payment",
    "add_smsstop",
    "change_smsstop",
    "add_message",
    "change_message",
    "delete_message",
}


def load_roles() -> None:
    """Make the groups and set their permissions, those of installed apps only. Safe to replay."""
    Group.objects.bulk_create((Group(name=name) for name in ROLES), ignore_conflicts=True)
    groups = {group.name: group.pk for group in Group.objects.filter(name__in=ROLES)}
    granted = Group.permissions.through.objects
    permissions = {
        f"{app}.{code}": pk
        for pk, app, code in Permission.objects.order_by().values_list("pk", "content_type__app_label", "codename")
        if code not in _NEVER_BY_HAND
    }
    wanted = {
        (groups[role], pk)
        for role, names in ROLES.items()
        for name, pk in permissions.items()
        if names is None or name in names
    }
    present = {
        (group, permission): pk
        for pk, group, permission in granted.filter(group__in=groups.values()).values_list("pk", "group", "permission")
    }
    granted.filter(pk__in=[pk for pair, pk in present.items() if pair not in wanted]).delete()
    granted.bulk_create(
        (Group.permissions.through(group_id=group, permission_id=pk) for group, pk in sorted(wanted - present.keys())),
        ignore_conflicts=True,
    )
