"""What keeps a draft from being posted: all of it at once, each with the step that removes it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import F
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from invoicing.choices import InvoiceKind, InvoiceState, PartnerKind
from invoicing.models import Claim, Invoice, InvoiceLine
from invoicing.models.documents.lines import lines_totals
from invoicing.services.documents.deductions import parts_of, refusal_of_deductions
from invoicing.services.documents.lines import is_goods_tax_of_service, refusal_of_goods_tax
from openfire_billing.kernel.errors import BusinessError, Step, WrongState
from openfire_billing.kernel.formats import money_text
from openfire_billing.kernel.money import ZERO


def refusals_to_post(invoice: Invoice) -> list[BusinessError]:
    """Return all that keeps a draft from being posted; [] when nothing does."""
    if not invoice.is_draft:
        return [
            WrongState(
                _("%(invoice)s est à l'état « %(state)s » : seul un brouillon se valide.")
                % {"invoice": invoice, "state": invoice.get_state_display()}
            )
        ]
    checks = (_faults_of_content, _faults_of_credit, _faults_of_buyer, _faults_of_seller)
    return [fault for check in checks for fault in check(invoice)]


def _faults_of_content(invoice: Invoice) -> Iterator[BusinessError]:
    lines = [line for line in invoice.lines.all() if line.is_article]
    if not lines:
        yield BusinessError(
            _("%s est vide : ajoutez une ligne ou supprimez le brouillon.") % invoice,
            step=Step(_("Ajouter une ligne"), invoice, tab="lines"),
        )
    if invoice.fiscal_position is None:
        yield BusinessError(
            _("%s : pas de position fiscale. Choisissez-la sur la facture.") % invoice, field="fiscal_position"
        )
    for product in dict.fromkeys(line.product for line in lines if line.product is not None):
        if not product.income_account:
            yield BusinessError(
                _("%(invoice)s : l'article « %(product)s » n'a pas de compte de produit. Complétez sa fiche.")
                % {"invoice": invoice, "product": product},
                documents=[product],
                step=Step(_("Compléter l'article"), product, field="income_account"),
            )
    for line in () if invoice.is_credit_note else lines:  # a credit note keeps the tax of the credited line
        if line.product is not None and line.tax is not None and is_goods_tax_of_service(line.product, line.tax):
            position = invoice.fiscal_position
            cause = position if position is not None and not line.tax_is_manual and position.gives(line.tax) else None
            step = Step(_("Changer la TVA"), invoice, tab="lines")
            yield refusal_of_goods_tax(invoice, line, line.tax, position=cause, step=step)
    if fault := _fault_of_deductions(invoice, lines):
        yield fault
    elif lines_totals(lines, invoice.rounding).gross < 0:
        yield BusinessError(_("%s a un total négatif : faites un avoir.") % invoice)


def _fault_of_deductions(invoice: Invoice, lines: Sequence[InvoiceLine]) -> BusinessError | None:
    if invoice.is_credit_note or not any(line.is_deduction for line in lines):
        return None  # a credit note is checked against what is left of its invoice
    return refusal_of_deductions(
        parts_of(lines, invoice.rounding),
        name=invoice,
        rounding=invoice.rounding,
        currency=invoice.currency,
        step=Step(_("Corriger les lignes"), invoice, tab="lines"),
    )


def lines_priced_otherwise(invoices: Iterable[int]) -> dict[int, str]:
    """Return {invoice id: label} of a line whose net differs from the net of its claim. One query."""
    ids = list(invoices)
    queries = [
        kind._default_manager.filter(invoice_line__invoice__among=ids)
        .exclude(net=F("invoice_line__net"))
        .order_by()
        .values_list("invoice_line__invoice", "invoice_line__label")
        for kind in Claim.children()
        if not kind.IS_QUANTITY
    ]
    return dict(queries[0].union(*queries[1:], all=True)) if queries else {}


def refusal_of_net(invoice: Invoice, line: str) -> BusinessError:
    """Return the refusal of a draft whose line `line` differs from its claim (`lines_priced_otherwise`)."""
    return BusinessError(
        _(
            "%(invoice)s : le montant de « %(line)s » n'est plus celui de la période, de la visite ou de l'exception qu'elle "
            "facture. Supprimez le brouillon : ce qui est dû sera facturé de nouveau."
        )
        % {"invoice": invoice, "line": line},
        step=_deletion_of(invoice),
    )


def _deletion_of(draft: Invoice) -> Step:
    return Step(_("Supprimer le brouillon"), draft, act="delete")


def net_left_of(invoice: Invoice) -> Decimal:
    """Return the net of a posted invoice less the net of all its posted credit notes."""
    made = Invoice.objects.filter(credits=invoice, state=InvoiceState.POSTED)
    left: Decimal = invoice.net.amount - sum((credit.net.amount for credit in made), ZERO)
    return left


def _faults_of_credit(invoice: Invoice) -> Iterator[BusinessError]:
    """Refuse a credit note above the net left of its invoice; one without credited lines may have come too late."""
    source = invoice.credits
    if source is not None and invoice.net.amount > net_left_of(source):
        left = money_text(net_left_of(source), source.currency)
        yield BusinessError(
            _("%(invoice)s : il ne reste que %(left)s HT à créditer sur %(source)s. Supprimez ce brouillon.")
            % {"invoice": invoice, "left": left, "source": source},
            documents=[source],
            step=_deletion_of(invoice),
        )


def _faults_of_buyer(invoice: Invoice) -> Iterator[BusinessError]:
    customer = invoice.customer
    names = {"invoice": invoice, "customer": customer}
    if invoice.billing_address is None:
        yield BusinessError(
            _(
                "%(invoice)s : « %(customer)s » n'a pas d'adresse de facturation. Ajoutez-la sur sa fiche, puis choisissez-la ici."
            )
            % names,
            field="billing_address",
            documents=[customer],
            step=Step(_("Ajouter l'adresse"), customer),
        )
    if customer.kind in (PartnerKind.BUSINESS, PartnerKind.PUBLIC) and not customer.siren:
        yield BusinessError(
            _("%(invoice)s : « %(customer)s » est un professionnel sans SIREN. Complétez sa fiche.") % names,
            documents=[customer],
            step=Step(_("Remplir le SIREN"), customer, field="siren"),
        )
    if customer.kind == PartnerKind.EU and not customer.vat_number and not invoice.is_credit_note:
        yield BusinessError(
            _(
                "%(invoice)s : « %(customer)s » est une entreprise de l'Union européenne sans n° de TVA. Complétez sa fiche."
            )
            % names,
            documents=[customer],
            step=Step(_("Remplir le n° de TVA"), customer, field="vat_number"),
        )


def _faults_of_seller(invoice: Invoice) -> Iterator[BusinessError]:
    company = invoice.company
    missing = [
        (name, label)
        for name, label in (("street", "adresse"), ("city", "ville"), ("siret", "SIRET"))
        if not getattr(company, name)
    ]
    if missing:
        yield BusinessError(
            _("%(invoice)s : complétez la fiche de la société %(company)s (%(missing)s).")
            % {"invoice": invoice, "company": company, "missing": ", ".join(label for _name, label in missing)},
            documents=[company],
            step=Step(_("Compléter la société"), company, field=missing[0][0]),
        )


def first_day(draft: Invoice) -> date:
    """Return the first day a draft may be issued: for a credit note, that of the invoice it credits."""
    credited = draft.credits
    return credited.issued_on if credited is not None and credited.issued_on else date.min


def refusal_of_date(draft: Invoice, issued_on: date, last: date) -> BusinessError | None:
    """Return why a draft may not be issued at `issued_on`; None when it may. `last`: the last issue date of its journal."""
    if issued_on < last:
        return BusinessError(
            _(
                "%(invoice)s : la dernière pièce du journal %(journal)s est du %(last)s, rien ne s'émet avant. Choisissez une date à partir de celle-ci."
            )
            % {"invoice": draft, "journal": draft.journal.code, "last": date_format(last, "d/m/Y")}
        )
    if issued_on < first_day(draft):
        return BusinessError(
            _(
                "%(invoice)s : la facture créditée %(credited)s est du %(day)s, un avoir ne se date pas avant. Choisissez une date à partir de celle-ci."
            )
            % {"invoice": draft, "credited": draft.credits, "day": date_format(first_day(draft), "d/m/Y")},
            documents=[draft.credits],
        )
    if draft.kind == InvoiceKind.CREDIT_NOTE:
        return None  # a credit note keeps the rate of the credited line
    for line in draft.lines.all():
        if line.tax is not None and line.supply_day is None and line.tax.on(issued_on) != line.tax:
            return BusinessError(
                _(
                    "%(invoice)s : le taux de « %(line)s » a changé avant le %(day)s. Action › Mettre à jour les taxes, puis validez."
                )
                % {"invoice": draft, "line": line, "day": date_format(issued_on, "d/m/Y")},
                step=Step(_("Mettre à jour les taxes"), draft, act="taxes"),
            )
    return None
