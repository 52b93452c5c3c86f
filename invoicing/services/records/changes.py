"""Changes of a record: how its journal stores them, and how a page shows them.

The journal stores `{field: [before, after]}`, and `{relation: [LineChange, …]}` for lines. Values are stored as texts
for people; labels are read when the journal is shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict, cast

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, ForeignObjectRel, Model
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from openfire_billing.kernel.formats import value_text


class LineChange(TypedDict):
    """The change of one line: id, text of the line, act, and {field: [before, after]} when it changed."""

    id: int | None
    line: str
    act: Literal["added", "changed", "removed"]
    changes: dict[str, list[str]]


def line_change(
    line: Model, act: Literal["added", "changed", "removed"], changes: Mapping[str, list[str]] | None = None
) -> LineChange:
    """Return the change of one line, for the journal."""
    return {"id": line.pk, "line": str(line), "act": act, "changes": dict(changes or {})}


def shown_changes(
    changes: Mapping[str, Sequence[str] | Sequence[LineChange]], model: type[Model], labels: Mapping[str, object]
) -> list[tuple[str, str, str]]:
    """Return (label, before, after) of each change of a record of `model`.

    `labels`: {field: label} that replace those of the model. A field that no longer exists shows its name.
    """
    shown: list[tuple[str, str, str]] = []
    for name, values in changes.items():
        if values and isinstance(values[0], dict):
            shown += _shown_lines(cast("Sequence[LineChange]", values), _related(model, name))
        else:
            before, after = cast("Sequence[str]", values)
            shown.append((str(labels.get(name) or _label(model, name)), before, after))
    return shown


def _shown_lines(lines: Iterable[LineChange], model: type[Model] | None) -> Iterable[tuple[str, str, str]]:
    for line in lines:
        if line["act"] == "added":
            yield _("Ligne « %s »") % line["line"], value_text(None), _("ajoutée")
        elif line["act"] == "removed":
            yield _("Ligne « %s »") % line["line"], _("présente"), _("supprimée")
        for name, (before, after) in line["changes"].items():
            yield f"{line['line']} : {_label(model, name)}", before, after


def _label(model: type[Model] | None, name: str) -> str:
    try:
        field = model._meta.get_field(name) if model else None
    except FieldDoesNotExist:
        return name
    if isinstance(field, ForeignObjectRel):
        return str(capfirst(str(field.related_model._meta.verbose_name)))
    return str(capfirst(str(field.verbose_name))) if isinstance(field, Field) else name


def _related(model: type[Model], name: str) -> type[Model] | None:
    try:
        return model._meta.get_field(name).related_model
    except FieldDoesNotExist:
        return None
