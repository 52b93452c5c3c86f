"""Edge cases of docs/product.md §11, by their number, through the doors people use."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import time_machine

from interventions.models import InterventionRequest
from invoicing.models import Invoice, InvoiceLine, JournalCounter, Quote
from openfire_billing.office.roles import ACCOUNTANT, BILLING
from tests.factories import Office, UserFactory, World, item, nothing_changed
from tests.factories.pages import address, fields_of, refusal, report, typed

ONE, ZERO = Decimal(1), Decimal(0)


def test_edge_01_line_on_a_live_quote_is_billed_by_the_quote_alone(world: World) -> None:
    intervention = world.intervention()
    office = world.office(BILLING)
    assert office.act(intervention, "quote").status_code == 302
    assert world.left(intervention) == [ZERO]

    with nothing_changed():
        answer = office.act(intervention, "invoice")
    assert refusal(answer) == "DI/000001 : tout est sur un devis en cours. Facturez depuis le devis, ou refusez-le."


def test_edge_01_line_of_a_refused_quote_is_free_again(world: World) -> None:
    intervention = world.intervention()
    office = world.office(BILLING)
    office.act(intervention, "quote")
    office.act(Quote.objects.get(), "refuse", reason="Trop cher")
    assert world.left(intervention) == [ONE]

    office.act(intervention, "invoice")

    assert Invoice.objects.get().gross.amount == Decimal("184.62")
    assert world.left(intervention) == [ZERO]


def test_edge_02_deleted_draft_frees_its_lines(world: World) -> None:
    intervention = world.intervention()
    office = world.office(BILLING)
    office.act(intervention, "invoice")
    assert world.left(intervention) == [ZERO]

    answer = office.act(Invoice.objects.get(), "delete")

    assert answer.url == address(Invoice, "changelist")
    assert Invoice.objects.count() == 0
    assert world.left(intervention) == [ONE]


def test_edge_02_cancelled_draft_frees_its_lines_and_stays(world: World) -> None:
    intervention = world.intervention()
    office = world.office(BILLING)
    office.act(intervention, "invoice")

    office.act(Invoice.objects.get(), "cancel")

    assert Invoice.objects.get().state == "cancelled"
    assert world.left(intervention) == [ONE]


def test_edge_02_drafts_deleted_from_the_list_free_their_lines(world: World) -> None:
    interventions = [world.intervention(), world.intervention()]
    drafts = [world.draft(intervention=intervention) for intervention in interventions]

    answer = world.office(BILLING).act_on_many(drafts, "delete")

    assert [refused for _name, refused in report(answer)] == ["", ""]
    assert Invoice.objects.count() == 0
    assert [world.left(intervention) for intervention in interventions] == [[ONE], [ONE]]


def test_edge_02_quote_line_is_free_again_on_its_quote(world: World) -> None:
    intervention = world.intervention()
    office = world.office(BILLING)
    quote = world.quote(intervention=intervention)
    office.act(quote, "accept")
    office.act(quote, "invoice")
    assert [line.left for line in quote.lines.left_to_bill()] == [ZERO]

    office.act(Invoice.objects.get(), "delete")

    assert [line.left for line in quote.lines.left_to_bill()] == [ONE]
    assert world.left(intervention) == [ZERO]


def test_edge_03_no_fiscal_position_is_refused_by_name(world: World) -> None:
    intervention = world.intervention(code=None)
    office = world.office(BILLING)

    for act in ("invoice", "quote"):
        with nothing_changed():
            answer = office.act(intervention, act)
        assert answer.status_code == 409
        assert refusal(answer) == "DI/000001 : pas de position fiscale. Remplissez le champ « Position fiscale »."


def test_edge_05_credit_with_rebill_restores_its_quantity(world: World) -> None:
    intervention = world.intervention(item(4))
    invoice = world.posted(intervention=intervention)
    (line,) = invoice.lines.all()
    office = world.office(ACCOUNTANT)

    office.act(invoice, "credit", **{f"line_{line.pk}": "1,5"}, rebill="on")
    assert world.left(intervention) == [Decimal("1.5")]

    office.act(intervention, "invoice")
    draft = Invoice.objects.get(state="draft")
    assert [line.quantity for line in draft.lines.all()] == [Decimal("1.5")]
    assert world.left(intervention) == [ZERO]


def test_edge_05_credit_without_rebill_stays_billed(world: World) -> None:
    intervention = world.intervention(item(4))
    invoice = world.posted(intervention=intervention)
    (line,) = invoice.lines.all()
    office = world.office(ACCOUNTANT)
    answers = office.act(invoice, "credit", **{f"line_{line.pk}": "1,5", "rebill": ""})
    assert answers.status_code == 302
    assert InvoiceLine.objects.get(invoice__kind="credit_note").rebill is False

    with nothing_changed():
        answer = office.act(intervention, "invoice")
    assert refusal(answer) == "DI/000001 : tout est déjà facturé. Voyez ses factures."
    assert world.left(intervention) == [ZERO]


def test_edge_05_credit_of_a_quote_s_invoice_restores_its_quantity(world: World) -> None:
    office = world.office(ACCOUNTANT)
    quote = world.quote(item(2))
    office.act(quote, "accept")
    office.act(quote, "invoice")
    office.act(Invoice.objects.get(), "post")

    office.act(Invoice.objects.get(), "credit")

    assert [line.left for line in quote.lines.left_to_bill()] == [Decimal(2)]


def test_edge_07_one_bad_never_stops_the_others(world: World) -> None:
    good, bad, also_good = world.intervention(), world.intervention(code=None), world.intervention()

    answer = world.office(BILLING).act_on_many([good, bad, also_good], "invoice-many")

    assert sorted(report(answer)) == [
        ("DI/000001", ""),
        ("DI/000002", "DI/000002 : pas de position fiscale. Remplissez le champ « Position fiscale »."),
        ("DI/000003", ""),
    ]
    assert sorted(Invoice.objects.values_list("origin", flat=True)) == ["DI/000001", "DI/000003"]
    assert [world.left(intervention) for intervention in (good, bad, also_good)] == [[ZERO], [ONE], [ZERO]]


def test_edge_07_one_bad_never_stops_the_others_when_posting(world: World) -> None:
    good, bad = world.draft(), world.draft()
    bad.fiscal_position = None
    bad.save(update_fields=["fiscal_position"])

    answer = world.office(ACCOUNTANT).act_on_many([good, bad], "post")

    assert sorted(refused for _name, refused in report(answer)) == [
        "",
        f"Facture en brouillon n° {bad.pk} : pas de position fiscale. Choisissez-la sur la facture.",
    ]
    assert Invoice.objects.get(state="posted").number == "FA2026-00001"
    assert Invoice.objects.get(state="draft") == bad


def test_edge_22_numbers_follow_without_a_gap_even_after_a_refusal(world: World) -> None:
    """The race itself is in tests/faults/test_posting.py."""
    office = world.office(ACCOUNTANT)
    drafts = [world.draft() for _n in range(4)]
    Invoice.objects.filter(pk=drafts[1].pk).update(fiscal_position=None)

    for draft in drafts:
        office.act(draft, "post")

    posted = Invoice.objects.posted().order_by("pk").values_list("number", flat=True)
    assert list(posted) == ["FA2026-00001", "FA2026-00002", "FA2026-00003"]
    assert JournalCounter.objects.get().last_number == 3


def test_edge_24_free_line_is_billed_and_printed(world: World) -> None:
    intervention = world.intervention(item(), item(price=0, label="Contrôle offert"))

    invoice = world.posted(intervention=intervention)

    assert [(line.label, line.net) for line in invoice.lines.all()] == [
        ("[ram_pose] Forfait Pose", Decimal("175.00")),
        ("Contrôle offert", Decimal("0.00")),
    ]
    assert invoice.gross.amount == Decimal("184.62")
    assert world.left(intervention) == [ZERO, ZERO]


def test_edge_24_document_all_free_is_posted_at_zero(world: World) -> None:
    invoice = world.posted(item(price=0))

    assert (invoice.number, invoice.gross.amount) == ("FA2026-00001", ZERO)
    assert Invoice.objects.with_payment_state(world.today).get().payment_state == "paid"


def test_edge_26_late_drafts_post_in_order_after_a_later_invoice(
    world: World, on_an_ordinary_day: time_machine.Traveller
) -> None:
    on_an_ordinary_day.move_to(datetime(2026, 3, 14, 9, 0, tzinfo=ZoneInfo("Europe/Paris")))
    world.posted()
    late = []
    for month in (3, 1, 2):
        draft = world.draft()
        Invoice.objects.filter(pk=draft.pk).update(proposed_on=f"2026-{month:02d}-31" if month != 2 else "2026-02-28")
        late.append(draft)
    Invoice.objects.filter(pk=late[0].pk).update(proposed_on="2026-03-10")
    on_an_ordinary_day.move_to(datetime(2026, 4, 2, 9, 0, tzinfo=ZoneInfo("Europe/Paris")))

    answer = Office(world.accountant).act_on_many(late, "post")

    assert [refused for _name, refused in report(answer)] == ["", "", ""]
    posted = Invoice.objects.posted().order_by("number").values_list("number", "proposed_on", "issued_on")
    assert [(number, f"{proposed:%d/%m}", f"{issued:%d/%m}") for number, proposed, issued in posted] == [
        ("FA2026-00001", "14/03", "14/03"),
        ("FA2026-00002", "31/01", "02/04"),
        ("FA2026-00003", "28/02", "02/04"),
        ("FA2026-00004", "10/03", "02/04"),
    ]


def test_edge_27_two_credits_of_half_an_invoice_leave_no_cent(world: World) -> None:
    """185,01 at 5,5 %: two halves rounded on their own would leave a cent."""
    invoice = world.posted(item(1, price="185.01"))
    (line,) = invoice.lines.all()
    office = world.office(ACCOUNTANT)

    for _half in range(2):
        assert office.act(invoice, "credit", **{f"line_{line.pk}": "0,5"}).status_code == 302

    notes = Invoice.objects.filter(kind="credit_note").order_by("number")
    assert [(c.number, c.net.amount, c.tax.amount, c.gross.amount) for c in notes] == [
        ("AV2026-00001", Decimal("92.50"), Decimal("5.09"), Decimal("97.59")),
        ("AV2026-00002", Decimal("92.51"), Decimal("5.09"), Decimal("97.60")),
    ]
    assert invoice.gross.amount == Decimal("195.19")
    assert sum(c.gross.amount for c in notes) == invoice.gross.amount
    assert Invoice.objects.with_payment_state(world.today).get(pk=invoice.pk).residual == ZERO

    with nothing_changed():
        answer = office.confirm(invoice, "credit", {"on": "2026-11-24", "reason": "x", f"line_{line.pk}": "0,5"})
    assert refusal(answer) == "FA2026-00001 a changé : « Avoir » n'est plus possible dans son état actuel."


def test_edge_28_stale_save_is_refused_and_what_was_typed_stays(world: World) -> None:
    intervention = world.intervention()
    fanny, paul = (
        Office(world.biller),
        Office(UserFactory(role=BILLING, company=world.company, first_name="Paul", last_name="Le Bris")),
    )
    hers = fanny.open(intervention)
    paul.save(intervention, title="Ramonage")

    with nothing_changed():
        answer = fanny.send(intervention, typed(hers, title="Pose du poêle", lines__0__quantity="2"))

    assert answer.status_code == 200
    assert refusal(answer) == (
        "Modifié entre-temps par Paul Le Bris à 10:00 : votre saisie est gardée ci-dessous mais n'est pas enregistrée. "
        "Ouvrez la fiche dans un autre onglet, comparez, puis reportez vos changements."
    )
    assert InterventionRequest.objects.get().title == "Ramonage"
    kept = fields_of(answer, "interventionrequest_form")
    assert (kept["title"], kept["lines-0-quantity"]) == ("Pose du poêle", "2")
    assert kept["_version"] == hers["_version"], "pressed again, it is refused again"
