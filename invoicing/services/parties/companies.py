"""Companies of a user."""

from django.contrib.auth.models import AnonymousUser, User

from invoicing.models import Company


def default_company(user: User | AnonymousUser) -> Company | None:
    """Return the company proposed for a new document of this user; None when he has none."""
    access = user.company_accesses.select_related("company").first() if user.is_authenticated else None
    return access.company if access else Company.objects.visible_to(user).first()
