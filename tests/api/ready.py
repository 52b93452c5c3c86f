"""Documents in the state that an act asks for, and examples that name what exists."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from appointments.services.tours import assign_sectors
from contracts.models import BillingOutcome
from interventions.models import Technician
from invoicing.models import Address, Message, Partner, WebhookDelivery
from tests.api.subjects import contract, purchase_order
from tests.factories import AddressFactory, PartnerFactory, ProductFactory, SectorFactory, World, item
from tests.factories.api import Api
from tests.factories.appointments import at, book, technician

Records = dict[str, int]
Ready = tuple[int, dict[str, Any]]  # the id of the record, and what changes in the body of the example

# Names of ids in bodies → the resource whose record they name.
NAMED = {
    "customer": "partners",
    "payer": "partners",
    "partner": "partners",
    "into": "partners",
    "supplier": "partners",
    "address": "addresses",
    "product": "products",
    "tax": "taxes",
    "task": "tasks",
    "technician": "technicians",
    "fiscal_position": "fiscal-positions",
    "intervention": "interventions",
    "invoice": "invoices",
}


def real(body: Any, records: Records) -> Any:
    """Return an example whose ids are those of records that exist."""
    if isinstance(body, list):
        return [real(part, records) for part in body]
    if not isinstance(body, dict):
        return body
    found = {}
    for name, value in body.items():
        if name in NAMED and isinstance(value, int):
            found[name] = records[NAMED[name]]
        elif name in ("technicians", "sectors"):
            found[name] = [records[name]] if value else []
        else:
            found[name] = real(value, records)
    return found


def did(world: World, path: str, body: Any = None) -> Any:
    """The answer of a POST of the manager that succeeds."""
    answer = Api(world.manager).post(path, body)
    assert 200 <= answer.status_code < 300, (path, answer.data)
    return answer.json()


def rdv(world: World, state: str) -> Any:
    return book(world, world.intervention(), who=technician(world), starts_at=at(14), state=state)


def used(world: World) -> Ready:
    made = rdv(world, "confirmed")
    return made.pk, {"lines": [{"line": made.lines.get().pk, "quantity": "1"}]}


def draft_line(world: World) -> Ready:
    """A line added to an active contract."""
    made = contract(world)
    article = {"product": made.lines.get().articles.get().product_id, "quantity": "1"}
    line = {"task": world.task.pk, "repeat": 1, "visit_months": [4], "articles": [article]}
    assert Api(world.manager).patch(f"contracts/{made.pk}/", {"lines": [line]}).status_code == 200
    return made.lines.latest("pk").pk, {}


def called_line(world: World) -> Ready:
    """A line that calls out."""
    made = contract(world, is_active=False)
    line = made.lines.get()
    body = {"lines": [{"id": line.pk, "uses_callouts": True, "included_callouts": 1}]}
    assert Api(world.manager).patch(f"contracts/{made.pk}/", body).status_code == 200
    did(world, f"contracts/{made.pk}/activate/")
    return line.pk, {}


def cancelled_line(world: World) -> Ready:
    pk = contract(world).lines.get().pk
    did(world, f"contract-lines/{pk}/cancel/")
    return pk, {}


def priced_line(world: World) -> Ready:
    line = contract(world).lines.get()
    return line.pk, {"article": line.articles.get().pk}


def cancelled_contract(world: World) -> Ready:
    made = contract(world)
    did(world, f"contracts/{made.pk}/cancel/")
    return made.pk, {}


def due_contract(world: World) -> Ready:
    made = contract(world)
    (due,) = Api(world.manager).get(f"contracts/{made.pk}/charges/").json()["due"]
    return made.pk, {"keys": [due["key"]]}


def waived_contract(world: World) -> Ready:
    pk, body = due_contract(world)
    did(world, f"contracts/{pk}/waive/", body)
    (waived,) = Api(world.manager).get(f"contracts/{pk}/charges/").json()["waived"]
    return pk, {"keys": [waived["key"]]}


def bought_intervention(world: World) -> Ready:
    bought = {"supplier": PartnerFactory(name="Fonderie du Nord"), "purchase_price": 2100, "kind": "goods"}
    product = ProductFactory(code="poele_nord", name="Poêle du Nord", **bought)
    return world.intervention(item(1, code=product.code)).pk, {}


def cancelled_intervention(world: World) -> Ready:
    pk = world.intervention().pk
    did(world, f"interventions/{pk}/cancel/")
    return pk, {}


def credit_note(world: World) -> Ready:
    """What is left of a credit note of a paid invoice, and an invoice that it may settle."""
    paid = world.posted()
    gross = Api(world.manager).get(f"invoices/{paid.pk}/").json()["gross"]
    did(world, f"invoices/{paid.pk}/pay/", {"amount": gross})
    note = did(world, f"invoices/{paid.pk}/credit/", {"all": True})
    return note["id"], {"invoices": [{"invoice": world.posted().pk, "amount": "10.00"}]}


def free_payment(world: World) -> Ready:
    made = did(world, "payments/", {"customer": world.customer.pk, "on": "2026-11-24", "amount": "50.00"})
    return made["id"], {"invoices": [{"invoice": world.posted().pk, "amount": "10.00"}]}


def draft_order(world: World) -> Ready:
    line = {"product": world.draft().lines.get().product_id, "quantity": "1", "unit_price": "12.00"}
    return did(world, "purchase-orders/", {"supplier": PartnerFactory().pk, "lines": [line]})["id"], {}


def accepted_quote(world: World) -> Ready:
    pk = world.quote().pk
    did(world, f"quotes/{pk}/send/")
    did(world, f"quotes/{pk}/accept/")
    return pk, {}


def cancelled_quote(world: World) -> Ready:
    pk = world.quote().pk
    did(world, f"quotes/{pk}/cancel/")
    return pk, {}


def checked_bill(world: World, records: Records) -> Ready:
    did(world, f"supplier-bills/{records['supplier-bills']}/check/")
    return records["supplier-bills"], {}


def failed_message(records: Records) -> Ready:
    Message.objects.filter(pk=records["messages"]).update(state="failed")
    return records["messages"], {}


def failed_delivery(world: World, records: Records) -> Ready:
    did(world, f"webhooks/{records['webhooks']}/resume/")
    WebhookDelivery.objects.filter(pk=records["webhook-deliveries"]).update(state="failed")
    return records["webhook-deliveries"], {}


def open_webhook(world: World, records: Records) -> Ready:
    did(world, f"webhooks/{records['webhooks']}/resume/")
    return records["webhooks"], {}


def login(world: World) -> Ready:
    world.manager.set_password("••••••••")
    world.manager.save()
    return 0, {"username": world.manager.username}


def short_run(records: Records) -> Ready:
    """A run that set its contract aside."""
    BillingOutcome.objects.filter(run=records["billing-runs"]).update(result="refused")
    return records["billing-runs"], {}


def proposed_address(world: World) -> Ready:
    """An address for which the geocoder proposes a place."""
    address = AddressFactory(partner=world.customer)
    proposed = {"proposed_latitude": "48.1", "proposed_longitude": "-1.7", "proposed_label": "3 rue de la Forge"}
    Address.objects.filter(pk=address.pk).update(location_state="to_check", **proposed)
    return address.pk, {}


def roundabout_tour(world: World) -> Ready:
    """A day that goes far, near, then between."""
    who = technician(world)
    Technician.objects.filter(pk=who.pk).update(latitude="48.1", longitude="-1.7")
    for hour, longitude in ((8, "-1.2"), (10, "-1.6"), (14, "-1.4")):
        address = AddressFactory(partner=world.customer, latitude="48.1", longitude=longitude)
        book(
            world, world.intervention(address=address, duration=Decimal(1)), who=who, starts_at=at(hour), state="draft"
        )
    (pk,) = [made.pk for made in assign_sectors([who], [date(2026, 11, 25)], [SectorFactory()], by=world.planner)]
    stops = Api(world.manager).get(f"tours/{pk}/optimise/").json()["after"]["stops"]
    return pk, {"order": [one["appointment"] for one in stops], "versions": [one["version"] for one in stops]}


def only(pk: Any) -> Ready:
    return getattr(pk, "pk", pk), {}


# What the record of `one_of_each` is not: {"method address": its record}.
READY: dict[str, Callable[[World, Records], Ready]] = {
    "post addresses/{id}/accept/": lambda w, r: proposed_address(w),
    "delete appointments/{id}/": lambda w, r: only(rdv(w, "draft")),
    "post appointments/{id}/confirm/": lambda w, r: only(rdv(w, "draft")),
    "post appointments/{id}/used/": lambda w, r: used(w),
    "post billing-runs/{id}/retry/": lambda w, r: short_run(r),
    "post contract-lines/{id}/activate/": lambda w, r: draft_line(w),
    "post contract-lines/{id}/call-out/": lambda w, r: called_line(w),
    "post contract-lines/{id}/cancel/": lambda w, r: only(contract(w).lines.get()),
    "post contract-lines/{id}/reset/": lambda w, r: cancelled_line(w),
    "post contract-lines/{id}/price/": lambda w, r: priced_line(w),
    "delete contracts/{id}/": lambda w, r: only(contract(w, is_active=False)),
    "post contracts/{id}/activate/": lambda w, r: only(contract(w, is_active=False)),
    "post contracts/{id}/bill/": lambda w, r: only(contract(w)),
    "post contracts/{id}/cancel/": lambda w, r: only(contract(w)),
    "post contracts/{id}/reset/": lambda w, r: cancelled_contract(w),
    "post contracts/{id}/waive/": lambda w, r: due_contract(w),
    "post contracts/{id}/take-back/": lambda w, r: waived_contract(w),
    "delete interventions/{id}/": lambda w, r: only(w.intervention(is_validated=False)),
    "post interventions/{id}/validate/": lambda w, r: only(w.intervention(is_validated=False)),
    "post interventions/{id}/purchase/": lambda w, r: bought_intervention(w),
    "post interventions/{id}/reset/": lambda w, r: cancelled_intervention(w),
    "post invoices/{id}/allocate/": lambda w, r: credit_note(w),
    "post invoices/{id}/refund/": lambda w, r: only(credit_note(w)[0]),
    "post invoices/{id}/credit/": lambda w, r: only(w.posted()),
    "post invoices/{id}/pay/": lambda w, r: only(w.posted()),
    "post invoices/{id}/send/": lambda w, r: only(w.posted()),
    "post login/": lambda w, r: login(w),
    "post messages/{id}/resend/": lambda w, r: failed_message(r),
    "post partners/{id}/merge/": lambda w, r: only(PartnerFactory(name="Aubry M.")),
    "post payments/{id}/allocate/": lambda w, r: free_payment(w),
    "post payments/{id}/refund/": lambda w, r: only(free_payment(w)[0]),
    "patch purchase-orders/{id}/": lambda w, r: draft_order(w),
    "delete purchase-orders/{id}/": lambda w, r: draft_order(w),
    "post purchase-orders/{id}/send/": lambda w, r: draft_order(w),
    "post purchase-orders/{id}/bill/": lambda w, r: only(purchase_order(w, supplier="Fonderie du Sud")),
    "post purchase-orders/{id}/cancel/": lambda w, r: only(purchase_order(w, supplier="Fonderie du Sud")),
    "post purchase-orders/{id}/reset/": lambda w, r: only(purchase_order(w, supplier="Fonderie du Sud")),
    "post quotes/{id}/invoice/": lambda w, r: accepted_quote(w),
    "post quotes/{id}/settle/": lambda w, r: accepted_quote(w),
    "post quotes/{id}/reset/": lambda w, r: cancelled_quote(w),
    "post supplier-bills/{id}/pay/": checked_bill,
    "post supplier-bills/{id}/reset/": checked_bill,
    "patch taxes/{id}/": lambda w, r: only(
        did(w, "taxes/", {"name": "TVA 3 %", "rate": "3", "account": "445714"})["id"]
    ),
    "post tours/{id}/apply/": lambda w, r: roundabout_tour(w),
    "post webhook-deliveries/{id}/replay/": failed_delivery,
    "post webhooks/{id}/stop/": open_webhook,
}


def ready_for(address: str, world: World, records: Records) -> Ready:
    """Return the record of this address in the state that it asks for, and what changes in the body."""
    resource = address.split()[1].split("/", maxsplit=1)[0]
    if address.endswith("/follow-up-done/"):
        asked = {"text": "Rappeler", "due_on": "2026-12-01"}
        return records[resource], {"follow_up": did(world, f"{resource}/{records[resource]}/follow-up/", asked)["id"]}
    if address.endswith("/sms/"):
        Partner.objects.update(mobile="06 39 98 12 34")
    if made := READY.get(address):
        return made(world, records)
    return records.get(resource, 0), {}
