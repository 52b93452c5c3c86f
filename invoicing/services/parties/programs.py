"""Accounts and keys of programs: made, revoked, recognised."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from invoicing.models import CompanyAccess, ServiceAccount, ServiceKey
from invoicing.services.access.guesses import note_wrong_key, refuse_guessed_key
from invoicing.services.locks import lock_record
from invoicing.services.records.history import record
from invoicing.services.records.saving import save_record
from openfire_billing.db.areas import area_of_permission, areas
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic
from openfire_billing.kernel.errors import BusinessError

BEGINNING = "ofb_"
USED_WITHIN = timedelta(minutes=1)  # the moment of the last use is written once in that time
RIGHTS = ("read", "write")


class WrongKey(BusinessError):
    """The key is of no program, or is revoked, or its account is closed."""

    code = "invalid_key"


def save_account(
    account: ServiceAccount | None, values: Mapping[str, object], *, seen: int | None = None, by: By
) -> ServiceAccount:
    """Save the account of a program. A new one gets a user without a password.

    Raises ValidationError; BusinessError when it no longer exists, StaleForm when its version is not `seen`.
    """
    with atomic():
        if account is None:
            user = User(username=f"programme.{secrets.token_hex(4)}", is_staff=False)
            user.set_unusable_password()
            user.save()
            account = ServiceAccount(user=user)
        saved = save_record(account, values=values, seen=seen, by=by)
        saved.user.username = f"programme.{slugify(saved.name)[:100] or 'sans-nom'}.{saved.pk}"
        saved.user.last_name = saved.name
        saved.user.save(update_fields=["username", "last_name"])
        saved.user.groups.set([saved.role])
        CompanyAccess.objects.filter(user=saved.user_id).exclude(company=saved.company_id).delete()
        CompanyAccess.objects.get_or_create(user_id=saved.user_id, company_id=saved.company_id)
    return saved


def close_account(account: ServiceAccount, *, seen: int | None = None, by: By) -> ServiceAccount:
    """Close the account of a program: its keys are revoked. Raises BusinessError when it is closed, StaleForm."""
    with atomic():
        locked = lock_record(account, seen=seen)
        if not locked.is_open:
            raise BusinessError(_("%s est déjà fermé.") % locked)
        locked.keys.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
        _switch(locked.user, is_active=False)
        record(locked, "closed", by=by, text=_("Programme fermé : ses clés ne valent plus rien"))
    return locked


def open_account(account: ServiceAccount, *, seen: int | None = None, by: By) -> ServiceAccount:
    """Open a closed account again; it needs a new key. Raises BusinessError when it is open, StaleForm."""
    with atomic():
        locked = lock_record(account, seen=seen)
        if locked.is_open:
            raise BusinessError(_("%s est déjà ouvert.") % locked)
        _switch(locked.user, is_active=True)
        record(locked, "opened", by=by, text=_("Programme rouvert"))
    return locked


def _switch(user: User, *, is_active: bool) -> None:
    user.is_active = is_active
    user.save(update_fields=["is_active"])


def make_key(
    account: ServiceAccount, *, name: str, rights: Mapping[str, str], seen: int | None = None, by: By
) -> tuple[ServiceKey, str]:
    """Make a key of a program. Returns it and its text, which is stored nowhere.

    `rights`: {area: "read" or "write"}. Raises BusinessError: no right, a name that a live key has, a closed account;
    StaleForm.
    """
    known = {area.code for area in areas()}
    given = {area: right for area, right in rights.items() if area in known and right in RIGHTS}
    if not given:
        raise BusinessError(_("Cette clé n'ouvrirait rien : donnez-lui au moins un droit."))
    with atomic():
        locked = lock_record(account, seen=seen)
        if not locked.is_open:
            raise BusinessError(_("%s est fermé : rouvrez-le d'abord.") % locked)
        if locked.keys.filter(name=name, revoked_at__isnull=True).exists():
            raise BusinessError(_("« %s » a déjà une clé de ce nom : révoquez-la, ou donnez un autre nom.") % locked)
        prefix, secret = f"{BEGINNING}{secrets.token_hex(4)}", secrets.token_urlsafe(32)
        text = f"{prefix}_{secret}"
        key = ServiceKey.objects.create(account=locked, name=name, prefix=prefix, digest=_digest(text), areas=given)
        record(locked, "key_made", by=by, text=_("Clé créée : %s") % key)
    return key, text


def revoke_key(account: ServiceAccount, key: int, *, seen: int | None = None, by: By) -> ServiceAccount:
    """Revoke a key of a program, at once. Raises BusinessError when the program has no such live key, StaleForm."""
    with atomic():
        locked = lock_record(account, seen=seen)
        found = locked.keys.filter(pk=key, revoked_at__isnull=True).first()
        if found is None:
            raise BusinessError(_("Cette clé est déjà révoquée : rechargez la page."))
        found.revoked_at = timezone.now()
        found.save(update_fields=["revoked_at"])
        record(locked, "key_revoked", by=by, text=_("Clé révoquée : %s") % found)
    return locked


def key_of(text: str, *, address: str, at: datetime) -> ServiceKey:
    """Return the live key of this text, and note that it is used.

    Raises WrongKey, which counts as an attempt of `address`; TooManyGuesses.
    """
    prefix = text[: len(BEGINNING) + 8]
    refuse_guessed_key(account=prefix, address=address, at=at)
    key = ServiceKey.objects.select_related("account__user").filter(prefix=prefix).first()
    is_right = compare_digest(key.digest if key else "", _digest(text))
    if key is None or not is_right or key.revoked_at is not None or not key.account.is_open:
        note_wrong_key(account=prefix, address=address, at=at)
        raise WrongKey(_("Cette clé n'est pas connue, ou ne vaut plus rien : demandez-en une à un gestionnaire."))
    if key.last_used_at is None or key.last_used_at <= at - USED_WITHIN:
        ServiceKey.objects.filter(pk=key.pk).update(last_used_at=at)
    return key


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def user_by(key: ServiceKey) -> User:
    """Return the user of a program, limited to the rights of the key that it came in by (`is_open_to`)."""
    user = key.account.user
    user.service_key = key  # type: ignore[attr-defined]  # of this request alone: read by `is_open_to`
    return user


def is_open_to(user: User | AnonymousUser, permission: str) -> bool:
    """Return whether the key of the request leaves a permission to its user; True for people, who have none."""
    key: ServiceKey | None = getattr(user, "service_key", None)
    if key is None:
        return True
    area, right = area_of_permission(permission)
    return bool(area) and key.may(area, right)
