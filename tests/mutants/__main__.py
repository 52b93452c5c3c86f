"""`make mutants`: does each mutant fall in the test files of its own module?

python -m tests.mutants [--seed N] [--count N] [--only PREFIX]… [--jobs N] [--unchecked] [--json FILE]

Draws COUNT mutants by SEED among all the points of the modules in scope whose path begins with PREFIX, makes each in
a copy of the tree, and runs the test files that own_tests.py names for its module until one test fails. The mutants of
equivalent.txt are drawn but not run. Exits with 1 when less than 90 % of the others are killed.

SQLite, unless DATABASE_URL names a PostgreSQL (`python -m tests.servers python -m tests.mutants`): the modules of
ON_POSTGRESQL are run there alone.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tests.mutants.own_tests import ON_POSTGRESQL, ROOT, modules, own_tests
from tests.mutants.points import Point, points_of

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
SECONDS = 240  # of one mutant
REACHED = 90  # percent killed of those that are not equivalent
# Those that the tests need: the others take longer to load than most mutants to fall.
PLUGINS = [
    *("-p", "no:cacheprovider", "-p", "pytest_django.plugin", "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin"),
    *("-p", "tests.mutants.database"),
]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "var", "node_modules", ".mypy_cache", ".ruff_cache", "media")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: killed, survived, timed out, equivalent, or on PostgreSQL (not run here)."""

    point: Point
    said: str
    test: str = ""  # the test that killed it


def main(words: list[str]) -> int:
    """Draw, run, report; the exit code."""
    options = _parse(words)
    on_postgresql = os.environ.get("DATABASE_URL", "").startswith("postgres")
    drawn = draw(options.seed, options.count, options.only)
    known = equivalents()
    verdicts = [Verdict(point, "equivalent") for point in drawn if point.key in known]
    todo = [point for point in drawn if point.key not in known]
    if not on_postgresql:
        verdicts += [Verdict(point, "on PostgreSQL") for point in todo if point.path in ON_POSTGRESQL]
        todo = [point for point in todo if point.path not in ON_POSTGRESQL]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees = [Path(folder) / f"tree{number}" for number in range(options.jobs)]
        free: Queue[Path] = Queue()
        for tree in trees:
            shutil.copytree(ROOT, tree, symlinks=True, ignore=NOT_COPIED)
            free.put(tree)
        environment = {"MUTANTS_DATABASE": str(Path(folder) / "migrated.sqlite3")} | os.environ
        environment |= {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TESTING": "1",
        }
        if not options.unchecked and not _is_sound(todo, trees, environment):
            return 2

        def judge(point: Point) -> Verdict:
            tree = free.get()
            try:
                verdict = _judge(point, tree, environment)
            finally:
                free.put(tree)
            _say(f"{verdict.said:<13} {point.key}")
            return verdict

        with ThreadPoolExecutor(options.jobs) as pool:
            verdicts += pool.map(judge, todo)
    return _report(verdicts, options)


def draw(seed: int, count: int, only: Sequence[str] = ()) -> list[Point]:
    """`count` mutants among all those of the modules in scope whose path begins with one of `only`, by the seed."""
    points = [
        point
        for path in modules()
        if path.startswith(tuple(only or ("",)))
        for point in points_of(path, (ROOT / path).read_bytes(), only_querysets="/models/" in path)
    ]
    return random.Random(seed).sample(points, min(count, len(points)))


def equivalents() -> set[str]:
    """The keys of the mutants that change nothing, from equivalent.txt."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith((" ", "#"))}


def _is_sound(todo: list[Point], trees: Sequence[Path], environment: dict[str, str]) -> bool:
    """Run the tests of all the mutants without any: one that fails by itself would pass for a kill."""
    files = sorted({file for point in todo for file in own_tests(point.path)})
    _say(f"{len(todo)} mutants; first their {len(files)} test files without a mutant")

    def run(number: int) -> str:
        done = _pytest(files[number :: len(trees)], trees[number], environment, seconds=3600)
        return done.stdout if done.returncode else ""

    with ThreadPoolExecutor(len(trees)) as pool:
        failures = [said for said in pool.map(run, range(min(len(trees), len(files)))) if said]
    _say("".join(failures))
    return not failures


def _judge(point: Point, tree: Path, environment: dict[str, str]) -> Verdict:
    module = tree / point.path
    sound = module.read_bytes()
    module.write_bytes(point.apply(sound))
    try:
        done = _pytest(own_tests(point.path), tree, environment, seconds=SECONDS)
    except subprocess.TimeoutExpired:
        return Verdict(point, "timed out")
    finally:
        module.write_bytes(sound)
    if done.returncode == 0:
        return Verdict(point, "survived")
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED tests/", "ERROR tests/"))]
    return Verdict(point, "killed", lines[-1].split(" ", 2)[1] if lines else "no test could be loaded")


def _pytest(
    files: list[str], tree: Path, environment: dict[str, str], *, seconds: int
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-o", "addopts=--import-mode=importlib -rfE", *PLUGINS]
    return subprocess.run(
        [*command, *files], cwd=tree, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def _report(verdicts: list[Verdict], options: argparse.Namespace) -> int:
    rows: dict[str, Counter[str]] = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.point.path):
        rows.setdefault(verdict.point.path, Counter())[verdict.said] += 1
    said = ("killed", "timed out", "survived", "equivalent", "on PostgreSQL")
    _say(f"\n{'module':<52}" + "".join(f"{word:>14}" for word in said))
    for path, counts in rows.items():
        _say(f"{path:<52}" + "".join(f"{counts[word] or '':>14}" for word in said))
    total = Counter(verdict.said for verdict in verdicts)
    _say(f"{'together':<52}" + "".join(f"{total[word]:>14}" for word in said))
    for verdict in verdicts:
        if verdict.said == "survived":
            _say(f"survived, line {verdict.point.line}: {verdict.point.key}")
    # A mutant that never ends is noticed: the suite does not end either.
    killed = total["killed"] + total["timed out"]
    judged = killed + total["survived"]
    rate = 100 * killed / judged if judged else 100.0
    _say(f"seed {options.seed}: {killed} of {judged} killed, {rate:.1f} % ({total['equivalent']} equivalent left out)")
    if options.json:
        lines = [
            {
                "mutant": v.point.key,
                "line": v.point.line,
                "verdict": v.said,
                "test": v.test,
                "tests": own_tests(v.point.path),
            }
            for v in verdicts
        ]
        figures = {
            "seed": options.seed,
            "only": options.only,
            "killed": killed,
            "judged": judged,
            "rate": round(rate, 1),
        }
        Path(options.json).write_text(json.dumps(figures | {"mutants": lines}, ensure_ascii=False, indent=1))
    return int(rate < REACHED)


def _parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--only", action="append", help="modules whose path begins with this text; may be repeated")
    parser.add_argument("--unchecked", action="store_true", help="do not run the tests without a mutant first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", default="", help="the verdicts, in this file")
    return parser.parse_args(words)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
