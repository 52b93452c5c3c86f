"""Whether a user may see one record, for the names and links that a refusal shows him."""

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model

from openfire_billing.db.scope import visible


def may_see(user: User | AnonymousUser, record: Model) -> bool:
    """Return whether `user` may view records of this model, and this one among them. One query."""
    meta = record._meta
    if not any(user.has_perm(f"{meta.app_label}.{right}_{meta.model_name}") for right in ("view", "change")):
        return False
    return visible(type(record)._default_manager.filter(pk=record.pk), user).exists()
