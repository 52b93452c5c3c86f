from typing import Any

from openfire_billing.office.bench import measure
from openfire_billing.office.throwaway import BenchCommand, at_least_one


class Command(BenchCommand):
    help = "Mesure la facturation des contrats, dans une base à part qui est jetée ensuite."
    database_name = "bench_billing"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("--contracts", type=at_least_one, default=10_000)
        parser.add_argument("--workers", type=at_least_one, default=1)

    def figures(self, options: dict[str, Any]) -> dict[str, Any]:
        return measure(options["contracts"], workers=options["workers"], say=self.stderr.write).as_dict()
