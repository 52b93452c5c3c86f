"""What every test may ask for: the right database, files of its own, threads that truly race, a real broker."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

import hypothesis
import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import SimpleTestCase, override_settings

from openfire_billing.db.locks import Moved
from openfire_billing.db.transactions import MOST_MOVES
from tests import servers
from tests.settings import SUITE

HERE = Path(__file__).parent
MARKED_BY_FOLDER = ("browser", "faults")
# Pages and addresses ask the same services on both databases: in `make test` each of their tests runs on one of the two,
# drawn by its name. BOTH=1 runs them on both.
ON_ONE_DATABASE = ("office", "api")


# Two cores run three suites: how long an example took says nothing, the limit is the test's own. The examples of a
# property are the same in every run; `--hypothesis-profile=search` looks for others.
hypothesis.settings.register_profile("search", deadline=None, print_blob=True)
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tests")


# Which test runs where


@pytest.hookimpl(tryfirst=True)  # before -m is applied
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark by folder, then leave this suite what is its own; the others have the rest."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        if folder in MARKED_BY_FOLDER:
            item.add_marker(folder)
    elsewhere = [item for item in items if not _belongs_here(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if _belongs_here(item)]


def _belongs_here(item: pytest.Item) -> bool:
    def marked(*names: str) -> bool:
        return any(item.get_closest_marker(name) for name in names)

    if marked("clients"):
        return os.environ.get("CLIENTS") == "1"
    if marked("postgresql", "faults") and connection.vendor != "postgresql":
        return False
    if SUITE == "browser":
        return marked("browser")
    if SUITE == "postgresql":
        if marked("postgresql", "faults"):
            return True
        return not marked("browser") and _asks_for_database(item) and _drawn_suite(item) in ("postgresql", "")
    if SUITE == "sqlite":
        return not marked("browser") and _drawn_suite(item) in ("sqlite", "")
    return True


def _drawn_suite(item: pytest.Item) -> str:
    """Return the suite that alone runs a test; "" for one that both run."""
    folder = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
    if folder not in ON_ONE_DATABASE or os.environ.get("BOTH") == "1" or not _asks_for_database(item):
        return ""
    return "postgresql" if crc32(item.nodeid.encode()) % 2 else "sqlite"


def _asks_for_database(item: pytest.Item) -> bool:
    """What asks for none would only run the same again on the second database."""
    fixtures = getattr(item, "fixturenames", ())
    return (
        item.get_closest_marker("django_db") is not None
        or any(name in fixtures for name in ("db", "transactional_db"))
        or issubclass(getattr(item, "cls", None) or object, SimpleTestCase)
    )


def pytest_report_header(config: pytest.Config) -> str:
    suites = [spec.rpartition("id=")[2] for spec in config.getoption("tx", [])]
    return f"suites: {', '.join(suites)}" if suites else f"database: {connection.vendor}"


# Database and files


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On SQLite, a real file of this worker's own: two runs at the same time never meet, nothing is left behind."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def _media_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        yield


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """DATABASE_URL of the database under test, for a process of its own. Its rows must be committed to be seen."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    part = {key: quote(str(database[key] or ""), safe="") for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")}
    place = part["HOST"] + (f":{part['PORT']}" if part["PORT"] else "")
    options = "&".join(f"{key}={quote(str(value), safe='/')}" for key, value in database["OPTIONS"].items())
    return f"postgresql://{part['USER']}:{part['PASSWORD']}@{place}/{part['NAME']}?{options}"


# Threads


@pytest.fixture
def in_threads(transactional_db: None) -> Callable[..., list[Any]]:
    """`in_threads(8, act)`: act(0) … act(7) in eight threads, each with its own connection, let go at the same moment.

    Gives back, in their order, what each call returned or the exception it raised. Like `repeated`, it repeats a service
    called without a door when what it must lock changed. Only committed rows are seen, which is why it brings
    `transactional_db`.
    """
    return _in_threads


def _in_threads(count: int, act: Callable[[int], Any], *, seconds: float = 60) -> list[Any]:
    ready = threading.Barrier(count)
    outcomes: list[Any] = [TimeoutError(f"Not finished after {seconds} s.")] * count

    def run(number: int) -> None:
        try:
            connection.ensure_connection()  # opened before the start: the race is about the act, not about connecting
            ready.wait(timeout=seconds)
            outcomes[number] = _repeated_when_moved(lambda: act(number))
        except Exception as error:  # noqa: BLE001 the caller judges it
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=seconds)
    return outcomes


def _repeated_when_moved(act: Callable[[], Any]) -> Any:
    """Run `act` as `repeated` does, without its transaction: the acts of pages and of the API open their own."""
    for _turn in range(MOST_MOVES):
        try:
            return act()
        except Moved:
            continue
    return act()


# Broker and worker processes


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """REDIS_URL of a real broker: the one of `bin/test`, else one started for this session."""
    if settings.BROKER_OF_TESTS:
        yield settings.BROKER_OF_TESTS
    else:
        with servers.broker() as url:
            yield url


@pytest.fixture
def broker(broker_url: str) -> Iterator[str]:
    """The real broker, emptied, and this process's Celery speaking to it: `task.delay()` really queues. Its address."""
    import redis
    from kombu import pools

    from openfire_billing.celery import app

    def speak_to(url: str) -> None:
        app.conf.broker_url = app.conf.broker_read_url = app.conf.broker_write_url = url
        pools.reset()
        app._after_fork()  # Celery's own way to forget its connections

    with redis.from_url(broker_url) as client:
        client.flushdb()
    usual = app.conf.broker_url
    speak_to(broker_url)
    try:
        yield broker_url
    finally:
        speak_to(usual)


@pytest.fixture
def process_environment(database_url: str, broker_url: str) -> dict[str, str]:
    """Environment of a process of the product (worker, beat, command) on the database under test and the broker."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "openfire_billing.settings",
        "TESTING": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": broker_url,
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "PYTHONUNBUFFERED": "1",
    }
