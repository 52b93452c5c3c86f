"""Follow-ups: tasks that users set on a record."""

from datetime import date

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoicing.models import Company, CompanyAccess, FollowUp
from invoicing.services.locks import lock_document
from invoicing.services.records.history import record
from invoicing.services.records.shared import company_made_in, shown_of
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError


def follow_ups_of(document: Model, *, user: User | None = None) -> "QuerySet[FollowUp]":
    """Return the open follow-ups of a record that `user` may see (None: all), the nearest first."""
    content_type = ContentType.objects.get_for_model(document)
    rows = FollowUp.objects.open().filter(content_type=content_type, object_id=document.pk)
    return shown_of(document, rows, user=user).select_related("user")


def colleagues_of(user: User) -> "QuerySet[User]":
    """Return the users to whom `user` may assign a follow-up: himself and the office users of his companies."""
    companies = Company.objects.visible_to(user)
    return User.objects.filter(is_active=True, is_staff=True).filter(
        Q(pk=user.pk) | Q(pk__in=CompanyAccess.objects.filter(company__in=companies).values("user"))
    )


def add_follow_up(document: Model, *, text: str, due_on: date, user: User, by: By) -> FollowUp:
    """Create a follow-up on a record, for `user` on a day. Raises BusinessError without a text."""
    text = text.strip()[:200]
    if not text:
        raise BusinessError(_("Dites ce qu'il y a à faire."))
    with atomic():
        company = company_made_in(document, by=by)
        follow_up = FollowUp.objects.create(object=document, company_id=company, text=text, due_on=due_on, user=user)
        record(
            document,
            "follow_up",
            by=by,
            text=_("À faire le %(day)s par %(who)s : %(what)s")
            % {"day": due_on.strftime("%d/%m/%Y"), "who": user.get_full_name() or user.username, "what": text},
        )
    return follow_up


def follow_up_of(document: Model, pk: int, *, user: User | None = None) -> FollowUp | None:
    """Return a follow-up of this record that `user` may see (None: any), done or not; None without one of this id."""
    content_type = ContentType.objects.get_for_model(document)
    rows = FollowUp.objects.filter(pk=pk, content_type=content_type, object_id=document.pk)
    return shown_of(document, rows, user=user).first()


def finish_follow_up(follow_up: FollowUp, *, by: By) -> FollowUp:
    """Mark a follow-up as done. Does nothing when it is done already."""
    with atomic():
        follow_up = lock_document(follow_up)
        if follow_up.done_at is None:
            follow_up.done_at = timezone.now()
            follow_up.save(update_fields=["done_at"])
            if follow_up.object is not None:
                record(follow_up.object, "follow_up_done", by=by, text=_("Fait : %s") % follow_up.text)
    return follow_up
