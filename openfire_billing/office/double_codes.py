"""Codes that two customers or two articles bear, in databases of versions that allowed it too."""

from collections.abc import Sequence
from typing import Any

from django.apps.registry import Apps
from django.core.management.base import CommandError
from django.db.migrations import Migration
from django.db.models import Count, Model, QuerySet
from django.db.models.functions import Lower

_UNIQUE = ("invoicing", "0014_codes_are_unique")


def refuse_double_codes(apps: Apps, plan: Sequence[tuple[Migration, bool]], using: str, **_of_signal: object) -> None:
    """Stop `migrate` before it changes anything when it is to make codes unique that two records bear.

    Connected to the signal of the app that has them. `plan`: [(migration, whether it is undone)]; `apps`: the models of
    the database as it is.
    """
    if not any((each.app_label, each.name) == _UNIQUE and not is_undone for each, is_undone in plan):
        return
    try:
        models = [apps.get_model("invoicing", name) for name in ("Partner", "Product")]
    except LookupError:  # a new database
        return
    if found := double_codes(*models, using=using):
        raise CommandError(
            f"{len(found)} code(s) portés deux fois, rien n'est changé : {' ; '.join(found)}. Avec la version en place, "
            "fusionnez les clients ou changez les codes, puis recommencez."
        )


def double_codes(partner: type[Model], product: type[Model], *, using: str = "default") -> list[str]:
    """Return a text for each code that two records bear, whatever the case, with their names.

    `partner`, `product`: the models as they are now, or those of a migration. Only their key, name and code are read,
    which all versions of the database have.
    """
    customers = partner._default_manager.using(using).filter(merged_into=None).exclude(store_code="")
    articles = product._default_manager.using(using)
    return [
        *(f"code magasin « {code} » : {names}" for code, names in _doubles(customers, "store_code")),
        *(f"code d'article « {code} » : {names}" for code, names in _doubles(articles, "code")),
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
