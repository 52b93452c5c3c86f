"""The demonstration company: its people, catalogue, suppliers, customers."""

from datetime import date
from decimal import Decimal

from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile

from interventions.models import (
    InstalledProduct,
    InterventionTemplate,
    InterventionType,
    Sector,
    Task,
    Technician,
    TemplateLine,
)
from interventions.sectors import whole_range
from interventions.services.sectors import save_sector
from invoicing.choices import PartnerKind, ProductKind, TextUse
from invoicing.models import (
    Address,
    Company,
    CompanyAccess,
    FiscalPosition,
    Partner,
    PartnerTerms,
    PaymentTerm,
    Product,
    SmsTemplate,
    Tag,
    Tax,
    Unit,
)
from invoicing.services.parties.logos import keep_logo
from openfire_billing.office.demonstration_pictures import logo
from openfire_billing.office.demonstration_places import locate
from openfire_billing.office.reference import GOODS_20, WORKS_20
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


def make_company() -> Company:
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


def make_texts() -> None:
    """Make the text messages that are chosen in « Envoyer un SMS », and those that leave by themselves."""
    about = "appointments.appointment"
    texts = (
        (
            "Rappel de la veille",
            TextUse.REMINDER,
            "Bonjour {client}, nous passons {jour} {creneau} : {travail}. Répondre : {lien} {societe} (démo)",
        ),
        (
            "RDV déplacé",
            TextUse.MOVED,
            "Bonjour {client}, votre RDV est déplacé : {jour} {creneau}. Répondre : {lien} {societe} (démo)",
        ),
        (
            "RDV annulé",
            TextUse.CANCELLED,
            "Bonjour {client}, le RDV du {jour} n'aura pas lieu. Une question ? {telephone} {societe} (démo)",
        ),
        ("En route", "", "Bonjour {client}, {intervenants} est en route, arrivée vers {heure}. {societe} (démo)"),
    )
    SmsTemplate.objects.bulk_create(
        SmsTemplate(name=name, about=about, use=use, body=body) for name, use, body in texts
    )


def draw_logo(company: Company) -> None:
    """Give the company its logo, as its page does."""
    company.logo.save("flammes.png", ContentFile(logo()), save=False)
    keep_logo(company)
    company.save()
    company.logo.close()


def make_users(company: Company) -> dict[str, User]:
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


def make_suppliers() -> None:
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


def make_catalogue() -> None:
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


def make_tasks(company: Company, technician: User) -> None:
    for name, type_name, duration, granularity, product in TASKS:
        Task.objects.create(
            name=name,
            type=InterventionType.objects.get(name=type_name),
            duration=Decimal(duration),
            granularity=granularity,
            product=Product.objects.filter(code=product).first(),
        )
    for name, code, colour, prefixes in (
        ("Rennes métropole", "RM", "violet", "350 3551 3570 3576 3513"),
        ("Nord", "N", "blue", "3534 3552 3525 3583 3530"),
        ("Sud", "S", "amber", "3558 3577 3523 3517 3515"),
        ("Est", "E", "green", "3541 3550 3569"),
        ("Ouest", "O", "grey", "3516 3531 3565 3574"),
    ):
        ranges = [whole_range(prefix) for prefix in prefixes.split()]
        save_sector(Sector(), values={"name": name, "code": code, "colour": colour}, ranges=ranges, by=None)
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
        part = Product.objects.get(code=code)
        TemplateLine.objects.create(
            template=template,
            position=position,
            product=part,
            label=part.label,
            quantity=Decimal(quantity),
            unit=part.unit,
            unit_price=part.unit_price,
            tax=part.tax,
        )


def make_customers() -> list[Partner]:
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
        address = locate(
            Address(partner=partner, street=street, zip=zip_code, city=city, is_default=True, is_billing=True), index
        )
        address.save()
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
