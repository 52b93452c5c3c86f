"""Documents to their customer by e-mail: what is written for one, and what does not leave yet."""

from typing import Any

import pytest

from appointments.services.letters import APPOINTMENT_LETTER
from interventions.services.letters import INTERVENTION_LETTER
from invoicing.models import Message
from invoicing.services.documents.mailing import INVOICE_LETTER, QUOTE_LETTER, Letter, mail_document
from openfire_billing.kernel.errors import BusinessError, WrongState
from tests.factories import World, nothing_changed
from tests.factories.appointments import book


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

    assert str(refused.value) == "Aucun destinataire : complétez l'e-mail ou le téléphone du client."
