"""Documents to their customer by e-mail: what is written for one, and what does not leave yet."""

from typing import Any

import pytest

from appointments.services.letters import APPOINTMENT_LETTER
from interventions.services.letters import INTERVENTION_LETTER
from invoicing.models import Message
from invoicing.services.documents.mailing import INVOICE_LETTER, QUOTE_LETTER, Letter, mail_document
from openfire_billing.kernel.errors import BusinessError, WrongState
from tests.factories import PartnerFactory, World, nothing_changed
from tests.factories.appointments import alone, book


def mailed(world: World, document: Any, letter: Letter, **given: Any) -> Message:
    return mail_document(document, letter, key="m", by=world.manager, **given)


def test_draft_invoice_does_not_leave(world: World) -> None:
    draft = world.draft()

    with nothing_changed(), pytest.raises(WrongState) as refused:
        mailed(world, draft, INVOICE_LETTER, to="a@exemple.example", subject="S", body="B")

    assert str(refused.value) == f"{draft} n'est pas validée : validez-la avant de l'envoyer."


def test_rdv_reset_since_it_was_read_does_not_leave(world: World) -> None:
    rdv = book(world, world.intervention(), state="confirmed")
    type(rdv).objects.filter(pk=rdv.pk).update(state="draft")

    with nothing_changed(), pytest.raises(WrongState) as refused:
        mailed(world, rdv, APPOINTMENT_LETTER)

    assert str(refused.value) == f"{rdv} n'est pas confirmé : confirmez-le avant de l'envoyer."


def test_what_is_left_out_is_written(world: World) -> None:
    posted = world.posted()

    message = mailed(world, posted, INVOICE_LETTER, with_paper=True)

    assert (message.to, message.subject, message.with_paper) == (
        world.customer.email,
        "Flammes d'Armor : facture FA2026-00001",
        True,
    )
    assert message.body == (
        "Bonjour,\n\nVeuillez trouver ci-joint notre facture FA2026-00001.\n\n"
        f"Flammes d'Armor\n{world.company.phone}".strip()
    )


def test_what_is_told_is_kept_and_a_di_has_no_paper(world: World) -> None:
    told = {"to": "voisin@exemple.example", "subject": "Votre demande", "body": "Bien reçue."}

    message = mailed(world, world.intervention(), INTERVENTION_LETTER, **told, with_paper=True)

    assert {name: getattr(message, name) for name in told} == told
    assert message.with_paper is False


def test_same_key_is_one_mail(world: World) -> None:
    quote = world.quote()

    first, again = mailed(world, quote, QUOTE_LETTER), mailed(world, quote, QUOTE_LETTER, body="Autre texte")

    assert first == again
    assert Message.objects.count() == 1


def test_document_of_a_customer_without_an_address_asks_for_one(world: World) -> None:
    world.customer.email = ""
    world.customer.save()
    posted = world.posted()

    with nothing_changed(), pytest.raises(BusinessError) as refused:
        mailed(world, posted, INVOICE_LETTER)

    assert str(refused.value) == f"{posted} : « Aubry Maëlle » n'a pas d'adresse e-mail. Ajoutez-la sur sa fiche."


def test_each_letter_says_what_and_when_to_whom(world: World) -> None:
    intervention = world.intervention(title="Pose du poêle")
    rdv = book(world, intervention, state="confirmed")
    undated = alone(world, starts_at=None)
    quote = world.quote(intervention=intervention)
    payer = PartnerFactory(name="Syndic Exemple", email="syndic@exemple.example")
    paid_by = world.quote(partner=PartnerFactory(name="Locataire", bill_to=payer))
    firm = f"Flammes d'Armor\n{world.company.phone}".strip()

    letters = [
        APPOINTMENT_LETTER.text(rdv),
        APPOINTMENT_LETTER.text(undated),
        INTERVENTION_LETTER.text(intervention),
        QUOTE_LETTER.text(quote),
        QUOTE_LETTER.text(paid_by),
    ]

    where, mail = intervention.address, world.customer.email
    assert letters == [
        (mail, "Flammes d'Armor : votre rendez-vous", said)
        for said in (
            f"Bonjour,\n\nNous passerons le 25/11/2026 à 9 h pour : Pose du poêle, au {where}.\n\n{firm}",
            f"Bonjour,\n\nNous passerons à une date à fixer pour : Dépannage, au {where}.\n\n{firm}",
        )
    ] + [
        (
            mail,
            "Flammes d'Armor : Pose du poêle",
            f"Bonjour,\n\nNous avons bien noté votre demande « Pose du poêle » au {where}, "
            f"prévue entre le 24/11/2026 et le 07/12/2026.\n\n{firm}",
        )
    ] + [
        (
            to,
            f"Flammes d'Armor : devis {number}",
            f"Bonjour,\n\nVeuillez trouver ci-joint notre devis {number}, valable jusqu'au 24/12/2026.\n\n{firm}",
        )
        for to, number in ((mail, "DV/000001"), ("syndic@exemple.example", "DV/000002"))
    ]


def test_letter_leaves_with_its_paper_when_it_is_asked_for(world: World) -> None:
    asked, not_asked = (
        mail_document(world.posted(), INVOICE_LETTER, key=f"k{with_paper}", by=None, with_paper=with_paper)
        for with_paper in (True, False)
    )
    assert (asked.with_paper, not_asked.with_paper) == (True, False)
