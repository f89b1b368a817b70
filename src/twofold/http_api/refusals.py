"""What only a door can refuse: methods, media types, hosts, slow bodies. Each carries its own status."""

from __future__ import annotations

from collections.abc import Sequence

from twofold.errors import InputError

Header = tuple[bytes, bytes]


class HttpRefusalError(InputError):
    """A request that HTTP itself rules out. `status` is the answer's, `headers` go with it."""

    code = "bad-request"
    status = 400
    headers: tuple[Header, ...] = ()


class PathUnknownError(HttpRefusalError):
    """Nothing lives at this path."""

    code = "unknown-path"
    status = 404


class MethodNotAllowedError(HttpRefusalError):
    """The path exists, but not for this method; `Allow` lists those it has."""

    code = "method-not-allowed"
    status = 405

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        listed = ", ".join(allowed)
        super().__init__(f"{method[:32]!r} is not allowed here; allowed: {listed}")
        self.headers = ((b"allow", listed.encode()),)


class BodyTooSlowError(HttpRefusalError):
    """The body did not arrive in time."""

    code = "body-too-slow"
    status = 408


class MediaTypeError(HttpRefusalError):
    """The body is not sent as plain `application/json`."""

    code = "unsupported-media-type"
    status = 415
    headers = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))


class WrongHostError(HttpRefusalError):
    """The Host header names a host that this server does not answer to (DNS rebinding)."""

    code = "wrong-host"
    status = 421


class TooManyRequestsError(HttpRefusalError):
    """More is open at once than the settings allow."""

    code = "too-many-requests"
    status = 429
    headers = ((b"retry-after", b"1"),)


class ExtraNotInstalledError(HttpRefusalError):
    """The path needs an optional part that is not installed; the text names the pip command."""

    code = "extra-missing"
    status = 501


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete; nobody is there to answer."""
