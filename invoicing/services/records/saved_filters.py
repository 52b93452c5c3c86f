"""Named filters that users save on lists."""

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from invoicing.models import SavedFilter
from openfire_billing.kernel.errors import BusinessError


def save_filter(*, user: User, model: str, name: str, query: str) -> SavedFilter:
    """Save a filter of a list under a name, or replace the one of this name. Raises BusinessError: no name, too long."""
    name = name.strip()[:60]
    if not name:
        raise BusinessError(_("Donnez un nom au filtre."))
    if len(query) > 500:
        raise BusinessError(_("Ce filtre est trop long pour être enregistré : retirez-en une partie."))
    return SavedFilter.objects.update_or_create(user=user, model=model, name=name, defaults={"query": query})[0]


def forget_filter(*, user: User, model: str, name: str) -> None:
    """Delete a filter of the user."""
    SavedFilter.objects.filter(user=user, model=model, name=name).delete()
