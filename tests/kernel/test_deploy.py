"""The files of docs/deploy: units, proxy, timer and settings that a host copies. Each is read as its program reads it."""

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "docs" / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PROCESSES = ("web", "worker", "documents", "beat")


def unit(name: str) -> dict[str, dict[str, str]]:
    """A file of systemd: {section: {directive: value}}."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # systemd tells cases apart
    parser.read_string((DEPLOY / name).read_text())
    return {section: dict(parser[section]) for section in parser.sections()}


def table(title: str) -> list[list[str]]:
    """The cells of the first table under a title of operations.md."""
    part = OPERATIONS.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    rows = [row for row in part.splitlines() if row.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[1:]]


def nginx(text: str) -> list[Any]:
    """Directives of nginx: [name, argument, …], and [name, argument, …, [directives]] for blocks."""
    words, found, stack = re.findall(r"[{};]|[^\s{};]+", re.sub(r"#.*", "", text)), [], []
    current: list[Any] = []
    for word in words:
        if word == "{":
            stack.append((found, current))
            found, current = [], []
        elif word == "}":
            assert current == []
            outer, block = stack.pop()
            outer.append([*block, found])
            found, current = outer, []
        elif word == ";":
            found.append(current)
            current = []
        else:
            current.append(word)
    assert (stack, current) == ([], [])
    return found


@pytest.mark.parametrize("process", PROCESSES)
def test_unit_runs_what_the_page_says_and_is_started_again(process: str) -> None:
    found = unit(f"openfire-{process}.service")
    command = shlex.split(found["Service"]["ExecStart"])
    told = {row[0].split()[0]: row[1].strip("`") for row in table("Ce qui tourne")}

    assert command[0].startswith("/opt/openfire/.venv/bin/")
    assert [Path(command[0]).name, *command[1:]] == shlex.split(told[process])
    kept = ("User", "WorkingDirectory", "EnvironmentFile", "Restart", "UMask", "NoNewPrivileges", "ProtectSystem")
    assert [found["Service"][name] for name in kept] == [
        "openfire",
        "/opt/openfire",
        "/opt/openfire/.env",
        "always",
        "0077",
        "yes",
        "full",
    ]
    assert (found["Unit"]["StartLimitIntervalSec"], found["Install"]["WantedBy"]) == ("0", "multi-user.target")


@pytest.mark.parametrize("process", ["worker", "documents", "beat"])
def test_unit_and_container_run_the_same_command(process: str) -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]

    command = shlex.split(unit(f"openfire-{process}.service")["Service"]["ExecStart"])

    assert ["celery", *command[1:]] == services[process]["command"]


def test_web_listens_to_the_machine_alone_and_its_command_line_is_read() -> None:
    """« 0.0.0.0 » let anybody speak to the program past its proxy, with the address he liked."""
    command = shlex.split(unit("openfire-web.service")["Service"]["ExecStart"])
    given = {
        "SECRET_KEY": "for-a-test-" + "0123456789abcdef" * 4,
        "ALLOWED_HOSTS": "bureau.exemple.fr",
        "DATABASE_URL": "postgres://name:word@localhost:5432/none",
        "REDIS_URL": "redis://localhost:6379/0",
        "STATIC_ROOT": str(ROOT / "static"),
    }

    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--check-config", *command[1:]],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "--bind=127.0.0.1:8000" in command
    assert "0.0.0.0" not in OPERATIONS


def test_proxy_ends_tls_and_writes_the_headers_that_are_believed() -> None:
    plain, served = nginx((DEPLOY / "nginx.conf").read_text())
    (location,) = [directive for directive in served[-1] if directive[0] == "location"]
    headers = {words[1]: words[2] for words in location[-1] if words[0] == "proxy_set_header"}

    assert ["return", "301", "https://$host$request_uri"] in plain[-1]
    assert ["listen", "443", "ssl"] in served[-1]
    assert ["client_max_body_size", "210m"] in served[-1]
    assert location[:2] == ["location", "/"]
    assert ["proxy_pass", "http://127.0.0.1:8000"] in location[-1]
    assert headers == {"Host": "$host", "X-Forwarded-For": "$remote_addr", "X-Forwarded-Proto": "$scheme"}


def test_backup_of_four_o_clock_is_made_then_read() -> None:
    service, timer = unit("openfire-backup.service")["Service"], unit("openfire-backup.timer")
    shell, options, script = shlex.split(service["ExecStart"])

    assert (service["Type"], service["UMask"], service["User"]) == ("oneshot", "0077", "openfire")
    assert (shell, options) == ("/bin/sh", "-euc")
    steps = [step.strip() for step in script.replace("$$", "$").replace("%%", "%").split(";")]
    assert steps == [
        "file=/var/backups/openfire/$(date +%Y-%m-%d-%H%M).zip",
        '.venv/bin/python manage.py backup "$file"',
        '.venv/bin/python manage.py restore --verify "$file"',
        'find /var/backups/openfire -name "*.zip" -mtime +30 -delete',
    ]
    assert (
        subprocess.run(["/bin/sh", "-n", "-c", script.replace("$$", "$").replace("%%", "%")], check=False).returncode
        == 0
    )
    assert timer["Timer"] == {"OnCalendar": "*-*-* 04:00:00 Europe/Paris", "Persistent": "true"}


def test_logs_are_bounded() -> None:
    assert unit("journald.conf")["Journal"] == {"SystemMaxUse": "1G", "MaxRetentionSec": "3month"}


def test_every_setting_is_in_the_one_table_and_the_file_names_no_other() -> None:
    read = re.findall(r"\benv(?:\.\w+)?\(\s*\"([A-Z_]+)\"", (ROOT / "openfire_billing" / "settings.py").read_text())
    told = {name for row in table("Variables d'environnement") for name in re.findall(r"`([A-Z_]+)`", row[0])}
    given = dict(
        line.split("=", 1) for line in (DEPLOY / "openfire.env").read_text().splitlines() if not line.startswith("#")
    )

    assert sorted(set(read) - told) == []
    assert sorted(given.keys() - told) == []
    assert {"SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"} <= given.keys()
    assert given["BEHIND_PROXY"] == "1"
    assert "| `SECRET_KEY`" not in (ROOT / "README.md").read_text()  # one table


def test_every_file_of_the_folder_is_named_by_the_page() -> None:
    part = OPERATIONS.split("## Installer sans Docker\n", 1)[1].split("\n## ", 1)[0]
    names = sorted(path.name for path in DEPLOY.iterdir())

    assert [name for name in names if name not in part and not name.startswith("openfire-")] == []
    assert sorted(path.stem for path in DEPLOY.glob("openfire-*.service")) == sorted(
        [f"openfire-{process}" for process in PROCESSES] + ["openfire-backup"]
    )
    assert "PostgreSQL 14 au moins" in part
