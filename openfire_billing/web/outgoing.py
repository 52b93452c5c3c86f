"""Requests to other servers: bounded in time, never redirected; to addresses that people typed, never to the inside of a
network.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from openfire_billing.kernel.errors import BusinessError

TIMEOUT = 10  # seconds for a whole request
MOST_READ = 65_536  # bytes of an answer
_EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))  # IPv6 addresses that stand for an IPv4 one


class AddressRefused(BusinessError):
    """Nothing is sent to this address."""

    code = "address_refused"


class NoAnswer(Exception):
    """The other side did not answer, or not within TIMEOUT."""


class NotReached(NoAnswer):
    """No connection was made: nothing was handed over."""


def refuse_address(url: str) -> None:
    """Raise AddressRefused for an address that is refused by its look alone: its name is not resolved."""
    _parts(url)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST a body. Returns the status of the answer, whose body is not read; a redirect is not followed.

    The name is resolved once: what is connected to is what was checked. Raises AddressRefused, NoAnswer.
    """
    scheme, host, port, path = _parts(url)
    address = _resolved(host, port)
    connection: HTTPConnection
    connection = _Pinned(host, port, address) if scheme == "https" else HTTPConnection(address, port, timeout=TIMEOUT)
    named = {**headers, "Host": _host_header(host, port, scheme)}
    status, _content = _exchange(connection, path, body, named, within=TIMEOUT)
    return status


def post_to_service(
    url: str, body: bytes, headers: Mapping[str, str], *, within: float | None = None, most: int = MOST_READ
) -> tuple[int, bytes]:
    """POST a body to an address of the settings, inside the network too. Returns the status and the start of the answer.

    `within`: seconds for the whole request, TIMEOUT when None. `most`: bytes read of the answer. A redirect is not followed. Raises NotReached
    when nothing was handed over, NoAnswer when something may have been.
    """
    return _ask_service("POST", url, body, headers, within=within, most=most)


def get_from_service(url: str, *, within: float | None = None, most: int = MOST_READ) -> tuple[int, bytes]:
    """GET an address of the settings, inside the network too. Returns and raises as `post_to_service`."""
    return _ask_service("GET", url, None, {"Accept": "application/json"}, within=within, most=most)


def _ask_service(
    method: str, url: str, body: bytes | None, headers: Mapping[str, str], *, within: float | None, most: int
) -> tuple[int, bytes]:
    within = TIMEOUT if within is None else within
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = kind(parts.hostname or "", parts.port, timeout=within)
    return _exchange(connection, path, body, headers, method=method, within=within, most=most)


def _exchange(
    connection: HTTPConnection,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    within: float,
    most: int = MOST_READ,
) -> tuple[int, bytes]:
    """Return the status and the first `most` bytes of an answer, within `within` seconds for all of it."""
    end = _End(connection)
    timer = Timer(within, end.cut)  # the timeout of a socket starts again with each byte
    timer.daemon = True
    timer.start()
    failed: type[NoAnswer] = NotReached
    try:
        connection.connect()
        failed = NoAnswer
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        status, content = answer.status, answer.read(most)
    except (OSError, HTTPException, ValueError) as failure:
        if end.is_over or isinstance(failure, TimeoutError):
            raise failed(_("Pas de réponse en %s secondes.") % f"{within:g}") from failure
        raise failed(_("Pas de réponse (%s).") % f"{type(failure).__name__}: {failure}"[:300]) from failure
    finally:
        timer.cancel()
        connection.close()
    if end.is_over:  # headers that are cut look complete
        raise NoAnswer(_("Pas de réponse en %s secondes.") % f"{within:g}")
    return status, content


class _End:
    """Ends a request that lasts too long."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self.is_over = False

    def cut(self) -> None:
        self.is_over = True
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class _Pinned(HTTPSConnection):
    """Connects to a checked address, and asks for the certificate of the name."""

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT, context=ssl.create_default_context())
        self._address = address

    def connect(self) -> None:
        raw = socket.create_connection((self._address, self.port), TIMEOUT)
        self.sock = raw  # so that it is cut in time during the handshake
        self.sock = self._context.wrap_socket(raw, server_hostname=self.host)


def _host_header(host: str, port: int, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == {"https": 443, "http": 80}[scheme] else f"{name}:{port}"


def _parts(url: str) -> tuple[str, str, int, str]:
    """Return (scheme, host, port, path with its query). Raises AddressRefused."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except (ValueError, UnicodeError) as wrong:
        raise AddressRefused(_("« %s » n'est pas une adresse : donnez-en une entière, en https.") % url) from wrong
    if not host or any(sign <= " " for sign in url):
        raise AddressRefused(_("« %s » n'est pas une adresse : donnez-en une entière, en https.") % url)
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(_("Une adresse ne porte ni nom ni mot de passe : la signature dit qui envoie."))
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOKS_LOOPBACK):
        raise AddressRefused(_("« %s » n'est pas en https : donnez une adresse chiffrée.") % url)
    try:
        literal: IPv4Address | IPv6Address | None = ip_address(host)
    except ValueError:
        literal = None
    if literal is not None and not _is_outside(literal):
        raise AddressRefused(_inside(host))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path


def _resolved(host: str, port: int) -> str:
    """Return the first address of a name. Raises AddressRefused when one of them is inside a network, NoAnswer."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:
        raise NoAnswer(_("Le nom « %s » n'existe pas, ou ne répond pas.") % host) from failure
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        if not _is_outside(ip_address(address)):
            raise AddressRefused(_inside(host))
    return addresses[0]


def _inside(host: str) -> str:
    return _("« %s » est une adresse intérieure, ou de cette machine : rien n'y est envoyé.") % host


def _is_outside(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is one of the Internet. The setting WEBHOOKS_LOOPBACK opens this machine, for tests."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_outside(address.ipv4_mapped)
        is_tunnel = address.sixtofour is not None or address.teredo is not None
        if is_tunnel or (not address.is_loopback and any(address in network for network in _EMBEDDING)):
            return False
    if address.is_loopback:
        return bool(settings.WEBHOOKS_LOOPBACK)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
