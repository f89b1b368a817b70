"""The front hall: what an app is made of, and how it is opened."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from twofold.app.catalog import Catalog, Parts
from twofold.clock import Clock
from twofold.config import Config
from twofold.pipeline.authorisation import Authorizer
from twofold.pipeline.middleware import Middleware
from twofold.read.raw_projector import Projector
from twofold.read.view import View
from twofold.runtime.alerts import AlertHook
from twofold.write.aggregate import Aggregate

if TYPE_CHECKING:  # loaded when an app is opened, so that a program which only lists its parts starts fast
    from twofold.app.open_app import OpenApp
    from twofold.app.sync_app import SyncApp


class PartLists(TypedDict, total=False):
    """The keywords of `Module` and `App`.

    aggregates: classes with `@decides` and `@evolves`.
    views: classes whose rows are folded from events.
    handlers: functions marked with `@handles`.
    queries: functions marked with `@answers`; a Query class here must be answered by one.
    projectors: raw projectors, as instances.
    upcasters: functions marked with `@upcasts`.
    commands: command classes that must be handled; those of aggregates and handlers are found by themselves.
    events: event classes that no fold, decision or handler names.
    """

    aggregates: Iterable[type[Aggregate]]
    views: Iterable[type[View]]
    handlers: Iterable[Callable[..., Any]]
    queries: Iterable[Any]
    projectors: Iterable[Projector]
    upcasters: Iterable[Callable[..., Any]]
    commands: Iterable[type]
    events: Iterable[type]


class Module:
    """A bounded context: a list of parts that an App includes, as web frameworks include routers."""

    def __init__(self, **parts: Unpack[PartLists]) -> None:
        """List the parts; see PartLists for what goes where."""
        lists: Mapping[str, Any] = parts
        self.parts = Parts(**{name: tuple(listed) for name, listed in lists.items()})


class App(Module):
    """An application: its parts, checked together when it is made. Raises WiringError with every fault.

    `name` is for people; `version` is the app's own. `middleware` surrounds commands and queries, the first outermost;
    `authorize(message, context)` must return True for a message to go on. The functions of `on_alert` are called with
    an `Alert` when something is wrong, and again when it is over.
    """

    def __init__(
        self,
        name: str,
        *,
        modules: Iterable[Module] = (),
        middleware: Sequence[Middleware] = (),
        authorize: Authorizer | None = None,
        on_alert: Sequence[AlertHook] = (),
        title: str | None = None,
        version: str = "0",
        **parts: Unpack[PartLists],
    ) -> None:
        """Put the app together from its own *parts* (see Module) and those of *modules*."""
        super().__init__(**parts)
        self.name = name
        self.title = title or name
        self.version = version
        self.middleware = tuple(middleware)
        self.authorize = authorize
        self.on_alert = tuple(on_alert)
        self.parts = self.parts.joined(module.parts for module in modules)
        self.catalog = Catalog(name, self.parts)

    def open(
        self,
        url: str | None = None,
        *,
        views: str | None = None,
        config: Config | None = None,
        workers: bool = True,
        clock: Clock | None = None,
    ) -> AbstractAsyncContextManager[OpenApp]:
        """Open the stores and run the app until the block ends; then finish what is under way and close.

        Args:
            url: of the log: `sqlite:///shop.db` (relative), `sqlite:////var/shop.db`, `memory://`; the
                configuration's `store` when None, and `sqlite:///twofold.db` when that is None too.
            views: of the rows; beside the log when None.
            config: settings; read from pyproject.toml and the environment when None.
            workers: whether projectors and other workers run in this process.
            clock: where time comes from; the system's when None.

        Raises:
            ConfigError: the settings are wrong, or no store answers to the URL.
            StoreUnusableError, StoreUnavailableError: the text says why, and what to do.
        """
        opening: AbstractAsyncContextManager[OpenApp] = importlib.import_module("twofold.app.opening").open_app(
            self, url, views, config, clock, workers=workers
        )
        return opening

    def sync(self, url: str | None = None, **options: Any) -> AbstractContextManager[SyncApp]:
        """The app for code without asyncio (scripts, Django): the same calls, on an event loop in a thread."""
        opening: AbstractContextManager[SyncApp] = importlib.import_module("twofold.app.sync_app").sync_app(
            self.open(url, **options)
        )
        return opening
