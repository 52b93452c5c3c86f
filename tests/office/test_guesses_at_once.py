"""Guesses made at the same moment: no more passwords are checked than one after the other."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone

from invoicing.models import LoginFailure
from invoicing.services.access.guesses import TooManyGuesses, begin_attempt


def test_limit_holds_for_guesses_made_at_the_same_moment(in_threads: Callable[..., list[Any]]) -> None:
    def guess(number: int) -> Any:
        return begin_attempt(account="jeanne", address="192.0.2.1", device="", at=timezone.now())

    for _n in range(8):
        guess(0)
    outcomes = in_threads(12, guess)

    refused = [outcome for outcome in outcomes if isinstance(outcome, TooManyGuesses)]
    assert {type(outcome) for outcome in outcomes} <= {LoginFailure, TooManyGuesses}
    assert len(refused) >= 10
    assert LoginFailure.objects.count() == 8 + 12 - len(refused)
