"""Refusals shown on a page of the office."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages

from openfire_billing.kernel.errors import BusinessError


@contextmanager
def refusals_shown(request: Any) -> Iterator[None]:
    """Show a refusal as a message on the page instead of an error page."""
    try:
        yield
    except BusinessError as refusal:
        messages.error(request, str(refusal))
