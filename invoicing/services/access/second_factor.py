"""The second factor: a TOTP application on the user's telephone (django-otp), and recovery codes used once each."""

import secrets
from base64 import b32encode
from datetime import datetime
from hashlib import sha256

import django_otp
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_otp.plugins.otp_totp.models import TOTPDevice
from knox.models import AuthToken

from invoicing.models import RecoveryCode
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError

RECOVERY_CODES = 10
_NAME = "Application"


class OtpRequired(BusinessError):
    """The password is right; the code of the second factor is missing."""

    code = "otp_required"


class OtpInvalid(BusinessError):
    """The code is wrong, was used before, or comes too soon after a wrong one."""

    code = "otp_invalid"


def must_have_device(user: User) -> bool:
    """Return whether SECOND_FACTOR asks a second factor of this user. « managers »: those who may change accounts."""
    if settings.SECOND_FACTOR == "managers":
        return user.has_perm("auth.change_user")
    return bool(settings.SECOND_FACTOR == "all")


def lacks_device(user: User) -> bool:
    """Return whether a user must have a second factor and has none: programs are refused in his name meanwhile.

    The key of a service account needs none: nobody types it."""
    return must_have_device(user) and device_of(user) is None and not hasattr(user, "service_key")


def device_of(user: User) -> TOTPDevice | None:
    """Return the confirmed device of a user."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def begin_enrolment(user: User, device: int | None = None) -> TOTPDevice:
    """Return the device that a user is adding: that of id `device`, which his session began, else a new one.

    A new one replaces those that were begun elsewhere: whoever saw their secret knows nothing of the new one.
    """
    begun = TOTPDevice.objects.filter(user=user, confirmed=False)
    if device is not None and (found := begun.filter(pk=device).first()) is not None:
        return found
    begun.delete()
    return TOTPDevice.objects.create(user=user, confirmed=False, name=_NAME)


def secret_text(device: TOTPDevice) -> str:
    """Return the secret of a device as applications read it: base32, by groups of four."""
    text = b32encode(device.bin_key).decode()
    return " ".join(text[n : n + 4] for n in range(0, len(text), 4))


def confirm_enrolment(user: User, code: str, device: int | None = None) -> list[str]:
    """Confirm the device of id `device` a user is adding, by a code it shows. Returns the recovery codes, stored nowhere
    in clear. His API tokens, given by a password alone, are deleted.

    Raises OtpInvalid, and BusinessError when the user has a confirmed device.
    """
    if device_of(user) is not None:
        raise BusinessError(_("Ce compte a déjà un second facteur : retirez-le d'abord pour en changer."))
    adding = begin_enrolment(user, device)
    _refuse_while_throttled(adding)
    if django_otp.verify_token(user, adding.persistent_id, _digits(code)) is None:
        raise OtpInvalid(
            _(
                "Ce code n'est pas le bon : tapez celui que l'application montre à présent, et vérifiez l'heure du téléphone."
            )
        )
    with atomic():
        TOTPDevice.objects.filter(pk=adding.pk).update(confirmed=True)
        AuthToken.objects.filter(user=user).delete()
        record(user, "second_factor_added", by=user, text=_("Second facteur ajouté"))
        return renew_recovery_codes(user)


def renew_recovery_codes(user: User) -> list[str]:
    """Replace the recovery codes of a user. Returns the new ones: « abcd-efgh-ijkl-mnop »."""
    codes = [_new_code() for _n in range(RECOVERY_CODES)]
    with atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(code)) for code in codes)
    return codes


def recovery_codes_left(user: User) -> int:
    """Return how many recovery codes of a user are not used."""
    return RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()


def check_code(user: User, code: str, *, at: datetime) -> None:
    """Accept a code of the user's device, or one of his recovery codes, which is then used.

    Raises OtpRequired for an empty code; OtpInvalid for a wrong one, and while django-otp throttles after wrong ones.
    """
    device = device_of(user)
    if device is None:
        return
    if not code.strip():
        raise OtpRequired(_("Tapez le code que montre l'application de votre téléphone, ou un code de secours."))
    _refuse_while_throttled(device)
    digits = _digits(code)
    if len(digits) == device.digits and digits.isdecimal():
        is_right = django_otp.verify_token(user, device.persistent_id, digits) is not None
    else:
        unused = RecoveryCode.objects.filter(user=user, digest=_digest(code), used_at__isnull=True)
        is_right = bool(unused.update(used_at=at))
        if is_right:
            record(user, "recovery_code_used", by=user, text=_("Connexion par un code de secours"))
        else:
            device.throttle_increment()
    if not is_right:
        raise OtpInvalid(
            _("Ce code n'est pas le bon, ou a déjà servi : attendez le suivant, ou tapez un code de secours.")
        )


def _refuse_while_throttled(device: TOTPDevice) -> None:
    is_allowed, why = device.verify_is_allowed()
    if is_allowed or why is None:
        return
    seconds = max(1, round((why["locked_until"] - timezone.now()).total_seconds()))
    raise OtpInvalid(
        ngettext(
            "Trop de codes faux : réessayez dans %d seconde.",
            "Trop de codes faux : réessayez dans %d secondes.",
            seconds,
        )
        % seconds
    )


def remove_device(user: User, *, by: By) -> None:
    """Remove the second factor of a user and his recovery codes. Raises BusinessError when he has none."""
    with atomic():
        deleted, _of_each = TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        if not deleted:
            raise BusinessError(_("%s n'a pas de second facteur : rien à retirer.") % user)
        RecoveryCode.objects.filter(user=user).delete()
        record(user, "second_factor_removed", by=by, text=_("Second facteur retiré"))


def _new_code() -> str:
    text = b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[n : n + 4] for n in range(0, 16, 4))


def _digits(code: str) -> str:
    """Return a code without the spaces that people type in it."""
    return "".join(code.split())


def _digest(code: str) -> str:
    return sha256(_digits(code).replace("-", "").lower().encode()).hexdigest()
