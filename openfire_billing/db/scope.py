"""The company that a row belongs to, and the rows that a user may see.

A model says where its company is by `company_path`, a lookup; without it, by its foreign key `company`. A model with
neither is shared by all companies. The model whose path is "pk" is the company itself; its queryset has `visible_to`.
"""

from collections.abc import Collection, Iterable
from typing import Protocol, TypeVar, cast

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import ForeignKey, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from openfire_billing.db.narrowing import kept_ids
from openfire_billing.db.texts import Text

Row = TypeVar("Row", bound=Model)


class _Step(Protocol):
    """A relation that a path to the company follows."""

    related_model: type[Model]
    many_to_many: bool
    one_to_many: bool


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


def visible(queryset: QuerySet[Row], user: User | AnonymousUser | None) -> QuerySet[Row]:
    """Return the rows that `user` may see: those of his companies and those without a company; all for a superuser.

    Every list, choice, filter and address of the API is narrowed by this function. A queryset with a rule of its own
    (`visible_to`) applies that one.
    """
    if user is None or user.is_superuser:
        return queryset
    if own_rule := getattr(queryset, "visible_to", None):
        return cast("QuerySet[Row]", own_rule(user))
    path = company_path(queryset.model)
    if path is None:
        return queryset
    steps = _steps(queryset.model, path)
    owned = Q(**{f"{path}__in": _companies_of(steps[-1].related_model, user)})
    if getattr(steps[-1], "null", False):
        owned |= Q(**{f"{path}__isnull": True})
    if any(step.many_to_many or step.one_to_many for step in steps):  # a join would repeat rows
        return queryset.filter(pk__in=queryset.model._default_manager.filter(owned | Q(pk=user.pk)).values("pk"))
    return queryset.filter(owned)


def _companies_of(model: type[Model], user: User | AnonymousUser) -> QuerySet[Model] | list[int]:
    """Return the companies that `user` may see: their ids on a page that keeps its answers, else a query."""

    def companies() -> QuerySet[Model]:
        return visible(model._default_manager.all(), user)

    kept = kept_ids(f"{model._meta.label} of {user.pk}", companies)
    return companies() if kept is None else kept


def company_of(row: Model) -> Model | None:
    """Return the company of a row; None when all companies share it."""
    path = company_path(row._meta.model)
    if path is None or row._meta.model in PATHS:
        return None
    owner: Model | None = row
    for name in path.split("__"):
        owner = owner if name == "pk" else getattr(owner, name)
        if owner is None:
            return None
    return owner


def company_id_of(row: Model) -> int | None:
    """Return the id of the company of a row, without reading the company; None when all companies share the row."""
    path = company_path(row._meta.model)
    if path is None or row._meta.model in PATHS:
        return None
    *parents, last = path.split("__")
    owner: Model | None = row
    for name in parents:
        owner = getattr(owner, name)
        if owner is None:
            return None
    company: int | None = getattr(owner, last if last == "pk" else f"{last}_id")
    return company


def refuse_other_company(row: Model, exclude: Collection[str] = ()) -> None:
    """Raise ValidationError, by field, when a loaded relation of `row` belongs to another company than `row` itself.

    Relations that are not loaded are unchanged, and are not read.
    """
    errors: dict[str, Text] = {}
    for field in row._meta.concrete_fields:
        if not isinstance(field, ForeignKey) or field.name in exclude or field.name == company_path(row._meta.model):
            continue
        record = field.get_cached_value(row, default=None)
        if record is not None and (text := _elsewhere(row, [record])):
            errors[field.name] = text
    if errors:
        raise ValidationError(errors)


def refuse_others(row: Model, name: str, records: Iterable[Model]) -> None:
    """Raise ValidationError on the field `name` when one of the records of a many-to-many field is of another company."""
    if text := _elsewhere(row, records):
        raise ValidationError({name: text})


def _elsewhere(row: Model, records: Iterable[Model]) -> Text:
    """Return the sentence on the first record of another company than that of `row`; "" when there is none."""
    for record in records:
        path = company_path(record._meta.model)
        if path is None or path == "pk":
            continue
        theirs = company_of(record)
        ours = company_of(row) if theirs is not None else None
        if theirs is not None and ours is not None and theirs.pk != ours.pk:
            return _("« %(record)s » est de la société %(theirs)s : choisissez-en un de %(ours)s.") % {
                "record": record,
                "theirs": theirs,
                "ours": ours,
            }
    return ""


def _steps(model: type[Model], path: str) -> list[_Step]:
    """Return the relations that a path to the company follows; none for the company itself."""
    steps: list[_Step] = []
    for name in path.split("__"):
        if name == "pk":
            return []
        step = cast("_Step", model._meta.get_field(name))
        steps.append(step)
        model = step.related_model
    return steps
