from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, QuerySet
from django.db.models.functions import Lower

from invoicing.models import Partner, Product


class Command(BaseCommand):
    help = "Nomme les codes portés deux fois (clients, articles). Code 1 s'il y en a."

    def handle(self, *args: Any, **options: Any) -> None:
        found = [
            *(f"code magasin « {code} » : {names}" for code, names in _doubles(_customers(), "store_code")),
            *(f"code d'article « {code} » : {names}" for code, names in _doubles(Product.objects.all(), "code")),
        ]
        for line in found:
            self.stdout.write(line)
        if found:
            raise CommandError(
                f"{len(found)} code(s) portés deux fois : fusionnez les clients ou changez les codes, avant `migrate`."
            )
        self.stdout.write("Aucun code n'est porté deux fois.")


def _customers() -> QuerySet[Partner]:
    return Partner.objects.filter(merged_into=None).exclude(store_code="")


def _doubles(rows: QuerySet[Any], column: str) -> list[tuple[str, str]]:
    """Return (code, names of the records that bear it) of each code that two bear, whatever the case."""
    folded = rows.order_by().annotate(folded=Lower(column))
    codes = folded.values("folded").annotate(count=Count("pk")).filter(count__gt=1).values_list("folded", flat=True)
    return [
        (code, ", ".join(f"{row} (fiche {row.pk})" for row in folded.filter(folded=code))) for code in sorted(codes)
    ]
