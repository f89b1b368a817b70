"""`GET /metrics` in the text format of Prometheus, when prometheus-client is installed."""

from __future__ import annotations

import importlib
from typing import Any

from twofold.errors import ExtraMissingError
from twofold.http_api.refusals import ExtraNotInstalledError
from twofold.http_api.request import Request
from twofold.http_api.response import NO_SNIFF, NO_STORE, Response


async def metrics(_: Request) -> Response:
    """What the process's default registry holds. Raises ExtraNotInstalledError, which names the extra."""
    client = _client()
    kind = client.CONTENT_TYPE_LATEST.encode()
    return Response(200, [(b"content-type", kind), NO_STORE, NO_SNIFF], client.generate_latest())


def _client() -> Any:
    try:
        return importlib.import_module("prometheus_client")
    except ImportError as error:
        raise ExtraNotInstalledError(str(ExtraMissingError("metrics", "/metrics"))) from error
