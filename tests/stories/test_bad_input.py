"""What people get wrong: a French sentence that says which document, why and what to do, and nothing changes."""

from decimal import Decimal

import pytest
from django.contrib.messages import get_messages

from interventions.models import InterventionRequest
from invoicing.models import Invoice, Payment, Product, Quote
from openfire_billing.office.roles import ACCOUNTANT, BILLING, PLANNER
from tests.factories import CompanyFactory, ProductFactory, TaxFactory, World, item, nothing_changed, position
from tests.factories.pages import address, errors_of, new_line, refusal, typed

BOTH_ROADS = pytest.mark.parametrize("act", ["invoice", "quote"])


# DIs and quotes


@BOTH_ROADS
def test_article_without_income_account_is_refused(world: World, act: str) -> None:
    ProductFactory(code="joint", name="Joint de porte", income_account="")
    intervention = world.intervention(item(), item(code="joint"))

    with nothing_changed():
        answer = world.office(BILLING).act(intervention, act)

    assert refusal(answer) == (
        "DI/000001 : l'article « [joint] Joint de porte » n'a pas de compte de produit. "
        "Complétez sa fiche (Répertoire › Articles)."
    )


@BOTH_ROADS
def test_intervention_without_line_is_refused(world: World, act: str) -> None:
    intervention = world.intervention()
    intervention.lines.all().delete()

    with nothing_changed():
        answer = world.office(BILLING).act(intervention, act)

    assert refusal(answer) == ("DI/000001 : aucune ligne d'article. Ajoutez-en une dans l'onglet Facturation.")


def test_draft_intervention_is_not_billed(world: World) -> None:
    intervention = world.intervention(is_validated=False)

    with nothing_changed():
        report = world.office(BILLING).act_on_many([intervention], "invoice-many")

    (outcome,) = report.context["outcomes"]
    assert outcome.refusal == (
        f"DI provisoire n° {intervention.pk} est à l'état « Brouillon » : "
        "validez-la avant de la facturer ou d'en faire un devis."
    )


@BOTH_ROADS
def test_intervention_billed_in_full_is_refused(world: World, act: str) -> None:
    intervention = world.intervention()
    world.draft(intervention=intervention)

    with nothing_changed():
        answer = world.office(BILLING).act(intervention, act)

    assert refusal(answer) == "DI/000001 : tout est déjà facturé. Voyez ses factures."


@BOTH_ROADS
def test_intervention_all_on_a_quote_is_refused(world: World, act: str) -> None:
    intervention = world.intervention()
    world.quote(intervention=intervention)

    with nothing_changed():
        answer = world.office(BILLING).act(intervention, act)

    assert refusal(answer) == ("DI/000001 : tout est sur un devis en cours. Facturez depuis le devis, ou refusez-le.")


@BOTH_ROADS
def test_fiscal_position_of_another_company_is_refused(world: World, act: str) -> None:
    intervention = world.intervention(code="VEN-10")
    theirs = position("VEN-10")
    theirs.company = CompanyFactory(name="Autre Foyer")
    theirs.save()

    with nothing_changed():
        answer = world.office(BILLING).act(intervention, act)

    assert refusal(answer) == (
        "DI/000001 : la position fiscale « VEN-10 » est celle d'une autre société. "
        "Choisissez-en une de Flammes d'Armor."
    )


# Forms


def test_tax_of_another_company_is_refused(world: World) -> None:
    theirs = TaxFactory(name="TVA d'ailleurs", company=CompanyFactory(name="Autre Foyer"))
    intervention = world.intervention()

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, lines__0__tax=theirs.pk, lines__0__tax_is_manual="True")

    (said,) = errors_of(answer)["lines-0-tax"]
    assert said == "Sélectionnez un choix valide. Ce choix ne fait pas partie de ceux disponibles."


@pytest.mark.parametrize(("typed_in", "why"), [("-1", "La quantité n'est pas négative."), ("douze", None)])
def test_quantity_that_is_none_is_refused_on_an_intervention(world: World, typed_in: str, why: str | None) -> None:
    intervention = world.intervention()

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, lines__0__quantity=typed_in)

    wanted = why or "« douze » n'est pas un nombre : tapez par exemple 12,5."
    assert errors_of(answer) == {"lines-0-quantity": [wanted]}


def test_quantity_of_zero_is_refused_on_a_quote(world: World) -> None:
    quote = world.quote()

    with nothing_changed():
        answer = world.office(BILLING).save(quote, lines__0__quantity="0")

    assert errors_of(answer) == {"lines-0-quantity": ["La quantité est supérieure à zéro."]}


def test_quantity_of_zero_is_refused_on_an_invoice(world: World) -> None:
    draft = world.draft()

    with nothing_changed():
        answer = world.office(BILLING).save(draft, lines__0__quantity="0")

    assert errors_of(answer) == {"lines-0-quantity": ["La quantité n'est pas nulle : supprimez plutôt la ligne."]}


def test_line_that_bills_something_never_turns_negative(world: World) -> None:
    draft = world.draft()

    with nothing_changed():
        answer = world.office(BILLING).save(draft, lines__0__quantity="-1")

    assert refusal(answer) == (
        "« [ram_pose] Forfait Pose » : la quantité reste supérieure à zéro. "
        "Pour ne pas facturer la ligne, supprimez-la."
    )


def test_end_before_start_is_refused(world: World) -> None:
    intervention = world.intervention()

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, from_on="24/11/2026", to_on="23/11/2026")

    assert "La fin de la période précède son début : corrigez l'une des deux dates." in str(errors_of(answer))


def test_discount_above_a_hundred_is_refused(world: World) -> None:
    intervention = world.intervention()

    with nothing_changed():
        answer = world.office(PLANNER).save(intervention, lines__0__discount="101")

    assert list(errors_of(answer)) == ["lines-0-discount"]


def test_new_intervention_says_what_is_missing(world: World) -> None:
    office = world.office(PLANNER)

    with nothing_changed():
        answer = office.save(InterventionRequest, partner=world.customer)

    assert errors_of(answer)["task"] == ["Choisissez une tâche, ou un modèle d'intervention qui en a une."]


# Who may


@pytest.mark.parametrize("act", ["invoice"])
def test_planner_does_not_bill(world: World, act: str) -> None:
    intervention = world.intervention()
    office = world.office(PLANNER)
    page = office.get(address(intervention)).content.decode()
    assert "Générer la facture" not in page

    with nothing_changed():
        assert office.get(address(intervention, "act", act)).status_code == 403
        assert office.confirm(intervention, act, {"on": "2026-11-24"}).status_code == 403


def test_biller_does_not_post(world: World) -> None:
    draft = world.draft()
    office = world.office(BILLING)

    with nothing_changed():
        assert office.confirm(draft, "post", {"on": "2026-11-24"}).status_code == 403

    assert Invoice.objects.get().number is None


def test_act_chosen_from_the_list_without_the_right_does_nothing(world: World) -> None:
    draft = world.draft()
    office = world.office(BILLING)

    with nothing_changed():
        answer = office.client.post(
            address(Invoice, "changelist"),
            {"action": "act_post", "_selected_action": [draft.pk], "_confirmed": "1"},
        )

    assert answer.status_code in (200, 302)


# Forged


def test_line_of_another_intervention_is_refused(world: World) -> None:
    mine, other = world.intervention(), world.intervention()
    office = world.office(PLANNER)
    fields = typed(office.open(mine), lines__0__id=other.lines.get().pk, lines__0__quantity="9")

    with nothing_changed():
        answer = office.send(mine, fields)

    assert refusal(answer) == "DI/000001 : une des lignes envoyées n'est pas la sienne. Rechargez la page."


@pytest.mark.parametrize("forged", ["999999", "0", "-1"])
def test_article_that_does_not_exist_is_refused(world: World, forged: str) -> None:
    office = world.office(PLANNER)
    fields = typed(office.open(InterventionRequest), partner=world.customer, task=world.task)

    with nothing_changed():
        answer = office.send(InterventionRequest, new_line(fields, product=forged))

    assert errors_of(answer)["lines-0-product"] == [
        "Sélectionnez un choix valide. Ce choix ne fait pas partie de ceux disponibles."
    ]


def test_company_one_does_not_work_for_is_refused(world: World) -> None:
    theirs = CompanyFactory(name="Autre Foyer")
    office = world.office(PLANNER)

    with nothing_changed():
        answer = office.save(InterventionRequest, partner=world.customer, task=world.task, company=theirs.pk)

    assert list(errors_of(answer)) == ["company"]


@pytest.mark.parametrize("act", ["rien", "valider-tout", "../1"])
def test_act_that_does_not_exist_is_not_found(world: World, act: str) -> None:
    intervention = world.intervention()
    url = address(intervention).replace("/change/", f"/act/{act}/")

    with nothing_changed():
        answer = world.office().client.post(url, {"_confirmed": "1"}, follow=True)

    assert answer.status_code in (200, 404)


@pytest.mark.parametrize("pk", ["999999", "abc", "0", "1 or 1=1"])
def test_document_that_does_not_exist_is_not_found(world: World, pk: str) -> None:
    office = world.office()

    for url in ("act/invoice/", "files/1/detach/", "attach/"):
        assert office.get(f"/admin/interventions/interventionrequest/{pk}/{url}").status_code == 404


def test_line_credited_that_is_not_of_the_invoice_is_refused(world: World) -> None:
    mine, other = world.posted(), world.posted()

    with nothing_changed():
        answer = world.office(ACCOUNTANT).confirm(
            mine, "credit", {"on": "2026-11-24", "reason": "x", f"line_{other.lines.get().pk}": "1"}
        )

    assert refusal(answer) == "FA2026-00001 : rien à créditer. Choisissez au moins une quantité."


@pytest.mark.parametrize("quantity", ["2", "-1", "0", "un"])
def test_credit_of_a_quantity_that_is_not_there_is_refused(world: World, quantity: str) -> None:
    invoice = world.posted()

    with nothing_changed():
        answer = world.office(ACCOUNTANT).act(invoice, "credit", **{f"line_{invoice.lines.get().pk}": quantity})

    assert answer.status_code in (200, 409)
    assert Invoice.objects.count() == 1


# Twice


def test_double_click_makes_one_invoice(world: World) -> None:
    intervention = world.intervention()
    office = world.office(BILLING)

    first = office.confirm(intervention, "invoice", {"on": "2026-11-24"})
    with nothing_changed():
        second = office.confirm(intervention, "invoice", {"on": "2026-11-24"})

    assert first.status_code == 302
    assert refusal(second) == "DI/000001 : tout est déjà facturé. Voyez ses factures."
    assert Invoice.objects.count() == 1


def test_double_click_makes_one_quote(world: World) -> None:
    intervention = world.intervention()
    office = world.office(BILLING)

    office.confirm(intervention, "quote", {"on": "2026-11-24"})
    with nothing_changed():
        second = office.confirm(intervention, "quote", {"on": "2026-11-24"})

    assert second.status_code == 409
    assert Quote.objects.count() == 1


def test_double_click_posts_once(world: World) -> None:
    draft = world.draft()
    office = world.office(ACCOUNTANT)

    office.confirm(draft, "post", {"on": "2026-11-24"})
    with nothing_changed():
        second = office.confirm(draft, "post", {"on": "2026-11-24"})

    assert refusal(second) == ("FA2026-00001 a changé : « Valider » n'est plus possible dans son état actuel.")


def test_double_click_pays_once(world: World) -> None:
    invoice = world.posted()
    office = world.office(ACCOUNTANT)
    answers = {"on": "2026-11-24", "amount": "184,62", "kind": "transfer"}

    office.confirm(invoice, "pay", answers)
    with nothing_changed():
        second = office.confirm(invoice, "pay", answers)

    assert second.status_code == 409
    assert [payment.amount.amount for payment in Payment.objects.all()] == [Decimal("184.62")]


def test_two_tabs_the_second_says_who_changed_it(world: World) -> None:
    quote = world.quote()
    office = world.office(BILLING)
    first, second = office.open(quote), office.open(quote)
    office.send(quote, typed(first, title="Pose"))

    with nothing_changed():
        answer = office.send(quote, typed(second, title="Dépose"))

    assert refusal(answer).startswith("Modifié entre-temps par Fanny Morvan")
    assert Quote.objects.get().title == "Pose"


def test_two_tabs_of_a_draft_that_was_posted_meanwhile(world: World) -> None:
    draft = world.draft()
    office = world.office(ACCOUNTANT)
    fields = office.open(draft)
    office.act(draft, "post")

    with nothing_changed():
        answer = office.send(draft, typed(fields, lines__0__quantity="5"))

    said = [str(message) for message in get_messages(answer.wsgi_request) if message.level_tag == "error"]
    assert (answer.status_code, answer.headers["Location"]) == (302, address(draft))
    assert said == ["FA2026-00001 a changé entre-temps et ne se modifie plus : rien de votre saisie n'est enregistré."]
    assert Invoice.objects.get().gross.amount == Decimal("184.62")


def test_two_tabs_of_a_record_of_the_catalogue(world: World) -> None:
    product = Product.objects.get()
    office = world.office("Gestionnaire")
    first, second = office.open(product), office.open(product)
    office.send(product, typed(first, unit_price="180,00"))

    with nothing_changed():
        answer = office.send(product, typed(second, unit_price="190,00"))

    assert refusal(answer).startswith("Modifié entre-temps par")
    assert Product.objects.get().unit_price == Decimal(180)
