"""Keys of programs: made at the office, sent as `Authorization: Bearer`, limited by role and area, revoked."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.test import Client

from invoicing.models import (
    CompanyAccess,
    HistoryLine,
    IdempotencyKey,
    LoginFailure,
    Partner,
    ServiceAccount,
    ServiceKey,
)
from invoicing.services.parties.programs import close_account, key_of, make_key, open_account, revoke_key, save_account
from openfire_billing.db.areas import area_of, area_of_permission, areas
from openfire_billing.kernel.errors import BusinessError, StaleForm
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER
from tests.api.subjects import addresses
from tests.factories import CompanyFactory, Office, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.fixtures import MORNING
from tests.factories.pages import texts_of

pytestmark = pytest.mark.django_db
EVERYTHING = "customers catalogue quotes invoices purchases records programs work contracts".split()


def program(world: World, *, role: str = BILLING, name: str = "Site marchand") -> ServiceAccount:
    values = {"name": name, "company": world.company, "role": Group.objects.get(name=role)}
    return save_account(None, values, by=world.manager)


def key(world: World, account: ServiceAccount | None = None, **rights: str) -> tuple[ServiceKey, str]:
    account = account or program(world)
    return make_key(
        account,
        name=f"clé {account.keys.count()}",
        rights=rights or dict.fromkeys(EVERYTHING, "write"),
        by=world.manager,
    )


def using(text: str, scheme: str = "Bearer") -> Api:
    api = Api()
    api.client.credentials(HTTP_AUTHORIZATION=f"{scheme} {text}")
    return api


def test_every_resource_is_in_one_area() -> None:
    found = {
        view.cls.queryset.model for *_address, view in addresses() if getattr(view.cls, "queryset", None) is not None
    }

    assert [area.code for area in areas()] == EVERYTHING
    assert {model for model in found if not area_of(model)} == set()
    members = [model for area in areas() for model in area.members]
    assert len(members) == len(set(members))


@pytest.mark.parametrize(
    ("permission", "area"),
    [
        ("invoicing.view_invoice", ("invoices", "read")),
        ("invoicing.change_invoice", ("invoices", "write")),
        ("invoicing.bill", ("invoices", "write")),
        ("contracts.bill_contract", ("contracts", "write")),
        ("contracts.view_billingrun", ("contracts", "read")),
        ("interventions.delete_interventionrequest", ("work", "write")),
        ("invoicing.view_purchaseorderline", ("purchases", "read")),
        ("auth.change_user", ("", "write")),
        ("invoicing.view_company", ("", "write")),
        ("contracts.view_invoice", ("", "write")),
    ],
)
def test_area_of_a_permission(permission: str, area: tuple[str, str]) -> None:
    assert area_of_permission(permission) == area


def test_program_writes_under_its_own_name(world: World) -> None:
    account = program(world)
    _made, text = key(world, account)

    customer = using(text).made("partners/", {"name": "Le Goff Yann"})

    line = HistoryLine.objects.of(Partner.objects.get(pk=customer["id"])).get()
    assert (line.by, line.by and line.by.get_full_name()) == (account.user, "Site marchand")
    journal = using(text).get(f"partners/{customer['id']}/journal/").json()
    assert journal["lines"][0]["by"] == account.user.username
    assert account.user.username == f"programme.site-marchand.{account.pk}"
    assert (account.user.is_staff, account.user.is_superuser, account.user.has_usable_password()) == (
        False,
        False,
        False,
    )


def test_text_of_a_key_is_stored_nowhere(world: World) -> None:
    made, text = key(world)
    secret = text.removeprefix(f"{made.prefix}_")

    assert (made.prefix, len(made.prefix), len(secret)) == (text[:12], 12, 43)
    assert made.digest != text
    stored = [str(row) for model in (ServiceKey, HistoryLine) for row in model._default_manager.values_list()]
    assert not any(secret in row for row in stored)


def test_key_is_only_sent_as_bearer(world: World) -> None:
    _made, text = key(world)

    assert using(text).get("partners/").status_code == 200
    assert using(text, "bearer").get("partners/").status_code == 200
    assert using(text, "Token").get("partners/").status_code == 401


@pytest.mark.parametrize("wrong", ["ofb_00000000_x", "x", "", "ofb_", "é" * 60])
def test_wrong_key_is_refused_with_its_code(world: World, wrong: str) -> None:
    key(world)
    api = Api()
    api.client.credentials(HTTP_AUTHORIZATION=f"Bearer {wrong}".encode().decode("latin-1"))

    answer = api.get("partners/")

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")
    assert (
        answer.json()["detail"]
        == "Cette clé n'est pas connue, ou ne vaut plus rien : demandez-en une à un gestionnaire."
    )


def test_key_with_another_end_is_wrong(world: World) -> None:
    _made, text = key(world)

    assert using(text[:-1] + ("A" if text[-1] != "A" else "B")).get("partners/").status_code == 401


def test_eleventh_wrong_key_waits_and_other_addresses_do_not(world: World) -> None:
    made, text = key(world)
    wrong = using(f"{made.prefix}_faux")
    answers = [wrong.get("partners/").status_code for _n in range(10)]

    eleventh = wrong.get("partners/")

    assert answers == [401] * 10
    assert eleventh.status_code == 429
    assert eleventh.json()["detail"].startswith("Trop d'essais avec une clé fausse : réessayez dans 15 minutes.")
    assert 890 <= int(eleventh["Retry-After"]) <= 900
    assert using(text).get("partners/").status_code == 429  # the right one too, from there
    elsewhere = using(text)
    elsewhere.client.defaults["REMOTE_ADDR"] = "192.0.2.77"
    assert elsewhere.get("partners/").status_code == 200
    assert set(LoginFailure.objects.values_list("kind", flat=True)) == {"key"}
    with time_machine.travel(MORNING + timedelta(minutes=16)):
        assert using(text).get("partners/").status_code == 200


def test_right_key_counts_no_attempt(world: World) -> None:
    _made, text = key(world)

    assert using(text).get("partners/").status_code == 200
    assert LoginFailure.objects.count() == 0


def test_last_use_is_written_once_a_minute(world: World) -> None:
    made, text = key(world)
    moments = []
    for seconds in (0, 59, 60, 200):
        at = MORNING + timedelta(seconds=seconds)
        key_of(text, address="192.0.2.1", at=at)
        moments.append((ServiceKey.objects.get(pk=made.pk).last_used_at or at) - MORNING)

    assert [moment.total_seconds() for moment in moments] == [0, 0, 60, 200]


def test_use_revocation_and_closing_are_of_one_key_or_of_one_program(world: World) -> None:
    account, neighbour = program(world), program(world, name="Autre site")
    used, unused, revoked, theirs = (key(world, one) for one in (account, account, account, neighbour))

    def columns(column: str) -> list[Any]:
        return [getattr(ServiceKey.objects.get(pk=made.pk), column) for made, _text in (used, unused, revoked, theirs)]

    with pytest.raises(BusinessError, match="Cette clé est déjà révoquée"):
        revoke_key(account, theirs[0].pk, by=world.manager)
    with time_machine.travel(MORNING, tick=False):
        revoke_key(account, revoked[0].pk, by=world.manager)
    assert columns("revoked_at") == [None, None, MORNING, None]

    key_of(used[1], address="192.0.2.1", at=MORNING)
    assert columns("last_used_at") == [MORNING, None, None, None]

    noon = MORNING + timedelta(hours=2)
    with time_machine.travel(noon, tick=False):
        close_account(account, by=world.manager)
    assert columns("revoked_at") == [noon, noon, MORNING, None]


def test_key_reads_and_writes_its_areas_alone(world: World) -> None:
    _made, text = key(world, customers="write", invoices="read")
    api, invoice = using(text), world.draft()

    assert api.post("partners/", {"name": "Le Goff"}).status_code == 201
    assert api.get(f"invoices/{invoice.pk}/").status_code == 200
    with nothing_changed():
        written = api.post(f"invoices/{invoice.pk}/cancel/")
        noted = api.post(f"invoices/{invoice.pk}/note/", {"text": "A rappelé"})
        read = api.get("quotes/")
    assert (written.json()["code"], noted.json()["code"], read.json()["code"]) == ("key_too_narrow",) * 3
    assert refused(written, 403) == "La clé « clé 0 » n'écrit pas dans « Factures et paiements »."
    assert refused(noted, 403) == "La clé « clé 0 » n'écrit pas dans « Factures et paiements »."
    assert refused(read, 403) == "La clé « clé 0 » ne lit pas « Devis »."


def test_act_that_writes_in_another_area_needs_it_too(world: World) -> None:
    intervention = world.intervention()
    _made, narrow = key(world, work="write", invoices="read")
    _made, wide = key(world, ServiceAccount.objects.get(), work="write", invoices="write")

    assert refused(using(narrow).post(f"interventions/{intervention.pk}/invoice/"), 403)
    assert using(wide).post(f"interventions/{intervention.pk}/invoice/").status_code == 201


def test_key_gives_nothing_that_the_role_does_not(world: World) -> None:
    _made, text = key(world, program(world, role=PLANNER))

    answer = using(text).get("invoices/")

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_counts_show_what_the_key_reads(world: World) -> None:
    intervention = world.intervention()
    world.posted(intervention=intervention)
    _made, text = key(world, work="read", quotes="read")

    assert set(using(text).get(f"interventions/{intervention.pk}/").json()["counts"]) == {"quotes", "appointments"}


def test_program_sees_its_company_alone(world: World) -> None:
    other = CompanyFactory(name="Autre")
    account = program(world, role=MANAGER)
    _made, text = key(world, account)
    invoice = world.draft()
    assert using(text).get("invoices/").json()["count"] == 1

    save_account(account, {"company": other}, by=world.manager)

    assert using(text).get("invoices/").json()["count"] == 0
    assert using(text).get(f"invoices/{invoice.pk}/").status_code == 404


def test_company_of_a_program_changes_for_it_alone(world: World) -> None:
    account, neighbour = program(world), program(world, name="Autre site")
    other = CompanyFactory(name="Autre")

    def accesses() -> list[tuple[int, int, int]]:
        return list(CompanyAccess.objects.order_by("pk").values_list("pk", "user", "company"))

    before = accesses()
    assert [row[1:] for row in before[-2:]] == [(one.user_id, world.company.pk) for one in (account, neighbour)]

    save_account(account, {"name": "Site neuf"}, by=world.manager)
    same = accesses()
    save_account(account, {"company": other}, by=world.manager)

    assert same == before
    assert accesses()[:-1] == [row for row in before if row[1] != account.user_id]
    assert accesses()[-1][1:] == (account.user_id, other.pk)


def test_role_changed_changes_what_its_keys_open(world: World) -> None:
    account = program(world, role=PLANNER)
    _made, text = key(world, account)

    save_account(account, {"role": Group.objects.get(name=ACCOUNTANT)}, by=world.manager)

    assert list(User.objects.get(pk=account.user_id).groups.values_list("name", flat=True)) == [ACCOUNTANT]
    assert using(text).get("invoices/").status_code == 200


def test_revoked_key_is_refused_at_once_and_the_others_are_not(world: World) -> None:
    account = program(world)
    first, first_text = key(world, account)
    _second, second_text = key(world, account)

    revoke_key(account, first.pk, by=world.manager)

    assert (using(first_text).get("partners/").status_code, using(second_text).get("partners/").status_code) == (
        401,
        200,
    )
    assert HistoryLine.objects.of(account)[0].text == f"Clé révoquée : clé 0 ({first.prefix}…)"
    with pytest.raises(BusinessError, match="Cette clé est déjà révoquée"):
        revoke_key(account, first.pk, by=world.manager)


def test_closed_program_has_no_key_and_opens_again_without_one(world: World) -> None:
    account = program(world)
    _made, text = key(world, account)

    closed = close_account(account, by=world.manager)

    assert (closed.is_open, using(text).get("partners/").status_code) == (False, 401)
    with pytest.raises(BusinessError, match="Site marchand est fermé : rouvrez-le d'abord"):
        key(world, account)
    with pytest.raises(BusinessError, match="déjà fermé"):
        close_account(account, by=world.manager)
    opened = open_account(account, by=world.manager)
    with pytest.raises(BusinessError, match="déjà ouvert"):
        open_account(account, by=world.manager)
    assert (opened.is_open, using(text).get("partners/").status_code) == (True, 401)
    _made, again = key(world, account)
    assert using(again).get("partners/").status_code == 200


def test_key_without_a_right_or_with_a_name_in_use_is_refused(world: World) -> None:
    account = program(world)
    for rights in ({}, {"customers": ""}, {"unknown": "write"}, {"customers": "own"}):
        with pytest.raises(BusinessError, match="n'ouvrirait rien"):
            make_key(account, name="site", rights=rights, by=world.manager)
    made, _text = make_key(account, name="site", rights={"customers": "read", "unknown": "write"}, by=world.manager)
    assert made.areas == {"customers": "read"}
    with pytest.raises(BusinessError, match="a déjà une clé de ce nom"):
        make_key(account, name="site", rights={"customers": "read"}, by=world.manager)
    revoke_key(account, made.pk, by=world.manager)
    again, _text = make_key(account, name="site", rights={"customers": "read"}, by=world.manager)
    assert again.pk != made.pk
    with pytest.raises(StaleForm):
        make_key(account, name="autre", rights={"customers": "read"}, seen=account.version + 1, by=world.manager)


def test_program_logs_in_nowhere(world: World) -> None:
    account = program(world)
    username = User.objects.get(pk=account.user_id).username

    assert Api().post("login/", {"username": username, "password": "demo"}).status_code == 401
    page = Client().post("/admin/login/", {"username": username, "password": ""})
    assert page.status_code == 200
    assert "_auth_user_id" not in page.client.session


def test_key_is_no_token_to_log_out(world: World) -> None:
    _made, text = key(world)

    answer = using(text).post("logout/")

    assert (refused(answer), answer.json()["code"]) == (
        "La clé d'un programme se révoque au bureau, sur sa fiche.",
        "not_a_token",
    )
    assert using(text).get("partners/").status_code == 200


def test_second_factor_is_not_asked_of_a_program(world: World, settings: Any) -> None:
    _made, text = key(world, program(world, role=MANAGER))
    settings.SECOND_FACTOR = "all"

    assert using(text).get("partners/").status_code == 200
    assert Api(world.manager).get("partners/").json()["code"] == "otp_enrolment_required"


def test_writes_of_a_program_are_done_once(world: World) -> None:
    _made, text = key(world)
    api = using(text)

    first, second = (api.post("partners/", {"name": "Le Goff"}, key="k") for _n in range(2))

    assert first.json()["id"] == second.json()["id"]


# The pages of the manager


def test_manager_makes_a_program_and_its_key(world: World) -> None:
    office = Office(world.manager)
    role = Group.objects.get(name=BILLING)

    office.save(ServiceAccount, name="Standard", company=world.company, role=role)
    account = ServiceAccount.objects.get()
    page = office.client.get(
        office.act(account, "new-key", **{"act-name": "poste", "act-area_customers": "write"})["Location"]
    )

    made = ServiceKey.objects.get()
    (text,) = [
        word
        for word in page.content.decode().replace("<", " ").replace(">", " ").split()
        if word.startswith("ofb_") and len(word) == 56
    ]
    assert made.areas == {"customers": "write"} | dict.fromkeys(EVERYTHING[1:], "read")
    assert using(text).get("partners/").status_code == 200
    assert not any(text in str(row.answer) for row in IdempotencyKey.objects.all())
    again = office.client.get(f"/admin/invoicing/serviceaccount/{account.pk}/change/").content.decode()
    assert (text in again, f"poste ({made.prefix}…)" in again) == (False, True)


def test_manager_revokes_a_key_closes_and_opens(world: World) -> None:
    office, account = Office(world.manager), program(world)
    made, text = key(world, account)

    office.act(account, "revoke-key", key=made.pk)
    assert using(text).get("partners/").status_code == 401
    office.act(account, "close")
    assert not User.objects.get(pk=account.user_id).is_active
    office.act(account, "open")
    assert User.objects.get(pk=account.user_id).is_active


def test_name_and_role_are_changed_on_the_page(world: World) -> None:
    office, account = Office(world.manager), program(world)

    office.save(account, name="Site neuf", role=Group.objects.get(name=PLANNER))

    account.refresh_from_db()
    user = User.objects.get(pk=account.user_id)
    assert (account.name, account.version) == ("Site neuf", 2)
    assert (user.last_name, list(user.groups.values_list("name", flat=True))) == ("Site neuf", [PLANNER])
    assert user.username == f"programme.site-neuf.{account.pk}"


def test_others_than_the_manager_do_not_see_programs(world: World) -> None:
    account = program(world)
    for user in (world.planner, world.biller, world.accountant):
        assert Office(user).get(f"/admin/invoicing/serviceaccount/{account.pk}/change/").status_code == 403


def test_program_of_another_company_is_not_shown(world: World) -> None:
    account = program(world)
    ServiceAccount.objects.filter(pk=account.pk).update(company=CompanyFactory(name="Autre"))
    listed = Office(world.manager).get("/admin/invoicing/serviceaccount/")

    assert "Site marchand" not in " ".join(texts_of(listed, "field-name"))
    assert Office(world.manager).get(f"/admin/invoicing/serviceaccount/{account.pk}/change/").status_code == 302


def test_program_is_not_among_the_users(world: World) -> None:
    account = program(world)

    assert Office(world.manager).get(f"/admin/auth/user/{account.user_id}/change/").status_code == 302
