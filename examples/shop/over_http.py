"""The way into the shop over HTTP: what any other program would do."""

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from examples.shop.doors import lag_words
from examples.shop.journey import Step
from twofold import Rejected, UnavailableError

TRIES = 30
_DOMAIN_SAID_NO = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}


def client(url: str) -> httpx.AsyncClient:
    """A client of the shop at *url* that keeps its connections."""
    limits = httpx.Limits(max_connections=OverHttp.at_once, max_keepalive_connections=OverHttp.at_once)
    return httpx.AsyncClient(base_url=url, timeout=30, limits=limits)


class OverHttp:
    """A shop that somebody serves, as a `doors.Door`.

    A request that was not answered, or with 503, is made again: its idempotency key makes that safe.
    """

    at_once = 32

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def send(self, step: Step) -> object:
        """POST the command. Raises Rejected when a rule refuses it, UnavailableError when the shop stays silent."""
        path = f"/commands/{type(step.command).__name__}"
        body = msgspec.json.encode(step.command)
        headers = {"Content-Type": "application/json", "Idempotency-Key": step.key}
        for _ in range(TRIES):
            response = await self._post(path, body, headers)
            if response is not None:
                return _receipt(response)
            await asyncio.sleep(1)
        raise UnavailableError(f"{self._client.base_url} did not answer {TRIES} times")

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response | None:
        try:
            response = await self._client.post(path, content=body, headers=headers)
        except httpx.TransportError:
            return None
        return None if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE else response

    async def latest(self) -> datetime | None:
        """The latest order of the page view."""
        response = await self._client.get("/views/OrderPage", params={"sort": "-placed_at", "limit": 1})
        items = response.raise_for_status().json()["items"]
        return datetime.fromisoformat(items[0]["placed_at"]) if items else None

    async def lag(self) -> str:
        """What the shop says of its own health."""
        try:
            answer = (await self._client.get("/health/ready")).json()
        except (httpx.TransportError, ValueError):
            return "not known: the shop does not answer"
        if "views" not in answer:
            return str(answer.get("detail", "not ready"))
        return lag_words(max((view["lag_seconds"] for view in answer["views"]), default=0.0))


def _receipt(response: httpx.Response) -> Any:
    answer = response.json()
    if response.is_success:
        return answer
    if response.status_code in _DOMAIN_SAID_NO:
        raise Rejected(answer["code"], answer.get("detail", ""))
    raise RuntimeError(f"{response.status_code} {answer.get('code')}: {answer.get('detail')}")
