"""The application of codes on a user's telephone."""

from django.contrib.auth.models import User
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from invoicing.services.access import second_factor

STEP = 30  # seconds for which a code is shown


def code_of(device: TOTPDevice) -> str:
    """The six digits that a device shows now."""
    return f"{totp(device.bin_key):06d}"


def wrong_code(device: TOTPDevice) -> str:
    """Six digits that a device shows neither now, nor just before, nor just after."""
    near = {totp(device.bin_key, t0=STEP * n) for n in (-1, 0, 1)}
    return next(f"{n:06d}" for n in range(4) if n not in near)


def enrol(user: User) -> tuple[TOTPDevice, list[str]]:
    """A confirmed device of a user, which has accepted no code yet, and his recovery codes."""
    device = second_factor.begin_enrolment(user)
    codes = second_factor.confirm_enrolment(user, code_of(device), device.pk)
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=-1)
    return TOTPDevice.objects.get(pk=device.pk), codes
