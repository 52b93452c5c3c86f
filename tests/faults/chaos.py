"""Every pair of acts, many rounds, in an order drawn by a seed: `make chaos SEED=7 ROUNDS=10`.

Prints each pair with what became of it (« + » done, « - » refused, the office first), then the counts. Exits with 1
when somebody met an error or something was lost.
"""

import logging
import os
import random
import sys
import time
import traceback
from collections import Counter, defaultdict
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

import time_machine  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from tests.conftest import _in_threads  # noqa: E402
from tests.factories.fixtures import MORNING  # noqa: E402
from tests.faults import kept  # noqa: E402
from tests.faults.family import Act, Family, check, make_family, outcome, pairs  # noqa: E402


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def deadlocks() -> int:
    """How many transactions the database ended in this database because they waited for each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def one_round(family: Family, office: Act, program: Act) -> tuple[str, list[str]]:
    """What became of it, « +- », and what was wrong."""
    kept.put_back()
    presses = [office.office(family), program.api(family)]
    answers: list[Any] = _in_threads(2, lambda number: presses[number]())
    try:
        outcomes = [outcome(answer) for answer in answers]
        check(family, (office, program), outcomes)
    except AssertionError as wrong:
        return "!!", [f"{office} × {program}: {wrong or traceback.format_exc(limit=-1)}"]
    return "".join("+" if said == "done" else "-" for said in outcomes), []


def run(seed: int, rounds: int) -> int:
    draw = random.Random(seed)
    todo = [pair if draw.random() < 0.5 else pair[::-1] for pair in pairs() for _round in range(rounds)]
    draw.shuffle(todo)
    family = make_family()
    kept.keep()
    table: dict[str, Counter[str]] = defaultdict(Counter)
    faults: list[str] = []
    began, before = time.monotonic(), deadlocks()
    for office, program in todo:
        became, wrong = one_round(family, office, program)
        table[" × ".join(sorted((office.name, program.name)))][became] += 1
        faults += wrong
    for pair in sorted(table):
        _say(f"{pair:36} " + "  ".join(f"{became} {count}" for became, count in sorted(table[pair].items())))
    became = sum(table.values(), Counter())
    refusals = sum(word.count("-") * count for word, count in became.items())
    _say("\n".join(["", *faults]))
    _say(f"seed {seed}, {len(table)} pairs, {len(todo)} rounds in {time.monotonic() - began:.0f} s")
    _say(f"errors or losses {len(faults)}, refusals {refusals}, deadlocks repeated {deadlocks() - before}")
    return 1 if faults else 0


def main() -> int:
    if connection.vendor != "postgresql":
        _say("Rows are locked on PostgreSQL alone: run it by `make chaos`.")
        return 2
    logging.disable(logging.CRITICAL)  # refusals are counted, not told one by one
    setup_test_environment()
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        with time_machine.travel(MORNING, tick=True):
            return run(int(os.environ.get("SEED") or 1), int(os.environ.get("ROUNDS") or 10))
    finally:
        connection.creation.destroy_test_db("", verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
