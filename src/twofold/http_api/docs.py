"""`/docs`: a page from the wheel that lists the operations and lets one try them. No CDN, no build, strict CSP."""

from __future__ import annotations

from importlib.resources import files

from twofold.http_api.refusals import Header
from twofold.http_api.request import Request
from twofold.http_api.response import NO_SNIFF, Response
from twofold.http_api.router import Endpoint

_FILES = {
    "/docs": ("docs.html", b"text/html; charset=utf-8"),
    "/docs/docs.js": ("docs.js", b"text/javascript; charset=utf-8"),
    "/docs/docs.css": ("docs.css", b"text/css; charset=utf-8"),
}
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SAFE: tuple[Header, ...] = (
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
    NO_SNIFF,
)


def docs_endpoints() -> dict[str, Endpoint]:
    """The page and its two files, by path."""
    return {path: _file(name, kind) for path, (name, kind) in _FILES.items()}


def _file(name: str, kind: bytes) -> Endpoint:
    content = files("twofold.http_api").joinpath("static", name).read_bytes()

    async def serve(_: Request) -> Response:
        return Response(200, [(b"content-type", kind), *_SAFE], content)

    return serve
