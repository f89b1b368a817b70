"""Customers of the shop, in a process of their own: `python -m tests.faults.chaos.customers LINK JOURNAL SECONDS SEED`.

They order, pay, change their minds and make mistakes over HTTP. Every request is made again under its key until it is
answered for good, and every answer is written down: the journal is what the shop has promised. It knows nothing of
twofold, or of how the shop works.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import httpx

CUSTOMERS = 12
ANSWER_SECONDS = 3.0
PATIENCE = 90.0
DEPARTMENTS = ["dairy", "bakery", "fruit"]
PRODUCTS = [f"product-{number}" for number in range(30)]


class Journal:
    """What customers were told, a line each; written before anybody goes on."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, **entry: Any) -> None:
        """Add an entry."""
        self._file.write(json.dumps(entry) + "\n")
        self._file.flush()


class Customer:
    """One customer, who does one thing at a time."""

    def __init__(self, name: str, http: httpx.AsyncClient, journal: Journal, rng: random.Random) -> None:
        self.name, self._http, self._journal, self._rng = name, http, journal, rng
        self._orders = 0

    async def buy_until(self, deadline: float) -> None:
        """One order after another."""
        while time.monotonic() < deadline:
            self._orders += 1
            await self._buy(f"{self.name}-{self._orders}")

    async def _buy(self, order_id: str) -> None:
        order = self._order(order_id)
        await self._send("PlaceOrder", order, shows="placed")
        paid = {"order_id": order_id, "paid_at": "2026-03-01T10:05:00Z"}
        amount = sum(Decimal(line["value"]) for line in order["lines"])
        if self._rng.random() < 0.2:
            await self._send("PayOrder", paid | {"amount": str(amount + 1)}, key="too-much", shows="placed")
        if self._rng.random() < 0.2:
            await self._cancel(order_id)
            await self._send("PayOrder", paid | {"amount": str(amount)}, shows="cancelled")
            return
        await self._send("PayOrder", paid | {"amount": str(amount)}, shows="paid")
        if self._rng.random() < 0.2:
            await self._cancel(order_id)
        elif self._rng.random() < 0.8:
            shipped = {"order_id": order_id, "shipped_at": "2026-03-01T10:06:00Z"}
            await self._send("ShipOrder", shipped, shows="shipped")

    async def _cancel(self, order_id: str) -> None:
        cancelled = {"order_id": order_id, "reason": "changed my mind", "cancelled_at": "2026-03-01T10:07:00Z"}
        await self._send("CancelOrder", cancelled, shows="cancelled")

    def _order(self, order_id: str) -> dict[str, Any]:
        chosen = self._rng.sample(PRODUCTS, self._rng.randint(1, 4))
        lines = [
            {
                "product_id": product,
                "department": DEPARTMENTS[PRODUCTS.index(product) % len(DEPARTMENTS)],
                "quantity": self._rng.randint(1, 5),
                "value": f"{self._rng.randint(1, 5000) / 100:.2f}",
            }
            for product in chosen
        ]
        day = f"2026-03-{self._rng.randint(1, 5):02}"
        return {
            "order_id": order_id,
            "customer_id": self.name,
            "store_id": "store-1",
            "placed_at": f"{day}T10:00:00Z",
            "business_day": day,
            "lines": lines,
        }

    async def _send(self, command: str, body: dict[str, Any], *, shows: str, key: str = "") -> None:
        """Send it until it is answered for good; then look, as who sent it, what the page of the order shows."""
        headers = {"Idempotency-Key": f"{command} {body['order_id']} {key}".strip()}
        answer = await self._asked("POST", f"/commands/{command}", headers, body)
        self._journal.write(
            key=headers["Idempotency-Key"], command=command, body=body, status=answer.status_code, answer=answer.json()
        )
        token = answer.headers.get("Twofold-Token")
        if token is not None:
            page = await self._asked("GET", f"/views/OrderPage/{body['order_id']}", {"Twofold-After": token})
            found = page.json().get("status") if page.is_success else page.status_code
            if found != shows:
                self._journal.write(stale=body["order_id"], expected=shows, found=found)

    async def _asked(
        self, method: str, path: str, headers: dict[str, str], body: dict[str, Any] | None = None
    ) -> httpx.Response:
        """The answer, asked for again while there is none or it is 503. Raises TimeoutError when nobody answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = await self._http.request(method, path, headers=headers, json=body)
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    return answer
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1 * self._rng.random())
        raise TimeoutError(f"{path} was not answered within {PATIENCE} s")


async def buy(link: str, path: Path, seconds: float, seed: int) -> None:
    """All customers, for so long."""
    rng, deadline = random.Random(seed), time.monotonic() + seconds
    limits = httpx.Limits(max_connections=CUSTOMERS, max_keepalive_connections=CUSTOMERS)
    with path.open("w") as file:
        journal = Journal(file)
        async with (
            httpx.AsyncClient(base_url=link, timeout=ANSWER_SECONDS, limits=limits) as http,
            asyncio.TaskGroup() as buying,
        ):
            for number in range(CUSTOMERS):
                customer = Customer(f"customer{number}", http, journal, random.Random(rng.getrandbits(64)))
                buying.create_task(customer.buy_until(deadline))


if __name__ == "__main__":
    asyncio.run(buy(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
