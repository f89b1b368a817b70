"""`GET /metrics` in the text format of Prometheus, when prometheus-client is installed."""

from __future__ import annotations

from twofold.errors import ExtraMissingError
from twofold.http_api.door import Door
from twofold.http_api.refusals import ExtraNotInstalledError
from twofold.http_api.request import Request
from twofold.http_api.response import NO_SNIFF, NO_STORE, Response
from twofold.http_api.router import Endpoint


def metrics_endpoint(door: Door) -> Endpoint:
    """Shows what is known of the door's app; answers also while its stores do not."""
    app, is_shared = door.app, door.settings.is_shared

    async def metrics(request: Request) -> Response:
        accept = request.headers.get(b"accept", b"").decode("latin-1")
        try:
            text, media_type = await app.metrics.exposition(accept, only_shared=is_shared)
        except ExtraMissingError as error:
            raise ExtraNotInstalledError(str(error)) from error
        return Response(200, [(b"content-type", media_type.encode()), NO_STORE, NO_SNIFF], text)

    return metrics
