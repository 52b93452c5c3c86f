"""Limits on wrong passwords, on wrong keys of programs, on demands of a new password and on answers of customers: by
account and address, by account, by address.

Wrong passwords given on a known device are counted by device.

An attempt is written before the password is checked and deleted when the password is right, so that attempts made at
the same moment count each other. A refused attempt leaves no row: it does not prolong the wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil

from django.utils.translation import ngettext

from invoicing.choices import AttemptKind
from invoicing.models import LoginFailure
from openfire_billing.kernel.errors import BusinessError


@dataclass(frozen=True)
class Limit:
    """At most `most` failures of the same `columns` within a time."""

    columns: tuple[str, ...]
    most: int
    within: timedelta


LIMITS = (
    Limit(("account", "address"), 10, timedelta(minutes=15)),
    Limit(("account",), 50, timedelta(hours=1)),
    Limit(("address",), 100, timedelta(hours=1)),
)
DEVICE_LIMIT = Limit(("device",), 10, timedelta(minutes=15))
DEMAND_LIMITS = (
    Limit(("account", "address"), 5, timedelta(minutes=15)),
    Limit(("account",), 10, timedelta(hours=1)),
    Limit(("address",), 50, timedelta(hours=1)),
)


ANSWER_LIMITS = (
    Limit(("account",), 10, timedelta(hours=1)),
    Limit(("address",), 50, timedelta(hours=1)),
)


class TooManyGuesses(BusinessError):
    """Too many wrong passwords: `wait` is how long the next attempt is refused."""

    code = "throttled"

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        minutes = max(1, ceil(wait.total_seconds() / 60))
        super().__init__(self.sentence(minutes) % minutes)

    def sentence(self, minutes: int) -> str:
        """Return the sentence, where the number of minutes has its place."""
        return ngettext(
            "Trop d'essais avec un mot de passe faux : réessayez dans %d minute.",
            "Trop d'essais avec un mot de passe faux : réessayez dans %d minutes.",
            minutes,
        )


class TooManyWrongKeys(TooManyGuesses):
    """Too many wrong keys of programs."""

    def sentence(self, minutes: int) -> str:
        return ngettext(
            "Trop d'essais avec une clé fausse : réessayez dans %d minute.",
            "Trop d'essais avec une clé fausse : réessayez dans %d minutes.",
            minutes,
        )


class TooManyAnswers(TooManyGuesses):
    """Too many answers on a customer's page."""

    def sentence(self, minutes: int) -> str:
        return ngettext(
            "Trop de réponses d'affilée : réessayez dans %d minute.",
            "Trop de réponses d'affilée : réessayez dans %d minutes.",
            minutes,
        )


def begin_attempt(*, account: str, address: str, device: str, at: datetime) -> LoginFailure:
    """Write an attempt whose password is about to be checked. Delete it when the password is right.

    `device`: the id of a device known for this account, or "". The attempts of a known device are counted by device
    alone, the others by account and address: neither shuts the other out. Raises TooManyGuesses.
    """
    attempt = LoginFailure.objects.create(account=account[:150], address=network_of(address), device=device, at=at)
    wait = _wait_or_keep(attempt, (DEVICE_LIMIT,) if device else LIMITS)
    if wait:
        raise TooManyGuesses(wait)
    return attempt


def is_demand_taken(*, email: str, address: str, at: datetime) -> bool:
    """Count a demand of a new password for an e-mail. Returns whether it is within the limits; else it is not counted."""
    demand = LoginFailure.objects.create(
        kind=AttemptKind.NEW_PASSWORD, account=email.lower()[:150], address=network_of(address), at=at
    )
    return not _wait_or_keep(demand, DEMAND_LIMITS)


def count_answer(*, page: str, address: str, at: datetime) -> None:
    """Count an answer given on a customer's page, whatever becomes of it. Raises TooManyAnswers beyond the limits.

    `page`: what names the page, not its key.
    """
    answer = LoginFailure.objects.create(
        kind=AttemptKind.ANSWER, account=page[:150], address=network_of(address), at=at
    )
    if wait := _wait_or_keep(answer, ANSWER_LIMITS):
        raise TooManyAnswers(wait)


def refuse_guessed_key(*, account: str, address: str, at: datetime) -> None:
    """Raise TooManyWrongKeys when an address gave too many wrong keys. `account`: the beginning of the key it gives.

    Wrong keys given from elsewhere do not shut out a program whose key is right.
    """
    attempt = LoginFailure(kind=AttemptKind.KEY, account=account[:150], address=network_of(address), at=at)
    limits = [limit for limit in LIMITS if "address" in limit.columns]
    if wait := max(_wait(attempt, limit) for limit in limits):
        raise TooManyWrongKeys(wait)


def note_wrong_key(*, account: str, address: str, at: datetime) -> None:
    """Count a wrong key. Raises TooManyWrongKeys beyond the limits."""
    attempt = LoginFailure.objects.create(
        kind=AttemptKind.KEY, account=account[:150], address=network_of(address), at=at
    )
    if wait := _wait_or_keep(attempt, LIMITS):
        raise TooManyWrongKeys(wait)


def _wait_or_keep(attempt: LoginFailure, limits: Sequence[Limit]) -> timedelta:
    """Return how long an attempt is refused, and delete it then; zero, and it stays, within the limits."""
    wait = max(_wait(attempt, limit) for limit in limits)
    if wait:
        attempt.delete()
    return wait


def _wait(attempt: LoginFailure, limit: Limit) -> timedelta:
    """Return how long until the other attempts of its kind and of a limit are fewer than it allows; zero when they are."""
    others = LoginFailure.objects.filter(
        kind=attempt.kind,
        at__gt=attempt.at - limit.within,
        **{column: getattr(attempt, column) for column in limit.columns},
    ).exclude(pk=attempt.pk)
    if not attempt.device:
        others = others.filter(device="")
    decisive = others.order_by("-at", "-pk").values_list("at", flat=True)[limit.most - 1 : limit.most]
    return max((at + limit.within - attempt.at for at in decisive), default=timedelta(0))


def network_of(address: str) -> str:
    """Return the address that is counted: an IPv4 one as it is, the /64 network of an IPv6 one, other text cut."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:45]
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))


def unlock(account: str = "") -> int:
    """Forget the failed logins of an account, or all of them. Returns how many there were."""
    failures = LoginFailure.objects.filter(account=account) if account else LoginFailure.objects.all()
    return failures.delete()[0]
