"""Ten thousand contracts, a hundred of them broken in ten ways: the others are billed, these say why, then are mended."""

import re
from collections import Counter
from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from contracts.models import Contract, PeriodClaim
from contracts.services.billing import bill_contracts
from invoicing.models import Company, Invoice, Journal, Product
from openfire_billing.office.demonstration import load_demonstration
from openfire_billing.office.demonstration_volume import MARK, load_contracts
from tests.bench.kinds import bench_kinds

COUNT, BROKEN_A_WAY = 10_000, 10
WAYS: list[dict[str, Any]] = [
    {"fiscal_position": None},
    {"journal": None},
    {"auto_renew": False, "end_on": None},
    {"alignment": "lunar"},
    {"proration": "some"},
    {"late_billing": "never"},
    {"anchor_day": 77},
    {"timing": "on_visit"},
    {"frequency": "every", "every": 10, "unit": "day"},
]


@pytest.mark.postgresql
@pytest.mark.timeout(300)
def test_a_hundred_broken_in_ten_ways_stop_nobody(db: None, today: Any) -> None:
    on = timezone.localdate()
    load_demonstration(on=on)
    load_contracts(COUNT, company=Company.objects.get(), on=on, kinds=bench_kinds(on))
    volume = Contract.objects.filter(notes=MARK).order_by("pk")
    kept = _break(list(volume.values_list("pk", flat=True)))

    run = bill_contracts(volume, on=on, by=None)

    assert (run.expected, run.billed, run.refused) == (COUNT, 9_900, 100)
    assert PeriodClaim.objects.values("article__line__contract").distinct().count() == 9_900
    sentences = Counter(
        _without_names(reason) for reason in run.outcomes.filter(result="refused").values_list("reason", flat=True)
    )
    assert sorted(sentences.values()) == [BROKEN_A_WAY] * 10, sentences
    assert volume.set_aside().count() == 100

    _mend(kept, on)
    after = bill_contracts(on=on, by=None)

    assert (after.billed, after.refused) == (100 + 5, 0)  # and the five due of the demonstration itself
    assert volume.set_aside().count() == 0
    assert (
        Invoice.objects.filter(origin__startswith="CONT/").exclude(lines__periodclaims=None).distinct().count() >= COUNT
    )


def _break(ids: list[int]) -> dict[int, dict[str, Any]]:
    """Ten contracts for each way, far apart. What they were, by id."""
    kept: dict[int, dict[str, Any]] = {}
    names = sorted({name for way in WAYS for name in way})
    for number, way in enumerate(WAYS):
        chosen = ids[number * 7 :: COUNT // BROKEN_A_WAY][:BROKEN_A_WAY]
        for row in Contract.objects.filter(pk__in=chosen).values("pk", *names):
            kept[row.pop("pk")] = row
        Contract.objects.filter(pk__in=chosen).update(**way)
    product = Product.objects.get(code="ram_granules")
    sold = Product.objects.create(code="sans_compte", name="Sans compte", unit=product.unit, tax=product.tax)
    for pk in ids[len(WAYS) * 7 :: COUNT // BROKEN_A_WAY][:BROKEN_A_WAY]:
        Contract.objects.get(pk=pk).lines.get().articles.filter(product=product).update(product=sold)
    return kept


def _mend(kept: dict[int, dict[str, Any]], on: date) -> None:
    for pk, values in kept.items():
        Contract.objects.filter(pk=pk).update(**values)
    assert Journal.objects.exists()
    Product.objects.filter(code="sans_compte").update(income_account="706000")


def _without_names(reason: str) -> str:
    return re.sub(r"CONT/\d+", "CONT", reason)
