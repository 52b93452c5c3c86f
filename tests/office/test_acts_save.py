"""« An act on a form with unsaved changes acts on the old values: a draft that shows 64,15 € is posted at 16,04 €. »"""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages

from interventions.models import InterventionRequest
from invoicing.models import Entry, HistoryLine, IdempotencyKey, Invoice, Quote
from tests.contracts.contract_builders import make_contract
from tests.factories import CompanyFactory
from tests.factories.appointments import book
from tests.factories.pages import Office, address, errors_of, fields_of, nothing_changed, refusal, texts_of, typed
from tests.factories.world import World, item

pytestmark = pytest.mark.django_db


def draft_of(world: World) -> Invoice:
    """A draft of one line at 15,2038 € and 5.5 %: 16,04 € TTC."""
    return world.draft(item(price="15.2038"))


def test_post_takes_what_the_form_shows(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    assert draft.gross.amount == Decimal("16.04")
    fields = typed(office.open(draft), lines__0__unit_price="60,8100")

    answer = office.act_typed(draft, "post", fields)

    assert answer.status_code == 302
    draft.refresh_from_db()
    assert (draft.state, draft.gross.amount) == ("posted", Decimal("64.15"))
    assert [str(message) for message in get_messages(answer.wsgi_request)] == [f"{draft} : validée"]


def test_dialog_shows_the_amount_that_will_be_and_saves_nothing(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    fields = typed(office.open(draft), lines__0__unit_price="60,8100")

    with nothing_changed():
        question = office.open_act(draft, "post", fields)

    assert texts_of(question, "of-subject") == [f"Facture en brouillon n° {draft.pk} · 64,15 € TTC"]
    assert list(get_messages(question.wsgi_request)) == []


def test_quote_is_made_of_what_the_form_shows(world: World) -> None:
    intervention, office = world.intervention(item(1, price=100)), Office(world.biller)
    fields = typed(office.open(intervention), lines__0__quantity="3,000", title="Trois fois")

    assert office.act_typed(intervention, "quote", fields).status_code == 302

    assert Quote.objects.get().totals.net == Decimal(300)
    assert InterventionRequest.objects.get().title == "Trois fois"


def test_what_an_act_makes_may_be_opened_at_once(world: World) -> None:
    intervention, office = world.intervention(item(1, price=100)), Office(world.biller)

    answer = office.act_typed(intervention, "quote", office.open(intervention), _open="1")

    assert answer.url == address(Quote.objects.get())
    assert office.act(intervention, "duplicate").url == address(intervention)
    asked = office.get(address(intervention, "act", "finish"))
    assert "data-opens" not in asked.content.decode()


def test_both_buttons_of_a_dialog_do_its_act_once(world: World) -> None:
    """An answer lost on the way, then the other button of the same dialog."""
    intervention, office = world.intervention(item(1, price=100)), Office(world.biller)
    question = fields_of(office.get(address(intervention, "act", "duplicate")))

    assert office.confirm(intervention, "duplicate", {**question, "_open": "1"}).status_code == 302
    again = office.confirm(intervention, "duplicate", question)

    assert (again.url, InterventionRequest.objects.count()) == (address(intervention), 2)


def test_repeated_press_of_create_and_open_goes_to_the_document_that_the_first_made(world: World) -> None:
    """The connection was cut before the answer: from a dialog alone, and from one over a form with unsaved changes."""
    intervention, office = world.intervention(item(1, price=100)), Office(world.biller)
    asked = {**fields_of(office.get(address(intervention, "act", "duplicate"))), "_open": "1"}
    first, again = (office.confirm(intervention, "duplicate", asked) for _press in range(2))
    made = InterventionRequest.objects.exclude(pk=intervention.pk).get()
    assert (first.url, again.url) == (address(made), address(made))
    said = f"{intervention} : c'était déjà fait, rien de plus."
    assert [unescape(str(message)) for message in get_messages(again.wsgi_request)][-1] == said

    typed_in = typed(office.open(intervention), title="Trois fois")
    question = {**fields_of(office.open_act(intervention, "quote", typed_in)), "_open": "1"}
    first, again = (office.confirm(intervention, "quote", question) for _press in range(2))
    assert (first.url, again.url) == (address(Quote.objects.get()), address(Quote.objects.get()))


def test_faults_come_back_as_the_form_and_nothing_is_done(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    fields = typed(office.open(draft), lines__0__quantity="douze", note="Gardée")

    with nothing_changed():
        answers = [office.open_act(draft, "post", fields), office.confirm(draft, "post", fields)]

    for answer in answers:
        assert "lines-0-quantity" in errors_of(answer)
        assert fields_of(answer, "invoice_form")["lines-0-quantity"] == "douze"
        assert f'action="{address(draft)}"' in answer.content.decode()


def test_a_refused_act_saves_nothing_and_keeps_what_was_typed_in_the_dialog(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    fields = typed(office.open(draft), lines__0__unit_price="60,8100")
    question = fields_of(office.open_act(draft, "post", fields))

    with nothing_changed():
        answer = office.confirm(draft, "post", {**question, "act-on": "2031-01-01"})

    assert answer.status_code == 409
    assert refusal(answer)
    again = fields_of(answer)
    assert (again["lines-0-unit_price"], again["act-on"]) == ("60,8100", "2031-01-01")


def test_two_presses_act_once(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    question = fields_of(office.open_act(draft, "post", typed(office.open(draft), lines__0__unit_price="60,8100")))

    answers = [office.confirm(draft, "post", question) for _press in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert [unescape(str(m)) for m in get_messages(answers[1].wsgi_request)][-1:] == [
        "FA2026-00001 : c'était déjà fait, rien de plus."
    ]
    assert Entry.objects.count() == 1
    assert IdempotencyKey.objects.count() == 1


def test_a_colleague_who_saved_meanwhile_is_said_and_nothing_is_done(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    fields = typed(office.open(draft), lines__0__unit_price="60,8100")
    Office(world.biller).save(draft, lines__0__unit_price="30,0000")

    with nothing_changed():
        answer = office.open_act(draft, "post", fields)

    assert "Modifié entre-temps par" in refusal(answer)
    assert fields_of(answer, "invoice_form")["lines-0-unit_price"] == "60,8100"


ACTS = {
    "intervention": (
        lambda world: world.intervention(item()),
        ["quote", "invoice", "duplicate", "appointment"],
        "title",
    ),
    "quote": (lambda world: world.quote(), ["accept", "send", "duplicate"], "title"),
    "appointment": (lambda world: book(world, world.intervention(item())), ["duplicate", "next"], "title"),
    "contract": (lambda world: make_contract(world, "01/11/26", is_active=False), ["activate"], "purchase_order"),
}
STALE = [(kind, act) for kind, (_make, acts, _field) in ACTS.items() for act in acts]


@pytest.mark.parametrize(("kind", "act"), STALE)
def test_act_in_a_tab_that_a_colleague_has_overtaken_does_nothing_and_keeps_what_was_typed(
    world: World, kind: str, act: str
) -> None:
    """The colleague saves before the dialog is opened, then between the dialog and its button."""
    make, _acts, field = ACTS[kind]
    document = make(world)
    office, colleague = Office(world.manager), Office(world.accountant)
    fields = typed(office.open(document), **{field: "Tapé ici"})
    question = fields_of(office.open_act(document, act, fields))
    colleague.save(document, **{field: "Du collègue"})

    with nothing_changed():
        answers = [
            office.open_act(document, act, fields),
            office.confirm(document, act, {**question, "_open": "1"}),
            office.confirm(document, act, {**question, "_open": "1"}),
        ]

    form = f"{document._meta.model_name}_form"
    for answer in answers:
        assert refusal(answer).count("Modifié entre-temps par") == 1
        assert fields_of(answer, form)[field] == "Tapé ici"
        assert [str(message) for message in get_messages(answer.wsgi_request)] == []
    assert getattr(type(document).objects.get(pk=document.pk), field) == "Du collègue"


def test_a_form_without_a_change_leaves_no_trace_beside_the_act(world: World) -> None:
    intervention, office = world.intervention(is_validated=False), Office(world.planner)
    before = HistoryLine.objects.count()

    office.act_typed(intervention, "validate", office.open(intervention))

    intervention.refresh_from_db()
    assert HistoryLine.objects.count() == before + 1
    assert intervention.state == "to_plan"


def test_who_may_not_change_the_document_acts_without_its_form(world: World) -> None:
    posted, office = world.posted(), Office(world.accountant)
    page: Any = office.get(address(posted))

    assert "_form" not in fields_of(page, "invoice_form")


def test_a_script_is_given_the_address_and_opens_it_itself(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    question = fields_of(office.open_act(draft, "post", office.open(draft)))

    answer = office.client.post(
        address(draft, "act", "post"), {"_confirmed": "1", **question}, headers={"X-Requested-With": "fetch"}
    )

    assert answer.json() == {"location": address(draft)}


def test_a_document_posted_meanwhile_is_said_and_nothing_is_done(world: World) -> None:
    draft, office = draft_of(world), Office(world.accountant)
    fields = typed(office.open(draft), lines__0__unit_price="60,8100")
    Office(world.accountant).act(draft, "post")

    with nothing_changed():
        answers = [office.open_act(draft, "post", fields), office.confirm(draft, "post", fields)]

    assert [(answer.status_code, answer.url) for answer in answers] == [(302, address(draft))] * 2
    said = str(list(get_messages(answers[0].wsgi_request))[-1])
    assert said == "FA2026-00001 a changé entre-temps et ne se modifie plus : rien de votre saisie n'est enregistré."


def test_somebody_of_another_company_opens_no_act_with_a_form(world: World) -> None:
    draft = draft_of(world)
    fields = Office(world.accountant).open(draft)
    world.accountant.company_accesses.update(company=CompanyFactory(name="Ailleurs"))

    with nothing_changed():
        answer = Office(world.accountant).confirm(draft, "post", fields)

    assert answer.status_code == 404
