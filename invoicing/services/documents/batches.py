"""Many documents billed in one act: one draft for each, or one for each group; one refusal never stops the others."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from openfire_billing.kernel.errors import BusinessError
from openfire_billing.kernel.outcome import Outcome


def bill_in_groups(
    documents: Iterable[Any],
    *,
    key: Callable[[Any], Any],
    lock: Callable[[Sequence[Any]], Sequence[Any]],
    billable: Callable[[Any], Any],
    make: Callable[[Sequence[tuple[Any, Any]]], Any],
) -> list[Outcome]:
    """Bill documents, those of one `key` together, in one transaction a group.

    `lock(members)` locks and rereads; `billable(document)` returns what to bill or raises BusinessError, which leaves
    that document out alone; `make([(document, what), …])` returns the draft. Outcomes in the order given.
    """
    wanted = list(documents)
    groups: dict[Any, list[Any]] = defaultdict(list)
    for document in wanted:
        groups[key(document)].append(document)
    outcomes: dict[int, Outcome] = {}
    for members in groups.values():
        outcomes.update(_bill_group(members, lock=lock, billable=billable, make=make))
    return [outcomes[document.pk] for document in wanted]


def _bill_group(members: Sequence[Any], *, lock: Any, billable: Any, make: Any) -> dict[int, Outcome]:
    outcomes = {d.pk: Outcome(d, refusal=str(_("%s n'existe plus.") % d)) for d in members}
    ready: list[tuple[Any, Any]] = []
    try:
        with transaction.atomic():
            for document in lock(members):
                try:
                    ready.append((document, billable(document)))
                except BusinessError as refusal:
                    outcomes[document.pk] = Outcome(document, refusal=str(refusal))
            if ready:
                made = make(ready)
                outcomes.update({d.pk: Outcome(d, made=made, note=getattr(w, "note", "")) for d, w in ready})
    except BusinessError as refusal:
        outcomes.update({d.pk: Outcome(d, refusal=str(refusal)) for d, _what in ready})
    return outcomes
