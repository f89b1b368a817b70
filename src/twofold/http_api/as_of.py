"""`Twofold-As-Of`: a row as it was at a position, a time or a token."""

from __future__ import annotations

from twofold.errors import MalformedError
from twofold.event_store.moment import Moment, read_moment
from twofold.http_api.preferences import wants_live
from twofold.http_api.request import Request

_AS_OF = b"twofold-as-of"


def moment_of(request: Request) -> Moment | None:
    """The moment that the request asks for as of, or None for now.

    Raises MomentUnknownError when it is none, MalformedError when the request asks for the future as well.
    """
    text = request.text(_AS_OF)
    if text is None:
        return None
    if b"twofold-after" in request.headers:
        raise MalformedError("Twofold-As-Of and Twofold-After exclude each other: the past does not become newer")
    if wants_live(request):
        raise MalformedError("Twofold-As-Of and text/event-stream exclude each other: the past does not change")
    return read_moment(text)


def refuse_moment(request: Request) -> None:
    """Raise MalformedError when the request asks as of a moment, where only now can be answered."""
    if _AS_OF in request.headers:
        raise MalformedError("Twofold-As-Of is answered for one row only: GET /views/{View}/{key}")
