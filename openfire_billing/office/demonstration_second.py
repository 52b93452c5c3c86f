"""A second company of the demonstration, with people of its own: what each sees of the other is to be tried."""

from datetime import date

from django.contrib.auth.models import Group, User

from interventions.models import Task, Technician
from interventions.services.requests import create_intervention
from interventions.services.states import validate_intervention
from invoicing.models import Address, Company, CompanyAccess, FiscalPosition, Partner
from invoicing.services.catalogue import open_journals
from openfire_billing.office.demonstration_firm import PASSWORD
from openfire_billing.office.demonstration_places import locate
from openfire_billing.office.roles import MANAGER, PLANNER

SECOND = "Soleil du Mené"
USERS = [("soleil", "Servane", "Ollivier", MANAGER), ("soleil-planning", "Gweltaz", "Riou", PLANNER)]


def make_second_company(*, on: date) -> Company:
    """Make a solar installer with two users, a technician, and two customers with a DI each."""
    company = Company.objects.create(
        name=SECOND,
        legal_form="SAS au capital de 5 000 €",
        street="3 rue de l'Aurore",
        zip="22330",
        city="Le Mené",
        phone="02 61 91 20 20",
        email="bonjour@soleil-du-mene.example",
        siren="999987605",
        siret="99998760500014",
        vat_number="FR80999987605",
        insurance="Assurance décennale : Mutuelle Fictive du Bâtiment, police n° 001-DEMO, France métropolitaine.",
        mediator="Médiateur de la consommation : Médiation Fictive, 1 place de l'Exemple, 35000 Rennes.",
    )
    open_journals(company)
    users = []
    for username, first, last, role in USERS:
        user = User.objects.create_user(
            username, f"{username}@exemple.example", PASSWORD, first_name=first, last_name=last, is_staff=True
        )
        user.groups.add(Group.objects.get(name=role))
        CompanyAccess.objects.create(user=user, company=company, is_default=True)
        users.append(user)
    Technician.objects.create(name="Azenor Bodiou", company=company, phone="06 39 98 22 00")
    task = Task.objects.get(name="Visite technique avant devis")
    for rank, (name, town) in enumerate((("Gicquel Tifenn", "Montfort-sur-Meu"), ("Hervé Judicaël", "Pacé"))):
        partner = Partner.objects.create(
            name=name, phone=f"02 61 91 21 1{rank}", email=f"soleil{rank + 1}@exemple.example"
        )
        address = Address(partner=partner, street=f"{rank + 4} rue du Midi", zip="35000", city=town, is_default=True)
        locate(address, rank).save()
        intervention = create_intervention(
            company=company,
            on=on,
            by=users[1],
            partner=partner,
            task=task,
            title="Panneaux solaires, étude",
            from_on=on,
            fiscal_position=FiscalPosition.objects.get(code="VEN-20"),
        )
        validate_intervention(intervention, by=users[1])
    return company
