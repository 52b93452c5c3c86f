"""Settings of the tests: the product's own, told that it is being tested.

`bin/test` runs the suite in three workers at once, each of them one of SUITES: on SQLite, on PostgreSQL, in the
browser. Without it, a plain `pytest` takes the database of DATABASE_URL, or SQLite.
"""

import os
from pathlib import Path

SUITES = ("sqlite", "postgresql", "browser")

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
SUITE = _worker if _worker in SUITES else ""

os.environ["TESTING"] = "1"
os.environ.pop("MEDIA_ROOT", None)
if SUITE in ("sqlite", "browser"):
    os.environ["DATABASE_URL"] = f"sqlite:///{Path(__file__).resolve().parent.parent / 'var' / 'db.sqlite3'}"
# Tasks queued by a test must not reach a real worker: only the tests that ask for the fixture `broker` have one.
BROKER_OF_TESTS = os.environ.pop("REDIS_URL", "")
os.environ["REDIS_URL"] = ""

from openfire_billing.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick: a test's password protects nothing

SITE_URL = "http://testserver"  # as the host of the tests' requests
