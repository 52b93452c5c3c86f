"""The cache when Redis is gone: nothing is found, everything is new, nobody is stopped."""

from openfire_billing.cache import OutlivedRedisCache


def test_redis_gone_stops_nobody() -> None:
    cache = OutlivedRedisCache("redis://127.0.0.1:1/0", {})
    assert cache.get("a", "rien") == "rien"
    assert cache.add("a", 1) is True
    cache.set("a", 1)
    assert cache.get_many(["a"]) == {}
    assert cache.set_many({"a": 1}) == ["a"]
    assert cache.delete("a") is False
    assert cache.touch("a") is False
    assert cache.incr("a", 2) == 2
