"""A user of one company is offered, shown and allowed nothing of another one: a walk of every page, field and filter."""

from dataclasses import replace
from datetime import date
from html import unescape
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import Group, User
from django.db import models
from django.test import RequestFactory
from django.urls import get_resolver, reverse
from rest_framework import serializers

from appointments.models import Appointment, AppointmentLine, WorkingWeek
from contracts.models import Article, Contract, ContractLine
from interventions.models import (
    InterventionRequest,
    InterventionTemplate,
    RequestLine,
    RequestLineClaim,
    Team,
    Technician,
)
from invoicing.models import (
    Claim,
    Company,
    Entry,
    FiscalPosition,
    Hold,
    Invoice,
    Journal,
    Payment,
    PaymentTerm,
    PurchaseOrder,
    SmsTemplate,
    Tax,
    Unit,
)
from invoicing.services.parties.duplicates import merge_partners
from openfire_billing.db.scope import company_of, company_path, visible
from openfire_billing.kernel.errors import BusinessError
from openfire_billing.office.roles import BILLING, MANAGER, PLANNER
from openfire_billing.web.actions import ActionsMixin
from tests.contracts.contract_builders import exception, make_contract
from tests.factories import (
    CompanyFactory,
    Office,
    PartnerFactory,
    ProductFactory,
    UserFactory,
    World,
    item,
    nothing_changed,
    tax,
)
from tests.factories.api import Api
from tests.factories.appointments import working_week
from tests.factories.pages import address
from tests.office.subjects import one_of_each, our_pages

MARK = "Ailleurs"  # in every name of the other company

# Relations that no form offers: the services write them.
WRITTEN_BY_SERVICES = {
    "appointments.Appointment.template",
    "appointments.Tour.technician",
    "contracts.BillingRun.by",
    "contracts.ContractLine.replaces",
    "invoicing.Allocation.reverses",
    "invoicing.Entry.journal",
    "invoicing.Invoice.credits",
    "invoicing.Invoice.journal",
    "invoicing.Invoice.posted_by",
    "invoicing.Message.by",
    "invoicing.Message.company",
    "invoicing.Payment.by",
    "invoicing.Payment.journal",
    "invoicing.Payment.pays_back",
    "invoicing.ServiceAccount.user",
    "invoicing.SmsStop.company",
    "invoicing.WebhookDelivery.endpoint",
    "invoicing.WebhookEndpoint.owner",
}


def elsewhere(world: World) -> dict[type[models.Model], Any]:
    """A record of another company for each kind that belongs to one; each bears MARK where it has a name."""
    company = CompanyFactory(name=f"{MARK} SARL")
    users = {
        role: UserFactory(username=f"{MARK}-{role}", last_name=MARK, role=role, company=company)
        for role in (PLANNER, BILLING, MANAGER)
    }
    there = replace(
        world, company=company, customer=PartnerFactory(name="Client commun"), users={**world.users, **users}
    )
    technician = Technician.objects.create(name=f"Zoé {MARK}", company=company)
    position = FiscalPosition.objects.create(name=f"Position {MARK}", code=MARK, company=company)
    contract = make_contract(there, "01/11/26")
    intervention = there.intervention(title=f"DI {MARK}")
    source = tax()
    return {
        Company: company,
        User: users[PLANNER],
        Technician: technician,
        Team: Team.objects.create(name=f"Équipe {MARK}", company=company),
        InterventionTemplate: InterventionTemplate.objects.create(name=f"Modèle {MARK}", company=company),
        FiscalPosition: position,
        Tax: Tax.objects.create(name=f"TVA {MARK}", rate=source.rate, company=company, account=source.account),
        Journal: Journal.objects.create(code="AX", name=f"Journal {MARK}", company=company, kind="sale"),
        InterventionRequest: intervention,
        RequestLine: intervention.lines.get(),
        Contract: contract,
        Article: contract.lines.get().articles.get(),
        ContractLine: contract.lines.get(),
        Invoice: there.draft(),
        WorkingWeek: working_week(company, {1: [(8, 12)]}),
        Payment: None,
        SmsTemplate: SmsTemplate.objects.create(
            name=f"Texte {MARK}", about="invoicing.partner", body=f"Bonjour {MARK}", company=company
        ),
        PurchaseOrder: PurchaseOrder.objects.create(
            company=company, supplier=PartnerFactory(name="Fournisseur commun"), ordered_on=date(2026, 11, 2)
        ),
    }


def relations(model: type[models.Model]) -> list[Any]:
    """The relations of a model to kinds that belong to a company."""
    fields = [*model._meta.concrete_fields, *model._meta.many_to_many]
    return [f for f in fields if f.is_relation and f.related_model and company_path(f.related_model)]


@pytest.mark.parametrize("role", [PLANNER, BILLING, MANAGER])
def test_no_form_takes_a_record_of_another_company(world: World, role: str) -> None:
    """Each relation of each form, new and existing, by a real POST; each relation is walked or written by services."""
    ours, theirs = one_of_each(world), elsewhere(world)
    ours[ContractLine] = make_contract(world, "01/11/26", exceptions=[exception("05/11/26", "10")]).lines.get()
    rules = {"company": world.company, "name": "À nous"}
    ours[Tax] = Tax.objects.create(rate=tax().rate, account=tax().account, **rules)
    ours[FiscalPosition] = FiscalPosition.objects.create(code="NOUS", **rules)
    ours[FiscalPosition].mappings.create(source=tax(), target=ours[Tax])
    office, walked = world.office(role), set()
    for model, record in ours.items():
        for page in (record, model):
            opened = office.get(address(page, "add" if isinstance(page, type) else "change"))
            if opened.status_code != 200 or "adminform" not in opened.context:
                continue
            fields = office.open(page)
            forms_of = [("", opened.context["adminform"].form)]
            for inline in opened.context["inline_admin_formsets"]:
                forms_of += [(f"{row.prefix}-", row) for row in inline.formset.forms]
            for prefix, form in forms_of:
                for relation in relations(form._meta.model):
                    other = theirs.get(relation.related_model)
                    name = f"{prefix}{relation.name}"
                    if relation.name not in form.fields or name not in fields or other is None:
                        continue
                    value = [str(other.pk)] if isinstance(fields[name], list) else str(other.pk)
                    with nothing_changed():
                        answer = office.send(page, {**fields, name: value})
                        assert answer.status_code in (200, 302, 403), (model, name)  # 302: a field it does not save
                    walked.add(f"{form._meta.model._meta.label}.{relation.name}")
    if role == MANAGER:
        every = {
            f"{block._meta.label}.{relation.name}"
            for model, page in our_pages().items()
            for block in (model, *(inline.model for inline in page.inlines))
            for relation in relations(block)
        }
        parents = {f"{b}" for b in every if _is_parent(b)}
        assert every - walked - parents == WRITTEN_BY_SERVICES
        assert len(walked) >= 40


def _is_parent(label: str) -> bool:
    """Whether a relation ties a row to the document whose form shows it."""
    return label in {
        "appointments.AppointmentLine.appointment",
        "appointments.AppointmentLine.request_line",
        "appointments.WorkingHours.week",
        "contracts.Article.line",
        "contracts.ContractException.line",
        "interventions.RequestLine.intervention",
        "interventions.TemplateLine.template",
        "invoicing.Allocation.credit_note",
        "invoicing.Allocation.document",
        "invoicing.Allocation.payment",
        "invoicing.CompanyAccess.user",
        "invoicing.EntryLine.entry",
        "invoicing.FiscalPositionTax.position",
        "invoicing.InvoiceLine.credits",
        "invoicing.InvoiceLine.invoice",
        "invoicing.PurchaseOrderLine.order",
        "invoicing.QuoteLine.quote",
    }


@pytest.mark.parametrize("role", [PLANNER, BILLING, MANAGER])
def test_no_page_shows_a_name_of_another_company(world: World, role: str) -> None:
    ours, theirs = one_of_each(world), elsewhere(world)
    office, seen = world.office(role), 0
    for model, page in our_pages().items():
        record = ours[model]
        parts = [address(model, "changelist"), address(model, "add"), address(record), address(record, "delete")]
        if isinstance(page, ActionsMixin):
            parts += [address(record, "act", act.name) for act in page.all_actions() if act.run]
        for url in parts:
            answer = office.get(url)
            if answer.status_code == 200:
                assert MARK not in answer.content.decode(), url
                seen += 1
        for other in (row for kind, row in theirs.items() if kind is model and row is not None):
            assert office.get(address(other)).status_code in (302, 403, 404), other
    assert seen > 60


def test_no_filter_offers_a_record_of_another_company(world: World) -> None:
    one_of_each(world)
    elsewhere(world)
    request = RequestFactory().get("/")
    request.user = world.manager
    filters = 0
    for page in our_pages().values():
        changelist = page.get_changelist_instance(request)
        for spec in changelist.filter_specs:
            offered = [str(choice["display"]) for choice in spec.choices(changelist)]
            assert [text for text in offered if MARK in text] == [], (page, spec)
            filters += 1
    assert filters >= 40


def test_no_dialog_offers_a_record_of_another_company(world: World) -> None:
    ours, theirs = one_of_each(world), elsewhere(world)
    request = RequestFactory().get("/")
    request.user = world.manager
    boxes = 0
    for model, page in our_pages().items():
        if not isinstance(page, ActionsMixin):
            continue
        document = page.get_object(request, str(ours[model].pk))
        for act in page.all_actions():
            form = page._question(act.form, request, [document])
            for field in form.fields.values():
                if not isinstance(field, forms.ModelChoiceField) or company_path(field.queryset.model) is None:
                    continue
                other = theirs[field.queryset.model]
                with pytest.raises(forms.ValidationError):
                    field.clean([other.pk] if isinstance(field, forms.ModelMultipleChoiceField) else other.pk)
                boxes += 1
    assert boxes >= 1


def test_no_address_of_the_api_takes_the_id_of_a_record_of_another_company(world: World) -> None:
    theirs = elsewhere(world)
    context = {"visible": lambda queryset: visible(queryset, world.manager)}
    walked: set[str] = set()
    taken: set[str] = set()
    for view in _views():
        for serializer in {getattr(view, "serializer_class", None), getattr(view, "asks", None)} - {None}:
            for path, field in _ids(serializer(context=context)):
                other = theirs.get(field.queryset.model)
                if company_path(field.queryset.model) and other is not None:
                    walked.add(f"{serializer.__name__}.{path}")
                    try:
                        field.to_internal_value(other.pk)
                    except serializers.ValidationError:
                        continue
                    taken.add(f"{serializer.__name__}.{path}")
    assert taken == set()
    assert len(walked) >= 15, sorted(walked)


def _views() -> set[Any]:
    def walk(patterns: Any) -> Any:
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                yield from walk(pattern.url_patterns)
            elif view := getattr(pattern.callback, "cls", None):
                yield view
                for name in (getattr(pattern.callback, "actions", None) or {}).values():
                    yield type(name, (), getattr(getattr(view, name), "kwargs", {}))

    return set(walk(get_resolver().url_patterns))


def _ids(serializer: Any, path: str = "") -> Any:
    """(path, field) of the ids of records in a serializer, those of its rows too."""
    for name, field in getattr(serializer, "fields", {}).items():
        child = getattr(field, "child", None) or getattr(field, "child_relation", None) or field
        if isinstance(child, serializers.BaseSerializer):
            yield from _ids(child, f"{path}{name}.")
        elif isinstance(child, serializers.PrimaryKeyRelatedField) and child.queryset is not None:
            yield f"{path}{name}", child


def test_models_say_where_their_company_is() -> None:
    """A row that is deleted with a row of a company, or belongs to its document, has the path to that company."""
    without = {
        f"{model._meta.label}.{field.name}"
        for model in our_pages()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
        and field.remote_field.on_delete is models.CASCADE
        and company_path(field.related_model)
        and company_path(field.related_model) != "company_accesses__company"
        and company_path(model) is None
    }
    assert without == set()


def test_planner_makes_no_appointment_on_a_request_of_another_company(world: World) -> None:
    """The RDV of company A on the DI of company B, by the form and by the service."""
    theirs = elsewhere(world)
    office = world.office(PLANNER)
    rdv = one_of_each(world)[Appointment]
    with nothing_changed():
        answer = office.save(rdv, intervention=str(theirs[InterventionRequest].pk))
        assert answer.status_code == 200
        shown = office.get(
            reverse("admin:interventions_interventionrequest_defaults"), template=theirs[InterventionTemplate].pk
        )
    assert MARK not in shown.content.decode()
    assert AppointmentLine.objects.filter(request_line=theirs[RequestLine]).count() == 0


def test_user_of_both_companies_mixes_them_in_no_document(world: World) -> None:
    theirs = elsewhere(world)
    world.manager.company_accesses.create(company=theirs[Company])
    office = Office(world.manager)
    intervention = world.intervention()
    for name in ("template", "technicians"):
        other = theirs[{"template": InterventionTemplate, "technicians": Technician}[name]]
        value = [str(other.pk)] if name == "technicians" else str(other.pk)
        with nothing_changed():
            answer = office.save(intervention, **{name: value})
        assert answer.status_code == 200
        assert f"est de la société {MARK} SARL : choisissez-en un de Flammes d&#x27;Armor." in answer.content.decode()


def test_account_of_a_superuser_or_without_company_is_opened_by_a_superuser_alone(world: World) -> None:
    chief = UserFactory(username="chef", is_superuser=True, company=world.company)
    alone = UserFactory(username="seul")
    for account in (chief, alone):
        with nothing_changed():
            assert world.office(MANAGER).get(address(account)).status_code == 302
            for page in ("delete", "history"):
                assert world.office(MANAGER).get(address(account, page)).status_code in (302, 403, 404)
            password = reverse("admin:auth_user_password_change", args=[account.pk])
            assert world.office(MANAGER).get(password).status_code in (302, 403, 404)
        assert Office(chief).get(address(account)).status_code == 200
    assert (
        set(world.office(MANAGER).get(address(User, "changelist")).context["cl"].result_list) & {chief, alone} == set()
    )
    new = {
        "username": "gwenn",
        "is_staff": "on",
        "company_accesses-TOTAL_FORMS": "0",
        "company_accesses-INITIAL_FORMS": "0",
    }
    refused = world.office(MANAGER).client.post(address(User, "add"), new)
    assert "Choisissez au moins une société : sans elle, ce compte ne verrait rien." in refused.content.decode()
    assert not User.objects.filter(username="gwenn").exists()


def test_deletion_of_a_shared_record_counts_what_is_of_another_company(world: World) -> None:
    theirs = elsewhere(world)
    product = theirs[RequestLine].product
    ours = world.intervention()
    page = world.office(MANAGER).get(address(product, "delete")).content.decode()
    assert str(ours.lines.get()) in page
    assert "d'autres sociétés" in page.replace("&#x27;", "'")
    assert theirs[InterventionRequest].number not in page


def test_entries_are_those_of_ones_companies(world: World) -> None:
    one_of_each(world)
    there = UserFactory(role=MANAGER, company=CompanyFactory(name="Autre"))
    assert visible(Entry.objects.all(), there).count() == 0
    assert visible(Entry.objects.all(), world.manager).count() == Entry.objects.count() > 0


# Records that all companies share


def test_shared_rules_are_changed_by_who_works_for_every_company(world: World) -> None:
    """Taxes, positions, terms and units without a company, roles: pages and API. Alone, the only company is all."""
    rules = [tax(), FiscalPosition.objects.get(code="VEN-5.5"), PaymentTerm.objects.get(name="30 jours")]
    rules += [Unit.objects.get(code="C62"), Group.objects.get(name="Comptable")]
    assert [world.office(MANAGER).get(address(rule)).context["has_change_permission"] for rule in rules] == [True] * 5
    other = CompanyFactory(name=f"{MARK} SARL")
    for rule in rules:
        page = world.office(MANAGER).get(address(rule))
        assert (page.status_code, page.context["has_change_permission"]) == (200, False), rule
        with nothing_changed():
            assert world.office(MANAGER).client.post(address(rule), {"name": "À nous", "_save": "1"}).status_code in (
                302,
                403,
            )
    refusal = "sert à toutes les sociétés : demandez à une personne qui travaille pour toutes."
    api = Api(world.manager)
    for name, rule in (("taxes", rules[0]), ("fiscal-positions", rules[1]), ("payment-terms", rules[2])):
        with nothing_changed():
            answer = api.patch(f"{name}/{rule.pk}/", {"name": "À nous"})
        assert (answer.status_code, refusal in str(answer.data)) == (409, True), (name, answer.data)
    world.manager.company_accesses.create(company=other)
    assert api.patch(f"payment-terms/{rules[2].pk}/", {"name": "À nous tous"}).status_code == 200


def test_price_of_an_article_that_another_company_used_is_kept(world: World) -> None:
    theirs = elsewhere(world)
    product = theirs[RequestLine].product
    before = product.unit_price
    text = (
        f"« {product} » a servi à une autre société : seule une personne qui travaille pour toutes change "
        "« Prix unitaire »."
    )
    office = world.office(MANAGER)
    with nothing_changed():
        answer = office.save(product, unit_price="1,00")
    assert text in unescape(answer.content.decode())
    assert office.save(product, description="Posé et réglé").status_code == 302
    answer = Api(world.manager).patch(f"products/{product.pk}/", {"unit_price": "1.00"})
    assert (answer.status_code, text in str(answer.data)) == (409, True)
    product.refresh_from_db()
    assert (product.unit_price, product.description) == (before, "Posé et réglé")
    own = ProductFactory(code="a_nous")
    world.intervention(item(code="a_nous"))
    assert Api(world.manager).patch(f"products/{own.pk}/", {"unit_price": "1.00"}).status_code == 200


def test_customer_with_documents_of_another_company_is_not_merged(world: World) -> None:
    theirs = elsewhere(world)
    shared, kept = theirs[InterventionRequest].partner, PartnerFactory(name="Client gardé")
    for duplicate, into in ((shared, kept), (kept, shared)):
        with nothing_changed(), pytest.raises(BusinessError) as refused:
            merge_partners(duplicate, into=into, by=world.manager)
        assert str(refused.value) == (
            f"« {shared} » a des documents d'une autre société : la fusion se fait par une personne qui travaille pour "
            "toutes."
        )
    world.manager.company_accesses.create(company=theirs[Company])
    assert merge_partners(shared, into=kept, by=world.manager) == kept


def test_a_claim_belongs_to_the_company_of_what_it_bills(world: World) -> None:
    """So that no deletion page names another company's."""
    kinds = [*Claim.children(), *Hold.children()]
    assert {kind: company_path(kind) for kind in kinds} == {kind: f"{kind.SOURCE}__company" for kind in kinds}
    draft = world.draft()
    claim = RequestLineClaim.objects.get(invoice_line__invoice=draft)

    stranger = UserFactory(role=BILLING, company=CompanyFactory(name="Autre"))

    assert company_of(claim) == world.company
    assert list(visible(RequestLineClaim.objects.all(), world.biller)) == [claim]
    assert list(visible(RequestLineClaim.objects.all(), stranger)) == []
