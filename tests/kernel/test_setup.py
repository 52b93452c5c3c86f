"""The set-up: what it locks, what it says when it may install nothing, what must never be written in a file."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.txt", "requirements-dev.txt")
SCRIPTS = ("bin/setup", "bin/test", ".ci/run")
TARGETS = {"help", "setup", "demo", "test", "lint", "bench", "screenshots"}


def locked(name: str) -> dict[str, str]:
    """{package: version} of a locked list."""
    rows = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in rows}


def wanted(*, dev: bool) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["project"]["dependencies"] + (project["dependency-groups"]["dev"] if dev else [])
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", LOCKS)
def test_locked_list_holds_what_the_project_asks_for(name: str) -> None:
    versions = locked(name)
    missing = [
        str(requirement)
        for requirement in wanted(dev="dev" in name)
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0"))
    ]

    assert not missing, "run `make lock`"


def test_locked_lists_agree() -> None:
    run, dev = map(locked, LOCKS)

    assert run.items() <= dev.items()


@pytest.mark.parametrize("name", LOCKS)
def test_locked_list_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    packages = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]

    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert not re.search(r"^--(index|extra|find|trusted)", text, re.MULTILINE)


def test_no_lock_file_that_holds_addresses() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()

    assert "uv.lock" not in tracked


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_is_executable_and_parses(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)
    subprocess.run(["bash", "-n", name], cwd=ROOT, check=True)


def test_makefile_offers_the_promised_targets() -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert targets >= TARGETS


# bin/setup in a clone of its own


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The set-up and its lists, with a Python whose system lacks one library and a user who may install nothing."""
    clone, commands = tmp_path / "clone", tmp_path / "commands"
    (clone / "bin").mkdir(parents=True)
    commands.mkdir()
    for name in ("bin/setup", *LOCKS):
        (clone / name).write_bytes((ROOT / name).read_bytes())
    answers = {
        "python": f'[ "$1" != - ] || {{ echo libpango-1.0-0; exit; }}\nexec {shlex.quote(sys.executable)} "$@"',
        "id": "echo 1000",
        "sudo": "exit 1",
        "apt-get": f"touch {shlex.quote(str(tmp_path))}/called; exit 1",
    }
    for name, body in answers.items():
        (commands / name).write_text(f"#!/bin/sh\n{body}\n")
        (commands / name).chmod(0o755)
    return clone


def run_setup(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    commands = clone.parent / "commands"
    path = {"PATH": f"{commands}:{os.environ['PATH']}", "PYTHON": str(commands / "python")}
    return subprocess.run(
        ["bash", str(clone / "bin/setup"), *arguments],
        env=os.environ | path | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_setup_that_may_install_nothing_prints_the_line_and_stops(clone: Path) -> None:
    done = run_setup(clone)

    assert done.returncode == 2
    line = r"sudo apt-get install -y --no-install-recommends .*\blibpango-1\.0-0\b"
    assert re.search(rf"^sudo apt-get update && {line}", done.stderr, re.MULTILINE)
    assert not (clone / ".venv").exists()
    assert not (clone.parent / "called").exists()


def test_setup_that_is_done_does_nothing(clone: Path) -> None:
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").symlink_to(sys.executable)
    for name in LOCKS:
        with (clone / name).open() as text:
            stamp = subprocess.run(["cksum"], stdin=text, capture_output=True, text=True, check=True).stdout
        (clone / f".venv/.installed-{name}").write_text(stamp)
    (clone.parent / "commands/python").write_text(
        f'#!/bin/sh\n[ "$1" = - ] || exec {shlex.quote(sys.executable)} "$@"\n'
    )
    before = sorted(clone.rglob("*"))

    done = run_setup(clone, "--dev")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(clone.rglob("*")) == before


@pytest.mark.parametrize("left", ["unfinished", "without Python"])
def test_setup_that_was_cut_is_made_again(clone: Path, left: str) -> None:
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/half").touch()
    if left == "unfinished":
        (clone / ".venv/bin/python").symlink_to(sys.executable)
        (clone / ".venv/.unfinished").touch()
    (clone / "requirements.txt").write_text("")
    (clone.parent / "commands/python").write_text(
        f'#!/bin/sh\n[ "$1" = - ] || exec {shlex.quote(sys.executable)} "$@"\n'
    )

    done = run_setup(clone, PIP_NO_INDEX="1")

    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in (clone / ".venv").iterdir())
    assert made == [".installed-requirements.txt", "bin", "include", "lib", "lib64", "pyvenv.cfg"]
    assert not (clone / ".venv.old").exists()
    assert subprocess.run([clone / ".venv/bin/python", "-m", "pip", "--version"], check=False).returncode == 0


def test_setup_with_an_unknown_word_says_how_to_call_it(clone: Path) -> None:
    done = run_setup(clone, "--everything")

    assert (done.returncode, done.stderr) == (2, "usage: bin/setup [--dev | --tests]\n")


def test_setup_without_a_recent_python_says_so(clone: Path) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python"):
        (clone.parent / "commands" / name).write_text("#!/bin/sh\nexit 1\n")
        (clone.parent / "commands" / name).chmod(0o755)

    done = run_setup(clone)

    assert done.returncode == 2
    assert "Python 3.11 or later is needed" in done.stderr
