"""The company that a row belongs to, and the rows that a user may see.

A model says where its company is by `company_path`, a lookup; without it, by its foreign key `company`. A model with
neither is shared by all companies. The model whose path is "pk" is the company itself; its queryset has `visible_to`.
"""

from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model, Q, QuerySet

PATHS: dict[type[Model], str] = {}  # of models of libraries


def company_path(model: type[Model]) -> str | None:
    """Return the lookup from a row of `model` to its company; None when its rows are shared by all companies."""
    path: str | None = getattr(model, "company_path", None) or PATHS.get(model)
    if path is None:
        try:
            model._meta.get_field("company")
        except FieldDoesNotExist:
            return None
        return "company"
    return path


def visible(queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """Return the rows that `user` may see: those of his companies and those without a company; all for a superuser.

    Every list, choice, filter and address of the API is narrowed by this function.
    """
    path = company_path(queryset.model)
    if path is None or user is None or user.is_superuser:
        return queryset
    steps = _steps(queryset.model, path)
    company = steps[-1].related_model if steps else queryset.model
    companies = company._default_manager.visible_to(user)  # type: ignore[union-attr]
    owned = Q(**{f"{path}__in": companies})
    if steps and getattr(steps[-1], "null", False):
        owned |= Q(**{f"{path}__isnull": True})
    if any(step.many_to_many or step.one_to_many for step in steps):  # a join would repeat rows
        return queryset.filter(pk__in=queryset.model._default_manager.filter(owned | Q(pk=user.pk)).values("pk"))
    return queryset.filter(owned)


def is_company_optional(model: type[Model]) -> bool:
    """Return whether rows of `model` may belong to no company, and so to all."""
    path = company_path(model)
    return path is None or bool(steps := _steps(model, path)) and bool(getattr(steps[-1], "null", False))


def _steps(model: type[Model], path: str) -> list[Any]:
    """Return the relations that a path to the company follows; none for the company itself."""
    steps: list[Field[Any, Any]] = []
    for name in path.split("__"):
        if name == "pk":
            return []
        field: Any = model._meta.get_field(name)
        steps.append(field)
        model = field.related_model
    return steps
