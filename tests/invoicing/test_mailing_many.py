"""Many documents by e-mail at once, several recipients, the customer's billing address."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core import mail
from django.core.exceptions import ValidationError

from invoicing.models import HistoryLine, Invoice, Message, Partner, Quote
from invoicing.services.documents import mailing
from invoicing.services.documents.mailing import INVOICE_LETTER, mail_document, mail_documents
from invoicing.services.records.acts import Once
from invoicing.tasks import send_message, send_waiting_messages
from openfire_billing.office.roles import BILLING
from openfire_billing.web.mail_addresses import clean_addresses
from tests.factories import PartnerFactory, World, nothing_changed
from tests.factories.api import Api, refused
from tests.factories.pages import address, texts_of


@pytest.fixture
def many(world: World) -> dict[str, Invoice]:
    """Invoices of a customer with an address, of one without, one mailed before, and a draft."""
    silent = PartnerFactory(name="Sans Courriel", email="")
    made = {"ready": world.posted(), "silent": world.posted(partner=silent), "sent": world.posted()}
    mail_document(made["sent"], INVOICE_LETTER, key="earlier", by=world.biller)
    return made | {"draft": world.draft()}


def test_dialog_says_how_many_leave_who_has_no_address_and_what_left_before(
    world: World, many: dict[str, Invoice]
) -> None:
    question = {"action": "act_message", ACTION_CHECKBOX_NAME: [one.pk for one in many.values()]}

    with nothing_changed():
        page = world.office(BILLING).client.post(address(Invoice, "changelist"), question)

    plan = page.context["plan"]
    assert plan.ready == [many["ready"]]
    assert plan.unaddressed == [(many["silent"], many["silent"].customer)]
    assert plan.sent == [(many["sent"], world.today)]
    assert [(one, str(why)) for one, why in plan.refused] == [
        (many["draft"], f"{many['draft']} n'est pas validée : validez-la avant de l'envoyer.")
    ]
    (said,) = texts_of(page, "of-preview")
    assert said.startswith("1 e-mail partira, chacun à l'adresse de son client. 1 sans adresse e-mail")
    assert f'<a class="of-link" href="{address(many["silent"].customer)}">Sans Courriel</a>' in page.content.decode()


def test_each_is_one_keyed_message_and_the_others_are_refused_with_why(world: World, many: dict[str, Invoice]) -> None:
    report = world.office(BILLING).act_on_many(list(many.values()), "message")

    outcomes = {one.document: (one.refusal, one.notes) for one in report.context["outcomes"]}
    assert outcomes == {
        many["ready"]: ("", (f"→ {world.customer.email}",)),
        many["silent"]: (
            f"{many['silent']} : « Sans Courriel » n'a pas d'adresse e-mail. Ajoutez-la sur sa fiche.",
            (),
        ),
        many["sent"]: (
            f"{many['sent']} : déjà envoyé par e-mail le 24/11/2026. Cochez « Renvoyer » pour l'envoyer une autre fois.",
            (),
        ),
        many["draft"]: (f"{many['draft']} n'est pas validée : validez-la avant de l'envoyer.", ()),
    }
    message = Message.objects.exclude(key="earlier").get()
    assert (message.object, message.to, message.with_paper) == (many["ready"], world.customer.email, True)
    assert message.key.endswith(f":invoicing.invoice:{many['ready'].pk}")


def test_ticked_what_left_before_leaves_again_and_a_copy_goes_where_asked(
    world: World, many: dict[str, Invoice]
) -> None:
    world.office(BILLING).act_on_many([many["ready"], many["sent"]], "message", again="on", cc="gerant@exemple.example")
    assert [(one.object, one.cc) for one in Message.objects.exclude(key="earlier").order_by("object_id")] == [
        (many["ready"], "gerant@exemple.example"),
        (many["sent"], "gerant@exemple.example"),
    ]


def test_same_key_again_sends_nothing_more(world: World, many: dict[str, Invoice]) -> None:
    once = Once("user:1", "k")
    for _turn in range(2):
        outcomes = mail_documents([many["ready"]], INVOICE_LETTER, by=world.biller, once=once)
        assert [one.is_refused for one in outcomes] == [False]
    assert Message.objects.exclude(key="earlier").count() == 1


def test_many_are_sent_by_one_task(world: World, many: dict[str, Invoice], monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: list[tuple[Any, ...]] = []
    for module in ("invoicing.services.documents.mailing", "invoicing.services.records.messages"):
        monkeypatch.setattr(f"{module}.send_after_commit", lambda *task: tasks.append(task))
    monkeypatch.setattr(mailing, "SWEPT_ABOVE", 1)

    mail_documents([many["ready"], many["sent"]], INVOICE_LETTER, again=True, by=world.biller)

    assert tasks == [("invoicing.tasks.send_waiting_messages",)]
    assert send_waiting_messages() == 3
    assert len(mail.outbox) == 3


def test_invoices_go_to_the_billing_address_and_quotes_to_the_customer(world: World) -> None:
    Partner.objects.filter(pk=world.customer.pk).update(billing_email="compta@exemple.example")
    posted, quote = world.posted(), world.quote()
    office = world.office(BILLING)
    office.act(posted, "message")
    office.act(quote, "message")
    assert [message.to for message in Message.objects.order_by("pk")] == [
        "compta@exemple.example",
        world.customer.email,
    ]


def test_second_recipient_and_copy_each_get_the_mail(world: World) -> None:
    posted = world.posted()

    world.office(BILLING).act(
        posted, "message", to="a@exemple.example; b@exemple.example", cc="c@exemple.example", with_paper=""
    )

    message = Message.objects.get()
    assert (message.to, message.cc) == ("a@exemple.example, b@exemple.example", "c@exemple.example")
    assert HistoryLine.objects.of(posted).first().text == (  # type: ignore[union-attr]
        "Message à a@exemple.example, b@exemple.example, copie à c@exemple.example : "
        f"Flammes d'Armor : facture {posted.number}"
    )
    send_message(message.pk)
    assert (mail.outbox[0].to, mail.outbox[0].cc) == (
        ["a@exemple.example", "b@exemple.example"],
        ["c@exemple.example"],
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pas une adresse", "« pas » n'est pas une adresse e-mail : écrivez par exemple compta@exemple.fr."),
        (", ".join(f"a{n}@exemple.fr" for n in range(7)), "5 adresses au plus : retirez-en 2."),
    ],
)
def test_addresses_that_make_no_sense_are_said_at_their_box(world: World, text: str, said: str) -> None:
    posted = world.posted()
    with nothing_changed():
        answer = world.office(BILLING).act(posted, "message", to=text)
    assert answer.context["form"].errors == {"to": [said]}
    answer = Api(world.biller).post(f"invoices/{posted.pk}/send/", {"to": text})
    assert (answer.status_code, answer.json()["fields"]) == (400, {"to": [said]})


def test_addresses_are_written_one_way() -> None:
    assert clean_addresses(" a@x.fr;b@x.fr , a@x.fr\nc@x.fr ") == "a@x.fr, b@x.fr, c@x.fr"
    assert clean_addresses(" ") == ""
    with pytest.raises(ValidationError):
        clean_addresses("a@x")


def test_api_mails_many_and_says_what_became_of_each(world: World, many: dict[str, Invoice]) -> None:
    ids = [one.pk for one in many.values()]

    report = Api(world.accountant).post("invoices/send/", {"ids": [*ids, 999_999]}).json()

    assert (report["done"], report["refused"]) == (1, 4)
    assert [(line["id"], line["is_mailed"]) for line in report["results"]] == [
        (ids[0], True),
        *((pk, False) for pk in (*ids[1:], 999_999)),
    ]
    assert report["results"][1]["documents"][0]["name"] == "Sans Courriel"
    assert report["results"][3]["step"]["act"] == f"/api/v1/invoices/{many['draft'].pk}/post/"


def test_api_mails_many_quotes(world: World) -> None:
    quotes: list[Quote] = [world.quote(), world.quote()]
    report = Api(world.biller).post("quotes/mail/", {"ids": [quote.pk for quote in quotes]}).json()
    assert (report["done"], Message.objects.count()) == (2, 2)


def test_without_address_names_the_customer_in_the_api(world: World) -> None:
    Partner.objects.filter(pk=world.customer.pk).update(email="")
    posted = world.posted()
    assert refused(Api(world.biller).post(f"invoices/{posted.pk}/send/", {})) == (
        f"{posted} : « Aubry Maëlle » n'a pas d'adresse e-mail. Ajoutez-la sur sa fiche."
    )
