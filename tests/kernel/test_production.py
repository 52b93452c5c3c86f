"""A server's settings: what it must be given, what it says when it is not, what it never does in silence."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {
    "SECRET_KEY": "for-a-test-" + "0123456789abcdef" * 4,
    "ALLOWED_HOSTS": "bureau.exemple.fr",
    "DATABASE_URL": "postgres://name:word@localhost:5432/none",
    "REDIS_URL": "redis://localhost:6379/0",
}
LOST = "le courtier en mémoire perd ses tâches"


def manage(*arguments: str, **changed: str | None) -> tuple[int, str]:
    """(exit code, all that was printed) of manage.py in an environment of its own. None: not given."""
    environment = {name: value for name, value in {**GIVEN, **changed}.items() if value is not None}
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


def test_server_given_all_it_needs_has_nothing_to_mend() -> None:
    code, said = manage("check", "--deploy", "--fail-level", "DEBUG", EMAIL_URL="smtp+tls://a:b@smtp.exemple.fr:587")

    assert (code, said.strip()) == (0, "System check identified no issues (0 silenced).")


def test_server_without_mail_says_that_none_leaves() -> None:
    code, said = manage("check", "--deploy", "--fail-level", "WARNING")

    assert code == 0
    assert "les e-mails restent dans « Messages » et ne partent pas" in said


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY manque"),
        ({"REDIS_URL": None}, LOST),
        ({"REDIS_URL": "memory://"}, LOST),
        ({"SECOND_FACTOR": "oui"}, "SECOND_FACTOR=oui n'est pas connu"),
        ({"SITE_URL": "bureau.exemple.fr"}, "SITE_URL=bureau.exemple.fr n'est pas une adresse"),
        *(
            ({"MAP_TILES_URL": url}, f"MAP_TILES_URL={url} n'est pas une adresse de tuiles")
            for url in (
                "tuiles.exemple/{z}/{x}/{y}.png",
                "https://tuiles.exemple/{z}/{x}.png",
                "https://{s}.tuiles.exemple/{z}/{x}/{y}.png",
                "https://tuiles.exemple; script-src/{z}/{x}/{y}.png",
            )
        ),
    ],
)
def test_server_that_lacks_something_does_not_start_and_says_what(
    changed: dict[str, str | None], sentence: str
) -> None:
    code, said = manage("check", **changed)

    assert code == 1
    assert sentence in said


def test_errors_are_told_to_whoever_watches_without_the_people_they_are_about() -> None:
    question = "import sentry_sdk as s; o = s.get_client().options; print(o['dsn'], o['send_default_pii'])"
    shell = ("shell", "--no-imports", "-c", question)

    assert manage(*shell)[1].split()[-2:] == ["None", "None"]
    assert manage(*shell, SENTRY_DSN="http://key@localhost:9/1")[1].split()[-2:] == [
        "http://key@localhost:9/1",
        "False",
    ]


# compose.yaml

SERVICES = ("web", "worker", "documents", "beat", "prepare", "database", "redis")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert tuple(found) == SERVICES
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_container_has_no_more_than_it_needs(services: dict[str, Any], name: str) -> None:
    service = services[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert "privileged" not in service
    kept = {
        "database": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"],
        "redis": ["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"],
    }
    assert service.get("cap_add", []) == kept.get(name, [])
    assert service["restart"] == ("no" if name == "prepare" else "unless-stopped")


def test_only_the_web_is_published_and_on_this_machine_alone(services: dict[str, Any]) -> None:
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


def test_redis_asks_a_password_that_all_of_ours_give(services: dict[str, Any]) -> None:
    redis = services["redis"]

    assert redis["command"][-2:] == ["--requirepass", "${REDIS_PASSWORD}"]
    assert redis["environment"] == {"REDISCLI_AUTH": "${REDIS_PASSWORD}"}
    assert redis["healthcheck"]["test"] == ["CMD-SHELL", "redis-cli ping | grep -q PONG"]
    address = "redis://:${REDIS_PASSWORD:?letters and digits}@redis:6379/0"
    assert [services[name]["environment"]["REDIS_URL"] for name in SERVICES[:5]] == [address] * 5


def test_program_writes_nowhere_but_where_it_may(services: dict[str, Any]) -> None:
    """The root is read only: private files are in a volume, caches and what is uploaded in /tmp."""
    for name in SERVICES[:5]:
        assert services[name]["volumes"] == ["media:/data/media"]
        assert services[name]["environment"]["MEDIA_ROOT"] == "/data/media"
        assert services[name]["environment"]["XDG_CACHE_HOME"] == "/tmp"
    image = (ROOT / "Dockerfile").read_text()
    assert '"--worker-tmp-dir=/dev/shm"' in image
    assert '"--no-control-socket"' in image
    assert "mkdir -p /data/media var" in image
    assert '"--pidfile="' in str(services["beat"]["command"]).replace("'", '"')


@pytest.mark.parametrize(
    ("changed", "site"),
    [
        ({}, "https://bureau.exemple.fr"),
        ({"ALLOWED_HOSTS": ".exemple.fr,autre.fr"}, "https://exemple.fr"),
        ({"SITE_URL": "https://bureau.exemple.fr:8443/"}, "https://bureau.exemple.fr:8443"),
    ],
)
def test_links_of_mails_begin_with_the_site_of_the_settings(changed: dict[str, str | None], site: str) -> None:
    code, said = manage(
        "shell", "-v", "0", "-c", "from django.conf import settings; print(settings.SITE_URL)", **changed
    )

    assert (code, said.strip().splitlines()[-1]) == (0, site)
