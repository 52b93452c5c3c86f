"""A program on the generated client: customer → DI → invoice → payment → contract → billing run."""

import os
import sys
import time
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from openfire_client import AuthenticatedClient
from openfire_client.api.billing_runs import billing_runs_create, billing_runs_retrieve
from openfire_client.api.contracts import contracts_activate_act, contracts_create
from openfire_client.api.fiscal_positions import fiscal_positions_list
from openfire_client.api.interventions import (
    interventions_create,
    interventions_invoice_act,
    interventions_validate_act,
)
from openfire_client.api.invoices import invoices_pay_act, invoices_post_act, invoices_retrieve
from openfire_client.api.partners import partners_create
from openfire_client.api.products import products_list
from openfire_client.api.tasks import tasks_list
from openfire_client.models import (
    AlignmentEnum,
    BillingFrequency,
    BillingRunStartRequest,
    ContractArticleRequest,
    ContractLineRequest,
    ContractRequest,
    DayRequest,
    InterventionRequest,
    Invoicing,
    OwnAddressRequest,
    PartnerRequest,
    PaymentKind,
    PayRequest,
    Refusal,
    RepeatUnitEnum,
    RequestLineRequest,
    RunState,
)

Answer = TypeVar("Answer")


def made(answer: Answer | Refusal | None) -> Answer:
    """Return what was answered, or stop with the sentence of the refusal."""
    if answer is None or isinstance(answer, Refusal):
        sys.exit(f"{answer.code}: {answer.detail}" if answer is not None else "no answer")
    return answer


def walk(client: AuthenticatedClient, today: date) -> list[str]:
    task = made(tasks_list.sync(client=client)).results[0].id
    product = made(products_list.sync(client=client, code="ram_pose")).results[0].id
    position = made(fiscal_positions_list.sync(client=client, code="VEN-5.5")).results[0].id
    home = OwnAddressRequest(street="2 quai des Oiseaux", zip_="35000", city="Rennes", is_default=True)
    new = PartnerRequest(name="Le Goff Yann", addresses=[home])
    customer = made(partners_create.sync(client=client, body=new, idempotency_key="1"))

    lines = [RequestLineRequest(product=product, quantity="1")]
    asked = InterventionRequest(partner=customer.id, task=task, from_on=today, fiscal_position=position, lines=lines)
    di = made(interventions_create.sync(client=client, body=asked))
    di = made(interventions_validate_act.sync(di.id, client=client, if_match=str(di.version)))
    invoice = made(interventions_invoice_act.sync(di.id, client=client, body=DayRequest(on=today)))
    invoice = made(invoices_post_act.sync(invoice.id, client=client, body=DayRequest(on=today)))
    pay = PayRequest(on=today, amount=invoice.residual, kind=PaymentKind.CARD)
    payment = made(invoices_pay_act.sync(invoice.id, client=client, body=pay))
    paid = made(invoices_retrieve.sync(invoice.id, client=client))

    article = ContractArticleRequest(product=product, quantity="1")
    line = ContractLineRequest(
        task=task, repeat=1, repeat_unit=RepeatUnitEnum.YEAR, visit_months=[9], articles=[article]
    )
    signed = ContractRequest(
        payer=customer.id,
        start_on=today,
        frequency=BillingFrequency.YEARLY,
        invoicing=Invoicing.IN_ADVANCE,
        alignment=AlignmentEnum.ANNIVERSARY,
        fiscal_position=position,
        lines=[line],
    )
    contract = made(contracts_create.sync(client=client, body=signed))
    active = made(contracts_activate_act.sync(contract.id, client=client))
    run = made(billing_runs_create.sync(client=client, body=BillingRunStartRequest(on=today, contracts=[contract.id])))
    while (run := made(billing_runs_retrieve.sync(run.id, client=client))).state == RunState.RUNNING:
        time.sleep(0.2)
    outcome = run.outcomes[0]
    return [di.state, invoice.state, payment.amount, f"{paid.payment_state}", active.state, outcome.result]


if __name__ == "__main__":
    program = AuthenticatedClient(base_url=os.environ["API"], token=os.environ["KEY"])
    sys.stdout.write(" ".join(walk(program, datetime.now(ZoneInfo("Europe/Paris")).date())) + "\n")
