"""Examples of the description: of a request, as its serializer gives it; of an answer, made from its schema.

A serializer that reads a body has `example`, the body of a POST, and `changes`, that of a PATCH. Ids in them stand for
those of the reader's own records.
"""

from collections.abc import Mapping
from typing import Any

ID = 12
_REFERENCE = "#/components/schemas/"
_BY_FORMAT = {
    "date": "2026-11-24",
    "date-time": "2026-11-24T09:00:00+01:00",
    "time-local": "09:00:00",
    "email": "client@exemple.example",
    "uri": "https://exemple.example/",
    "uuid": "7d1f0a52-6c1e-4f7b-9a55-0d6a3c1b2e4f",
}
_BY_NAME = {
    "account": "445712",
    "brand": "Fictif",
    "category": "S",
    "city": "Rennes",
    "code": "RAM-POSE",
    "country": "FR",
    "currency": "EUR",
    "description": "Ramonage du conduit",
    "income_account": "706000",
    "label": "Ramonage",
    "mobile": "06 99 00 00 00",
    "name": "Aubry Maëlle",
    "number": "FAC/2026/0012",
    "origin": "DI/2026/0031",
    "phone": "02 99 00 00 00",
    "reason": "Erreur de prix",
    "reference": "CTR/2026/0007",
    "siren": "732829320",
    "street": "3 rue de la Forge",
    "title": "Ramonage annuel",
    "unit": "C62",
    "zip": "35000",
}
_REFUSAL = {
    "code": "wrong_state",
    "detail": "FAC/2026/0012 est validée : elle ne change plus. Faites un avoir.",
    "fields": {},
    "documents": [{"url": "/api/v1/invoices/12/", "id": ID, "name": "FAC/2026/0012"}],
    "step": None,
}


def add_examples(schemas: dict[str, Any], answered: set[str]) -> None:
    """Give each component that is answered one example; those of requests have theirs."""
    for name in sorted(answered):
        schema = schemas[name]
        if schema.get("type") == "object" and "examples" not in schema:
            schema["examples"] = [_REFUSAL if name == "Refusal" else sample(schema, schemas, name=name)]


def sample(schema: Mapping[str, Any], schemas: Mapping[str, Any], *, name: str) -> Any:
    """Return a value that the schema allows. `name`: of the property or component; it is the text of plain strings."""
    if "$ref" in schema:
        component = schema["$ref"].removeprefix(_REFERENCE)
        named = schemas[component]
        return sample(named, schemas, name=name if "enum" in named else component)
    for several in ("allOf", "oneOf", "anyOf"):
        if several in schema:
            return sample(schema[several][0], schemas, name=name)
    if "enum" in schema:
        return _BY_NAME[name] if _BY_NAME.get(name) in schema["enum"] else schema["enum"][0]
    kind = schema.get("type")
    kind = next(one for one in kind if one != "null") if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        written = schemas.get(f"{name}Request", {}).get("examples", [{}])[0]
        return {key: _property(key, part, written, schemas) for key, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema["items"], schemas, name=name)]
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return min(max(ID, schema.get("minimum", ID)), schema.get("maximum", ID))
    return _text(schema, name)


def _property(key: str, schema: Mapping[str, Any], written: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return what was written of a plain property; its sample otherwise."""
    value = written.get(key)
    plain = isinstance(value, int) or schema.get("format") is None
    return value if value is not None and plain and not isinstance(value, list) else sample(schema, schemas, name=key)


def _text(schema: Mapping[str, Any], name: str) -> str:
    shape = schema.get("format", "")
    if shape == "decimal":
        whole, *places = (part.partition("}")[0] for part in schema.get("pattern", "").split("{0,")[1:])
        number = str(ID)[: int(whole)]
        return f"{number}.{'0' * int(places[0])}" if places else number
    return str(_BY_FORMAT.get(shape) or _BY_NAME.get(name, ""))[: schema.get("maxLength")]
