"""What Redis holds; the cache when Redis is gone: nothing is found, nobody is stopped."""

import base64
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from django.core.cache.backends.base import BaseCache
from django_redis.cache import RedisCache
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from openfire_billing.celery import app

ROOT = Path(__file__).resolve().parents[2]


def cache_of_nobody() -> BaseCache:
    options = {"OPTIONS": {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 1}}
    return RedisCache("redis://127.0.0.1:1/0", options)


def test_redis_gone_stops_nobody() -> None:
    cache = cache_of_nobody()
    assert cache.get("a", "rien") == "rien"
    assert not cache.set("a", 1)
    assert not cache.add("a", 1)
    assert cache.get_many(["a"]) == {}
    assert not cache.delete("a")


SPOKEN = """
import json
from django.core.cache import cache
from unfold.dataclasses import SearchResult
from openfire_billing.celery import app
from openfire_billing.office.tasks import heartbeat

heartbeat()
cache.set("throttle", [1.5, 1.25])
cache.set("count", 3)
cache.set("found", [SearchResult(title="FAC", description="Client", link="/x/", icon=None)])
app.send_task("contracts.tasks.bill_chunk", args=[7, [1, 2]])
print(json.dumps([cache.get("throttle"), cache.get("count"), cache.get("found"), cache.get("beat-heartbeat")]))
"""


def test_redis_holds_json_alone(broker_url: str) -> None:
    """The raw bytes of what the cache and the queue hold, and what is read back of them."""
    with redis.from_url(broker_url) as server:
        server.flushdb()
        environment = os.environ | {"TESTING": "1", "REDIS_URL": broker_url, "DATABASE_URL": "sqlite:///:memory:"}
        before = time.time()
        command = [sys.executable, "manage.py", "shell", "-v0", "--no-imports", "-c", SPOKEN]
        environment |= {"DJANGO_SETTINGS_MODULE": "openfire_billing.settings"}
        spoken = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        kept = {
            key.decode(): json.loads(server.get(key)) for key in server.scan_iter() if server.type(key) == b"string"
        }
        (message,) = server.lrange("billing", 0, -1)
        server.flushdb()

    found = [{"title": "FAC", "description": "Client", "link": "/x/", "icon": None}]
    beat = kept.pop(":1:beat-heartbeat")
    assert kept == {":1:throttle": [1.5, 1.25], ":1:count": 3, ":1:found": found}
    assert before <= beat <= time.time()
    assert json.loads(spoken.stdout) == [[1.5, 1.25], 3, found, beat]
    task = json.loads(message)
    assert (task["content-type"], task["content-encoding"]) == ("application/json", "utf-8")
    assert json.loads(base64.b64decode(task["body"]))[:2] == [[7, [1, 2]], {}]


def test_worker_reads_json_alone() -> None:
    assert (app.conf.accept_content, app.conf.result_accept_content) == (["json"], ["json"])
    assert (app.conf.task_serializer, app.conf.result_serializer, app.conf.event_serializer) == ("json",) * 3
    with pytest.raises(ContentDisallowed):
        loads(pickle.dumps([1]), "application/x-python-serialize", "binary", accept=app.conf.accept_content)
