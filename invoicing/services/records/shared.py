"""What a user may change of the records that all companies share, and what he sees on them."""

from collections.abc import Iterable
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Exists, ForeignObjectRel, Model, OuterRef, Q, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from invoicing.models import Company, CompanyAccess
from openfire_billing.db.people import By
from openfire_billing.db.scope import company_id_of, company_of, company_path, visible
from openfire_billing.db.texts import Text
from openfire_billing.db.versions import Versioned

Row = TypeVar("Row", bound=Model)


def works_for_all(user: User | AnonymousUser) -> bool:
    """Return whether the user works for every company: a superuser does."""
    if isinstance(user, AnonymousUser):
        return False
    return user.is_superuser or not Company.objects.exclude(accesses__user=user).exists()


def refusal_of_shared(record: Model, *, changed: Iterable[str], by: By) -> Text:
    """Return why `by` may not change these fields of a record that companies share; "" when he may.

    A tax, a fiscal position, a payment term and a unit without a company are changed by who works for every company. So
    are the fields `KEPT_FOR_OTHERS` of an article or a customer that another company has used.
    """
    if by is None or not isinstance(record, Versioned):
        return ""
    if record.IS_RULE and company_of(record) is None and not works_for_all(by):
        return _("« %s » sert à toutes les sociétés : demandez à une personne qui travaille pour toutes.") % record
    kept = kept_among(record, changed)
    return refusal_of_kept(record, kept) if record.pk and kept and used_by_others(record, by) else ""


def kept_among(record: Versioned, names: Iterable[str]) -> list[str]:
    """Return those of the named fields that a record another company has used keeps, in the order of its model."""
    names = set(names)
    return [name for name in record.KEPT_FOR_OTHERS if name in names]


def refusal_of_kept(record: Versioned, kept: Iterable[str]) -> Text:
    """Return the sentence on kept fields of a record that another company has used."""
    return _(
        "« %(record)s » a servi à une autre société : seule une personne qui travaille pour toutes change %(fields)s. "
        "%(advice)s"
    ) % {
        "record": record,
        "fields": ", ".join(f"« {_label(record, name)} »" for name in kept),
        "advice": record.KEPT_ADVICE,
    }


def _label(record: Model, name: str) -> str:
    field = record._meta.get_field(name)
    named = field.related_model._meta if isinstance(field, ForeignObjectRel) else field
    return str(capfirst(str(named.verbose_name)))


def refusal_of_deletion(record: Model, *, by: By) -> Text:
    """Return why `by` may not delete a record that companies share; "" when he may."""
    if by is None or company_of(record) is not None or not used_by_others(record, by):
        return ""
    return (
        _(
            "« %s » sert à une autre société : seule une personne qui travaille pour toutes le supprime. "
            "Laissez cette fiche, ou archivez-la si elle a une case pour cela."
        )
        % record
    )


def used_by_others(record: Model, user: User) -> bool:
    """Return whether a row of a company that `user` does not work for refers to `record`, or to what it is used through."""
    return used_elsewhere(type(record)._base_manager.filter(pk=record.pk), user).exists()


def used_elsewhere(rows: QuerySet[Row], user: User) -> QuerySet[Row]:
    """Keep the rows to which a row of a company that `user` does not work for refers (`USED_THROUGH` included)."""
    return rows.none() if works_for_all(user) else rows.filter(_uses(rows.model, user, frozenset()))


def _uses(model: type[Model], user: User, passed: frozenset[str]) -> Q:
    """Return the condition of `used_elsewhere`. `passed`: the relations followed so far."""
    found = Q(pk__in=())
    for relation in model._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and company_path(relation.related_model) is not None:
            user_rows = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
            seen = visible(relation.related_model._default_manager.filter(pk=OuterRef("pk")), user)
            found |= Q(Exists(user_rows.filter(~Exists(seen))))
    for name in getattr(model, "USED_THROUGH", ()):
        relation, step = model._meta.get_field(name), f"{model._meta.label}.{name}"
        if step not in passed:
            assert isinstance(relation, ForeignObjectRel)
            shared = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
            found |= Q(Exists(shared.filter(_uses(relation.related_model, user, passed | {step}))))
    return found


def company_made_in(document: Model, *, by: By) -> int | None:
    """Return the id of the company that a note, a file or a follow-up on `document` is made in.

    The document's; on a record that companies share, the one its author works for first; None when he works for all.
    """
    own = company_id_of(document)
    if own is not None or by is None or works_for_all(by):
        return own
    return CompanyAccess.objects.filter(user=by).values_list("company_id", flat=True).first()


def shown_of(document: Model, rows: QuerySet[Row], *, user: User | None) -> QuerySet[Row]:
    """Narrow notes, files or follow-ups of a document to those that `user` may see (None: all).

    On a record that companies share, they are those of his companies and those without a company.
    """
    return rows if user is None or company_id_of(document) is not None else visible(rows, user)
