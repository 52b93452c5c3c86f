"""The companies a user works for."""

from typing import Any

from invoicing.models import Company


def default_company(user: Any) -> Company | None:
    """The company a new document of this user is for."""
    access = user.company_accesses.select_related("company").first() if user.is_authenticated else None
    return access.company if access else Company.objects.visible_to(user).first()
