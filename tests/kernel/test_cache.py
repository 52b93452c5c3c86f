"""The cache when Redis is gone: nothing is found, nobody is stopped."""

from django.core.cache.backends.base import BaseCache
from django_redis.cache import RedisCache


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
