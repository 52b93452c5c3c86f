"""What every record or document has alike: its journal, its e-mail, its customer's page."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from invoicing.choices import MessageState
from invoicing.models import FollowUp, HistoryLine, Invoice, Message
from invoicing.services.records.history import record
from invoicing.services.records.messages import queue_message
from tests.api.subjects import one_of_each
from tests.api.test_roles import JOURNALS
from tests.factories import CompanyFactory, UserFactory, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.appointments import book, technician
from tests.factories.pages import Office


@pytest.fixture
def manager(world: World) -> Api:
    return Api(world.manager)


# Journal


def test_every_record_is_noted_in_and_followed_up(manager: Api, world: World) -> None:
    records = one_of_each(world)
    for name in JOURNALS:
        url = f"{name}/{records[name]}/"
        noted = manager.made(f"{url}note/", {"text": "A rappelé"})
        asked = manager.made(f"{url}follow-up/", {"text": "Rappeler", "due_on": "2026-12-01", "user": world.biller.pk})
        mine = manager.made(f"{url}follow-up/", {"text": "Écrire", "due_on": "2026-11-30"})
        seen = manager.get(f"{url}journal/").json()

        assert (noted["text"], noted["act"], noted["by"]) == ("A rappelé", "note", str(world.manager))
        assert [(x["text"], x["due_on"], x["user"]) for x in seen["follow_ups"]] == [
            ("Écrire", "2026-11-30", world.manager.pk),
            ("Rappeler", "2026-12-01", world.biller.pk),
        ]
        assert "A rappelé" in [line["text"] for line in seen["lines"]]
        done = manager.made(f"{url}follow-up-done/", {"follow_up": asked["id"]}, status=200)
        assert done["done_at"] is not None
        assert [x["id"] for x in manager.get(f"{url}journal/").data["follow_ups"]] == [mine["id"]]
        assert manager.get(f"{url}journal/").data["lines"][0]["text"] == "Fait : Rappeler"


def test_what_the_product_did_by_itself_is_by_nobody(manager: Api, world: World) -> None:
    record(world.draft(), "message", by=None, text="Relance envoyée")

    line = manager.get(f"invoices/{Invoice.objects.get().pk}/journal/").json()["lines"][0]

    assert (line["text"], line["by"]) == ("Relance envoyée", None)


def test_follow_up_is_of_its_record_and_for_a_colleague(manager: Api, world: World) -> None:
    stranger = UserFactory(role="Gestionnaire", company=CompanyFactory(name="Autre Foyer"))
    quote, invoice = world.quote(), world.draft()
    other = manager.made(f"quotes/{quote.pk}/follow-up/", {"text": "Relancer", "due_on": "2026-12-01"})
    asked: dict[str, Any] = {"text": "Relancer", "due_on": "2026-12-01"}

    with nothing_changed():
        wrong = manager.post(f"invoices/{invoice.pk}/follow-up-done/", {"follow_up": other["id"]})
        assert refused(wrong) == "Cette relance n'est pas de cette fiche : prenez-la dans son journal."
        for user in (stranger, world.technician):
            answer = manager.post(f"invoices/{invoice.pk}/follow-up/", {**asked, "user": user.pk})
            assert answer.data["fields"] == {"user": ["Pas un utilisateur du bureau d'une de vos sociétés."]}
        assert refused(manager.post(f"invoices/{invoice.pk}/note/", {"text": "  "}), 400)
    assert FollowUp.objects.get().due_on == date(2026, 12, 1)


# E-mail


def test_documents_are_mailed_with_a_letter_of_their_own(manager: Api, world: World) -> None:
    rdv = book(world, world.intervention(), who=technician(world), state="confirmed")
    quote, di = world.quote(), world.intervention()
    world.customer.email = "maelle@exemple.example"
    world.customer.save()

    manager.made(f"quotes/{quote.pk}/mail/", status=200)
    manager.made(f"interventions/{di.pk}/mail/", {"subject": "Votre demande", "body": "Bien reçue."}, status=200)
    manager.made(f"appointments/{rdv.pk}/mail/", {"to": "voisin@exemple.example"}, status=200)

    sent = {m.object: m for m in Message.objects.all()}
    assert (sent[quote].to, sent[quote].subject, sent[quote].with_paper) == (
        "maelle@exemple.example",
        f"Flammes d'Armor : devis {quote.number}",
        True,
    )
    assert (sent[di].subject, sent[di].body, sent[di].with_paper) == ("Votre demande", "Bien reçue.", False)
    assert (sent[rdv].to, sent[rdv].subject) == ("voisin@exemple.example", "Flammes d'Armor : votre rendez-vous")


def test_rdv_that_is_not_confirmed_is_not_mailed(manager: Api, world: World) -> None:
    rdv = book(world, world.intervention(), who=technician(world), state="draft")

    with nothing_changed():
        said = refused(manager.post(f"appointments/{rdv.pk}/mail/", {"to": "a@exemple.example"}))

    assert said.endswith("n'est pas confirmé : confirmez-le avant de l'envoyer.")


def test_failed_message_is_seen_and_sent_again_by_its_company_alone(manager: Api, world: World) -> None:
    records = one_of_each(world)
    url = f"messages/{records['messages']}/"
    elsewhere = Api(UserFactory(role="Gestionnaire", company=CompanyFactory(name="Autre Foyer")))
    with nothing_changed():
        assert refused(elsewhere.get(url), 404)
        assert elsewhere.get("messages/").data["count"] == 0
        assert refused(manager.post(f"{url}resend/")) == "Ce message n'est pas en échec : rien à renvoyer."
    Message.objects.update(state=MessageState.FAILED, attempts=6, error="refusé")

    again = manager.made(f"{url}resend/", status=200)

    assert (again["to"], again["state"], again["attempts"]) == ("a@exemple.example", "waiting", 0)


def test_message_is_read_by_those_who_may_read_what_it_is_about(world: World) -> None:
    quote, invoice = world.quote(), world.draft()
    about = {quote: "devis", invoice: "facture", world.biller: "invitation", None: "rappel"}
    for document, subject in about.items():
        queue_message(document, key=subject, to="a@exemple.example", subject=subject, body="Bonjour", by=world.manager)
    hidden = Message.objects.get(subject="facture").pk

    def read(user: Any) -> list[str]:
        by_page = list(Office(user).get("/admin/invoicing/message/").context["cl"].queryset)
        by_api = Api(user).get("messages/").json()["results"]
        assert {message.subject for message in by_page} == {row["subject"] for row in by_api}
        return sorted(row["subject"] for row in by_api)

    assert read(world.planner) == ["devis", "rappel"]
    assert read(world.biller) == ["devis", "facture", "rappel"]
    assert read(world.manager) == ["devis", "facture", "invitation", "rappel"]
    assert refused(Api(world.planner).post(f"messages/{hidden}/resend/"), 404)


# The customer's page


@pytest.mark.parametrize("name", ["quotes", "invoices", "interventions", "appointments"])
def test_document_is_published_at_an_address_that_can_be_renewed(manager: Api, world: World, name: str) -> None:
    shown = {**one_of_each(world), "invoices": world.posted().pk}  # a draft has no page
    url = f"{name}/{shown[name]}/"
    assert manager.get(url).data["published"] is False

    first = manager.made(f"{url}publish/", {"published": True}, status=200)
    second = manager.made(f"{url}publish/", {"published": True, "renew": True}, status=200)

    assert (first["published"], manager.get(url).data["published"]) == (True, True)
    assert first["address"] != second["address"]
    pages = [at["address"].removeprefix("http://testserver") for at in (first, second)]
    assert [Client().get(page).status_code for page in pages] == [404, 200]
    assert manager.made(f"{url}publish/", {"published": False}, status=200)["published"] is False
    assert Client().get(pages[1]).status_code == 404


# Copies, dates, taxes, customers


def test_quote_is_prolonged_and_copied(manager: Api, world: World) -> None:
    quote = world.quote()
    url = f"quotes/{quote.pk}/"

    assert manager.made(f"{url}prolong/", {"until": "2027-03-31"}, status=200)["valid_until"] == "2027-03-31"
    copy = manager.made(f"{url}duplicate/")

    assert (copy["state"], copy["net"], copy["number"] != quote.number) == ("draft", str(quote.totals.net), True)
    paper = manager.get(f"{url}pdf/")
    assert (paper.status_code, paper["Content-Type"], paper.content[:5]) == (200, "application/pdf", b"%PDF-")


def test_di_is_archived_and_brought_back(manager: Api, world: World) -> None:
    url = f"interventions/{world.intervention().pk}/"

    assert manager.made(f"{url}archive/", status=200)["is_active"] is False
    assert manager.get("interventions/", is_active=True).data["count"] == 0
    assert manager.made(f"{url}restore/", status=200)["is_active"] is True


def test_merged_customer_gives_all_to_the_one_kept(manager: Api, world: World) -> None:
    di = world.intervention()
    kept = manager.made("partners/", {"name": "Aubry M."})

    answer = manager.made(f"partners/{world.customer.pk}/merge/", {"into": kept["id"]}, status=200)

    di.refresh_from_db()
    assert (answer["id"], di.partner_id) == (kept["id"], kept["id"])
    lost = manager.get(f"partners/{world.customer.pk}/").data
    assert (lost["is_active"], lost["merged_into"]) == (False, kept["id"])
    assert HistoryLine.objects.of(di.partner).first().act == "merged"
    with nothing_changed():
        assert refused(manager.post(f"partners/{world.customer.pk}/merge/", {"into": kept["id"]}))
