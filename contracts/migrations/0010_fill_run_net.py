"""Runs of the version before get the net of what they billed, in each company."""

from collections import defaultdict
from decimal import Decimal

from django.db import migrations


def fill(apps, schema_editor):
    runs = apps.get_model("contracts", "BillingRun")
    totals = apps.get_model("contracts", "RunTotal")
    outcomes = apps.get_model("contracts", "BillingOutcome")
    invoices = apps.get_model("invoicing", "Invoice")
    for run in runs.objects.exclude(state="running").order_by("pk").iterator():
        nets = defaultdict(Decimal)
        made = set()
        own = outcomes.objects.filter(run=run)
        for ids in own.values_list("invoices", flat=True).iterator():
            made.update(ids)
        if run.is_dry:
            for company, drafts in own.values_list("contract__company", "drafts").iterator():
                nets[company] += sum((Decimal(net) for draft in drafts for _label, net in draft["lines"]), Decimal(0))
        made = sorted(made)
        for start in range(0, len(made), 500):
            some = invoices.objects.filter(pk__in=made[start : start + 500]).exclude(state="cancelled")
            rows = some.values_list("company", "kind", "net")
            for company, kind, net in rows:
                nets[company] += -net if kind == "credit_note" else net
        for total in totals.objects.filter(run=run):
            total.net = nets.get(total.company_id, Decimal(0))
            total.save(update_fields=["net"])


class Migration(migrations.Migration):
    dependencies = [("contracts", "0009_run_net"), ("invoicing", "0017_programs")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
