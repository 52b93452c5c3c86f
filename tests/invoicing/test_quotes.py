"""Quotes: sent, accepted, expired, prolonged, settled; what they hold and what they free."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from interventions.models import InterventionRequest
from interventions.services.billing import invoice_intervention
from invoicing.models import HistoryLine, Invoice, PartnerTerms, PaymentTerm, Quote
from invoicing.services.documents import quotes as services
from invoicing.services.documents.lines import LineEdit
from invoicing.services.records.acts import perform_each
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import BILLING
from tests.factories import PartnerFactory, World, item, nothing_changed, position, tax
from tests.factories.pages import new_line, typed

PARIS = ZoneInfo("Europe/Paris")
ONE, ZERO = Decimal(1), Decimal(0)


def refused(act: object, *args: object, **options: object) -> str:
    """The sentence of a refusal that left everything as it was."""
    with nothing_changed(), pytest.raises(BusinessError) as refusal:
        act(*args, **options)  # type: ignore[operator]
    return str(refusal.value)


def test_quote_is_numbered_and_valid_as_long_as_the_company_says(world: World) -> None:
    quote = world.quote()

    assert (quote.number, quote.state, quote.issued_on, quote.valid_until) == (
        "DV/000001",
        "draft",
        date(2026, 11, 24),
        date(2026, 12, 24),
    )
    assert quote.origin == "DI/000001"


def test_quote_typed_by_hand_is_a_quote_like_another(world: World) -> None:
    office = world.office(BILLING)
    fields = typed(office.open(Quote), partner=world.customer, fiscal_position=position())

    office.send(Quote, new_line(fields, product=item().product, quantity="2,5", discount="10"))

    quote = Quote.objects.get()
    assert (quote.number, quote.totals.net, quote.totals.gross) == ("DV/000001", Decimal("393.75"), Decimal("415.41"))


@pytest.mark.parametrize("state", ["draft", "sent", "accepted"])
def test_live_quote_holds_its_lines(world: World, state: str) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    if state == "sent":
        services.send_quote(quote, by=world.biller)
    elif state == "accepted":
        services.accept_quote(quote, on=world.today, by=world.biller)

    assert world.left(intervention) == [ZERO]


@pytest.mark.parametrize("end", [services.refuse_quote, services.cancel_quote, services.settle_quote])
def test_ended_quote_frees_its_lines(world: World, end: object) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    if end is services.settle_quote:
        services.accept_quote(quote, on=world.today, by=world.biller)

    end(quote, by=world.biller)  # type: ignore[operator]

    assert world.left(intervention) == [ONE]


def test_expired_quote_frees_its_lines_and_is_not_accepted(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    services.send_quote(quote, by=world.biller)
    on_an_ordinary_day.move_to(datetime(2026, 12, 25, 9, 0, tzinfo=PARIS))

    today = timezone.localdate()
    assert world.left(intervention) == [ONE]
    assert refused(services.accept_quote, quote, on=today, by=world.biller) == (
        "DV/000001 a expiré le 24/12/2026 : prolongez-le (Action › Prolonger) avant de l'accepter."
    )

    services.prolong_quote(quote, until=date(2027, 1, 15), on=today, by=world.biller)
    services.accept_quote(quote, on=today, by=world.biller)
    assert world.left(intervention) == [ZERO]


def test_quote_is_sent_and_accepted_on_its_last_valid_day(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    on_an_ordinary_day.move_to(datetime(2026, 12, 24, 18, 0, tzinfo=PARIS))

    services.send_quote(quote, by=world.biller)
    held = world.left(intervention)
    services.accept_quote(quote, on=timezone.localdate(), by=world.biller)

    quote.refresh_from_db()
    assert held == [ZERO]
    assert (quote.state, quote.accepted_on, quote.valid_until) == ("accepted", date(2026, 12, 24), date(2026, 12, 24))


def test_refusals_of_a_quote_name_the_act_or_the_tab_that_removes_their_cause(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    empty, late, waiting = (world.quote() for _n in range(3))
    empty.lines.all().delete()
    _intervention, billed = billed_in_part(world)
    on, until, by = world.today, world.today + timedelta(days=60), world.biller
    services.prolong_quote(waiting, until=until, on=on, by=by)
    over = services.refuse_quote(world.quote(), by=by)

    def step(act: Callable[[], object]) -> tuple[str, Quote, str, str] | None:
        with nothing_changed(), pytest.raises(BusinessError) as refusal:
            act()
        found = refusal.value.step
        return found and (str(found.label), found.document, found.act, found.tab)  # type: ignore[return-value]

    assert step(lambda: services.send_quote(empty, by=by)) == ("Ajouter une ligne", empty, "", "lines")
    for end in (services.refuse_quote, services.cancel_quote):
        assert step(lambda: end(billed, by=by)) == ("Solder", billed, "settle", "")  # noqa: B023
    assert step(lambda: services.invoice_quote(waiting, on=on, by=by)) == ("Marquer accepté", waiting, "accept", "")
    assert step(lambda: services.invoice_quote(over, on=on, by=by)) is None
    Quote.objects.filter(pk=billed.pk).update(state="sent")
    assert step(lambda: services.cancel_quote(billed, by=by)) is None
    on_an_ordinary_day.move_to(datetime(2026, 12, 25, 9, 0, tzinfo=PARIS))
    assert step(lambda: services.send_quote(late, by=by)) == ("Prolonger", late, "prolong", "")
    assert step(lambda: services.accept_quote(late, on=timezone.localdate(), by=by)) == (
        "Prolonger",
        late,
        "prolong",
        "",
    )


@pytest.mark.parametrize("until", [date(2026, 11, 23), date(2026, 12, 24), date(2026, 12, 1)])
def test_prolonging_to_an_earlier_day_is_refused(world: World, until: date) -> None:
    quote = world.quote()

    assert refused(services.prolong_quote, quote, until=until, on=world.today, by=world.biller) == (
        "DV/000001 est valable jusqu'au 24/12/2026 : choisissez une date ultérieure, à partir d'aujourd'hui."
    )


# Lines billed or quoted since


def freed_quote(world: World, traveller: time_machine.Traveller) -> tuple[InterventionRequest, Quote]:
    """A sent quote that expired, so that its DI is free again."""
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    services.send_quote(quote, by=world.biller)
    traveller.move_to(datetime(2026, 12, 25, 9, 0, tzinfo=PARIS))
    return intervention, quote


TAKEN = (
    "DV/000001 : « [ram_pose] Forfait Pose » a été facturé ou mis sur un autre devis depuis. "
    "Refaites un devis depuis DI/000001."
)


def test_prolonging_is_refused_when_a_line_was_billed_since(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    intervention, quote = freed_quote(world, on_an_ordinary_day)
    world.draft(intervention=intervention)

    until, today = date(2027, 1, 15), timezone.localdate()
    assert refused(services.prolong_quote, quote, until=until, on=today, by=world.biller) == TAKEN


def test_prolonging_is_refused_when_a_line_was_quoted_since(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    intervention, quote = freed_quote(world, on_an_ordinary_day)
    world.quote(intervention=intervention)

    until, today = date(2027, 1, 15), timezone.localdate()
    assert refused(services.prolong_quote, quote, until=until, on=today, by=world.biller) == TAKEN


@pytest.mark.parametrize("taken_by", ["invoice", "quote"])
def test_resetting_is_refused_when_a_line_was_taken_since(world: World, taken_by: str) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    services.refuse_quote(quote, by=world.biller)
    (world.draft if taken_by == "invoice" else world.quote)(intervention=intervention)

    assert refused(services.reset_quote, quote, by=world.biller) == TAKEN


def test_resetting_is_possible_when_nobody_took_the_lines(world: World) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    services.refuse_quote(quote, by=world.biller)

    services.reset_quote(quote, by=world.biller)

    assert world.left(intervention) == [ZERO]


def test_accepting_is_refused_when_a_line_was_billed_since(world: World) -> None:
    """An expired quote prolonged by hand in the database stands for any way in which two came to hold one line."""
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)
    services.refuse_quote(quote, by=world.biller)
    world.draft(intervention=intervention)
    Quote.objects.filter(pk=quote.pk).update(state="sent")

    assert refused(services.accept_quote, quote, on=world.today, by=world.biller) == TAKEN


# Billed in part


def billed_in_part(world: World) -> tuple[InterventionRequest, Quote]:
    """A quote of 3, of which 1 is billed."""
    intervention = world.intervention(item(3))
    quote = world.quote(intervention=intervention)
    services.accept_quote(quote, on=world.today, by=world.biller)
    draft = services.invoice_quote(quote, on=world.today, by=world.biller)
    world.office(BILLING).save(draft, lines__0__quantity="1")
    return intervention, quote


def test_quote_is_billed_in_parts(world: World) -> None:
    _intervention, quote = billed_in_part(world)

    rest = services.invoice_quote(quote, on=world.today, by=world.biller)

    assert [line.quantity for line in rest.lines.all()] == [Decimal(2)]
    assert refused(services.invoice_quote, quote, on=world.today, by=world.biller) == (
        "DV/000001 est déjà entièrement facturé : voyez ses factures."
    )


def test_settling_frees_the_rest_on_the_intervention(world: World) -> None:
    intervention, quote = billed_in_part(world)
    assert world.left(intervention) == [ZERO]

    services.settle_quote(quote, by=world.biller)

    assert world.left(intervention) == [Decimal(2)]
    rest = invoice_intervention(intervention, on=world.today, by=world.biller)
    assert [line.quantity for line in rest.lines.all()] == [Decimal(2)]
    assert world.left(intervention) == [ZERO]


def test_quote_billed_in_full_holds_nothing_more(world: World) -> None:
    """It counts as settled: raising the DI's quantity leaves the difference to bill."""
    intervention = world.intervention(item(2))
    quote = world.quote(intervention=intervention)
    services.accept_quote(quote, on=world.today, by=world.biller)
    services.invoice_quote(quote, on=world.today, by=world.biller)

    world.office(BILLING).save(intervention, lines__0__quantity="5")

    assert world.left(intervention) == [Decimal(3)]


@pytest.mark.parametrize("end", [services.refuse_quote, services.cancel_quote])
def test_quote_billed_in_part_is_settled_not_refused(world: World, end: object) -> None:
    _intervention, quote = billed_in_part(world)

    assert refused(end, quote, by=world.biller) == (
        "DV/000001 est facturé, au moins en partie : soldez-le (Action › Solder), ou supprimez d'abord la facture."
    )


def test_quote_not_accepted_is_not_billed(world: World) -> None:
    quote = world.quote()

    assert refused(services.invoice_quote, quote, on=world.today, by=world.biller) == (
        "DV/000001 est à l'état « Brouillon » : seul un devis accepté se facture."
    )


def test_sent_quote_is_not_edited(world: World) -> None:
    quote = world.quote()
    services.send_quote(quote, by=world.biller)
    line = quote.lines.get()

    edits = [LineEdit(pk=line.pk, values={"quantity": Decimal(9)})]
    assert refused(services.edit_quote, quote, edits=edits, by=world.biller) == (
        "DV/000001 est à l'état « Envoyé » : remettez-le en brouillon pour le modifier."
    )


def test_line_taken_off_a_quote_is_free_on_the_intervention(world: World) -> None:
    intervention = world.intervention(item(), item(2))
    quote = world.quote(intervention=intervention)
    first = quote.lines.first()

    services.edit_quote(quote, edits=[LineEdit(pk=first.pk, delete=True)], by=world.biller)

    assert world.left(intervention) == [ONE, ZERO]


def test_deleted_quote_frees_its_lines(world: World) -> None:
    intervention = world.intervention()
    quote = world.quote(intervention=intervention)

    world.office(BILLING).act(quote, "delete")

    assert (Quote.objects.count(), world.left(intervention)) == (0, [ONE])


def test_copy_of_a_quote_holds_nothing_of_the_intervention(world: World) -> None:
    intervention = world.intervention(item(discount=10))
    quote = world.quote(intervention=intervention)
    services.refuse_quote(quote, by=world.biller)

    copy = services.duplicate_quote(quote, on=world.today, by=world.biller)

    assert (copy.number, copy.state, copy.totals) == ("DV/000002", "draft", quote.totals)
    assert world.left(intervention) == [ONE]


def test_many_quotes_are_billed_with_a_report_for_each(world: World) -> None:
    good, draft = world.quote(), world.quote()
    services.accept_quote(good, on=world.today, by=world.biller)

    outcomes = perform_each([good, draft], lambda quote: services.invoice_quote(quote, on=world.today, by=world.biller))

    assert [(outcome.is_refused, outcome.refusal) for outcome in outcomes] == [
        (False, ""),
        (True, "DV/000002 est à l'état « Brouillon » : seul un devis accepté se facture."),
    ]
    assert Invoice.objects.get().origin == "DV/000001"


def test_validity_moves_one_day_at_a_time(world: World) -> None:
    quote = world.quote()

    assert quote.is_expired(quote.valid_until) is False
    assert quote.is_expired(quote.valid_until + timedelta(days=1)) is True


def test_lists_of_quotes_look_at_state_validity_and_what_is_left(world: World) -> None:
    draft, sent, accepted, whole, refused_one = (world.quote(item(2)) for _n in range(5))
    services.send_quote(sent, by=world.biller)
    for quote in (accepted, whole):
        services.accept_quote(quote, on=world.today, by=world.biller)
    services.invoice_quote(whole, on=world.today, by=world.biller)
    services.refuse_quote(refused_one, by=world.biller, reason="Trop cher")

    def found(quotes: object) -> list[Quote]:
        return list(quotes.order_by("pk"))  # type: ignore[attr-defined]

    last, after = date(2026, 12, 24), date(2026, 12, 25)
    assert found(Quote.objects.live(last)) == [draft, sent, accepted]
    assert found(Quote.objects.live(after)) == found(Quote.objects.to_bill()) == [accepted]
    assert (found(Quote.objects.expired(last)), found(Quote.objects.expired(after))) == ([], [draft, sent])
    assert HistoryLine.objects.of(refused_one)[0].text == "Devis refusé. Trop cher"


def test_quote_is_edited_while_it_is_a_draft(world: World) -> None:
    quote = world.quote(item(2))
    line, version = quote.lines.get(), quote.version
    more = LineEdit(values={"product": item().product, "quantity": Decimal(1)})

    services.edit_quote(quote, edits=[more], by=world.biller)
    quote = services.edit_quote(quote, edits=[], values={"fiscal_position": position("VEN-10")}, by=world.biller)

    assert quote.version == version + 2
    assert [row.tax.rate for row in quote.lines.select_related("tax")] == [10, 10]
    assert list(HistoryLine.objects.of(quote)[0].changes) == ["fiscal_position"]
    assert HistoryLine.objects.of(quote)[1].changes == {
        "lines": [
            {
                "id": quote.lines.order_by("pk").last().pk,
                "line": "[ram_pose] Forfait Pose",
                "act": "added",
                "changes": {},
            }
        ]
    }
    gone = LineEdit(pk=line.pk + 99, values={"quantity": Decimal(1)})
    assert refused(services.edit_quote, quote, edits=[gone], by=world.biller) == (
        "Une ligne modifiée n'est plus sur ce devis. Rechargez la page."
    )


def test_empty_quote_is_not_sent_and_one_that_is_over_is_not_prolonged_nor_deleted(world: World) -> None:
    quote = world.quote()
    quote.lines.all().delete()
    assert refused(services.send_quote, quote, by=world.biller) == (
        "DV/000001 : aucune ligne. Ajoutez-en une avant d'envoyer le devis."
    )
    other = world.quote()
    services.accept_quote(other, on=world.today, by=world.biller)
    until = date(2027, 1, 15)
    assert refused(services.prolong_quote, other, until=until, on=world.today, by=world.biller) == (
        "DV/000002 n'attend plus de réponse : il n'y a rien à prolonger."
    )
    assert refused(services.delete_quotes, [quote, other], by=world.biller) == (
        "DV/000002 est à l'état « Accepté » : seul un devis en brouillon ou annulé se supprime."
    )
    third = world.quote()
    assert services.prolong_quote(third, until=date(2026, 12, 25), on=world.today, by=world.biller).valid_until == date(
        2026, 12, 25
    )
    assert HistoryLine.objects.of(third)[0].changes == {"valid_until": ["24/12/2026", "25/12/2026"]}
    assert services.delete_quotes([services.cancel_quote(third, by=world.biller), quote], by=world.biller) == 2


def test_journal_of_a_quote_says_each_act(world: World) -> None:
    quote, doomed = world.quote(), world.quote()
    services.delete_quotes([doomed], by=world.biller)
    services.send_quote(quote, by=world.biller)
    services.accept_quote(quote, on=world.today, by=world.biller)
    services.invoice_quote(quote, on=world.today, by=world.biller)
    services.settle_quote(quote, by=world.biller)
    copy = services.duplicate_quote(quote, on=world.today, by=world.biller)

    assert [line.text for line in HistoryLine.objects.of(quote).order_by("pk")] == [
        "Devis créé depuis DI/000001",
        "Devis envoyé",
        "Devis accepté",
        "Facture en brouillon générée",
        "Devis soldé : le reste n'est plus dû par lui",
    ]
    assert [line.text for line in HistoryLine.objects.of(doomed).order_by("pk")][1:] == ["Devis supprimé"]
    assert [line.text for line in HistoryLine.objects.of(copy)] == ["Copie de DV/000001"]


def test_quote_has_the_terms_of_who_pays_and_the_days_of_the_company_unless_given(world: World) -> None:
    payer = PartnerFactory(name="Syndic Exemple")
    cash, thirty = PaymentTerm.objects.create(name="Comptant bis", days=0), PaymentTerm.objects.get(name="30 jours")
    PartnerTerms.objects.create(partner=payer, payment_term=cash)

    def made(**values: object) -> Quote:
        return services.draft_quote(
            company=world.company,
            partner=world.customer,
            items=[item(tax=tax())],
            on=world.today,
            by=world.biller,
            fiscal_position=position(),
            **values,  # type: ignore[arg-type]
        ).quote

    usual, given, alone = (
        made(bill_to=payer),
        made(bill_to=payer, payment_term=thirty, valid_until=date(2026, 11, 25), title="Pose"),
        made(),
    )

    assert [quote.payment_term for quote in (usual, given, alone)] == [cash, thirty, None]
    assert [quote.valid_until for quote in (usual, given)] == [date(2026, 12, 24), date(2026, 11, 25)]
    assert [line.text for line in HistoryLine.objects.of(alone)] == ["Devis créé"]
