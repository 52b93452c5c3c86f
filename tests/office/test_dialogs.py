"""What the dialogs of acts and their reports say."""

from decimal import Decimal

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from interventions.models import InterventionRequest
from invoicing.models import Invoice
from openfire_billing.office.roles import PLANNER
from tests.factories import World, item, nothing_changed
from tests.factories.pages import address, errors_of, texts_of


def test_name_that_says_what_it_is_is_not_said_twice(world: World) -> None:
    office, draft, intervention = world.office(), world.draft(), world.intervention()
    assert texts_of(office.get(address(draft, "act", "post")), "of-subject") == [f"{draft} · 184,62 € TTC"]
    assert str(draft).startswith("Facture en brouillon n°")
    question = office.get(address(intervention, "act", "invoice"))
    assert texts_of(question, "of-subject") == [f"Demande d'intervention {intervention} · 184,62 € TTC"]


def test_draft_made_is_named_once(world: World) -> None:
    intervention, office = world.intervention(), world.office()
    office.act(intervention, "invoice")
    (said,) = office.get(address(intervention)).context["messages"]
    draft = Invoice.objects.get()
    assert str(said) == f'Créée : <a class="of-link" href="{address(draft)}">{draft}</a> '


def test_report_counts_what_there_is(world: World) -> None:
    good, bad = world.intervention(), world.intervention(code=None)
    office = world.office()
    assert office.act_on_many([bad], "invoice-many").context["summary"] == "1 refus"
    assert office.act_on_many([good], "invoice-many").context["summary"] == "1 document traité"


def test_sentence_of_one_document_is_said_of_each_where_several_are_chosen(world: World) -> None:
    office, dis = world.office(PLANNER), [world.intervention(is_validated=False) for _ in range(2)]

    def explained(act: str, *chosen: InterventionRequest) -> str:
        question = {"action": f"act_{act}", ACTION_CHECKBOX_NAME: [di.pk for di in chosen]}
        return str(office.client.post(address(InterventionRequest, "changelist"), question).context["explain"])

    assert explained("delete", *dis) == "Pour chaque document : cette DI en brouillon disparaît."
    assert explained("delete", dis[0]) == "Cette DI en brouillon disparaît."
    assert explained("place", *dis).startswith("Chaque DI prend le premier créneau libre")


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        ("-1", "La quantité va de 0 à 2,5."),
        ("3", "La quantité va de 0 à 2,5."),
        ("deux", "« deux » n'est pas un nombre : tapez par exemple 12,5."),
    ],
)
def test_quantity_to_credit_that_makes_no_sense_is_told_at_its_box(world: World, quantity: str, said: str) -> None:
    posted, office = world.posted(item(Decimal("2.5"))), world.office()
    line = f"line_{posted.lines.get().pk}"
    with nothing_changed():
        answer = office.act(posted, "credit", **{line: quantity})
        preview = office.act(posted, "credit", **{line: quantity, "_preview": "1"})
    assert answer.context["form"].errors == preview.context["form"].errors == {line: [said]}
    assert texts_of(preview, "of-preview") == []  # no amounts of another quantity
    assert Invoice.objects.count() == 1


def test_address_of_the_customer_s_page_is_shown_once_published(world: World) -> None:
    intervention, office = world.intervention(), world.office()
    for published, shown in (("on", True), (None, False)):
        office.act(intervention, "publish", published=published or "")
        assert ("/p/" in office.get(address(intervention, "act", "publish")).content.decode()) is shown


def test_end_of_a_request_before_its_start_says_what_to_do(world: World) -> None:
    intervention = world.intervention()
    with nothing_changed():
        answer = world.office().save(intervention, from_on="24/11/2026", to_on="20/11/2026")
    assert errors_of(answer)["__all__"] == ["La fin de la période précède son début : corrigez l'une des deux dates."]
    assert InterventionRequest.objects.count() == 1
