"""Areas: groups of models by which the keys of programs are limited. Apps declare them beside their models."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from django.db import models

from openfire_billing.db.texts import Text

PROGRAMS = "programs"  # the area of what programs are told: nobody is told of it
Right: TypeAlias = Literal["read", "write"]


@dataclass
class Area:
    """A group of models. `label`: as people call it."""

    code: str
    label: Text
    members: list[type[models.Model]] = field(default_factory=list)


_AREAS: dict[str, Area] = {}


def declare_area(code: str, label: Text, *members: type[models.Model]) -> None:
    """Declare an area, or add models to one that a lower app declared."""
    _AREAS.setdefault(code, Area(code, label)).members.extend(members)


def areas() -> list[Area]:
    """Return the areas, those of lower apps first."""
    return list(_AREAS.values())


def area_of(model: type[models.Model]) -> str:
    """Return the code of the area of a model; "" for none: no key opens it."""
    return next((area.code for area in _AREAS.values() if model in area.members), "")


def area_of_permission(name: str) -> tuple[str, Right]:
    """Return (code of the area, right) that a permission "app.codename" is about; ("", "write") for none.

    To view is to read; every other permission, those of acts included, is to write.
    """
    app, _dot, codename = name.partition(".")
    act, _line, rest = codename.partition("_")
    for area in _AREAS.values():
        for model in area.members:
            meta = model._meta
            if meta.app_label != app:
                continue
            if rest == meta.model_name and act in meta.default_permissions:
                return area.code, "read" if act == "view" else "write"
            if any(codename == own for own, _label in meta.permissions):
                return area.code, "write"
    return "", "write"
