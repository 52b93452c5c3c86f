"""Acts killed at a line of the product's code, and run again, in a process of its own.

    python -m tests.faults.cuts restore FILE TEMPLATE FUNCTION:PLACE…     TEMPLATE: a database of PostgreSQL, or ""
    python -m tests.faults.cuts backup FILE FUNCTION:PLACE…

The target is DATABASE_URL and MEDIA_ROOT. PLACE is first, middle or last: of the lines that the function runs. Prints a
JSON list with a dict for each cut.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from types import FrameType
from typing import Any

import django
import psycopg

RESTORES = "openfire_billing/office/restore.py"
BACKUPS = "openfire_billing/office/backup.py"


def forked(act: Callable[[], Any]) -> tuple[int, Any]:
    """Run `act` in a forked process. Return (its exit code, negative for a signal; what it returned, by JSON)."""
    with tempfile.NamedTemporaryFile("w+") as answer:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                answer.write(json.dumps(act()))
                answer.flush()
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answer.seek(0)
        text = answer.read()
    return code, json.loads(text) if text and code == 0 else None


def command(*words: str) -> Callable[[], None]:
    """Return what runs a management command."""
    from django.core.management import call_command

    return lambda: call_command(*words, verbosity=0, stdout=StringIO())


def traced(act: Callable[[], Any], ending: str, at_line: Callable[[str], None]) -> None:
    """Run an act; `at_line(function)` is called before each line of the file that ends so."""

    def within(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            at_line(frame.f_code.co_name)
        return within

    def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
        return within if frame.f_code.co_filename.endswith(ending) else None

    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(None)


def lines_of(act: Callable[[], Any], ending: str) -> dict[str, int]:
    """Run the act. Return how many lines each function ran."""
    lines: dict[str, int] = {}

    def count(function: str) -> None:
        lines[function] = lines.get(function, 0) + 1

    traced(act, ending, count)
    return lines


def killed(act: Callable[[], Any], ending: str, function: str, number: int) -> None:
    """Run the act; the process kills itself before the line of this number of the function."""
    left = number

    def count(name: str) -> None:
        nonlocal left
        if name == function:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    traced(act, ending, count)


def number_of(lines: dict[str, int], function: str, place: str) -> int:
    """Return the number of a line: from 1."""
    return {"first": 1, "middle": lines[function] // 2 + 1, "last": lines[function]}[place]


def new_target(template: str) -> None:
    """Make the target anew: no file, no database, or a database as `migrate` leaves it."""
    url = os.environ["DATABASE_URL"]
    shutil.rmtree(os.environ["MEDIA_ROOT"], ignore_errors=True)
    if url.startswith("sqlite"):
        for ending in ("", "-wal", "-shm", ".restore.partial"):
            Path(url.removeprefix("sqlite:///") + ending).unlink(missing_ok=True)
        return
    place, _question, options = url.partition("?")
    server, name = place.rsplit("/", 1)
    with psycopg.connect(f"{server}/postgres?{options}", autocommit=True) as link:
        link.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        link.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def state(file: Path) -> str:
    """Return what the target holds: nothing, whole, or what is wrong."""
    from openfire_billing.office.backup import checksums
    from openfire_billing.office.restore import _is_filled, _sum_of, verify

    if not _is_filled():
        return "nothing"
    manifest, media = verify(file), Path(os.environ["MEDIA_ROOT"])
    if checksums() != manifest["tables"]:
        return "half a database"
    for name, sums in manifest["files"].items():
        with (media / name).open("rb") as content:
            if _sum_of(content) != sums:
                return f"half a file: {name}"
    return "whole"


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.name.endswith(".partial"))


def restores(file: Path, template: str, cuts: list[str]) -> list[dict[str, Any]]:
    act = command("restore", str(file))
    new_target(template)
    code, lines = forked(lambda: lines_of(act, RESTORES))
    assert code == 0
    reports = []
    for cut in cuts:
        function, _colon, place = cut.partition(":")
        new_target(template)
        code, _nothing = forked(partial(killed, act, RESTORES, function, number_of(lines, function, place)))
        report = {"cut": cut, "killed": code, "then": forked(lambda: state(file))[1]}
        report["again"] = forked(lambda: lines_of(act, RESTORES))[0]
        report["at last"] = forked(lambda: state(file))[1]
        report["left"] = left_in(Path(os.environ["MEDIA_ROOT"]))
        reports.append(report)
    return reports


def backups(file: Path, cuts: list[str]) -> list[dict[str, Any]]:
    act = command("backup", str(file))
    code, lines = forked(lambda: lines_of(act, BACKUPS))
    assert code == 0
    reports = []
    for cut in cuts:
        function, _colon, place = cut.partition(":")
        file.unlink(missing_ok=True)
        code, _nothing = forked(partial(killed, act, BACKUPS, function, number_of(lines, function, place)))
        report = {"cut": cut, "killed": code, "then": sorted(path.name for path in file.parent.iterdir())}
        report["again"] = forked(lambda: lines_of(act, BACKUPS))[0]
        report["at last"] = sorted(path.name for path in file.parent.iterdir())
        reports.append(report)
    return reports


if __name__ == "__main__":
    django.setup()
    words = sys.argv[1:]
    if words[0] == "restore":
        answer = restores(Path(words[1]), words[2], words[3:])
    else:
        answer = backups(Path(words[1]), words[2:])
    sys.stdout.write(json.dumps(answer))
