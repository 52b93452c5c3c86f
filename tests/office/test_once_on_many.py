"""An act on many documents pressed twice: what is done is shown again, what is left is done, nothing is done twice."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from contracts.models import BillingRun
from interventions.models import InterventionRequest
from interventions.services.states import validate_intervention
from invoicing.models import IdempotencyKey, Invoice, Partner
from invoicing.services.records.acts import Once, perform_each
from openfire_billing.office.roles import MANAGER, PLANNER
from tests.contracts.contract_builders import make_contract
from tests.factories import World, item, nothing_changed
from tests.factories.appointments import technician
from tests.factories.pages import address, answers_of, errors_of, fields_of, typed

ONCE = Once("user:1", "act:k")


def pressed_twice(office: Any, documents: list[Any], act: str, **answers: Any) -> tuple[list[Any], list[Any]]:
    """The outcomes of both reports of one dialog, sent twice: (document, made, refusal, notes)."""
    url = address(type(documents[0]), "changelist")
    chosen = {"action": f"act_{act}", ACTION_CHECKBOX_NAME: [document.pk for document in documents]}
    sent = {**fields_of(office.client.post(url, chosen)), **chosen, "_confirmed": "1", **answers_of(answers)}
    assert sent["_once"]
    reports = [office.client.post(url, sent) for _ in range(2)]
    first, second = (
        [(o.document, o.made, o.refusal, tuple(map(str, o.notes))) for o in report.context["outcomes"]]
        for report in reports
    )
    assert reports[0].context["summary"] == reports[1].context["summary"]
    return first, second


def test_act_that_crashed_half_way_is_finished_by_pressing_again(world: World) -> None:
    done, crashing, left = (world.intervention(is_validated=False) for _ in range(3))

    def act(di: InterventionRequest) -> InterventionRequest:
        if di == crashing and not IdempotencyKey.objects.filter(key="now").exists():
            raise RuntimeError("the machine goes down")
        return validate_intervention(di, by=world.planner)

    with pytest.raises(RuntimeError):
        perform_each([done, crashing, left], act, once=ONCE)
    number = InterventionRequest.objects.get(pk=done.pk).number
    assert number
    assert (
        IdempotencyKey.objects.values_list("key", flat=True).get()
        == f"act:k:interventions.interventionrequest:{done.pk}"
    )

    IdempotencyKey.objects.create(scope="test", key="now")
    outcomes = perform_each([done, crashing, left], act, once=ONCE)

    assert [(o.document, o.made, o.refusal) for o in outcomes] == [(di, di, "") for di in (done, crashing, left)]
    assert InterventionRequest.objects.get(pk=done.pk).number == number
    assert [di.state for di in InterventionRequest.objects.order_by("pk")] == ["to_plan"] * 3


def test_refused_document_leaves_no_key_and_may_be_tried_again(world: World) -> None:
    good, empty = world.intervention(is_validated=False), world.intervention(is_validated=False)
    validate = lambda di: validate_intervention(di, by=world.planner)  # noqa: E731
    task = empty.task
    InterventionRequest.objects.filter(pk=empty.pk).update(state="cancelled")

    first = perform_each([good, empty], validate, once=ONCE)
    InterventionRequest.objects.filter(pk=empty.pk).update(state="draft", task=task)
    second = perform_each([good, empty], validate, once=ONCE)

    assert [bool(o.refusal) for o in first] == [False, True]
    assert [(o.made, o.refusal) for o in second] == [(good, ""), (empty, "")]


def test_posting_many_twice_shows_the_same_numbers(world: World) -> None:
    drafts = [world.draft(item(Decimal(2))), world.draft(item(Decimal(3)))]

    first, second = pressed_twice(world.office(), drafts, "post", on=world.today.isoformat())

    assert first == second
    assert [refusal for _d, _m, refusal, _n in second] == ["", ""]
    assert [invoice.number for invoice in Invoice.objects.order_by("pk")] == ["FA2026-00001", "FA2026-00002"]


def test_another_dialog_is_another_act(world: World) -> None:
    draft = world.draft()
    office = world.office()
    office.act_on_many([draft], "post", on=world.today.isoformat())
    report = office.act_on_many([draft], "post", on=world.today.isoformat())
    assert report.context["summary"] == "1 refus"


def test_invoicing_many_together_twice_names_the_one_draft(world: World) -> None:
    dis = [world.intervention(), world.intervention(code=None)]

    first, second = pressed_twice(
        world.office(), dis, "invoice-many", on=world.today.isoformat(), group_by_customer="on"
    )

    draft = Invoice.objects.get()
    assert first == second
    assert [(made, bool(refusal)) for _d, made, refusal, _n in second] == [(None, True), (draft, False)]


def test_quoting_many_twice_makes_one_quote_each(world: World) -> None:
    dis = [world.intervention(), world.intervention()]
    first, second = pressed_twice(world.office(), dis, "quote", on=world.today.isoformat())
    assert first == second
    assert len({made.pk for _d, made, _r, _n in second}) == 2


def test_placing_many_twice_makes_one_rdv_each(world: World) -> None:
    technician(world)
    dis = [world.intervention(), world.intervention()]
    first, second = pressed_twice(world.office(PLANNER), dis, "place")
    assert first == second
    assert [di.appointments.count() for di in dis] == [1, 1]


def test_billing_chosen_contracts_twice_is_one_run(world: World) -> None:
    contract = make_contract(world, "01/01/26")
    first, second = pressed_twice(world.office(), [contract], "bill", on=world.today.isoformat())
    assert first == second
    assert BillingRun.objects.count() == 1
    assert [made for _d, made, _r, _n in second] == [Invoice.objects.order_by("proposed_on").first()]


def test_run_launched_twice_from_one_page_is_one_run(world: World) -> None:
    make_contract(world, "01/01/26")
    office = world.office()
    page = office.get(address(BillingRun, "changelist"))
    sent = {"on": world.today.isoformat(), "_once": page.context["run_once"]}

    answers = [office.client.post(reverse("admin:contracts_billingrun_launch"), sent) for _ in range(2)]

    assert answers[0].url == answers[1].url == address(BillingRun.objects.get())


def test_import_written_twice_says_what_the_first_wrote(world: World) -> None:
    office = world.office(MANAGER)
    url = reverse("import_page", args=["customers"])
    text = "Nom;Nature;Rue;Code postal;Ville\nBellec Ronan;Particulier;18 rue du Moulin;35510;Cesson-Sévigné\n"
    preview = office.client.post(url, {"file": SimpleUploadedFile("c.csv", text.encode())})
    token = {"token": preview.context["token"]}

    office.client.post(url, token)
    (said,) = office.get(url).context["messages"]
    with nothing_changed():
        office.client.post(url, token)
    (again,) = office.get(url).context["messages"]

    assert str(said) == str(again) == "Importé : 1 nouveau(x), 0 modifié(s), 0 inchangé(s)."
    assert Partner.objects.filter(name="Bellec Ronan").count() == 1


def test_new_form_sent_twice_makes_one_record_and_leads_to_it(world: World) -> None:
    office = world.office(MANAGER)
    url = address(Partner, "add")
    sent = typed(fields_of(office.get(url)), name="Bellec Ronan")

    first = office.client.post(url, sent)
    with nothing_changed():
        second = office.client.post(url, sent)

    assert (first.status_code, first.url) == (second.status_code, second.url) == (302, first.url)
    assert Partner.objects.filter(name="Bellec Ronan").count() == 1


def test_same_form_sent_with_other_values_is_another_record(world: World) -> None:
    """A browser that goes back shows the same form again."""
    office = world.office(MANAGER)
    sent = fields_of(office.get(address(Partner, "add")))
    for name in ("Bellec Ronan", "Even Nolwenn"):
        assert office.client.post(address(Partner, "add"), typed(sent, name=name)).status_code == 302
    assert Partner.objects.filter(name__in=["Bellec Ronan", "Even Nolwenn"]).count() == 2


def test_act_chosen_from_a_view_is_shown_again_when_what_it_did_left_the_view(world: World) -> None:
    draft, office = world.draft(), world.office()
    url = address(Invoice, "changelist") + "?view=drafts"
    chosen = {"action": "act_post", ACTION_CHECKBOX_NAME: [draft.pk]}
    sent = {
        **fields_of(office.client.post(url, chosen)),
        **chosen,
        "_confirmed": "1",
        "act-on": world.today.isoformat(),
    }
    reports = [office.client.post(url, sent).context["summary"] for _ in range(2)]
    assert reports == ["1 document traité", "1 document traité"]


def test_document_of_another_company_is_not_acted_on(world: World) -> None:
    draft, office = world.draft(), world.office()
    world.accountant.company_accesses.all().delete()
    with nothing_changed():
        office.client.post(
            address(Invoice, "changelist"),
            {"action": "act_post", ACTION_CHECKBOX_NAME: [draft.pk], "_confirmed": "1", "act-on": "2026-11-24"},
        )
    assert Invoice.objects.get().number is None


def test_new_form_with_a_fault_may_be_sent_again(world: World) -> None:
    office = world.office(MANAGER)
    url = address(Partner, "add")
    faulty = office.client.post(url, typed(fields_of(office.get(url)), name="Bellec Ronan", email="pas une adresse"))
    sent = typed(fields_of(faulty), email="ronan@exemple.example")

    assert errors_of(faulty)["email"] == ["Saisissez une adresse e-mail valide."]
    assert office.client.post(url, sent).status_code == 302
    assert Partner.objects.filter(email="ronan@exemple.example").count() == 1
