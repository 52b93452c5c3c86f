"""`make demo` cut at drawn moments on a fresh clone: finished by the next call, with what an uncut one makes.

python -m tests.faults.cut_demo   (SEED=7 CUTS=10): some five minutes. A cut is a Ctrl-C or a SIGKILL of the whole process
group; every other one begins with neither .venv nor var/. The exit code is 1 when the demonstration differs from an uncut one.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.__main__ import NOT_COPIED, ROOT

TABLES = (
    "appointments_appointment contracts_contract contracts_contractline contracts_periodclaim interventions_installedproduct "
    "interventions_interventionrequest invoicing_address invoicing_invoice invoicing_invoiceline invoicing_partner "
    "invoicing_product invoicing_quote"
).split()
DEMO = ["make", "demo", "ARGS=--once"]


def main() -> int:
    """Cut, finish, compare; the exit code."""
    seed, cuts = int(os.environ.get("SEED") or 7), int(os.environ.get("CUTS") or 10)
    drawn = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="a folder ") as folder:
        whole, cut = Path(folder) / "whole", Path(folder) / "cut"
        for tree in (whole, cut):
            shutil.copytree(ROOT, tree, symlinks=True, ignore=NOT_COPIED)
        seconds = _finish(whole)
        _say(f"uncut: {seconds:.0f} s, {_counts(whole)}")
        for number in range(cuts):
            if number % 2 == 0:  # the others meet what the cut before left
                for name in (".venv", "var"):
                    shutil.rmtree(cut / name, ignore_errors=True)
            at = drawn.uniform(0, seconds)
            how = drawn.choice([signal.SIGINT, signal.SIGKILL])
            _say(f"cut {number + 1} by {how.name} after {at:.1f} s: {_cut(cut, at, how)}")
        seconds = _finish(cut)
        _say(f"finished: {seconds:.0f} s, {_counts(cut)}")
        if _counts(cut) != _counts(whole):
            _say("The demonstration is not the same.")
            return 1
    return 0


def _cut(tree: Path, at: float, how: signal.Signals) -> str:
    """Start the demonstration and cut it after `at` seconds. Return what was there to be cut."""
    process = subprocess.Popen(
        DEMO, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(at)
    if process.poll() is not None:
        return "it was over"
    os.killpg(process.pid, how)
    process.wait()
    if not (tree / ".venv/.installed-requirements.txt").exists():
        return "set-up"
    return "work" if (tree / "var/db.sqlite3").exists() else "loading"


def _finish(tree: Path) -> float:
    """Run the demonstration to its end, then again: nothing new. Return the seconds of the first call."""
    started = time.monotonic()
    subprocess.run(DEMO, cwd=tree, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - started
    again = subprocess.run(DEMO, cwd=tree, check=True, capture_output=True, text=True)
    if "\n0 brouillon(s) créé(s)" not in again.stdout:
        raise RuntimeError(f"A second call made something new:\n{again.stdout}")
    return seconds


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _counts(tree: Path) -> dict[str, int]:
    base = sqlite3.connect(tree / "var/db.sqlite3")
    try:
        return {name: base.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in TABLES}
    finally:
        base.close()


if __name__ == "__main__":
    sys.exit(main())
