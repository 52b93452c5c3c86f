"""Read the facts of a chunk of contracts for the planner, in a constant number of queries, after their lock."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import cast

from django.db.models import DecimalField, Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from contracts.choices import ContractLineState, ContractState, RequestKind
from contracts.models import (
    Article,
    Contract,
    ContractException,
    ContractLine,
    ContractRequest,
    ExceptionClaim,
    PeriodClaim,
    PriceVersion,
    VisitClaim,
)
from contracts.models.lines import billed_per_visit
from contracts.planner import facts as f
from contracts.planner.billing import examined_from
from contracts.planner.intents import INCOMPLETE, Refusal
from contracts.services.fact_rows import contract_facts, line_facts, name_in_sentences
from contracts.services.locks import lock_chunk
from interventions.choices import InterventionState
from invoicing.choices import InvoiceKind, InvoiceState, LineKind
from invoicing.models import Address, Company, FiscalPosition, Invoice
from invoicing.services.catalogue import TaxBook
from openfire_billing.db.locks import Values

DAWN = date(1900, 1, 1)  # the article's own price holds from the first day

_CONTRACT = (
    "id reference state payer_id billing_address_id company_id fiscal_position_id payment_term_id journal_id start_on "
    "end_on auto_renew terminated_on frequency every unit timing alignment anchor_day proration late_billing grouped "
    "group_by_payer auto_post purchase_order next_due_on set_aside_reason"
).split()
_LINE = (
    "id contract_id replaces_id title address_id starts_on ends_on grid_from billed_elsewhere_until frequency every unit "
    "timing repeat repeat_unit visit_months equipment_id task_id validated_on"
).split()


@dataclass(slots=True)
class ChunkFacts:
    """Facts of a chunk, with what the writer needs beside them.

    `broken`: contracts left out before any plan, with their reason. `sites`: address id by line id; `opened`: the day a
    line was validated, None of a draft one. `stored`: (next due day, why it is set aside) by contract id.
    """

    contracts: list[f.ContractFacts] = field(default_factory=list)
    claimed: f.Claimed = f.NOTHING_CLAIMED
    broken: list[Refusal] = field(default_factory=list)
    sites: dict[int, int] = field(default_factory=dict)
    opened: dict[int, date | None] = field(default_factory=dict)
    stored: dict[int, tuple[date | None, str]] = field(default_factory=dict)
    taxes: TaxBook = field(default_factory=TaxBook)

    @property
    def by_id(self) -> dict[int, f.ContractFacts]:
        return {contract.id: contract for contract in self.contracts}


def read_facts(ids: Collection[int], *, lock: bool, settled: bool = True, with_drafts: bool = False) -> ChunkFacts:
    """Return the facts of these contracts, in key order; unknown ids are left out.

    `lock`: lock them first, in key order. `settled`: trust `next_due_on`: whatever was due before it is claimed, so
    that older claims need not be read. Without it everything is read again. `with_drafts`: count the draft lines of a
    contract in draft, as if it were activated.
    """
    return _Reader(sorted(ids), settled=settled, with_drafts=with_drafts).read(lock=lock)


def read_terms(ids: Collection[int]) -> ChunkFacts:
    """Return what these contracts promise, drafts included: lines and articles at their prices. Exceptions, visits and
    claims are left out.
    """
    return _Reader(sorted(ids), settled=False, with_drafts=True, terms_alone=True).read(lock=False)


class _Reader:
    def __init__(self, ids: Sequence[int], *, settled: bool, with_drafts: bool, terms_alone: bool = False) -> None:
        self.ids = ids
        self.terms_alone = terms_alone
        self.settled = settled
        self.with_drafts = with_drafts
        self.facts = ChunkFacts()
        self._negative = False  # whether an exception takes something off

    def read(self, *, lock: bool) -> ChunkFacts:
        if lock:
            rows = lock_chunk(self.ids, _CONTRACT)
        else:
            queryset = Contract.objects.filter(pk__among=self.ids).order_by("pk")
            rows = [dict(zip(_CONTRACT, row, strict=True)) for row in queryset.values_list(*_CONTRACT)]
        if not rows:
            return self.facts
        lines = self._lines()
        companies: dict[int, Values] = {
            c["id"]: c
            for c in Company.objects.order_by().values("id", "currency", "rounding", "name", "income_account")
        }
        addresses = self._billing_addresses({row["payer_id"] for row in rows if not row["billing_address_id"]})
        foreign = dict(FiscalPosition.objects.filter(company__isnull=False).values_list("id", "company_id"))
        parts = (
            (self._articles(), defaultdict(list), defaultdict(list))
            if self.terms_alone
            else (self._articles(), self._exceptions(), self._visits())
        )
        creditable = self._creditable()
        for row in rows:
            company = companies[row["company_id"]]
            due = row["next_due_on"] if self.settled else None
            self.facts.stored[row["id"]] = (row["next_due_on"], row["set_aside_reason"])
            self._refuse_foreign_position(row, company, foreign)
            self.facts.contracts.append(
                contract_facts(row, company, addresses, line_facts(lines[row["id"]], parts, due), creditable[row["id"]])
            )
        if self.facts.broken:  # the first reason of each
            wrong = {refusal.contract: refusal for refusal in reversed(self.facts.broken)}
            self.facts.broken = list(wrong.values())
            self.facts.contracts = [contract for contract in self.facts.contracts if contract.id not in wrong]
        if not self.terms_alone:
            self._claims()
        return self.facts

    def _refuse_foreign_position(self, row: Values, company: Values, foreign: dict[int, int]) -> None:
        owner = foreign.get(row["fiscal_position_id"])
        if owner and owner != row["company_id"]:
            reason = _("sa position fiscale est celle d'une autre société que %s : choisissez-en une autre.")
            self._break(row["id"], row["reference"], reason % company["name"])

    def _break(self, contract: int, reference: str | None, reason: str) -> None:
        values = {"reference": name_in_sentences(contract, reference), "what": reason}
        self.facts.broken.append(Refusal(contract, INCOMPLETE, _("Contrat %(reference)s : %(what)s") % values))

    def _billing_addresses(self, payers: set[int]) -> dict[int, int]:
        """Return where the invoices of these payers go: the billing address, else the default one, else the first."""
        found: dict[int, tuple[tuple[bool, bool, int], int]] = {}
        if not payers:
            return {}
        for pk, partner, is_billing, is_default in (
            Address.objects.filter(partner__among=list(payers))
            .order_by()
            .values_list("id", "partner_id", "is_billing", "is_default")
        ):
            rank = (not is_billing, not is_default, pk)
            if partner not in found or rank < found[partner][0]:
                found[partner] = (rank, pk)
        return {partner: pk for partner, (_rank, pk) in found.items()}

    def _counted(self, path: str = "") -> Q:
        """Return the condition of the lines that count. `path` leads to the line."""
        counted = Q(**{f"{path}state": ContractLineState.VALIDATED})
        if self.with_drafts:
            draft = {f"{path}state": ContractLineState.DRAFT, f"{path}contract__state": ContractState.DRAFT}
            counted |= Q(**draft)
        return counted

    def _lines(self) -> dict[int, list[Values]]:
        lines: dict[int, list[Values]] = defaultdict(list)
        rows = ContractLine.objects.filter(self._counted(), contract__among=self.ids).order_by("pk")
        for values in rows.values_list(*_LINE):
            row = dict(zip(_LINE, values, strict=True))
            lines[row["contract_id"]].append(row)
            self.facts.sites[row["id"]] = row["address_id"]
            self.facts.opened[row["id"]] = row["validated_on"]
        return lines

    def _articles(self) -> dict[int, list[f.ArticleFacts]]:
        prices: dict[int, list[f.PriceVersion]] = defaultdict(list)
        for article, from_on, unit_price, discount in (
            PriceVersion.objects.filter(article__line__contract__among=self.ids)
            .order_by("from_on")
            .values_list("article_id", "from_on", "unit_price", "discount")
        ):
            prices[article].append(f.PriceVersion(from_on, unit_price, discount))
        articles: dict[int, list[f.ArticleFacts]] = defaultdict(list)
        for pk, line, contract, reference, company, label, quantity, price, discount, product, account, tax, since in (
            Article.objects.filter(self._counted("line__"), line__contract__among=self.ids, kind=LineKind.ARTICLE)
            .order_by("position", "pk")
            .values_list(
                "id",
                "line_id",
                "line__contract_id",
                "line__contract__reference",
                "line__contract__company_id",
                "label",
                "quantity",
                "unit_price",
                "discount",
                "product_id",
                "product__income_account",
                "tax_id",
                "from_on",
            )
        ):
            self._refuse_unbillable(contract, reference, company, label, product, account, tax)
            versions = (f.PriceVersion(DAWN, price, discount), *prices[pk])
            articles[line].append(f.ArticleFacts(pk, label, quantity, versions, product, tax, since))
        return articles

    def _refuse_unbillable(
        self,
        contract: int,
        reference: str | None,
        company: int,
        label: str,
        product: int | None,
        account: str,
        tax: int,
    ) -> None:
        if product and not account:
            self._break(
                contract, reference, _("l'article « %s » n'a pas de compte de produit. Complétez sa fiche.") % label
            )
        owner = self.facts.taxes[tax].company
        if owner and owner != company:
            self._break(
                contract,
                reference,
                _("la TVA de « %s » est celle d'une autre société. Choisissez-en une autre.") % label,
            )

    def _exceptions(self) -> dict[int, list[f.ExceptionFacts]]:
        """Return the exceptions that no live claim holds, by line id."""
        alive = ExceptionClaim.objects.live().filter(exception=OuterRef("pk"))
        found: dict[int, list[f.ExceptionFacts]] = defaultdict(list)
        for (
            pk,
            line,
            contract,
            reference,
            company,
            on,
            label,
            quantity,
            price,
            discount,
            product,
            account,
            tax,
            unit,
            alone,
        ) in (
            ContractException.objects.filter(
                self._counted("line__"), ~Exists(alive), line__contract__among=self.ids, kind=LineKind.ARTICLE
            )
            .order_by("on", "position", "pk")
            .values_list(
                "id",
                "line_id",
                "line__contract_id",
                "line__contract__reference",
                "line__contract__company_id",
                "on",
                "label",
                "quantity",
                "unit_price",
                "discount",
                "product_id",
                "product__income_account",
                "tax_id",
                "unit_id",
                "alone",
            )
        ):
            self._refuse_unbillable(contract, reference, company, label, product, account, tax)
            found[line].append(f.ExceptionFacts(pk, on, label, quantity, price, discount, product, tax, unit, alone))
        self._negative = any(exception.quantity < 0 for exceptions in found.values() for exception in exceptions)
        return found

    def _visits(self) -> dict[int, list[f.VisitFacts]]:
        """Return the visits really done, by line id (a line billed by period does not look at them)."""
        found: dict[int, list[f.VisitFacts]] = defaultdict(list)
        rows = (
            ContractRequest.objects.filter(
                billed_per_visit("line__"),
                line__contract__among=self.ids,
                kind=RequestKind.VISIT,
                intervention__state=InterventionState.DONE,
                intervention__done_on__isnull=False,
            )
            .order_by("year", "rank")
            .values_list("id", "line_id", "year", "rank", "of", "intervention__done_on")
        )
        for pk, line, year, rank, of, done_on in cast("Iterable[tuple[int, int, int, int, int, date]]", rows):
            found[line].append(f.VisitFacts(pk, year, rank, of, done_on))
        return found

    def _creditable(self) -> dict[int, tuple[f.CreditableInvoice, ...]]:
        """Return the posted invoices that a negative draft may credit, with the net left; empty when no exception is
        negative.
        """
        found: dict[int, list[f.CreditableInvoice]] = defaultdict(list)
        if not self._negative:
            return defaultdict(tuple)
        credit = Invoice.objects.filter(credits=OuterRef("pk")).exclude(state=InvoiceState.CANCELLED)
        credited = Subquery(
            credit.order_by().values("credits").annotate(total=Sum("net")).values("total"),
            output_field=DecimalField(max_digits=18, decimal_places=2),
        )
        seen = set()
        for path in (
            "lines__periodclaims__article",
            "lines__visitclaims__article",
            "lines__exceptionclaims__exception",
        ):
            contract = f"{path}__line__contract_id"
            rows = (
                Invoice.objects.filter(
                    **{f"{path}__line__contract__among": self.ids},
                    customer=F(f"{path}__line__contract__payer"),
                    company=F(f"{path}__line__contract__company"),
                    kind=InvoiceKind.INVOICE,
                    state=InvoiceState.POSTED,
                )
                .annotate(
                    taken=Coalesce(credited, Decimal(0), output_field=DecimalField(max_digits=18, decimal_places=2))
                )
                .order_by("-issued_on", "-pk")
                .values_list("id", contract, "net", "taken")
                .distinct()
            )
            for pk, owner, net, taken in rows:
                if (pk, owner) not in seen:
                    seen.add((pk, owner))
                    found[owner].append(f.CreditableInvoice(pk, net - taken))
        return defaultdict(tuple, {contract: tuple(invoices) for contract, invoices in found.items()})

    def _claims(self) -> None:
        """Read the live claims; where everything due before a day is claimed, only those of articles claimed beyond it."""
        periods = PeriodClaim.objects.live().filter(article__line__contract__among=self.ids)
        if self.settled:
            periods = PeriodClaim.objects.live().filter(article__among=self._articles_claimed_beyond())
        visits = VisitClaim.objects.live().filter(article__line__contract__among=self.ids)
        self.facts.claimed = f.Claimed.of(
            periods.order_by().values_list("article_id", "start", "end", "kind"),
            visits=visits.order_by().values_list("article_id", "visit_id"),
        )

    def _articles_claimed_beyond(self) -> list[int]:
        """Return the articles with a live claim that ends after the first day still to examine of their contract.

        That day is the next due day, or the first day of the period that holds it. The last claim of each article is
        looked up by its index: a join would read the claims of every contract, once for each chunk of a run.
        """
        since: dict[int, date] = {}
        for contract in self.facts.contracts:
            if due_on := self.facts.stored[contract.id][0]:
                since[contract.id] = min(due_on, examined_from(contract) or due_on)
        live = PeriodClaim.objects.live().filter(article=OuterRef("pk")).order_by("-end")
        articles = Article.objects.filter(line__contract__among=self.ids).annotate(
            last=Subquery(live.values("end")[:1])
        )
        return [
            article
            for article, contract, last in articles.order_by().values_list("pk", "line__contract_id", "last")
            if last is not None and last > since.get(contract, DAWN)
        ]
