"""The last touch of the description of the API: what is always answered is required, ids in addresses are numbers."""

from collections.abc import Iterator
from typing import Any

from openfire_billing.web.api.fields import LARGEST_ID

MAY_MISS = "x-may-miss"  # of a component: the properties that some answers leave out
_REFERENCE = "#/components/schemas/"


def complete(result: dict[str, Any], **_of_library: Any) -> dict[str, Any]:
    """One of POSTPROCESSING_HOOKS: return the description, completed."""
    schemas = result["components"]["schemas"]
    answered, asked = _named(result, schemas, "responses"), _named(result, schemas, "requestBody")
    for name, schema in schemas.items():
        missing = schema.pop(MAY_MISS, ())
        if name in answered - asked and "properties" in schema:
            schema["required"] = [one for one in schema["properties"] if one not in missing]
    for operation in _operations(result):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                parameter["schema"] = {"type": "integer", "format": "int64", "minimum": 1, "maximum": LARGEST_ID}
                parameter.setdefault("description", "L'identifiant.")
    tags = sorted({tag for operation in _operations(result) for tag in operation.get("tags", ())})
    result["tags"] = [{"name": tag} for tag in tags]
    return result


def _operations(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in result["paths"].values():
        yield from methods.values()


def _named(result: dict[str, Any], schemas: dict[str, Any], part: str) -> set[str]:
    """Return the names of the components that this part of the operations refers to, directly or through others."""
    found: set[str] = set()
    waiting = list(_references([operation.get(part) for operation in _operations(result)]))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(schemas.get(name))
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref" and value.startswith(_REFERENCE):
                yield value.removeprefix(_REFERENCE)
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
