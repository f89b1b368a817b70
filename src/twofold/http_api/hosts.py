"""Whether a request's Host header names this server: the guard against DNS rebinding."""

from __future__ import annotations

from twofold.http_api.refusals import WrongHostError
from twofold.http_api.request import Request
from twofold.http_api.settings import LOOPBACK_ADDRESSES, LOOPBACK_NAMES

_REMEMBERED = 256


class HostCheck:
    """Lets through the names of the settings; without any, loopback names on a loopback address and all elsewhere."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self._names = frozenset(name.lower().encode() for name in allowed)
        self._loopback_names = frozenset(name.encode() for name in LOOPBACK_NAMES)
        self._passed: set[tuple[str, bytes]] = set()

    def check(self, request: Request) -> None:
        """Raise WrongHostError when the Host header names another server, or none."""
        server = request.scope.get("server")
        address: str = server[0] if server else ""
        known = (address, request.headers.get(b"host", b""))
        if known in self._passed:
            return
        names = self._names or (self._loopback_names if address in LOOPBACK_ADDRESSES else None)
        if names is not None and _name(known[1]) not in names:
            raise WrongHostError("the Host header does not name this server; see the setting allowed_hosts")
        if len(self._passed) < _REMEMBERED:
            self._passed.add(known)


def _name(host: bytes) -> bytes:
    """The name in `name:port`, lower case; brackets of an IPv6 address stay."""
    host = host.strip().lower()
    head, colon, port = host.rpartition(b":")
    return head if colon and port.isdigit() else host
