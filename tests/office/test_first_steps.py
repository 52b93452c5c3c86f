"""What a new firm does first: where each step is done, what is missing, and when all is done."""

from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse

from invoicing.models import Company, Journal
from openfire_billing.office.roles import PLANNER
from openfire_billing.web.record_links import reverse_change
from tests.factories import Office, TechnicianFactory, World


def steps_of(office: Office) -> list[dict[str, Any]]:
    """The steps of all groups, in their order."""
    return [step for group in office.get("/admin/").context["office_steps"] for step in group["steps"]]


def test_step_leads_to_the_company_s_own_page_and_says_what_is_missing(world: World) -> None:
    office = Office(world.manager)
    Company.objects.update(siret="")
    company, vat, logo, rounding, journals, taxes = steps_of(office)[:6]
    assert company["url"] == vat["url"] == logo["url"] == rounding["url"] == reverse_change(world.company)
    assert (company["is_done"], company["missing"]) == (False, "le SIRET")
    assert (vat["is_done"], vat["is_optional"], vat["missing"]) == (False, True, "le numéro de TVA")
    assert (logo["is_done"], logo["is_optional"], logo["missing"]) == (False, True, "le logo et l'IBAN")
    assert "« Au cent pair (bancaire) »" in rounding["text"]
    assert (journals["is_done"], taxes["is_done"]) == (True, True)
    page = unescape(office.get("/admin/").content.decode())
    assert "il manque le SIRET" in page
    assert f'<a class="of-button of-button-main" href="{reverse_change(world.company)}">Étape suivante' in page
    assert [word in page for word in ("Premiers pas", "Aujourd'hui</h2>", "À traiter</h2>")] == [True, False, False]

    Journal.objects.filter(company=world.company, kind="cash").delete()
    Company.objects.update(siret="73282932000074", vat_number="FR44732829320")
    company, vat, _logo, _rounding, journals = steps_of(office)[:5]
    assert (company["is_done"], vat["is_done"], journals["missing"]) == (True, True, "Caisse")


def test_nothing_is_shown_once_all_that_must_be_is_done(world: World) -> None:
    office = Office(world.manager)
    TechnicianFactory(company=world.company)
    world.intervention()
    Company.objects.update(siret="")
    left = [step["url"] for step in steps_of(office) if not step["is_done"] and not step["is_optional"]]
    assert left == [reverse_change(world.company)]
    Company.objects.update(siret="73282932000074", vat_number="")  # a firm in franchise has none
    assert steps_of(office) == steps_of(world.office(PLANNER)) == []


@pytest.mark.django_db
def test_first_user_of_an_empty_database_begins_by_the_company() -> None:
    call_command("load_reference_data", verbosity=0)
    office = Office(User.objects.create_superuser("ouverture"))
    company, _vat, _logo, rounding, journals, taxes, *work = steps_of(office)
    groups = office.get("/admin/").context["office_steps"]
    assert [(str(group["title"]), group["is_done"], len(group["steps"])) for group in groups] == [
        ("Votre société", False, 3),
        ("Vos factures", False, 3),
        ("Votre travail", False, 4),
        ("Vos collègues, vos clients", False, 2),
    ]
    assert company["url"] == rounding["url"] == reverse("admin:invoicing_company_add")
    assert company["missing"] == "la rue, le code postal, la ville et le SIRET"
    assert (rounding["missing"], journals["missing"], taxes["is_done"]) == ("la société", "la société", True)
    assert [step["is_done"] for step in work] == [False] * 6
    assert [office.get(step["url"]).status_code for step in work] == [200] * 6
