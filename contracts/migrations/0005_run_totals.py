"""Runs of the version before get the totals of each company, and totals that add up."""

from collections import defaultdict

from django.db import migrations
from django.db.models import Count

RESULTS = ("billed", "skipped", "refused")


def fill(apps, schema_editor):
    runs = apps.get_model("contracts", "BillingRun")
    totals = apps.get_model("contracts", "RunTotal")
    outcomes = apps.get_model("contracts", "BillingOutcome")
    for run in runs.objects.order_by("pk").iterator():
        counts = defaultdict(lambda: dict.fromkeys(RESULTS, 0))
        rows = outcomes.objects.filter(run=run).order_by().values_list("contract__company", "result")
        for company, result, count in rows.annotate(n=Count("pk")):
            counts[company][result] = count
        totals.objects.bulk_create(
            totals(run=run, company_id=company, expected=sum(found.values()), **found)
            for company, found in sorted(counts.items())
        )
        if run.state == "done":
            run.expected = run.billed + run.skipped + run.refused
            run.save(update_fields=["expected"])


class Migration(migrations.Migration):
    dependencies = [("contracts", "0004_listed_contracts")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
