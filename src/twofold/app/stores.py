"""From a URL to an open store: the one table of schemes, imported only when asked for."""

from __future__ import annotations

import importlib
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import unquote, urlsplit

from twofold.clock import Clock
from twofold.config import Config
from twofold.errors import ConfigError, ExtraMissingError
from twofold.event_store.store import Log
from twofold.read.view_store import ViewStore

# scheme -> (module with open_log and open_views, extra that it needs)
SCHEMES: dict[str, tuple[str, str | None]] = {
    "memory": ("twofold.adapters.memory.opening", None),
    "sqlite": ("twofold.adapters.sqlite.opening", None),
}


class OpenViewStore(ViewStore, Protocol):
    """A view store with its end."""

    async def close(self) -> None:
        """Let go of files and connections."""


class Technology(Protocol):
    """What a technology's `opening` module has."""

    async def open_log(self, path: str, clock: Clock, config: Config) -> Log:
        """Open the log at *path*."""

    async def open_views(self, path: str, config: Config) -> OpenViewStore:
        """Open the view store at *path*."""


class StoreUrl(NamedTuple):
    """A store's URL in its two parts: `sqlite:///shop.db` is ("sqlite", "shop.db"), four slashes make it absolute."""

    scheme: str
    path: str


def parse_url(url: str) -> StoreUrl:
    """Split *url*. Raises ConfigError when no store answers to it."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or "://" not in url:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ConfigError([f"{url!r} names no store this twofold has; a URL starts with one of {known}"])
    if parts.netloc and parts.scheme == "sqlite":
        raise ConfigError(
            [f"{url!r}: write sqlite:///{parts.netloc}{parts.path} (three slashes, four for an absolute path)"]
        )
    path = unquote(parts.path[1:])
    if parts.scheme == "sqlite" and not path:
        raise ConfigError([f"{url!r} names no file: write sqlite:///name.db"])
    return StoreUrl(parts.scheme, path)


def views_url(log_url: str, given: str | None) -> str:
    """Where the views live: where *given* says, else beside the log."""
    if given is not None:
        return given
    scheme, path = parse_url(log_url)
    if scheme != "sqlite":
        return log_url
    beside = PurePath(path)
    return f"sqlite:///{beside.with_name(beside.stem + '.views' + (beside.suffix or '.db'))}"


def technology(scheme: str) -> Technology:
    """The adapter of *scheme*. Raises ExtraMissingError when what it needs is not installed."""
    module, extra = SCHEMES[scheme]
    try:
        loaded: Any = importlib.import_module(module)
    except ImportError as error:
        if extra is None:
            raise
        raise ExtraMissingError(extra, f"a store at {scheme}://") from error
    return cast("Technology", loaded)
