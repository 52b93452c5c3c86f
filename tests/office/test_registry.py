"""Every page and every act of the back office: who may, who may not, and that looking changes nothing."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory
from django.urls import reverse

from invoicing.services.records.attachments import attach
from openfire_billing.db.scope import visible
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER, TECHNICIAN
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from tests.factories import CompanyFactory, Office, PartnerFactory, UserFactory, World, nothing_changed
from tests.factories.pages import address, file_address
from tests.invoicing.test_records import upload
from tests.office.subjects import one_of_each, our_pages

STAFF = (PLANNER, BILLING, ACCOUNTANT, MANAGER)

# product.md §10, by hand: who sees, who makes. Everything not named here follows its own permissions.
SEEN = {
    "interventions.InterventionRequest": STAFF,
    "appointments.Appointment": STAFF,
    "invoicing.Quote": STAFF,
    "invoicing.Invoice": (BILLING, ACCOUNTANT, MANAGER),
    "invoicing.Payment": (BILLING, ACCOUNTANT, MANAGER),
    "invoicing.Entry": (ACCOUNTANT, MANAGER),
    "invoicing.Company": (MANAGER,),
    "invoicing.ServiceAccount": (MANAGER,),
    "invoicing.WebhookEndpoint": (MANAGER,),
    "invoicing.WebhookDelivery": (MANAGER,),
    "auth.User": (MANAGER,),
    "auth.Group": (MANAGER,),
}
MADE = {
    **SEEN,
    "invoicing.Quote": (BILLING, ACCOUNTANT, MANAGER),
    "invoicing.Payment": (ACCOUNTANT, MANAGER),
    "invoicing.Entry": (),
    "invoicing.WebhookDelivery": (),
    "invoicing.Tax": (MANAGER,),
    "invoicing.FiscalPosition": (MANAGER,),
    "invoicing.Product": (MANAGER,),
    "invoicing.Partner": STAFF,
}


def pages_with_acts() -> dict[Any, Any]:
    return {model: page for model, page in our_pages().items() if isinstance(page, ActionsMixin)}


def acts_of(page: Any) -> list[DocumentAction]:
    return list(page.all_actions())


def may_add(page: Any, user: Any) -> bool:
    asked = RequestFactory().get("/")
    asked.user = user
    return bool(page.has_add_permission(asked))


def test_every_page_has_a_record_to_try_it_with(world: World) -> None:
    records = one_of_each(world)

    missing = [model._meta.label for model in our_pages() if model not in records]

    assert missing == []


@pytest.mark.parametrize("role", STAFF)
def test_every_page_renders_for_who_may_see_it_and_is_refused_to_the_others(world: World, role: str) -> None:
    records, office = one_of_each(world), world.office(role)
    wrong = []
    with nothing_changed():
        for model, page in our_pages().items():
            label = model._meta.label
            may_see = role in SEEN.get(label, STAFF) and office.user.has_perm(
                f"{model._meta.app_label}.view_{model._meta.model_name}"
            )
            wanted = {
                address(model, "changelist"): 200 if may_see else 403,
                address(records[model]): 200 if may_see else 403,
                address(model, "add"): 200 if may_add(page, office.user) else 403,
            }
            for url, status in wanted.items():
                got = office.get(url).status_code
                if got != status:
                    wrong.append((url, got, status))
    assert wrong == []


def test_roles_see_and_make_what_the_product_says(world: World) -> None:
    for name, allowed in (("view", SEEN), ("add", MADE)):
        for label, roles in allowed.items():
            app, model = label.lower().split(".")
            page = next(page for m, page in our_pages().items() if m._meta.label == label)
            found = {
                role
                for role in STAFF
                if (
                    may_add(page, world.users[role])
                    if name == "add"
                    else world.users[role].has_perm(f"{app}.view_{model}")
                )
            }
            assert found == set(roles), (name, label)


@pytest.mark.parametrize("role", [TECHNICIAN, ""])
def test_who_is_not_of_the_office_is_sent_to_the_door(world: World, role: str) -> None:
    records = one_of_each(world)
    user = UserFactory(role=role, company=world.company, is_staff=False)
    office = Office(user)

    for model in our_pages():
        for url in (address(model, "changelist"), address(model, "add"), address(records[model])):
            answer = office.get(url)
            assert (answer.status_code, answer.url) == (302, f"{reverse('admin:login')}?next={url}")


def test_staff_without_a_role_sees_nothing(world: World) -> None:
    records = one_of_each(world)
    office = Office(UserFactory(company=world.company))

    for model in our_pages():
        for url in (address(model, "changelist"), address(model, "add"), address(records[model])):
            assert office.get(url).status_code == 403
    assert office.get(reverse("admin:index")).status_code == 200


def test_nobody_logged_in_is_sent_to_the_door(world: World) -> None:
    records = one_of_each(world)
    for model, page in pages_with_acts().items():
        for act in acts_of(page):
            if act.run:
                url = address(records[model], "act", act.name)
                with nothing_changed():
                    assert Client().post(url, {"_confirmed": "1"}).status_code == 302


# Acts


def test_every_act_has_a_permission_that_exists(world: World) -> None:
    known = {f"{p.content_type.app_label}.{p.codename}" for p in Permission.objects.select_related("content_type")}

    unknown = [
        (page, act.name) for page in pages_with_acts().values() for act in acts_of(page) if act.permission not in known
    ]

    assert unknown == []
    assert len([act for page in pages_with_acts().values() for act in acts_of(page)]) >= 30


def test_opening_the_dialog_of_any_act_changes_nothing(world: World) -> None:
    records, office = one_of_each(world), world.office(MANAGER)
    for model, page in pages_with_acts().items():
        for act in acts_of(page):
            if act.run:
                with nothing_changed():
                    answer = office.get(address(records[model], "act", act.name), _confirmed="1", on="2026-11-24")
                asks = 200 if act.is_offered(records_as_seen(page, office, records[model])) else 302
                assert answer.status_code == asks, (model, act.name)


def records_as_seen(page: Any, office: Office, record: Any) -> Any:
    """The record as its page reads it, with what it counts."""
    asked = RequestFactory().get("/")
    asked.user = office.user
    return page.get_object(asked, str(record.pk))


def test_dialog_of_what_the_state_does_not_allow_leads_back_with_the_reason(world: World) -> None:
    draft, office = world.draft(), world.office(ACCOUNTANT)

    answer = office.get(address(draft, "act", "pay"))
    page = office.get(answer.url)

    assert answer.url == address(draft)
    assert [str(message) for message in page.context["messages"]] == [
        f"{draft} : « Enregistrer un paiement » n'est pas possible dans son état actuel. Le menu Action dit ce qui l'est."
    ]


@pytest.mark.parametrize("role", [PLANNER, BILLING, ACCOUNTANT])
def test_act_without_its_permission_is_refused(world: World, role: str) -> None:
    records, office = one_of_each(world), world.office(role)
    refused = []
    for model, page in pages_with_acts().items():
        for act in acts_of(page):
            if not act.run or office.user.has_perm(act.permission):
                continue
            url = address(records[model], "act", act.name)
            refused.append(act.name)
            with nothing_changed():
                assert office.get(url).status_code == 403, url
                assert office.client.post(url, {"_confirmed": "1", "act-on": "2026-11-24"}).status_code == 403, url
    assert refused or role == ACCOUNTANT


@pytest.mark.parametrize("role", [PLANNER, BILLING])
def test_act_on_many_without_its_permission_does_nothing(world: World, role: str) -> None:
    records, office = one_of_each(world), world.office(role)
    for model, page in pages_with_acts().items():
        for act in acts_of(page):
            if act.run_many and not office.user.has_perm(act.permission):
                chosen = {"action": f"act_{act.name}", "_selected_action": [records[model].pk], "_confirmed": "1"}
                with nothing_changed():
                    answer = office.client.post(address(model, "changelist"), {**chosen, "act-on": "2026-11-24"})
                assert answer.status_code in (200, 302, 403), act.name


def test_looking_at_any_address_of_a_page_changes_nothing(world: World) -> None:
    records, office = one_of_each(world), world.office(MANAGER)
    seen = 0
    for model, page in our_pages().items():
        with nothing_changed():
            for pattern in page.get_urls():
                name, takes = pattern.name, set(pattern.pattern.converters)
                if not name or not takes <= {"object_id"}:
                    continue
                url = reverse(f"admin:{name}", args=[records[model].pk] if takes else [])
                assert office.get(url).status_code in (200, 302, 400, 403, 405), url
                seen += 1
    assert seen > 100


# Companies


def test_documents_of_another_company_are_not_there(world: World) -> None:
    records = one_of_each(world)
    elsewhere = Office(UserFactory(role=MANAGER, company=CompanyFactory(name="Autre Foyer")))
    tried = 0
    for model, page in our_pages().items():
        if visible(model.objects.all(), elsewhere.user).filter(pk=records[model].pk).exists():
            continue  # shared by all companies
        record, name = records[model], f"{model._meta.app_label}_{model._meta.model_name}"
        with nothing_changed():
            page_answer = elsewhere.get(address(record))
            # Django sends to the first page, where it says that there is none
            assert page_answer.status_code == 404 or page_answer.url == reverse("admin:index"), name
            assert elsewhere.client.post(address(record), {"_save": "1"}).status_code in (302, 403, 404), name
            for part in ("attach", "pdf"):
                if any(pattern.name == f"{name}_{part}" for pattern in page.get_urls()):
                    assert elsewhere.get(address(record, part)).status_code == 404, (name, part)
            for act in acts_of(page) if isinstance(page, ActionsMixin) else ():
                if act.run:
                    url = address(record, "act", act.name)
                    assert elsewhere.client.post(url, {"_confirmed": "1"}).status_code == 404, url
        assert record not in rows_of(elsewhere.get(address(model, "changelist"))), name
        tried += 1
    assert tried >= 7


def rows_of(response: Any) -> list[Any]:
    return list(response.context["cl"].result_list)


def test_file_of_a_document_of_another_company_is_not_there(world: World) -> None:
    intervention = world.intervention()
    file = attach(intervention, upload(), by=world.planner)
    elsewhere = Office(UserFactory(role=MANAGER, company=CompanyFactory(name="Autre Foyer")))

    with nothing_changed():
        assert elsewhere.get(file_address(file)).status_code == 404
        assert elsewhere.client.post(address(intervention, "detach", file.pk)).status_code == 404


def test_act_on_many_leaves_the_other_company_s_alone(world: World) -> None:
    draft = world.draft()
    elsewhere = Office(UserFactory(role=MANAGER, company=CompanyFactory(name="Autre Foyer")))

    with nothing_changed():
        elsewhere.client.post(
            address(type(draft), "changelist"),
            {"action": "act_post", "_selected_action": [draft.pk], "_confirmed": "1", "act-on": "2026-11-24"},
        )


def test_user_of_two_companies_sees_both(world: World) -> None:
    other = CompanyFactory(name="Autre Foyer")
    both = UserFactory(role=PLANNER, company=world.company)
    other.accesses.create(user=both)
    world.intervention()
    world.intervention(company=other, partner=PartnerFactory())

    assert len(rows_of(Office(both).get(reverse("admin:interventions_interventionrequest_changelist")))) == 2
