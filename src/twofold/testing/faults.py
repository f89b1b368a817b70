"""Ports that fail on purpose: `faulty(port, plan)` puts every call of a port through a plan."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar, cast

from twofold.errors import StoreUnavailableError
from twofold.event_store.bulk import Bulk
from twofold.event_store.leases import Leases
from twofold.event_store.store import CommandQueue, EventStore, Log, Outcomes, Snapshots, Transaction, Transactions
from twofold.event_store.write import Write, WriteResult

P = TypeVar("P")
T = TypeVar("T")


class CrashError(BaseException):
    """Stands for the death of the process: no `except Exception` on the way may survive it."""


class Plan(Protocol):
    """What happens to the calls of the ports that share it."""

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Answer a call of *method*; `await call()` makes it, as often as the plan likes."""


class _Nth:
    """Counts the calls that a plan is about, and finds the n-th (from 1)."""

    def __init__(self, n: int, method: str | None) -> None:
        if n < 1:
            raise ValueError("calls are counted from 1")
        self._left = n
        self._method = method

    def is_due(self, method: str) -> bool:
        """Count this call; True when it is the n-th."""
        if self._method not in (None, method):
            return False
        self._left -= 1
        return self._left == 0


class NoFaults:
    """Injects nothing; `calls` lists the methods called, so that a test can fail at each of them in turn."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call and note it."""
        self.calls.append(method)
        return await call()


class FailAt:
    """The n-th call (of *method*, if given) is not made and raises *error*."""

    def __init__(self, n: int, method: str | None = None, error: Exception | None = None) -> None:
        self._nth = _Nth(n, method)
        self._error = error or StoreUnavailableError("injected: the store does not answer")

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Fail the n-th call, make the others."""
        if self._nth.is_due(method):
            raise self._error
        return await call()


class LoseAnswerAt:
    """The n-th call is made, but its answer is lost: StoreUnavailableError, the outcome unknown to the caller."""

    def __init__(self, n: int, method: str | None = None) -> None:
        self._nth = _Nth(n, method)

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make every call; keep the n-th one's answer back."""
        is_due = self._nth.is_due(method)
        answer = await call()
        if is_due:
            raise StoreUnavailableError("injected: the answer was lost")
        return answer


class CrashAfter:
    """The n-th call is made and then the process is dead: CrashError, then and for every later call (never made)."""

    def __init__(self, n: int, method: str | None = None) -> None:
        self._nth = _Nth(n, method)
        self._is_dead = False

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the calls up to the n-th."""
        if self._is_dead:
            raise CrashError(f"injected: dead before {method}")
        self._is_dead = self._nth.is_due(method)
        answer = await call()
        if self._is_dead:
            raise CrashError(f"injected: dead after {method}")
        return answer


class DuplicateAt:
    """The n-th call is made twice, as by a caller that asks again; the second answer counts."""

    def __init__(self, n: int, method: str | None = None) -> None:
        self._nth = _Nth(n, method)

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make every call, the n-th one twice."""
        if self._nth.is_due(method):
            await call()
        return await call()


class DelayAt:
    """The n-th call waits: it sets `arrived`, and is made once the test sets `go_on`."""

    def __init__(self, n: int, method: str | None = None) -> None:
        self._nth = _Nth(n, method)
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make every call, the n-th one when it may."""
        if self._nth.is_due(method):
            self.arrived.set()
            await self.go_on.wait()
        return await call()


class OvertakeAt:
    """The n-th call is overtaken: it is made after the next call of the same method has been answered."""

    def __init__(self, n: int, method: str | None = None) -> None:
        self._nth = _Nth(n, method)
        self._held: str | None = None
        self.arrived = asyncio.Event()
        self._overtaken = asyncio.Event()

    async def run(self, method: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make every call, the n-th one after its successor."""
        if self._nth.is_due(method):
            self._held = method
            self.arrived.set()
            await self._overtaken.wait()
            return await call()
        try:
            return await call()
        finally:
            if method == self._held:
                self._overtaken.set()


class _Faulty:
    """A port behind a plan. Coroutine methods and units of work go through it; whatever else is passed on."""

    def __init__(self, port: object, plan: Plan) -> None:
        self._port = port
        self._plan = plan

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """That of the port: what is asked with `isinstance` whether it can do more has to say so behind a plan too."""
        return type(self._port)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        if inspect.iscoroutinefunction(member):
            return self._through_plan(name, member)
        return member

    def _through_plan(self, name: str, member: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **keywords: Any) -> Any:
            return await self._plan.run(name, lambda: member(*args, **keywords))

        return call


def faulty(port: P, plan: Plan) -> P:
    """*port* with every call put through *plan*. One plan may serve several ports: it counts all their calls."""
    return cast("P", _Faulty(port, plan))


class FaultyTransactions:
    """Units of work whose beginning, appends and commit go through a plan (`begin`, `append`, `commit`)."""

    def __init__(self, inner: Transactions, plan: Plan) -> None:
        self._inner = inner
        self._plan = plan

    def begin(self, timeout: float) -> AbstractAsyncContextManager[Any]:
        """See Transactions.begin."""
        return self._through_plan(self._inner.begin(timeout))

    @asynccontextmanager
    async def _through_plan(self, unit: AbstractAsyncContextManager[Any]) -> AsyncIterator[Any]:
        transaction = await unit.__aenter__()
        ending = _Once(lambda: unit.__aexit__(None, None, None))
        try:
            await self._plan.run("begin", _nothing)
            yield FaultyTransaction(transaction, self._plan)
            await self._plan.run("commit", ending.run)
        except BaseException as error:
            if not ending.has_run:
                await unit.__aexit__(type(error), error, error.__traceback__)
            raise


class FaultyTransaction:
    """A unit of work behind a plan. A copy of a call has no effect: nobody asks twice within one transaction."""

    def __init__(self, inner: Transaction, plan: Plan) -> None:
        self._inner = inner
        self._plan = plan
        self.connection = inner.connection

    async def append(self, write: Write) -> WriteResult:
        """See Transaction.append."""
        return await self._plan.run("append", _Once(lambda: self._inner.append(write)).run)


class _Once(Generic[T]):
    """A call that is made once, however often a plan asks for it; the copies get its answer."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._answers: list[T] = []
        self.has_run = False

    async def run(self) -> T:
        if not self.has_run:
            self.has_run = True
            self._answers.append(await self._call())
        return self._answers[0]


async def _nothing() -> None: ...


class FaultyLog:
    """A log whose ports all share one plan."""

    def __init__(self, inner: Log, plan: Plan) -> None:
        self._inner = inner
        self.events: EventStore = faulty(inner.events, plan)
        self.outcomes: Outcomes = faulty(inner.outcomes, plan)
        self.snapshots: Snapshots = faulty(inner.snapshots, plan)
        self.queue: CommandQueue = faulty(inner.queue, plan)
        self.leases: Leases = faulty(inner.leases, plan)
        self.bulk: Bulk = faulty(inner.bulk, plan)
        self.transactions: Transactions | None = inner.transactions and FaultyTransactions(inner.transactions, plan)

    async def renew_epoch(self) -> str:
        """Renew the epoch; that never fails on purpose."""
        return await self._inner.renew_epoch()

    async def close(self) -> None:
        """Close the log; that never fails on purpose."""
        await self._inner.close()
