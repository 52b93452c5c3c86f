"""The cache of Redis, outlived: what is only remembered there must stop nobody when it is gone."""

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class OutlivedRedisCache(RedisCache):
    """Redis out of reach: nothing is found, everything is new. Money is guarded by locks and keys of the database."""

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError as gone:
            return _told(gone, default)

    def get_many(self, keys: Any, version: Any = None) -> Any:
        try:
            return super().get_many(keys, version)
        except RedisError as gone:
            return _told(gone, {})

    def add(self, *args: Any, **options: Any) -> Any:
        try:
            return super().add(*args, **options)
        except RedisError as gone:
            return _told(gone, True)

    def set(self, *args: Any, **options: Any) -> Any:
        try:
            super().set(*args, **options)
        except RedisError as gone:
            _told(gone, None)

    def set_many(self, data: Any, *args: Any, **options: Any) -> Any:
        try:
            return super().set_many(data, *args, **options)
        except RedisError as gone:
            return _told(gone, list(data))

    def touch(self, *args: Any, **options: Any) -> Any:
        try:
            return super().touch(*args, **options)
        except RedisError as gone:
            return _told(gone, False)

    def delete(self, *args: Any, **options: Any) -> Any:
        try:
            return super().delete(*args, **options)
        except RedisError as gone:
            return _told(gone, False)

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> Any:
        try:
            return super().incr(key, delta, version)
        except RedisError as gone:
            return _told(gone, delta)


def _told(gone: RedisError, answer: Any) -> Any:
    logger.warning("Redis est hors d'atteinte, le cache est sauté : %s", gone)
    return answer
