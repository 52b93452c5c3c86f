"""Every address and act of the API × every role, and no role, and nobody: allowed or refused exactly as said here."""

from typing import Any

import pytest
from django.db import transaction

from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER, ROLES, TECHNICIAN
from tests.api.subjects import addresses, file_of_each, one_of_each
from tests.factories import CompanyFactory, UserFactory, World, nothing_changed
from tests.factories.api import Api, refused

NOBODY: tuple[str, ...] = ()
T, P, B, A, M = TECHNICIAN, PLANNER, BILLING, ACCOUNTANT, MANAGER
OFFICE = (P, B, A, M)
MONEY = (B, A, M)
POSTS = (A, M)

# By hand: (list and one, make, change, delete). None: the address does not exist.
RECORDS: dict[str, tuple[Any, Any, Any, Any]] = {
    "partners": (OFFICE, OFFICE, OFFICE, None),
    "addresses": (OFFICE, OFFICE, OFFICE, None),
    "messages": (OFFICE, None, None, None),
    "sms-templates": (OFFICE, (M,), (M,), None),
    "tags": (OFFICE, None, None, None),
    "products": (OFFICE, (M,), (M,), None),
    "units": (OFFICE, None, None, None),
    "taxes": (OFFICE, (M,), (M,), None),
    "fiscal-positions": (OFFICE, (M,), (M,), None),
    "payment-terms": (OFFICE, (M,), (M,), None),
    "quotes": (OFFICE, MONEY, MONEY, MONEY),
    "invoices": (MONEY, MONEY, MONEY, MONEY),
    "payments": (MONEY, POSTS, None, None),
    "purchase-orders": (OFFICE, OFFICE, OFFICE, OFFICE),
    "supplier-bills": (MONEY, MONEY, MONEY, None),
    "interventions": (OFFICE, OFFICE, OFFICE, OFFICE),
    "intervention-types": (OFFICE, None, None, None),
    "intervention-templates": (OFFICE, None, None, None),
    "tasks": (OFFICE, None, None, None),
    "sectors": (OFFICE, (M,), (M,), None),
    "technicians": (OFFICE, None, None, None),
    "installed-products": (OFFICE, OFFICE, OFFICE, None),
    "appointments": ((T, *OFFICE), OFFICE, OFFICE, OFFICE),
    "absences": (OFFICE, OFFICE, OFFICE, OFFICE),
    "tours": (OFFICE, OFFICE, OFFICE, None),
    "contracts": (OFFICE, (M,), MONEY, (M,)),
    "contract-lines": (OFFICE, None, None, None),
    "billing-runs": (OFFICE, MONEY, None, None),
    "webhooks": ((M,), (M,), (M,), (M,)),
    "webhook-deliveries": ((M,), None, None, None),
}
# Those that bear a journal: who may see one reads it, notes in it and follows it up.
JOURNALS = (
    "partners quotes invoices purchase-orders supplier-bills interventions appointments contracts contract-lines"
).split()
FILES = [("get", "files"), ("get", "files/{file}"), ("delete", "files/{file}")]
ACTS: dict[str, tuple[str, ...]] = {
    "post partners/{id}/merge/": (M,),
    "post messages/{id}/resend/": OFFICE,
    "post partners/{id}/sms/": OFFICE,
    "post addresses/{id}/accept/": OFFICE,
    "post invoices/{id}/sms/": MONEY,
    "post quotes/{id}/sms/": OFFICE,
    "post interventions/{id}/sms/": OFFICE,
    "post appointments/{id}/sms/": OFFICE,
    "get invoices/{id}/pdf/": MONEY,
    "post invoices/{id}/post/": POSTS,
    "post invoices/{id}/credit/": POSTS,
    "post invoices/{id}/pay/": POSTS,
    "post invoices/{id}/allocate/": POSTS,
    "post invoices/{id}/refund/": POSTS,
    "post payments/{id}/allocate/": POSTS,
    "post payments/{id}/refund/": POSTS,
    "post payments/{id}/reject/": POSTS,
    "post invoices/{id}/send/": MONEY,
    "post invoices/send/": MONEY,
    "post invoices/{id}/publish/": MONEY,
    "post invoices/{id}/update-taxes/": MONEY,
    "post invoices/{id}/cancel/": MONEY,
    "get quotes/{id}/pdf/": OFFICE,
    "post quotes/{id}/mail/": MONEY,
    "post quotes/mail/": MONEY,
    "post quotes/{id}/publish/": MONEY,
    "post quotes/{id}/prolong/": MONEY,
    "post quotes/{id}/duplicate/": MONEY,
    "post quotes/{id}/send/": MONEY,
    "post quotes/{id}/accept/": MONEY,
    "post quotes/{id}/refuse/": MONEY,
    "post quotes/{id}/settle/": MONEY,
    "post quotes/{id}/invoice/": MONEY,
    "post quotes/{id}/cancel/": MONEY,
    "post quotes/{id}/reset/": MONEY,
    "get purchase-orders/{id}/pdf/": OFFICE,
    "post purchase-orders/{id}/mail/": OFFICE,
    "post purchase-orders/{id}/send/": OFFICE,
    "post purchase-orders/{id}/confirm/": OFFICE,
    "post purchase-orders/{id}/receive/": OFFICE,
    "post purchase-orders/{id}/bill/": MONEY,
    "post purchase-orders/{id}/cancel/": OFFICE,
    "post purchase-orders/{id}/reset/": OFFICE,
    "post supplier-bills/{id}/check/": MONEY,
    "post supplier-bills/{id}/pay/": POSTS,
    "post supplier-bills/{id}/reset/": MONEY,
    "post supplier-bills/{id}/cancel/": MONEY,
    "post interventions/invoice/": MONEY,
    "post interventions/{id}/validate/": OFFICE,
    "post interventions/{id}/quote/": MONEY,
    "post interventions/{id}/invoice/": MONEY,
    "post interventions/{id}/appointment/": OFFICE,
    "post interventions/{id}/purchase/": OFFICE,
    "post interventions/{id}/finish/": OFFICE,
    "post interventions/{id}/cancel/": OFFICE,
    "post interventions/{id}/reset/": OFFICE,
    "post interventions/{id}/duplicate/": OFFICE,
    "post interventions/{id}/archive/": OFFICE,
    "post interventions/{id}/restore/": OFFICE,
    "post interventions/{id}/mail/": OFFICE,
    "post interventions/{id}/publish/": OFFICE,
    "post appointments/invoice/": MONEY,
    "post appointments/{id}/move/": OFFICE,
    "post appointments/{id}/mail/": OFFICE,
    "post appointments/{id}/publish/": OFFICE,
    "post appointments/{id}/confirm/": OFFICE,
    "post appointments/{id}/used/": (T, *OFFICE),
    "post appointments/{id}/done/": (T, *OFFICE),
    "post appointments/{id}/unfinished/": (T, *OFFICE),
    "post appointments/{id}/postpone/": OFFICE,
    "post appointments/{id}/cancel/": OFFICE,
    "post appointments/{id}/reset/": OFFICE,
    "post appointments/{id}/invoice/": MONEY,
    "post appointments/{id}/duplicate/": OFFICE,
    "get slots/": OFFICE,
    "get tours/{id}/optimise/": OFFICE,
    "post tours/{id}/apply/": OFFICE,
    "post contracts/{id}/activate/": MONEY,
    "post contracts/{id}/bill/": MONEY,
    "post contracts/{id}/plan-visits/": OFFICE,
    "post contracts/{id}/archive/": MONEY,
    "post contracts/{id}/restore/": MONEY,
    "post contracts/{id}/reset/": MONEY,
    "post contracts/{id}/terminate/": (M,),
    "post contracts/{id}/cancel/": (M,),
    "get contracts/{id}/charges/": OFFICE,
    "post contracts/{id}/waive/": MONEY,
    "post contracts/{id}/take-back/": MONEY,
    "post contract-lines/{id}/activate/": MONEY,
    "post contract-lines/{id}/cancel/": MONEY,
    "post contract-lines/{id}/reset/": MONEY,
    "post contract-lines/{id}/call-out/": OFFICE,
    "post contract-lines/{id}/price/": MONEY,
    "post billing-runs/{id}/retry/": MONEY,
    "get webhooks/{id}/secret/": (M,),
    "post webhooks/{id}/renew-secret/": (M,),
    "post webhooks/{id}/stop/": (M,),
    "post webhooks/{id}/resume/": (M,),
    "post webhook-deliveries/{id}/replay/": (M,),
}
OPEN = {"get schema/", "get docs/", "post login/", "post logout/"}


def table() -> dict[str, tuple[str, ...]]:
    """{"get partners/{id}/": roles}."""
    found = dict(ACTS)
    for name in JOURNALS:
        may = tuple(role for role in RECORDS[name][0] if role != T)
        found[f"get {name}/{{id}}/journal/"] = may
        found |= {f"post {name}/{{id}}/{act}/": may for act in ("note", "follow-up", "follow-up-done", "files")}
        found |= {f"{act} {name}/{{id}}/{path}/": may for act, path in FILES}
    for name, (sees, makes, changes, deletes) in RECORDS.items():
        rights = {
            f"get {name}/": sees,
            f"get {name}/{{id}}/": sees,
            f"post {name}/": makes,
            f"patch {name}/{{id}}/": changes,
            f"delete {name}/{{id}}/": deletes,
        }
        found |= {address: roles for address, roles in rights.items() if roles is not None}
    return found


def every_address() -> set[str]:
    return {f"{method} {path}" for method, path, _action, _view in addresses()}


def test_every_address_is_in_the_table() -> None:
    assert every_address() - OPEN - {"post schema/", "post docs/"} == set(table())


def with_files(world: World) -> dict[str, int]:
    """The records, and of those that have files, the id of one: {"invoices file": id}."""
    records = one_of_each(world)
    return records | {f"{name} file": pk for name, pk in file_of_each(world, records).items()}


def ask(api: Api, address: str, records: dict[str, int]) -> Any:
    method, path = address.split(" ")
    resource = path.split("/", maxsplit=1)[0]
    url = path.replace("{id}", str(records[resource])).replace("{file}", str(records.get(f"{resource} file", 0)))
    answer = api.get(url) if method == "get" else getattr(api, method)(url, *([{}] if method != "delete" else []))
    if answer.streaming:  # read to its end, a file is closed
        assert list(answer.streaming_content) == [b"%PDF"]
    return answer


@pytest.mark.parametrize("role", [*ROLES, ""])
def test_role_does_what_the_table_says_and_nothing_else(world: World, role: str) -> None:
    """Allowed: whatever the answer, it is not 403. Each is tried on the firm as it was."""
    records = with_files(world)
    user = world.users[role] if role else UserFactory(company=world.company)
    api, wrong = Api(user), []
    for address, roles in table().items():
        with transaction.atomic():
            answer = ask(api, address, records)
            transaction.set_rollback(True)
        if (answer.status_code == 403) == (role in roles) or answer.status_code in (401, 405, 500):
            wrong.append((address, answer.status_code))
        if role in roles:
            assert answer.status_code != 404, address

    assert wrong == []


def test_what_is_refused_changes_nothing(world: World) -> None:
    records = with_files(world)
    for role in (TECHNICIAN, PLANNER, BILLING, ""):
        api = Api(world.users[role] if role else UserFactory(company=world.company))
        with nothing_changed():
            for address, roles in table().items():
                if role not in roles:
                    assert refused(ask(api, address, records), 403) == "Votre rôle ne permet pas cette action."


def test_nobody_is_sent_away(world: World) -> None:
    records, api = with_files(world), Api()
    wrong_token = Api()
    wrong_token.client.credentials(HTTP_AUTHORIZATION="Token " + "0" * 64)
    with nothing_changed():
        for address in table():
            for somebody in (api, wrong_token):
                answer = ask(somebody, address, records)
                assert refused(answer, 401), address
                assert answer["WWW-Authenticate"] == "Token"


OWNED = (
    "quotes",
    "invoices",
    "payments",
    "purchase-orders",
    "supplier-bills",
    "interventions",
    "appointments",
    "absences",
    "tours",
    "technicians",
    "contracts",
    "billing-runs",
)


def test_objects_of_another_company_are_404(world: World) -> None:
    records = with_files(world)
    elsewhere = Api(UserFactory(role=MANAGER, company=CompanyFactory(name="Autre Foyer")))
    tried = 0
    with nothing_changed():
        for address in table():
            resource = address.split(" ")[1].split("/")[0]
            if resource not in OWNED:
                continue
            if "{id}" in address:
                assert refused(ask(elsewhere, address, records), 404), address
                tried += 1
            elif address.startswith("get"):
                assert ask(elsewhere, address, records).data["results"] == [], address
    assert tried >= 40


def test_records_of_another_company_are_not_named_in_a_body(world: World) -> None:
    """Their ids are as good as unknown."""
    records = with_files(world)
    other = CompanyFactory(name="Autre Foyer")
    elsewhere = Api(UserFactory(role=MANAGER, company=other))
    bodies = {
        "interventions/": {"company": world.company.pk},
        "appointments/": {"intervention": records["interventions"], "technicians": [records["technicians"]]},
        "absences/": {"technician": records["technicians"]},
        "tours/": {"technician": records["technicians"]},
        "payments/": {"company": world.company.pk, "invoices": [records["invoices"]]},
        "quotes/": {"company": world.company.pk},
        "purchase-orders/": {"company": world.company.pk},
        "supplier-bills/": {"company": world.company.pk, "order": records["purchase-orders"]},
        "invoices/": {"company": world.company.pk},
        "contracts/": {"company": world.company.pk},
        "taxes/": {"company": world.company.pk},
    }
    with nothing_changed():
        for path, body in bodies.items():
            answer = elsewhere.post(path, body)
            assert refused(answer, 400)
            assert set(body) <= set(answer.data["fields"]), path
        report = elsewhere.post("interventions/invoice/", {"ids": [records["interventions"]], "on": "2026-11-24"})
    assert report.data["refused"] == 1


# Technicians


def test_technician_sees_his_own_appointments_without_prices(world: World) -> None:
    from tests.factories.appointments import at, book, technician

    records = with_files(world)
    book(world, world.intervention(), who=technician(world), starts_at=at(14))
    api = Api(world.technician)

    (seen,) = api.get("appointments/").data["results"]

    assert seen["id"] == records["appointments"]
    assert not {"net", "tax", "gross", "taxes", "counts"} & set(seen)
    assert not {"net", "unit_price", "discount", "tax"} & set(seen["lines"][0])
    assert seen["lines"][0]["quantity"] == "1.000"
    assert "175.0" not in str(api.post(f"appointments/{seen['id']}/done/").data)


def test_technician_does_not_see_the_others_nor_drafts(world: World) -> None:
    from tests.api.subjects import technician_of
    from tests.factories.appointments import at, book, technician

    one_of_each(world)
    others = book(world, world.intervention(), who=technician(world), starts_at=at(14), state="confirmed")
    draft = book(world, world.intervention(), who=technician_of(world), starts_at=at(14), state="draft")
    api = Api(world.technician)

    with nothing_changed():
        for rdv in (others, draft):
            assert refused(api.get(f"appointments/{rdv.pk}/"), 404)
            assert refused(api.post(f"appointments/{rdv.pk}/done/"), 404)
