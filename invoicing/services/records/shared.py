"""What a user may change of the records that all companies share, and what he sees on them."""

from collections.abc import Iterable
from typing import TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import ForeignObjectRel, Model, QuerySet
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
    are prices and accounts of an article that another company has used.
    """
    if by is None or not isinstance(record, Versioned):
        return ""
    if record.IS_RULE and company_of(record) is None and not works_for_all(by):
        return _("« %s » sert à toutes les sociétés : demandez à une personne qui travaille pour toutes.") % record
    if record.pk and record.KEPT_FOR_OTHERS & set(changed) and used_by_others(record, by):
        return (
            _(
                "« %s » a servi à une autre société : son prix et son compte ne changent que par une personne qui "
                "travaille pour toutes. Changez le prix sur vos lignes, ou créez un article."
            )
            % record
        )
    return ""


def used_by_others(record: Model, user: User) -> bool:
    """Return whether a row of a company that `user` does not work for refers to `record`."""
    if user.is_superuser:
        return False
    for relation in record._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel):
            continue
        model = relation.related_model
        if company_path(model) is None:
            continue
        rows = model._default_manager.filter(**{relation.field.name: record})
        if rows.exclude(pk__in=visible(rows, user).order_by().values("pk")).exists():
            return True
    return False


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
