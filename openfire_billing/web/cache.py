"""What the cache in Redis holds: JSON, so that whoever writes to Redis runs nothing in the product."""

from dataclasses import asdict, is_dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django_redis.serializers.json import JSONSerializer as Base


class Encoder(DjangoJSONEncoder):
    """Writes a dataclass (a search result of Unfold) as the dict of its fields; templates read both alike."""

    def default(self, o: Any) -> Any:
        return asdict(o) if is_dataclass(o) and not isinstance(o, type) else super().default(o)


class JSONSerializer(Base):
    """Serializer of django-redis."""

    encoder_class = Encoder
