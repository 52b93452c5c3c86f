"""The tool itself: every module in scope has its test files, each kind of mutant is made, a seed draws the same ones."""

import ast

from tests.mutants.__main__ import EQUIVALENT, draw, equivalents
from tests.mutants.own_tests import ON_POSTGRESQL, OWN, ROOT, modules, own_tests
from tests.mutants.points import points_of

SOURCE = '''
"""A module."""
LIMIT = 36

def left(lines, on: int = 0, *, force=False) -> int:
    """What is left."""
    assert lines is not None
    log.info("of %s", 1)
    tell(on)
    if not lines or on <= LIMIT and force:
        return None
    total = min(lines) + 2
    total -= 1
    return Line.objects.filter(day=on, état='é').exclude(pk__in=lines)
'''
FILTERED = "Line.objects.filter(day=on, état='é')"


def test_every_module_in_scope_has_test_files_that_exist() -> None:
    found = {path: own_tests(path) for path in modules()}

    assert len(found) > 80
    assert [path for path, files in found.items() if not files] == []
    assert {file for files in found.values() for file in files if not (ROOT / file).is_file()} == set()
    assert [key for key in OWN if not any(path.startswith(key) for path in found)] == []
    assert set(found) >= ON_POSTGRESQL


def test_each_kind_of_mutant_is_made_where_it_stands() -> None:
    source = SOURCE.encode()
    points = points_of("m.py", source)

    assert [(point.line, point.within, point.before, point.after) for point in points] == [
        (3, "", "36", "37"),
        (5, "left", "0", "1"),
        (5, "left", "False", "True"),
        (9, "left", "tell(on)", "pass"),
        (10, "left", "not lines", "(lines)"),
        (10, "left", "not lines or on <= LIMIT and force", "(not lines and (on <= LIMIT and force))"),
        (10, "left", "on <= LIMIT", "(on < LIMIT)"),
        (10, "left", "on <= LIMIT and force", "(on <= LIMIT or force)"),
        (12, "left", "min(lines)", "(max(lines))"),
        (12, "left", "min(lines) + 2", "(min(lines) - 2)"),
        (12, "left", "2", "3"),
        (13, "left", "total -= 1", "total += 1"),
        (13, "left", "1", "2"),
        (14, "left", f"return {FILTERED}.exclude(pk__in=lines)", "return None"),
        (14, "left", FILTERED, f"({FILTERED.replace('filter', 'exclude')})"),
        (14, "left", FILTERED, "(Line.objects.filter(day=on))"),
        (14, "left", FILTERED, "(Line.objects.filter(état='é'))"),
        (14, "left", f"{FILTERED}.exclude(pk__in=lines)", f"({FILTERED}.exclude())"),
        (14, "left", f"{FILTERED}.exclude(pk__in=lines)", f"({FILTERED}.filter(pk__in=lines))"),
    ]
    for point in points:
        mutant = point.apply(source)
        assert ast.dump(ast.parse(mutant)) != ast.dump(ast.parse(source))
        lines = zip(source.splitlines(), mutant.splitlines(), strict=True)
        changed = [number for number, (was, now) in enumerate(lines, 1) if was != now]
        assert changed == [point.line]


def test_a_seed_draws_the_same_mutants_and_another_one_others() -> None:
    first, again, other = (draw(seed, 30, ["contracts/planner/"]) for seed in (1, 1, 2))

    assert first == again != other
    assert {point.path.rpartition("/")[0] for point in first} == {"contracts/planner"}
    assert len({point.key for point in first}) == 30


def test_what_is_said_equivalent_is_still_a_mutant_and_has_its_reason() -> None:
    keys = {point.key for point in draw(1, 1_000_000)}
    blocks = [block.splitlines() for block in EQUIVALENT.read_text(encoding="utf-8").split("\n\n")[1:]]

    assert sorted(equivalents() - keys) == []
    assert [block[0] for block in blocks if len(block) < 2 or not block[0].startswith("  ")] == []
