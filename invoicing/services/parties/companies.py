"""Companies of a user."""

from django.contrib.auth.models import AnonymousUser, User

from invoicing.models import Company


def default_company(user: User | AnonymousUser) -> Company | None:
    """Return the company proposed for a new document of this user; None when he has none."""
    access = user.company_accesses.select_related("company").first() if user.is_authenticated else None
    return access.company if access else Company.objects.visible_to(user).first()


def works_for_all(user: User | AnonymousUser) -> bool:
    """Return whether the user works for every company: a superuser does."""
    if isinstance(user, AnonymousUser):
        return False
    return user.is_superuser or not Company.objects.exclude(accesses__user=user).exists()
