"""The bounds of what a request may give, where the library leaves them out: ids, numbers given as text, days.

JSON Schema has no bound for text that is a number or a day: `x-minimum` and `x-maximum` say it, the pattern the sign.
"""

from typing import Any

from rest_framework import serializers

from openfire_billing.kernel.periods import FIRST_DAY, LAST_DAY
from openfire_billing.web.api.fields import LARGEST_ID, DayField, Id, MomentField

LEAST, MOST = "x-minimum", "x-maximum"


def with_bounds(schema: Any, field: Any) -> Any:
    """Return the schema of a field of a request, with the bounds that its field holds."""
    if not isinstance(schema, dict) or "$ref" in schema:
        return schema
    if isinstance(field, Id):
        return {**schema, "format": "int64", "minimum": 1, "maximum": LARGEST_ID}
    if isinstance(field, DayField | MomentField):
        return {**schema, LEAST: FIRST_DAY.isoformat(), MOST: LAST_DAY.isoformat()}
    if isinstance(field, serializers.DecimalField) and "pattern" in schema:
        bounds = {LEAST: field.min_value, MOST: field.max_value}
        schema = {**schema, **{name: str(value) for name, value in bounds.items() if value is not None}}
        if field.min_value is not None and field.min_value >= 0:
            schema["pattern"] = schema["pattern"].replace("^-?", "^", 1)
    return schema
