"""`make bench`: one measure on an empty database of its own, shown as a table and as a last line of JSON.

python -m tests.bench billing [--contracts N] [--workers N] [--database sqlite|postgresql] [--json]
python -m tests.bench backlog [--contracts N]
python -m tests.bench visits [--visits N]
python -m tests.bench documents [--documents N]
python -m tests.bench office [--partners N] [--invoices N] [--interventions N] [--only TEXT]
python -m tests.bench planning [--technicians N] [--appointments N] [--interventions N] [--only TEXT]
"""

import argparse
import json
import os
import sys
from typing import Any

os.environ["TESTING"] = "1"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")


def parse(words: list[str]) -> argparse.Namespace:
    """What the command line asks for. Exits with 2 on a wrong word."""
    parser = argparse.ArgumentParser(prog="make bench")
    measures = parser.add_subparsers(dest="measure", required=True)
    billing = measures.add_parser("billing", help="la facturation des contrats")
    billing.add_argument("--contracts", type=at_least_one, default=10_000)
    billing.add_argument("--workers", type=at_least_one, default=1)
    backlog = measures.add_parser("backlog", help="la facturation de six périodes en retard")
    backlog.add_argument("--contracts", type=at_least_one, default=2_000)
    visits = measures.add_parser("visits", help="les DI des visites de contrats")
    visits.add_argument("--visits", type=at_least_one, default=20_000)
    documents = measures.add_parser("documents", help="les PDF d'une nuit, pendant que le bureau travaille")
    documents.add_argument("--documents", type=at_least_one, default=1_000)
    office = measures.add_parser("office", help="l'ouverture des pages, de la recherche et de l'API")
    office.add_argument("--partners", type=int, default=100_000)
    office.add_argument("--invoices", type=int, default=100_000)
    office.add_argument("--interventions", type=int, default=5_000)
    office.add_argument("--only", default="", help="seulement les portes dont le nom contient ce texte")
    planning = measures.add_parser("planning", help="le planning et la recherche de créneaux")
    planning.add_argument("--technicians", type=at_least_one, default=50)
    planning.add_argument("--appointments", type=at_least_one, default=1_000)
    planning.add_argument("--interventions", type=at_least_one, default=5_000)
    planning.add_argument("--only", default="", help="seulement les portes dont le nom contient ce texte")
    for measure in (billing, backlog, visits, documents, office, planning):
        measure.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
        measure.add_argument("--json", action="store_true", dest="as_json")
    return parser.parse_args(words)


def at_least_one(text: str) -> int:
    """How many, on a command line."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"« {text} » n'est pas un nombre d'au moins 1")
    return int(text)


def say(text: str) -> None:
    """Progress, beside the figures."""
    sys.stderr.write(f"{text}\n")


def figures_of(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of the measure asked for, by name."""
    from tests.bench import billing, documents, office, planning, visits

    if options.measure == "billing":
        return billing.measure(options.contracts, workers=options.workers, say=say).as_dict()
    if options.measure == "backlog":
        return billing.measure(options.contracts, is_backlog=True, say=say).as_dict()
    if options.measure == "visits":
        return visits.measure(options.visits, say=say).as_dict()
    if options.measure == "documents":
        return documents.measure(options.documents, say=say).as_dict()
    if options.measure == "planning":
        sizes = (options.technicians, options.appointments, options.interventions)
        return planning.measure(*sizes, only=options.only, say=say).as_dict()
    sizes = (options.partners, options.invoices, options.interventions)
    return office.measure(*sizes, only=options.only, say=say).as_dict()


def table_of(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures a person reads. Doors were shown as they were measured; the late ones are named."""
    doors = figures.get("doors", ())
    shown = {name: value for name, value in figures.items() if name != "doors"}
    if doors:
        shown["late"] = ", ".join(door["door"] for door in doors if door["p95"] > door["target"]) or "–"
    return shown


def main() -> int:
    """Run the measure on the database asked for. The exit code."""
    options = parse(sys.argv[1:])
    import django

    django.setup()
    from django.db import connection

    from tests.bench.throwaway import again_on, thrown_away

    if options.database != connection.vendor:
        return again_on(options.database)
    with thrown_away(f"bench_{options.measure}"):
        figures = figures_of(options)
    if not options.as_json:
        for name, value in table_of(figures).items():
            sys.stdout.write(f"{name:<22} {value}\n")
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
