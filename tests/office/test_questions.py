"""What the dialogs of acts ask: which answers are needed, and when there is nothing to ask."""

import re
from decimal import Decimal
from html import unescape

from django.contrib import admin

from appointments.admin.forms import NextForm
from invoicing.admin.forms import PaymentForm
from invoicing.models import Invoice, SupplierBill
from invoicing.services.settlement.payments import record_payment
from openfire_billing.kernel.outcome import Outcome
from openfire_billing.office.roles import ACCOUNTANT
from openfire_billing.web.actions import ActionsMixin, DocumentAction
from tests.factories import World
from tests.factories.pages import address


def test_answer_that_is_needed_bears_the_star_of_the_pages(world: World) -> None:
    page = unescape(world.office().get(address(world.posted(), "act", "credit")).content.decode())
    assert (
        '<label for="id_act-reason" class="required">Motif<span class="of-must" title="obligatoire">'
        '<span aria-hidden="true">\u00a0*</span><span class="sr-only"> obligatoire</span></span></label>'
    ) in page
    assert re.search(r'<input[^>]*name="act-reason"[^>]*aria-required="true"', page)
    assert '<label for="id_act-rebill">' in page
    assert "data-close>Revenir</a>" in page


def test_nothing_to_settle_has_no_button(world: World) -> None:
    payment = record_payment(
        company=world.company, customer=world.customer, amount=10, on=world.today, kind="transfer", by=world.accountant
    )
    office = world.office(ACCOUNTANT)
    page = unescape(office.get(address(payment, "act", "allocate")).content.decode())
    assert "aucune facture à régler" in page
    assert "data-once" not in page
    world.posted()
    assert "data-once" in office.get(address(payment, "act", "allocate")).content.decode()


def test_supplier_s_bill_is_paid_and_an_invoice_s_money_received() -> None:
    for model, label in ((SupplierBill, "Payé le"), (Invoice, "Reçu le")):
        document, question = model(), PaymentForm()
        document.residual = Decimal(12)
        question.prepare(None, [document])
        assert (question["on"].label, question["amount"].value()) == (label, Decimal(12))


def test_customer_of_the_next_appointment_is_chosen_by_typing(world: World) -> None:
    box = str(NextForm()["partner"])
    assert 'data-url="/admin/autocomplete/"' in box
    assert str(world.customer) not in box


def test_document_named_by_its_note_is_named_once(world: World) -> None:
    draft, page = world.draft(), ActionsMixin()
    act = DocumentAction(name="relancer", label="Relancer", permission="")
    said = page._done(act, draft, Outcome(draft, notes=(f"Contrat {draft} : rien à facturer.",)))
    assert said == f"Contrat {draft} : rien à facturer."
    assert page._done(act, draft, Outcome(draft, notes=("relancée",))) == f"{draft} : relancée"


def test_every_dialog_says_what_will_be_or_asks_something() -> None:
    """Three dialogs of a purchase order held a title and a button, and nothing else."""
    silent = [
        f"{model._meta.label} {act.name}"
        for model, page in admin.site._registry.items()
        if isinstance(page, ActionsMixin)
        for act in page.all_actions()
        if act.run and not act.explain and not act.preview and not (act.form and act.form.base_fields)
    ]
    assert silent == []
