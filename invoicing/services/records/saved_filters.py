"""Lists as somebody filtered them, kept under a name."""

from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from invoicing.models import SavedFilter
from openfire_billing.kernel.errors import BusinessError


def save_filter(*, user: User, model: str, name: str, query: str) -> SavedFilter:
    """Keep a list's filter under a name; the same name again replaces it."""
    name = name.strip()[:60]
    if not name:
        raise BusinessError(_("Donnez un nom au filtre."))
    if len(query) > 500:
        raise BusinessError(_("Ce filtre est trop long pour être enregistré : retirez-en une partie."))
    return SavedFilter.objects.update_or_create(user=user, model=model, name=name, defaults={"query": query})[0]


def forget_filter(*, user: User, model: str, name: str) -> None:
    """Forget one of the user's own filters."""
    SavedFilter.objects.filter(user=user, model=model, name=name).delete()
