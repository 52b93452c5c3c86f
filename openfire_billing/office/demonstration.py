"""The demonstration company: a fictional stove fitter near Rennes, with its customers and interventions.

Deterministic: the same day gives the same company. All names, numbers and addresses are invented; the telephone
numbers are of the ranges kept for fiction.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from appointments.models import Appointment
from appointments.querysets import day_bounds
from appointments.services.appointments import confirm_appointment, finish_appointment, leave_unfinished
from appointments.services.calendars import calendars_of
from appointments.services.planning import plan_interventions
from interventions.models import (
    InstalledProduct,
    InterventionRequest,
    InterventionTemplate,
    InterventionType,
    Sector,
    Task,
    Technician,
    TemplateLine,
)
from interventions.services.billing import quote_intervention
from interventions.services.requests import (
    append_template,
    cancel_intervention,
    create_intervention,
    finish_intervention,
    validate_intervention,
)
from invoicing.choices import PartnerKind, ProductKind
from invoicing.models import (
    Address,
    Company,
    CompanyAccess,
    FiscalPosition,
    Partner,
    PartnerTerms,
    PaymentTerm,
    Product,
    Quote,
    Tag,
    Tax,
    Unit,
)
from invoicing.services.documents.lines import Item
from invoicing.services.documents.quotes import accept_quote, send_quote
from openfire_billing.office.demonstration_contracts import load_contracts_of_demonstration
from openfire_billing.office.reference import GOODS_20, WORKS_20, load_reference_data
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER, TECHNICIAN

COMPANY = "Flammes d'Armor"
PASSWORD = "demo"
USERS = [
    ("gestion", "Gaëlle", "Le Goff", MANAGER),
    ("compta", "Corentin", "Tanguy", ACCOUNTANT),
    ("factu", "Fanny", "Morvan", BILLING),
    ("planning", "Paol", "Kerviel", PLANNER),
    ("tech", "Tugdual", "Rivoal", TECHNICIAN),
]
PRODUCTS = [
    ("ram_pose", "Forfait Pose", ProductKind.SERVICE, "C62", "175.00", WORKS_20, "706000"),
    ("ram_granules", "Ramonage poêle à granulés", ProductKind.SERVICE, "C62", "145.00", WORKS_20, "706000"),
    ("ram_buches", "Ramonage poêle à bûches", ProductKind.SERVICE, "C62", "95.00", WORKS_20, "706000"),
    ("ent_chaudiere", "Entretien chaudière", ProductKind.SERVICE, "C62", "185.00", WORKS_20, "706000"),
    ("mo_depannage", "Main-d'œuvre dépannage", ProductKind.SERVICE, "HUR", "62.50", WORKS_20, "706000"),
    ("deplacement", "Déplacement", ProductKind.SERVICE, "C62", "38.00", WORKS_20, "706100"),
    ("poele_armor9", "Poêle à granulés Armor 9 kW", ProductKind.GOODS, "C62", "3290.00", WORKS_20, "707000"),
    ("conduit_80", "Conduit inox diamètre 80, le mètre", ProductKind.GOODS, "MTR", "48.90", WORKS_20, "707000"),
    ("joint_porte", "Joint de porte", ProductKind.GOODS, "MTR", "12.4500", WORKS_20, "707000"),
    ("bougie", "Bougie d'allumage", ProductKind.GOODS, "C62", "64.00", WORKS_20, "707000"),
    ("granules_15", "Granulés, sac de 15 kg", ProductKind.GOODS, "C62", "6.90", GOODS_20, "707100"),
]
TECHNICIANS = ("Tugdual Rivoal", "Maëva Quéré", "Loeiz Prigent")
SUPPLIERS = [
    ("Fonderie Fictive", "1 rue du Cubilot", "08000", "Charleville-Mézières"),
    ("Négoce Imaginaire", "22 quai des Chimères", "35400", "Saint-Malo"),
]
# Where the goods come from, and at what price.
PURCHASES = {
    "poele_armor9": ("Fonderie Fictive", "2140.00"),
    "joint_porte": ("Fonderie Fictive", "5.8500"),
    "bougie": ("Fonderie Fictive", "31.20"),
    "conduit_80": ("Négoce Imaginaire", "27.40"),
    "granules_15": ("Négoce Imaginaire", "4.95"),
}
CUSTOMERS = [
    ("Aubry Maëlle", "3 allée des Genêts", "35235", "Thorigné-Fouillard"),
    ("Bellec Ronan", "18 rue du Moulin à vent", "35510", "Cesson-Sévigné"),
    ("Cadiou Soizic", "7 impasse des Lavandières", "35340", "Liffré"),
    ("Daniel Erwan", "44 rue de la Forge", "35250", "Saint-Aubin-d'Aubigné"),
    ("Even Katell", "2 Le Champ Rouge", "35770", "Vern-sur-Seiche"),
    ("Flochet Gildas", "91 avenue des Bruyères", "35700", "Rennes"),
    ("Guégan Nolwenn", "5 rue des Hortensias", "35760", "Saint-Grégoire"),
    ("Hamon Yvon", "12 La Basse Lande", "35740", "Pacé"),
    ("Jégou Azilis", "27 rue du Four", "35650", "Le Rheu"),
    ("Kerdreux Malo", "1 place du Puits", "35580", "Guichen"),
    ("Lorant Enora", "63 rue de l'Étang", "35230", "Noyal-Châtillon-sur-Seiche"),
    ("Madec Briac", "8 chemin des Roches", "35520", "La Mézière"),
]
TASKS = [
    ("Pose de poêle", "Installation", "6.00", "month", "ram_pose"),
    ("Ramonage et entretien poêle à granulés", "Entretien – Maintenance", "1.50", "fortnight", "ram_granules"),
    ("Ramonage poêle à bûches", "Entretien – Maintenance", "1.00", "fortnight", "ram_buches"),
    ("Entretien annuel chaudière", "Entretien – Maintenance", "2.00", "month", "ent_chaudiere"),
    ("Dépannage", "SAV", "1.50", "week", "deplacement"),
    ("Visite technique avant devis", "Visite technique", "1.00", "week", ""),
]


@dataclass(frozen=True)
class _Case:
    """One demonstration DI: customer by rank, task, position, state wanted, days from today when its range begins."""

    customer: int
    task: str
    position: str
    state: str
    begins: int
    title: str
    lines: tuple[tuple[str, str, str], ...] = ()


CASES = [
    _Case(0, "Pose de poêle", "VEN-5.5", "validated", 0, "Pose du poêle du salon"),
    _Case(1, "Ramonage et entretien poêle à granulés", "VEN-5.5", "validated", -6, "Entretien annuel"),
    _Case(
        2,
        "Dépannage",
        "VEN-10",
        "validated",
        -6,
        "Ne s'allume plus",
        (("mo_depannage", "1.5", "0"), ("bougie", "1", "0")),
    ),
    _Case(3, "Entretien annuel chaudière", "VEN-20", "validated", 10, "Chaudière de la grange"),
    _Case(4, "Ramonage poêle à bûches", "VEN-10", "late", -40, "Relancer avant l'hiver"),
    _Case(5, "Dépannage", "VEN-10", "done", -12, "Fumées dans la pièce", (("joint_porte", "2.35", "10"),)),
    _Case(
        6,
        "Pose de poêle",
        "VEN-5.5",
        "quoted",
        15,
        "Projet poêle à granulés",
        (("poele_armor9", "1", "5"), ("conduit_80", "4.5", "0")),
    ),
    _Case(
        7,
        "Pose de poêle",
        "VEN-5.5",
        "accepted",
        20,
        "Remplacement insert",
        (("poele_armor9", "1", "10"), ("conduit_80", "6", "10")),
    ),
    _Case(8, "Visite technique avant devis", "VEN-20", "draft", 5, "Maison neuve, deux étages"),
    _Case(9, "Ramonage poêle à bûches", "VEN-10", "draft", 8, ""),
    _Case(10, "Dépannage", "VEN-10", "cancelled", -5, "Annulé par la cliente"),
    _Case(11, "Ramonage et entretien poêle à granulés", "VEN-5.5", "no_position", 4, "Position fiscale à préciser"),
    _Case(12, "Ramonage et entretien poêle à granulés", "VEN-10", "validated", 6, "Résidence, logement 12"),
]


def load_demonstration(*, on: date) -> bool:
    """Load the demonstration company. False when it is there already."""
    with transaction.atomic():
        if Company.objects.filter(name=COMPANY).exists():
            return False
        company = _company()
        load_reference_data()
        users = _users(company)
        _suppliers()
        _catalogue()
        _tasks(company, users["tech"])
        customers = _customers()
        for case in CASES:
            _intervention(case, company, customers[case.customer], on=on, by=users["planning"])
        load_contracts_of_demonstration(company, customers, on=on, by=users["gestion"])
        _appointments(company, on=on, by=users["planning"])
    return True


def _company() -> Company:
    return Company.objects.create(
        name=COMPANY,
        legal_form="SARL au capital de 20 000 €",
        street="14 rue de la Tuilerie",
        zip="35530",
        city="Servon-sur-Vilaine",
        phone="02 61 91 10 10",
        email="bureau@flammes-armor.example",
        website="flammes-armor.example",
        siren="999123458",
        siret="99912345800013",
        trade_register="RCS Rennes 999 123 458",
        vat_number="FR61999123458",
        iban="FR7630006000011234567890189",
        bic="AGRIFRPP",
        insurance="Assurance décennale : Mutuelle Fictive du Bâtiment, police n° 000-DEMO, France métropolitaine.",
        mediator="Médiateur de la consommation : Médiation Fictive, 1 place de l'Exemple, 35000 Rennes.",
    )


def _users(company: Company) -> dict[str, User]:
    made = {}
    for username, first, last, role in USERS:
        user = User.objects.create_user(
            username,
            f"{username}@flammes-armor.example",
            PASSWORD,
            first_name=first,
            last_name=last,
            is_staff=role != TECHNICIAN,
        )
        user.groups.add(Group.objects.get(name=role))
        CompanyAccess.objects.create(user=user, company=company, is_default=True)
        made[username] = user
    return made


def _suppliers() -> None:
    for index, (name, street, zip_code, city) in enumerate(SUPPLIERS):
        supplier = Partner.objects.create(
            name=name,
            kind=PartnerKind.BUSINESS,
            email=f"fournisseur{index + 1}@exemple.example",
            phone=f"02 61 91 60 {10 + index}",
        )
        PartnerTerms.objects.create(partner=supplier, payment_term=PaymentTerm.objects.get(name="30 jours"))
        Address.objects.create(
            partner=supplier, street=street, zip=zip_code, city=city, is_default=True, is_billing=True
        )


def _catalogue() -> None:
    for code, name, kind, unit, price, tax, account in PRODUCTS:
        supplier, purchase_price = PURCHASES.get(code, ("", "0"))
        Product.objects.create(
            code=code,
            name=name,
            kind=kind,
            unit=Unit.objects.get(code=unit),
            unit_price=Decimal(price),
            tax=Tax.objects.get(name=tax, company=None),
            income_account=account,
            supplier=Partner.objects.filter(name=supplier).first(),
            purchase_price=Decimal(purchase_price),
        )


def _tasks(company: Company, technician: User) -> None:
    for name, type_name, duration, granularity, product in TASKS:
        Task.objects.create(
            name=name,
            type=InterventionType.objects.get(name=type_name),
            duration=Decimal(duration),
            granularity=granularity,
            product=Product.objects.filter(code=product).first(),
        )
    for name, prefixes in (
        ("Rennes métropole", "350 3551 3570 3576"),
        ("Nord", "3534 3552 3525"),
        ("Sud", "3558 3577 3523"),
    ):
        Sector.objects.create(name=name, zip_prefixes=prefixes)
    for index, name in enumerate(TECHNICIANS):
        Technician.objects.create(
            name=name, company=company, user=technician if index == 0 else None, phone=f"06 39 98 20 {10 + index}"
        )
    template = InterventionTemplate.objects.create(
        name="Entretien poêle à granulés, pièces comprises",
        task=Task.objects.get(name="Ramonage et entretien poêle à granulés"),
        type=InterventionType.objects.get(name="Entretien – Maintenance"),
        fiscal_position=FiscalPosition.objects.get(code="VEN-5.5"),
    )
    for position, (code, quantity) in enumerate((("joint_porte", "2.2"), ("bougie", "1")), 1):
        product = Product.objects.get(code=code)
        TemplateLine.objects.create(
            template=template,
            position=position,
            product=product,
            label=product.label,
            quantity=Decimal(quantity),
            unit=product.unit,
            unit_price=product.unit_price,
            tax=product.tax,
        )


def _customers() -> list[Partner]:
    loyal = Tag.objects.create(name="Contrat à proposer")
    made = []
    for index, (name, street, zip_code, city) in enumerate(CUSTOMERS):
        partner = Partner.objects.create(
            name=name,
            email=f"client{index + 1}@exemple.example",
            phone=f"02 61 91 30 {10 + index}",
            mobile=f"06 39 98 40 {10 + index}",
        )
        PartnerTerms.objects.create(partner=partner, payment_term=PaymentTerm.objects.get(name="À réception"))
        if index % 4 == 0:
            partner.tags.add(loyal)
        address = Address.objects.create(
            partner=partner, street=street, zip=zip_code, city=city, is_default=True, is_billing=True
        )
        InstalledProduct.objects.create(
            partner=partner,
            address=address,
            name="Poêle à granulés Armor 9" if index % 2 else "Poêle à bûches Kantik 7",
            brand="Fonderie Fictive",
            serial_number=f"FF-{2020 + index % 5}-{1000 + index * 37}",
            installed_on=date(2020 + index % 5, 1 + index, 15),
        )
        made.append(partner)
    made.append(_managed_building())
    return made


def _managed_building() -> Partner:
    """A tenant whose landlord pays: « Facturer à » is somebody else."""
    payer = Partner.objects.create(
        name="Syndic Exemple",
        kind=PartnerKind.NON_TAXABLE,
        email="syndic@exemple.example",
        phone="02 61 91 50 50",
    )
    PartnerTerms.objects.create(partner=payer, payment_term=PaymentTerm.objects.get(name="30 jours"))
    Address.objects.create(
        partner=payer, street="9 quai Imaginaire", zip="35000", city="Rennes", is_default=True, is_billing=True
    )
    tenant = Partner.objects.create(name="Résidence des Ajoncs", bill_to=payer, phone="02 61 91 50 51")
    Address.objects.create(partner=tenant, street="30 rue des Ajoncs", zip="35000", city="Rennes", is_default=True)
    return tenant


def _intervention(case: _Case, company: Company, partner: Partner, *, on: date, by: Any) -> None:
    task = Task.objects.get(name=case.task)
    begins = on + timedelta(days=case.begins)
    items = []
    if task.product and case.state != "draft":
        items.append(Item(label="", product=task.product))
    for code, quantity, discount in case.lines:
        product = Product.objects.get(code=code)
        items.append(
            Item(
                label=product.label,
                product=product,
                quantity=Decimal(quantity),
                unit_price=product.unit_price,
                discount=Decimal(discount),
            )
        )
    intervention = create_intervention(
        company=company,
        items=items,
        on=on,
        by=by,
        partner=partner,
        task=task,
        type=task.type,
        title=case.title,
        from_on=begins,
        equipment=partner.installed_products.first(),
        fiscal_position=None if case.state == "no_position" else FiscalPosition.objects.get(code=case.position),
        priority=1 if case.state == "late" else 0,
    )
    if case.state == "draft":
        return
    if case.state == "cancelled":
        cancel_intervention(intervention, on=on, by=by)
        return
    intervention = validate_intervention(intervention, by=by)
    _bring_to(case.state, intervention, on=on, by=by)


def _appointments(company: Company, *, on: date, by: Any) -> None:
    """Some DIs get their RDV: the last day worked one was done and one left unfinished, then one confirmed, one a draft."""
    waiting = InterventionRequest.objects.filter(company=company, state="to_plan", to_on__gte=on).order_by(
        "from_on", "pk"
    )
    first, second, third, fourth = waiting[:4]
    tugdual = Technician.objects.get(name=TECHNICIANS[0])
    done = _confirmed(first, day_bounds(_last_day_worked(tugdual, on))[0], by=by)
    unfinished = _confirmed(second, done.ends_at, by=by)
    morning, _end = day_bounds(on)
    _confirmed(third, morning, by=by)
    plan_interventions([fourth], not_before=morning, by=by)
    finish_appointment(done, at=min(done.ends_at, timezone.now()), report="Tirage vérifié, appareil propre.", by=by)
    leave_unfinished(unfinished, reason="Pièce à commander", report="Bougie hors service.", by=by)


def _confirmed(intervention: InterventionRequest, not_before: datetime, *, by: Any) -> Appointment:
    [outcome] = plan_interventions([intervention], not_before=not_before, by=by)
    return confirm_appointment(outcome.made, by=by)


def _last_day_worked(technician: Technician, on: date) -> date:
    """The last working day before `on`: no weekend, no public holiday."""
    days = [on - timedelta(days=n) for n in range(1, 15)]
    calendar = calendars_of([technician], first_day=days[-1], last_day=on)[technician.pk]
    return next(day for day in days if calendar.working(day))


def _bring_to(state: str, intervention: InterventionRequest, *, on: date, by: Any) -> None:
    if state == "done":
        finish_intervention(intervention, on=on - timedelta(days=3), by=by)
    elif state in ("quoted", "accepted"):
        template = InterventionTemplate.objects.get(name__startswith="Entretien poêle")
        if state == "accepted":
            append_template(intervention, template, on=on, by=by)
        quote: Quote = quote_intervention(intervention, on=on, by=by)
        send_quote(quote, by=by)
        if state == "accepted":
            accept_quote(quote, on=on, by=by)
