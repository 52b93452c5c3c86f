"""The last billing run: contracts billed, for how much, and how many it set aside."""

from decimal import Decimal
from typing import Any

from django.db.models import Sum

from contracts.choices import RunKind
from contracts.models import BillingRun
from contracts.services.runs import totals_seen
from invoicing.choices import InvoiceState
from invoicing.models import Invoice
from invoicing.querysets import signed
from openfire_billing.office.dashboard.amounts import sums_text
from openfire_billing.office.dashboard.reader import Reader, Work, page_url


def last_run_of(reader: Reader) -> dict[str, Any] | None:
    """Return the latest run that billed, in the reader's companies; None before the first one, or when it is not his
    work.
    """
    if not reader.does(Work.BILLING, Work.ACCOUNTS, permission="contracts.bill_contract"):
        return None
    runs = BillingRun.objects.visible_to(reader.user).filter(is_dry=False).with_totals(reader.user)
    run = runs.order_by("-pk").first()
    if run is None:
        return None
    totals = totals_seen(run, reader.user)
    made = run.outcomes.visible_to(reader.user).invoice_ids()
    invoices = Invoice.objects.filter(pk__among=made, company__in=reader.companies).exclude(
        state=InvoiceState.CANCELLED
    )
    sums: dict[str, Decimal] = dict(invoices.order_by().values_list("currency").annotate(total=Sum(signed("net"))))
    return {
        "run": run,
        "is_tonight": run.kind == RunKind.NIGHT and run.on == reader.today,
        "url": page_url("contracts_billingrun", run.pk),
        "billed": totals["billed"],
        "refused": totals["refused"],
        "visits": totals["visits"],
        "text": sums_text({code: total for code, total in sums.items() if total is not None}),
    }
