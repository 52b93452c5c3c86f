"""Making an account: what is asked, in which words, and what the account then opens."""

from html import unescape
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from openfire_billing.office.roles import MANAGER
from tests.factories import CompanyFactory, World

ADD = "/admin/auth/user/add/"


def typed(office: Any, **values: Any) -> dict[str, Any]:
    """The form as it is shown, filled with `values`."""
    page = office.get(ADD)
    form, formset = page.context["adminform"].form, page.context["inline_admin_formsets"][0].formset
    found = {name: form[name].value() for name in form.fields} | {
        row.add_prefix(name): row[name].value() for row in formset for name in row.fields
    }
    found |= {f"{formset.prefix}-TOTAL_FORMS": len(formset.forms), f"{formset.prefix}-INITIAL_FORMS": 0, **values}
    return {name: value for name, value in found.items() if value is not None and value is not False}


def test_account_is_made_for_the_only_company_of_who_makes_it(world: World) -> None:
    office = world.office(MANAGER)
    office.client.post(ADD, typed(office, username="erwan", password1="bois-bien-sec-77", password2="bois-bien-sec-77"))
    made = User.objects.get(username="erwan")
    assert list(made.company_accesses.values_list("company", "is_default")) == [(world.company.pk, True)]
    assert (made.is_staff, made.check_password("bois-bien-sec-77")) == (True, True)


def test_no_company_is_guessed_among_several(world: World) -> None:
    world.manager.company_accesses.create(company=CompanyFactory())
    office = world.office(MANAGER)
    rows = office.get(ADD).context["inline_admin_formsets"][0].formset.forms
    assert [row["company"].value() for row in rows] == [None]


def test_account_without_a_password_waits_for_its_invitation(world: World) -> None:
    office = world.office(MANAGER)
    office.client.post(ADD, typed(office, username="nolwenn"))
    assert not User.objects.get(username="nolwenn").has_usable_password()
    answer = office.client.post(ADD, typed(office, username="soizic", password1="bois-bien-sec-77"))
    assert list(answer.context["errors"]) != []
    assert not User.objects.filter(username="soizic").exists()


def test_form_speaks_of_the_office_and_of_no_algorithm(world: World) -> None:
    office = world.office(MANAGER)
    world.planner.set_password("bois-bien-sec-77")
    world.planner.save()
    new = unescape(office.get(ADD).content.decode())
    old = unescape(office.get(reverse("admin:auth_user_change", args=[world.planner.pk])).content.decode())
    for page in (new, old):
        assert "Travaille au bureau" in page
        assert "décochez-la pour un technicien" in page
        assert [word for word in ("LDAP", "pbkdf2", "Statut équipe", "usable_password") if word in page] == []
    assert 'href="../password/"' in old
    office.client.post(reverse("admin:auth_user_change", args=[world.planner.pk]), {"username": "fanny"})
    assert User.objects.get(pk=world.planner.pk).check_password("bois-bien-sec-77")
