"""What all endpoints share: the open app, who may ask, and the live answers that are open."""

from __future__ import annotations

from typing import NamedTuple

from twofold.app.open_app import OpenApp
from twofold.http_api.authentication import Authenticate, context_of
from twofold.http_api.live import LiveAnswers
from twofold.http_api.request import Request
from twofold.http_api.settings import HttpSettings
from twofold.pipeline.context import Context


class Door(NamedTuple):
    """One HTTP door into one open app."""

    app: OpenApp
    authenticate: Authenticate | None
    live: LiveAnswers
    settings: HttpSettings

    def knows_more(self, request: Request) -> bool:
        """Whether `context` would know anything; it saves most requests from asking."""
        return self.authenticate is not None or b"traceparent" in request.headers

    async def context(self, request: Request) -> Context | None:
        """Who is asking, or None when nothing is known. Raises UnauthenticatedError."""
        return await context_of(request, self.authenticate)
