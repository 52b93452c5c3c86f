"""Sessions of users: registered at login, listed, ended. Ending one deletes Django's session, hence its cookie's use."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from invoicing.models import LoginFailure, UserSession
from invoicing.services.records.history import record
from openfire_billing.db.people import By
from openfire_billing.db.transactions import atomic

OFFICE_LASTS = timedelta(hours=12)
IDLE = timedelta(minutes=30)  # without an act of the person, the office asks the password again
PHONE_LASTS = timedelta(days=90)
KEPT = timedelta(days=90)  # how long the rows of ended sessions are kept


def register_session(
    user: User, *, key: str, scope: str, device: str, address: str, at: datetime, expires_at: datetime
) -> None:
    """Write the row of a session that begins, or that its user opens again. `key`: the key of Django's session."""
    values = {
        "user": user,
        "scope": scope,
        "device": device,
        "address": address,
        "last_act_at": at,
        "expires_at": expires_at,
        "ended_at": None,
    }
    if not UserSession.objects.filter(session_key=key).update(**values):
        UserSession.objects.create(session_key=key, created_at=at, **values)


def note_act(key: str, *, at: datetime) -> None:
    """Write the moment of the last act of a session."""
    UserSession.objects.filter(session_key=key).update(last_act_at=at)


def follow_key(old: str, new: str, *, at: datetime) -> None:
    """Give the row of a session its new key, or end it when the new key has a row: another user has logged in."""
    row = UserSession.objects.filter(session_key=old)
    if UserSession.objects.filter(session_key=new).exists():
        row.update(ended_at=at)
    else:
        row.update(session_key=new, ended_at=None)


def sessions_of(user: User, *, at: datetime) -> list[UserSession]:
    """Return the open sessions of a user, the last used first."""
    return list(UserSession.objects.filter(user=user).live(at))


def tokens_of(user: User, *, at: datetime) -> list[AuthToken]:
    """Return the valid API tokens of a user, the newest first."""
    return [token for token in AuthToken.objects.filter(user=user).order_by("-created") if _is_valid(token, at)]


def _is_valid(token: AuthToken, at: datetime) -> bool:
    return token.expiry is None or token.expiry > at


def end_session(session: UserSession, *, by: By, at: datetime) -> None:
    """End one session. A session ended by somebody else than its user is in the journal of the account."""
    _end([session], at=at)
    if by != session.user:
        record(session.user, "session_ended", by=by, text=_("Session terminée : %s") % session)


def end_key(key: str, *, at: datetime) -> None:
    """Write that a session has ended: its user has logged out."""
    UserSession.objects.filter(session_key=key, ended_at__isnull=True).update(ended_at=at)


def end_sessions(user: User, *, keep: str = "", at: datetime) -> int:
    """End the open sessions of a user, except the one of key `keep`. Returns how many have ended."""
    ended = list(UserSession.objects.filter(user=user).live(at).exclude(session_key=keep))
    _end(ended, at=at)
    return len(ended)


def _end(sessions: Iterable[UserSession], *, at: datetime) -> None:
    """Django's own row is deleted, so that the next request with its cookie is nobody's."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    with atomic():
        for session in sessions:
            store(session.session_key).delete()
            session.ended_at = at
            session.save(update_fields=["ended_at"])


def revoke_token(user: User, token_key: str, *, by: By) -> bool:
    """Delete the API token of a user that begins with `token_key`. Returns whether there was one."""
    deleted, _of_each = AuthToken.objects.filter(user=user, token_key=token_key).delete()
    if deleted and by != user:
        record(user, "token_revoked", by=by, text=_("Programme déconnecté : jeton %s…") % token_key[:8])
    return bool(deleted)


def forget_old_access(*, now: datetime) -> int:
    """Delete expired sessions of Django, rows of sessions that ended long ago, failed logins of the days before.

    Returns how many rows of ours.
    """
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    old_sessions = UserSession.objects.filter(expires_at__lt=now - KEPT).delete()[0]
    ended = UserSession.objects.filter(ended_at__lt=now - KEPT).delete()[0]
    failures = LoginFailure.objects.filter(at__lt=now - timedelta(days=1)).delete()[0]
    return old_sessions + ended + failures
