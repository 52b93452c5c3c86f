"""Documents through the API: exact values, the refusals of the rules in French, nothing changed by a refusal."""

from decimal import Decimal
from typing import Any

import pytest

from appointments.models import Appointment
from interventions.models import InterventionRequest
from invoicing.models import Invoice, Partner, Product, Quote
from openfire_billing.office.roles import ACCOUNTANT, BILLING, MANAGER, PLANNER
from tests.factories import World, nothing_changed, position, tax
from tests.factories.api import Api, refused
from tests.factories.appointments import book, technician

TODAY = "2026-11-24"


@pytest.fixture
def accountant(world: World) -> Api:
    return Api(world.accountant)


@pytest.fixture
def planner(world: World) -> Api:
    return Api(world.planner)


def product_id(world: World) -> int:
    return world.intervention().lines.get().product_id


def new_intervention(api: Api, world: World, **more: Any) -> Any:
    product = more.pop("product", None) or product_id(world)
    body = {
        "partner": world.customer.pk,
        "task": world.task.pk,
        "from_on": TODAY,
        "fiscal_position": position().pk,
        "lines": [{"product": product}],
        **more,
    }
    return api.made("interventions/", body)


def test_customer_is_made_with_his_address(accountant: Api) -> None:
    made = accountant.made(
        "partners/",
        {"name": "Le Goff Yann", "addresses": [{"street": "2 quai Est", "zip": "35000", "city": "Rennes"}]},
    )

    partner = Partner.objects.get(pk=made["id"])
    assert (made["name"], made["kind"], made["bill_to"], made["tags"]) == ("Le Goff Yann", "private", None, [])
    assert [a["city"] for a in made["addresses"]] == ["Rennes"]
    assert partner.default_address().city == "Rennes"


def test_customer_with_a_wrong_siren_is_refused_by_field(accountant: Api) -> None:
    with nothing_changed():
        answer = accountant.post("partners/", {"name": "X", "kind": "business", "siren": "123"})

    assert refused(answer, 400) == "La demande n'est pas complète ou pas lisible : voyez « fields »."
    assert answer.data["code"] == "invalid"
    assert answer.data["fields"] == {"siren": ["« 123 » n'est pas valable, par exemple 732829320."]}


def test_intervention_shows_the_same_cents(accountant: Api, world: World) -> None:
    made = new_intervention(accountant, world)

    (line,) = made["lines"]
    assert (made["state"], made["number"], made["currency"]) == ("draft", None, "EUR")
    assert (made["net"], made["tax"], made["gross"]) == ("175.00", "9.62", "184.62")
    assert made["taxes"] == [{"category": "S", "rate": "5.50", "base": "175.00", "amount": "9.62"}]
    assert (line["quantity"], line["unit_price"], line["discount"]) == ("1.000", "175.0000", "0.00")
    assert (line["net"], line["tax_rate"], line["left_to_bill"], line["covered"]) == ("175.00", "5.50", "1.000", False)
    assert made["to_on"] == "2026-12-07"
    assert made["counts"] == {
        "quotes": 0,
        "invoices": 0,
        "appointments": 0,
        **{name: 0 for name in made["counts"] if name not in ("quotes", "invoices", "appointments")},
    }


def test_whole_road_a_to_the_payment(accountant: Api, world: World) -> None:
    di = new_intervention(accountant, world)
    url = f"interventions/{di['id']}/"
    assert accountant.made(f"{url}validate/", status=200)["number"].startswith("DI/")

    draft = accountant.made(f"{url}invoice/", {"on": TODAY})
    assert (draft["state"], draft["gross"], draft["customer"]) == ("draft", "184.62", world.customer.pk)
    assert (
        refused(accountant.post(f"{url}invoice/", {"on": TODAY}))
        == f"DI/{di_number(di)} : tout est déjà facturé. Voyez ses factures."
    )
    assert accountant.get(url).data["counts"]["invoices"] == 1
    assert accountant.get(url).data["lines"][0]["left_to_bill"] == "0.000"

    posted = accountant.made(f"invoices/{draft['id']}/post/", {"on": TODAY}, status=200)
    assert (posted["number"], posted["payment_state"], posted["residual"]) == ("FA2026-00001", "unpaid", "184.62")
    paid = accountant.made(f"invoices/{draft['id']}/pay/", {"on": TODAY, "amount": "100.00", "kind": "card"})
    assert (paid["amount"], paid["currency"], paid["allocations"]) == (
        "100.00",
        "EUR",
        [{"invoice": draft["id"], "amount": "100.00"}],
    )
    seen = accountant.get(f"invoices/{draft['id']}/").data
    assert (seen["payment_state"], seen["residual"]) == ("partial", "84.62")

    avoir = accountant.made(
        f"invoices/{draft['id']}/credit/", {"on": TODAY, "all": True, "rebill": True, "reason": "Erreur"}
    )
    assert (avoir["kind"], avoir["number"], avoir["gross"], avoir["credits"]) == (
        "credit_note",
        "AV2026-00001",
        "184.62",
        draft["id"],
    )
    assert accountant.get(url).data["lines"][0]["left_to_bill"] == "1.000"
    assert accountant.get(f"invoices/{draft['id']}/pdf/")["Content-Type"] == "application/pdf"


def di_number(di: Any) -> str:
    return InterventionRequest.objects.get(pk=di["id"]).number.partition("/")[2]


def test_quote_is_sent_accepted_and_invoiced(accountant: Api, world: World) -> None:
    intervention = world.intervention()
    quote = accountant.made(f"interventions/{intervention.pk}/quote/", {"on": TODAY})
    url = f"quotes/{quote['id']}/"

    assert (quote["state"], quote["gross"], quote["valid_until"]) == ("draft", "184.62", "2026-12-24")
    assert quote["lines"][0]["origin_line"] == intervention.lines.get().pk
    assert quote["intervention"] == intervention.pk
    assert accountant.get("quotes/").data["results"][0]["intervention"] == intervention.pk
    assert accountant.made(f"{url}send/", status=200)["state"] == "sent"
    assert accountant.made(f"{url}accept/", {"on": TODAY}, status=200)["state"] == "accepted"
    with nothing_changed():
        refusal = refused(accountant.post(f"interventions/{intervention.pk}/invoice/", {"on": TODAY}))
    assert refusal.endswith("tout est sur un devis en cours. Facturez depuis le devis, ou refusez-le.")
    assert accountant.made(f"{url}invoice/", {"on": TODAY})["gross"] == "184.62"
    assert accountant.get(url).data["counts"]["invoices"] == 1


def test_appointment_of_a_di_is_confirmed_done_and_invoiced(accountant: Api, world: World) -> None:
    intervention, who = world.intervention(), technician(world)
    rdv = accountant.made(
        f"interventions/{intervention.pk}/appointment/",
        {"technicians": [who.pk], "starts_at": "2026-11-25T09:00:00+01:00"},
    )
    url = f"appointments/{rdv['id']}/"

    assert (rdv["state"], rdv["ends_at"], rdv["lead"]) == ("draft", "2026-11-25T10:30:00+01:00", who.pk)
    assert rdv["lines"][0]["origin_line"] == intervention.lines.get().pk
    assert accountant.made(f"{url}confirm/", status=200)["state"] == "confirmed"
    assert accountant.made(f"{url}done/", {"report": "Ramoné"}, status=200)["report"] == "Ramoné"
    made = accountant.made(f"{url}invoice/", {"on": TODAY})
    assert (made["gross"], made["note"]) == ("184.62", "")
    assert accountant.get(url).data["counts"]["invoices"] == 1


def test_appointment_without_a_moment_takes_the_first_free_slot(planner: Api, world: World) -> None:
    intervention, who = world.intervention(), technician(world)

    rdv = planner.made(f"interventions/{intervention.pk}/appointment/")

    # ten o'clock has just gone
    assert (rdv["technicians"], rdv["starts_at"]) == ([who.pk], "2026-11-24T10:15:00+01:00")


def test_same_hour_twice_is_refused(planner: Api, world: World) -> None:
    who = technician(world)
    book(world, world.intervention(), who=who, state="draft")
    other = world.intervention()

    with nothing_changed():
        answer = planner.post(
            f"interventions/{other.pk}/appointment/",
            {"technicians": [who.pk], "starts_at": "2026-11-25T09:30:00+01:00"},
        )

    assert who.name in refused(answer)


def test_many_are_invoiced_with_a_report_for_each(world: World) -> None:
    api = Api(world.biller)
    good, draft = world.intervention(), world.intervention(is_validated=False)
    also = world.intervention()

    answer = api.made(
        "interventions/invoice/",
        {"ids": [good.pk, draft.pk, 987654, also.pk], "on": TODAY, "group_by_customer": True},
        status=200,
    )

    one = Invoice.objects.get()
    assert [(r["id"], r["invoice"]) for r in answer["results"]] == [
        (good.pk, one.pk),
        (draft.pk, None),
        (987654, None),
        (also.pk, one.pk),
    ]
    assert (answer["done"], answer["refused"]) == (2, 2)
    assert "validez-la avant" in answer["results"][1]["refusal"]
    assert one.gross.amount == Decimal("369.25")


def test_many_appointments_are_invoiced(world: World) -> None:
    rdv, draft = book(world, world.intervention()), book(world, world.intervention(), state="draft")

    answer = Api(world.biller).made("appointments/invoice/", {"ids": [draft.pk, rdv.pk], "on": TODAY}, status=200)

    assert [bool(r["invoice"]) for r in answer["results"]] == [False, True]


def test_lines_are_changed_added_and_deleted_by_a_patch(accountant: Api, world: World) -> None:
    di = new_intervention(accountant, world)
    (line,) = di["lines"]
    url = f"interventions/{di['id']}/"

    more = accountant.patch(
        url,
        {
            "lines": [
                {"id": line["id"], "quantity": "1000.000", "discount": "10.00"},
                {"kind": "section", "label": "Pièces"},
                {"label": "Joint", "unit_price": "12.5", "quantity": "2", "tax": tax().pk},
            ]
        },
    ).data
    assert [(li["kind"], li["label"], li["net"]) for li in more["lines"]][1:] == [
        ("section", "Pièces", "0.00"),
        ("article", "Joint", "25.00"),
    ]
    assert more["net"] == "157525.00"
    less = accountant.patch(url, {"lines": [{"id": line["id"], "delete": True}], "title": "Joint"}).data
    assert (less["net"], less["tax"], less["title"]) == ("25.00", "5.00", "Joint")


def test_draft_is_written_and_edited(accountant: Api, world: World) -> None:
    body = {
        "customer": world.customer.pk,
        "fiscal_position": position("VEN-20").pk,
        "lines": [{"product": product_id(world), "quantity": "2"}],
    }
    draft = accountant.made("invoices/", body)
    (line,) = draft["lines"]

    assert (draft["net"], draft["gross"], draft["proposed_on"]) == ("350.00", "420.00", TODAY)
    edited = accountant.patch(f"invoices/{draft['id']}/", {"lines": [{"id": line["id"], "quantity": "3"}]}).data
    assert edited["net"] == "525.00"
    accountant.made(f"invoices/{draft['id']}/post/", {"on": TODAY}, status=200)
    with nothing_changed():
        answer = accountant.patch(f"invoices/{draft['id']}/", {"notes": "Trop tard"})
        assert refused(accountant.delete(f"invoices/{draft['id']}/"))
    assert (
        refused(answer)
        == "FA2026-00001 est à l'état « Validée » : seul un brouillon se modifie. Corrigez-la par un avoir."
    )


def test_rising_above_what_is_left_is_refused(accountant: Api, world: World) -> None:
    draft = world.draft()
    line = draft.lines.get()

    with nothing_changed():
        answer = accountant.patch(f"invoices/{draft.pk}/", {"lines": [{"id": line.pk, "quantity": "2"}]})

    assert "il ne reste que 1 à facturer, la ligne en demande 2" in refused(answer)


def test_invoice_is_sent_by_mail(accountant: Api, world: World) -> None:
    draft, posted = world.draft(), world.posted()

    assert refused(accountant.post(f"invoices/{draft.pk}/send/")).endswith("validez-la avant de l'envoyer.")
    accountant.made(f"invoices/{posted.pk}/send/", status=200)

    message = only_message()
    assert (message.to, message.with_paper) == (world.customer.email, True)
    assert "FA2026-00001" in message.subject


def only_message() -> Any:
    from invoicing.models import Message

    return Message.objects.get()


def test_tax_in_use_is_not_changed(world: World) -> None:
    world.intervention()
    used = tax("TVA collectée (vente) 5,5%")

    with nothing_changed():
        answer = Api(world.manager).patch(f"taxes/{used.pk}/", {"rate": "6.00"})

    assert refused(answer) == (
        "« TVA collectée (vente) 5,5% » est déjà utilisée : créez une nouvelle taxe qui la remplace à partir d'une date."
    )


def test_drafts_are_deleted_and_what_they_billed_is_free(world: World) -> None:
    api, intervention = Api(world.manager), world.intervention()
    draft, quote = world.draft(intervention=intervention), world.quote()
    rdv = book(world, world.intervention(), state="draft")
    new = world.intervention(is_validated=False)

    for path in (f"invoices/{draft.pk}/", f"quotes/{quote.pk}/", f"appointments/{rdv.pk}/", f"interventions/{new.pk}/"):
        assert api.delete(path).status_code == 204

    assert world.left(intervention) == [Decimal(1)]
    assert not (Invoice.objects.exists())
    assert not (Quote.objects.exists())
    assert not (Appointment.objects.exists())


def test_lists_are_filtered_searched_ordered_and_paged(accountant: Api, world: World) -> None:
    for number in range(3):
        world.intervention(title=f"Entretien {number}")
    done = world.intervention(is_validated=False, title="Poêle")

    page = accountant.get("interventions/", page_size=2, ordering="id").data
    assert (page["count"], len(page["results"]), page["next"] is not None) == (4, 2, True)
    assert set(page) == {"count", "next", "results"}
    assert [r["id"] for r in accountant.get("interventions/", state="draft").data["results"]] == [done.pk]
    assert accountant.get("interventions/", search="Entretien").data["count"] == 3
    assert accountant.get("interventions/", to_bill="true").data["count"] == 3
    assert accountant.get("interventions/", from_on_after="2026-11-25").data["count"] == 0
    assert refused(accountant.get("interventions/", state="?"), 400)


def test_act_that_is_told_no_day_is_of_today(accountant: Api, world: World) -> None:
    invoice = accountant.made(f"interventions/{world.intervention().pk}/invoice/")
    url = f"invoices/{invoice['id']}/"

    assert accountant.made(f"{url}post/", status=200)["issued_on"] == TODAY
    payment = accountant.made(f"{url}pay/", {"amount": "10.00"})
    assert (payment["on"], payment["amount"]) == (TODAY, "10.00")


@pytest.mark.parametrize(("asked", "left"), [({"all": True}, "1.000"), ({"part": "0.500"}, "0.000")])
def test_credit_bills_again_what_it_takes_back_whole_unless_told(
    accountant: Api, world: World, asked: dict[str, Any], left: str
) -> None:
    intervention = world.intervention()
    invoice = accountant.made(f"interventions/{intervention.pk}/invoice/")
    url = f"invoices/{invoice['id']}/"
    accountant.made(f"{url}post/", status=200)
    if part := asked.pop("part", None):
        asked["lines"] = [{"line": invoice["lines"][0]["id"], "quantity": part}]

    accountant.made(f"{url}credit/", asked)

    assert accountant.get(f"interventions/{intervention.pk}/").data["lines"][0]["left_to_bill"] == left


def test_unreadable_demands_are_400(accountant: Api, world: World) -> None:
    url = "interventions/"
    for body in ([], "x", {"partner": "a"}, {"partner": 1.5}, {"from_on": "31/12/2026"}, {"from_on": "0001-01-01"}):
        assert refused(accountant.post(url, body), 400)
    raw = accountant.client.post("/api/v1/interventions/", "{", content_type="application/json")
    assert refused(raw, 400)
    assert refused(accountant.client.post("/api/v1/interventions/", "a=1", content_type="text/plain"), 415)
    assert refused(accountant.client.put("/api/v1/interventions/", {}), 405)
    assert refused(accountant.get("interventions/99999999999999999999/"), 404)
    assert refused(accountant.get("interventions/1"), 404).startswith("Adresse inconnue.")
    assert refused(accountant.post("nothing/at/all/"), 404).startswith("Adresse inconnue.")


@pytest.mark.parametrize("role", [PLANNER, BILLING, ACCOUNTANT, MANAGER])
def test_counts_show_what_the_role_may_see(world: World, role: str) -> None:
    draft = world.draft()
    intervention = InterventionRequest.objects.get(lines__claims__invoice_line__invoice=draft)

    counts = Api(world.users[role]).get(f"interventions/{intervention.pk}/").data["counts"]

    assert counts.get("invoices") == (None if role == PLANNER else 1)


def test_a_refusal_names_its_documents_and_the_missing_step(world: World) -> None:
    draft, product = world.draft(), Product.objects.get(code="ram_pose")
    Product.objects.update(income_account="")
    Invoice.objects.filter(pk=draft.pk).update(fiscal_position=None)

    answer = Api(world.accountant).post(f"invoices/{draft.pk}/post/")

    named = {"url": f"/api/v1/products/{product.pk}/", "id": product.pk, "name": "[ram_pose] Forfait Pose"}
    assert (answer.status_code, answer.json()) == (
        409,
        {
            "code": "missing_field",
            "detail": f"{draft} : pas de position fiscale. Choisissez-la sur la facture. "
            f"{draft} : l'article « {product} » n'a pas de compte de produit. Complétez sa fiche.",
            "fields": {"fiscal_position": [f"{draft} : pas de position fiscale. Choisissez-la sur la facture."]},
            "documents": [named],
            "step": {"label": "Compléter l'article", "document": named, "act": "", "field": "income_account"},
        },
    )


def test_the_step_of_a_refusal_is_an_address_to_post_to(world: World) -> None:
    intervention = world.intervention(is_validated=False)

    alone = Api(world.biller).post(f"interventions/{intervention.pk}/invoice/").json()
    report = Api(world.biller).post("interventions/invoice/", {"ids": [intervention.pk]}).json()

    assert alone["step"]["act"] == f"/api/v1/interventions/{intervention.pk}/validate/"
    assert report["results"][0]["step"] == alone["step"]


def test_a_refusal_names_no_document_that_the_user_may_not_see(world: World) -> None:
    draft = world.draft()
    intervention = InterventionRequest.objects.get(lines__claims__invoice_line__invoice=draft)
    named = {"url": f"/api/v1/invoices/{draft.pk}/", "id": draft.pk, "name": str(draft)}

    answers = {
        role: Api(world.users[role]).post(f"interventions/{intervention.pk}/cancel/") for role in (PLANNER, MANAGER)
    }

    assert {role: (a.status_code, a.json()["documents"]) for role, a in answers.items()} == {
        PLANNER: (409, []),
        MANAGER: (409, [named]),
    }


def test_a_refusal_offers_no_act_that_the_user_may_not_do(world: World) -> None:
    draft = world.draft()
    document = {"url": f"/api/v1/invoices/{draft.pk}/", "id": draft.pk, "name": str(draft)}
    step = {
        "label": "Valider la facture",
        "document": document,
        "act": f"/api/v1/invoices/{draft.pk}/post/",
        "field": "",
    }
    for user, offered in ((world.biller, None), (world.accountant, step)):
        report = Api(user).post("invoices/send/", {"ids": [draft.pk]}).json()
        assert report["results"][0]["step"] == offered
        assert Api(user).post(f"invoices/{draft.pk}/send/").json()["step"] == offered
