"""Codes that two customers or two articles bear, in databases of versions that allowed it too."""

from typing import Any

from django.db.models import Count, Model, QuerySet
from django.db.models.functions import Lower


def double_codes(partner: type[Model], product: type[Model]) -> list[str]:
    """Return a text for each code that two records bear, whatever the case, with their names.

    `partner`, `product`: the models as they are now, or those of a migration. Only their key, name and code are read,
    which all versions of the database have.
    """
    customers = partner._default_manager.filter(merged_into=None).exclude(store_code="")
    return [
        *(f"code magasin « {code} » : {names}" for code, names in _doubles(customers, "store_code")),
        *(f"code d'article « {code} » : {names}" for code, names in _doubles(product._default_manager.all(), "code")),
    ]


def _doubles(rows: QuerySet[Any], column: str) -> list[tuple[str, str]]:
    """Return (code, names of the records that bear it) of each code that two bear, whatever the case."""
    folded = rows.order_by().annotate(folded=Lower(column))
    codes = folded.values("folded").annotate(count=Count("pk")).filter(count__gt=1).values_list("folded", flat=True)
    found = []
    for code in sorted(codes):
        named = folded.filter(folded=code).order_by("pk").values_list("pk", column, "name")
        found.append((code, ", ".join(_named(column, *each) for each in named)))
    return found


def _named(column: str, pk: int, code: str, name: str) -> str:
    return f"{name} (fiche {pk})" if column == "store_code" else f"[{code}] {name} (fiche {pk})"
