"""The first steps of a new firm, in four groups, in the order of the manager's guide; shown on the first page until they
are done.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext_lazy as _

from appointments.models import WorkingWeek
from interventions.models import Task, Technician
from invoicing.choices import JournalKind
from invoicing.models import Company, FiscalPosition, Journal, Partner, Product, Tax
from invoicing.services.parties.companies import default_company
from openfire_billing.web.record_links import reverse_change
from openfire_billing.web.users import user_of


def first_steps(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the steps in four groups, each step with its page and what is missing; [] once all required steps are done.

    Only for users who may set the firm up.
    """
    if not request.user.has_perm("invoicing.change_company"):
        return []
    company = default_company(request.user)
    has = _what_there_is(company, user_of(request))
    groups = [
        (_("Votre société"), _of_the_company(company)),
        (_("Vos factures"), _of_the_invoices(company, has)),
        (_("Votre travail"), _of_the_work(has)),
        (_("Vos collègues, vos clients"), _of_the_people(has)),
    ]
    if not any(is_left(step) for _title, steps in groups for step in steps):
        return []
    return [
        {"title": title, "steps": steps, "is_done": not any(is_left(step) for step in steps)} for title, steps in groups
    ]


def is_left(step: dict[str, Any]) -> bool:
    """Return whether a step is required and not done."""
    return not step["is_done"] and not step["is_optional"]


def _what_there_is(company: Company | None, user: User) -> dict[str, bool]:
    """Return which kinds of records there are, asked in one query."""
    rows: dict[str, QuerySet[Any]] = {
        "taxes": Tax.objects.all(),
        "positions": FiscalPosition.objects.all(),
        "products": Product.objects.all(),
        "tasks": Task.objects.all(),
        "technicians": Technician.objects.filter(company=company),
        "hours": WorkingWeek.objects.filter(company=company),
        "colleagues": User.objects.filter(is_active=True).exclude(pk=user.pk),
        "customers": Partner.objects.all(),
    }
    asked = User.objects.order_by().filter(pk=user.pk)
    return asked.values(**{name: Exists(found) for name, found in rows.items()}).get()


def _of_the_company(company: Company | None) -> list[dict[str, Any]]:
    """Return the steps of who the firm is."""
    page = _page_of(company)
    return [
        _step(
            _("Votre société : adresse et SIRET"),
            page,
            missing=_blanks(
                company,
                street=_("la rue"),
                zip=_("le code postal"),
                city=_("la ville"),
                siret=_("le SIRET"),
            ),
        ),
        _step(
            _("Votre numéro de TVA (facultatif : en franchise, on n'en a pas)"),
            page,
            missing=_blanks(company, vat_number=_("le numéro de TVA")),
            is_optional=True,
        ),
        _step(
            _("Votre logo et votre IBAN, imprimés sur devis et factures (facultatif)"),
            page,
            missing=_blanks(company, logo=_("le logo"), iban=_("l'IBAN")),
            is_optional=True,
        ),
    ]


def _of_the_invoices(company: Company | None, has: dict[str, bool]) -> list[dict[str, Any]]:
    """Return the steps of what an invoice needs besides: rounding, journals, taxes."""
    lacking = _journals_lacking(company)
    names = {"taxes": _("les taxes"), "positions": _("les positions fiscales")}
    rules = [name for kind, name in names.items() if not has[kind]]
    return [
        _step(
            _("Arrondi : « %s », à confirmer avec votre comptable avant la première facture")
            % (company or Company()).get_rounding_display(),
            _page_of(company),
            missing=() if company else (_("la société"),),
        ),
        _step(
            _("Journaux et numéros des factures : en place, vérifiez-les")
            if not lacking
            else _("Journaux et numéros des factures"),
            reverse("admin:invoicing_journal_changelist"),
            missing=lacking,
        ),
        _step(
            _("Taxes et positions fiscales : en place, vérifiez-les")
            if not rules
            else _("Taxes et positions fiscales"),
            reverse("admin:invoicing_tax_changelist"),
            missing=rules,
        ),
    ]


def _of_the_work(has: dict[str, bool]) -> list[dict[str, Any]]:
    """Return the steps of what is sold, who works and when."""
    return [
        _kind(_("Vos articles"), "invoicing_product", has["products"]),
        _kind(_("Vos tâches : ce que vos intervenants savent faire"), "interventions_task", has["tasks"]),
        _kind(_("Vos intervenants"), "interventions_technician", has["technicians"]),
        _kind(
            _("Vos horaires (facultatif) : sans eux, du lundi au vendredi, 8 h – 12 h et 13 h 30 – 17 h 30"),
            "appointments_workingweek",
            has["hours"],
            is_optional=True,
        ),
    ]


def _of_the_people(has: dict[str, bool]) -> list[dict[str, Any]]:
    """Return the steps of the users and the customers."""
    return [
        _kind(_("Vos collègues : leur compte"), "auth_user", has["colleagues"]),
        _step(
            _("Vos clients : importez-les, ou créez le premier"),
            reverse("import_page", args=["customers"]),
            is_done=has["customers"],
        ),
    ]


def _page_of(company: Company | None) -> str:
    return reverse_change(company) if company else reverse("admin:invoicing_company_add")


def _journals_lacking(company: Company | None) -> list[Any]:
    """Return the kinds of journals still to be added; they are made with the company."""
    if company is None:
        return [_("la société")]
    kinds = set(Journal.objects.filter(company=company).values_list("kind", flat=True))
    return [JournalKind(kind).label for kind in JournalKind.values if kind not in kinds]


def _step(text: Any, url: str, *, missing: Any = (), is_done: bool = True, is_optional: bool = False) -> dict[str, Any]:
    return {
        "text": text,
        "url": url,
        "is_done": is_done and not missing,
        "is_optional": is_optional,
        "missing": get_text_list([str(name) for name in missing], str(_("et"))),
    }


def _kind(text: Any, name: str, is_done: bool, *, is_optional: bool = False) -> dict[str, Any]:
    """Return the step of a record to create: its form while there is none, its list afterwards."""
    page = "changelist" if is_done else "add"
    return _step(text, reverse(f"admin:{name}_{page}"), is_done=is_done, is_optional=is_optional)


def _blanks(company: Company | None, **names: Any) -> list[Any]:
    """Return what is missing on the company's page."""
    return [name for field, name in names.items() if not (company and getattr(company, field))]
