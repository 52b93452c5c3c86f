from typing import Any

from openfire_billing.office.doors import measure
from openfire_billing.office.throwaway import BenchCommand


class Command(BenchCommand):
    help = "Mesure l'ouverture des pages, de la recherche et de l'API, dans une base à part qui est jetée ensuite."
    database_name = "bench_office"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--partners", type=int, default=100_000)
        parser.add_argument("--invoices", type=int, default=100_000)
        parser.add_argument("--interventions", type=int, default=5_000)
        parser.add_argument("--only", default="", help="seulement les portes dont le nom contient ce texte")

    def figures(self, options: dict[str, Any]) -> dict[str, Any]:
        sizes = (options["partners"], options["invoices"], options["interventions"])
        return measure(*sizes, only=options["only"], say=self.stderr.write).as_dict()

    def table(self, figures: dict[str, Any]) -> None:
        """Each door was told as it was measured."""
        for name, value in figures.items():
            if name != "doors":
                self.stdout.write(f"{name:<22} {value}")
        late = [door["door"] for door in figures["doors"] if door["p95"] > door["target"]]
        self.stdout.write(f"{'late':<22} {', '.join(late) or '–'}")
