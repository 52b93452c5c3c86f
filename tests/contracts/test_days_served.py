"""What is added to a billed contract begins where nothing is billed yet; what no day serves is refused or named."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from contracts.models import Contract, ContractLine
from contracts.services.activation import activate_line
from contracts.services.contracts import save_contract
from contracts.services.lines import save_line
from contracts.services.termination import terminate_contract
from invoicing.models import HistoryLine, Invoice
from invoicing.services.documents.lines import LineEdit
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import MANAGER
from tests.contracts.contract_builders import article, bill, day, drafts, exception, make_contract
from tests.factories import World
from tests.factories.api import Api, refused
from tests.factories.pages import address

TODAY = day("24/11/26")


def add(world: World, contract: Contract, *articles: Any, exceptions: Any = (), **options: Any) -> ContractLine:
    line = contract.lines.get()
    return save_line(
        line.pk, {}, articles=list(articles), exceptions=list(exceptions), on=TODAY, by=world.manager, **options
    )


@pytest.fixture
def billed(world: World) -> Contract:
    """A contract of 10,00 a month in advance, billed from January to November."""
    contract = make_contract(world, "01/01/26")
    bill(world, contract, on="24/11/26")
    return contract


def test_an_article_added_to_a_billed_line_begins_with_the_next_period(world: World, billed: Contract) -> None:
    line = add(world, billed, article("60.00", label="Ballon"))

    assert line.articles.get(label="Ballon").from_on == day("01/12/26")
    assert Contract.objects.get(pk=billed.pk).next_due_on == day("01/12/26")
    assert bill(world, on="24/11/26").billed == 0
    bill(world, on="01/12/26")
    assert drafts(billed)[-1] == ("invoice", "01/12/26", ["10.00", "5.00"])


def test_an_article_added_to_a_line_not_billed_begins_with_it(world: World) -> None:
    contract = make_contract(world, "01/11/26")

    line = add(world, contract, article("60.00", label="Ballon"))

    assert line.articles.get(label="Ballon").from_on is None


def test_past_periods_are_said_before_they_are_billed(world: World, billed: Contract) -> None:
    since_january = article("60.00", label="Ballon", from_on=day("01/01/26"))

    with pytest.raises(BusinessError) as refusal:
        add(world, billed, since_january)

    assert refusal.value.code == "past_periods"
    assert str(refusal.value) == (
        f"« {billed.lines.get()} » : 11 échéance(s) déjà passée(s), du 01/01/2026 au 01/11/2026, seraient facturées "
        "(55,00 € HT). Cochez « Facturer aussi ce qui est passé » si c'est voulu, ou donnez un premier jour plus tard."
    )
    assert billed.lines.get().articles.count() == 1
    add(world, billed, since_january, bill_past=True)
    bill(world, on="24/11/26")
    assert sum(net for _kind, _on, nets in drafts(billed) for net in map(Decimal, nets)) == Decimal("165.00")


def test_the_first_day_of_an_article_moves_until_it_is_billed(world: World, billed: Contract) -> None:
    line = add(world, billed, article("60.00", label="Ballon"))
    added = line.articles.get(label="Ballon")
    with pytest.raises(BusinessError, match="1 échéance"):
        add(world, billed, LineEdit(pk=added.pk, values={"from_on": day("01/11/26")}))
    add(world, billed, LineEdit(pk=added.pk, values={"from_on": day("01/02/27")}))
    bill(world, on="01/02/27")
    with pytest.raises(BusinessError, match="déjà facturé"):
        add(world, billed, LineEdit(pk=added.pk, values={"from_on": day("01/01/26")}), bill_past=True)


def test_a_line_added_to_a_running_contract_begins_with_the_next_period(world: World, billed: Contract) -> None:
    line = save_line(None, {"contract": billed}, articles=[article("60.00")], on=TODAY, by=world.manager)
    activate_line(line, on=TODAY, by=world.manager)

    assert line.starts_on == day("01/12/26")
    texts = HistoryLine.objects.of(line).values_list("text", flat=True)
    assert "Ligne créée, facturée à partir du 01/12/2026" in texts
    assert bill(world, on="24/11/26").billed == 0
    bill(world, on="01/12/26")
    assert drafts(billed)[-1] == ("invoice", "01/12/26", ["10.00", "5.00"])


def test_a_line_told_to_begin_earlier_says_what_it_bills(world: World, billed: Contract) -> None:
    values = {"contract": billed, "starts_on": day("01/10/26")}
    line = save_line(None, values, articles=[article("60.00")], on=TODAY, by=world.manager)

    with pytest.raises(BusinessError, match=r"2 échéance\(s\) déjà passée\(s\), du 01/10/2026 au 01/11/2026"):
        activate_line(line, on=TODAY, by=world.manager)
    activate_line(line, bill_past=True, on=TODAY, by=world.manager)

    bill(world, on="24/11/26")
    assert [net for _kind, _on, nets in drafts(billed) for net in nets].count("5.00") == 2


def test_a_line_of_a_contract_not_billed_begins_with_it(world: World) -> None:
    contract = make_contract(world, "01/12/26")

    line = save_line(None, {"contract": contract}, articles=[article("60.00")], on=TODAY, by=world.manager)

    assert line.starts_on is None


@pytest.mark.parametrize(
    ("on", "terms", "own", "served"),
    [
        ("31/12/25", {}, {}, "à partir du 01/01/2026"),
        ("01/04/26", {"end_on": day("31/03/26"), "auto_renew": False}, {}, "du 01/01/2026 au 31/03/2026"),
        ("15/02/26", {}, {"starts_on": day("01/03/26")}, "à partir du 01/03/2026"),
        ("01/03/26", {}, {"ends_on": day("28/02/26")}, "du 01/01/2026 au 28/02/2026"),
        ("31/03/26", {}, {"billed_elsewhere_until": day("31/03/26")}, "à partir du 01/04/2026"),
    ],
)
def test_an_exception_outside_the_days_served_is_refused(
    world: World, on: str, terms: dict[str, Any], own: dict[str, Any], served: str
) -> None:
    with pytest.raises(BusinessError) as refusal:
        make_contract(world, "01/01/26", exceptions=[exception(on, "50.00")], line=own, is_active=False, **terms)

    assert str(refusal.value) == (
        f"L'exception « Geste » du {day(on):%d/%m/%Y} est hors des jours servis ({served}) : elle ne serait jamais "
        "facturée. Changez sa date, ou les jours de la ligne."
    )


LEFT_OUT = "Cette exception, après le dernier jour servi, ne sera pas facturée : « Geste » du 15/12/2026."


def test_an_exception_left_out_by_an_end_is_named(world: World) -> None:
    contract = make_contract(world, "01/01/26", exceptions=[exception("15/12/26", "50.00")])

    terminate_contract(contract, last_day=day("30/11/26"), reason="Vendu", on=TODAY, by=world.manager)

    assert HistoryLine.objects.of(contract).first().text.endswith(LEFT_OUT)


def test_an_exception_left_out_by_a_saved_end_is_named(world: World) -> None:
    contract = make_contract(world, "01/01/26", exceptions=[exception("15/12/26", "50.00")])
    line = contract.lines.get()

    save_line(line.pk, {"ends_on": day("30/11/26")}, on=TODAY, by=world.manager)
    assert HistoryLine.objects.of(contract).filter(act="left_out").get().text == LEFT_OUT
    save_line(line.pk, {"ends_on": None}, on=TODAY, by=world.manager)
    save_contract(contract.pk, {"end_on": day("30/11/26"), "auto_renew": False}, on=TODAY, by=world.manager)

    assert HistoryLine.objects.of(contract).filter(act="left_out").count() == 2
    save_contract(contract.pk, {"notes": "x"}, on=TODAY, by=world.manager)
    assert HistoryLine.objects.of(contract).filter(act="left_out").count() == 2


def test_a_billed_exception_is_not_left_out(world: World) -> None:
    contract = make_contract(world, "01/01/26", exceptions=[exception("15/11/26", "50.00")])
    bill(world, contract, on="24/11/26")

    save_line(contract.lines.get().pk, {"ends_on": day("31/10/26")}, on=TODAY, by=world.manager)

    assert not HistoryLine.objects.of(contract).filter(act="left_out").exists()


def test_termination_names_them_on_its_page(world: World) -> None:
    contract = make_contract(world, "01/01/26", exceptions=[exception("15/12/26", "50.00")])

    office = world.office(MANAGER)

    office.act(contract, "terminate", last_day="2026-11-30", reason="Vendu")

    assert LEFT_OUT in unescape(office.get(address(contract, "change")).content.decode())


def test_program_says_from_when_and_whether_the_past_is_billed(world: World, billed: Contract) -> None:
    api = Api(world.manager)
    line = billed.lines.get()
    new = {"product": line.articles.get().product_id, "unit_price": "60.00", "from_on": "2026-01-01"}
    body = {"lines": [{"id": line.pk, "articles": [new]}]}

    assert "11 échéance(s) déjà passée(s)" in refused(api.patch(f"contracts/{billed.pk}/", body), 409)
    body["lines"][0]["bill_past"] = True
    answer = api.patch(f"contracts/{billed.pk}/", body)

    assert answer.status_code == 200, answer.data
    assert [row["from_on"] for row in answer.json()["lines"][0]["articles"]] == [None, "2026-01-01"]
    assert Invoice.objects.count() == 11
