"""The address of the site in what leaves it: mails, links given to customers."""

from django.conf import settings


def site_address(path: str = "") -> str:
    """Return the whole address of a path (« /p/…/ »); of the site, without « / » at its end, when there is none.

    It begins with the setting SITE_URL, whatever host and port a request names.
    """
    return f"{settings.SITE_URL}{path}"
