"""A process of its own that folds the views of the post office: `python -m tests.faults.postgres.folding URL`.

With `--stop-at-save N` it stops itself (SIGSTOP) with the N-th batch in its hands, and says what became of that one
once it is continued. With `--careless` it then forces that batch on the store, and dies.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from tests.flows.team import POST
from twofold import Config
from twofold.adapters.postgres.opening import open_log, open_views
from twofold.app.wiring import wire
from twofold.clock import SystemClock
from twofold.errors import LeaseLostError
from twofold.testing.faults import NoFaults, Plan, faulty

LEASE_SECONDS = 0.5
CONFIG = Config(lease_seconds=LEASE_SECONDS, page_events=50, pool_size=3, retry_max=0.2, idle_wait=0.2, metrics=False)


class StopsAtSave:
    """Stops the process before the n-th save, and says what became of it."""

    def __init__(self, n: int) -> None:
        self._left = n

    async def run(self, method: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make every call."""
        self._left -= method == "save"
        if method != "save" or self._left:
            return await call()
        print("stopping", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            return await call()
        except LeaseLostError as error:
            print(f"refused: {error}", flush=True)
            raise


class Careless:
    """A view store that takes a batch whatever has happened since it was folded."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def save(self, generation: Any, shard: int, changes: Any, expected: Any, reached: Any, *more: Any) -> None:
        """Move the checkpoint from wherever it is."""
        at = await self._inner.checkpoint(generation, shard)
        fence = max(at.fence, reached.fence)
        await self._inner.save(generation, shard, changes, at.mark, reached._replace(fence=fence), *more)
        if expected != at.mark:
            print("saved", flush=True)
            os._exit(1)


async def fold(url: str, config: Config, *, stop_at: int, careless: bool) -> None:
    """Until somebody ends the process."""
    log = await open_log(url, SystemClock(), config)
    rows: Any = await open_views(url, config)
    plan: Plan = StopsAtSave(stop_at) if stop_at else NoFaults()
    app = wire(POST, config, SystemClock(), log, faulty(Careless(rows) if careless else rows, plan))
    await app.start(run_workers=True)
    print("up", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--stop-at-save", type=int, default=0)
    parser.add_argument("--careless", action="store_true")
    parser.add_argument("--lease-seconds", type=float, default=LEASE_SECONDS)
    options = parser.parse_args()
    config = replace(CONFIG, lease_seconds=options.lease_seconds)
    asyncio.run(fold(options.url, config, stop_at=options.stop_at_save, careless=options.careless))


if __name__ == "__main__":
    main()
