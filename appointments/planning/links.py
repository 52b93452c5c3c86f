"""Addresses of records, by the thousand: the address of any of them is asked for once."""

from functools import lru_cache

from django.urls import reverse

CARD = "planning:card"
RDV = "admin:appointments_appointment_change"
DI = "admin:interventions_interventionrequest_change"


def link_of(name: str, pk: int) -> str:
    """Return the address of the record `pk`: `name` is CARD, an RDV over the board, or the page of an RDV or a DI."""
    return _link_of_any(name).replace("/0/", f"/{pk}/")


@lru_cache(maxsize=8)
def _link_of_any(name: str) -> str:
    return reverse(name, args=[0])
