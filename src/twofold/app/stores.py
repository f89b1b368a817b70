"""From a URL to an open store: the one table of schemes, imported only when asked for."""

from __future__ import annotations

import importlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import PurePath
from typing import Any, Literal, NamedTuple, Protocol, cast
from urllib.parse import unquote, urlsplit

from twofold.adapters.sql.migration import Migration
from twofold.clock import Clock, SystemClock
from twofold.config import Config
from twofold.errors import ConfigError, ExtraMissingError, StoreUnusableError
from twofold.event_store.store import Log
from twofold.read.view_store import ViewStore
from twofold.runtime.finding import Finding

# scheme -> (module with open_log and open_views, extra that it needs)
SCHEMES: dict[str, tuple[str, str | None]] = {
    "memory": ("twofold.adapters.memory.opening", None),
    "sqlite": ("twofold.adapters.sqlite.opening", None),
    "postgresql": ("twofold.adapters.postgres.opening", "postgres"),
}
_PASSWORDS = (
    re.compile(r"(?P<before>:/*[^/@:?]*:).*(?P<after>@)", re.DOTALL),
    re.compile(r"(?P<before>[?&][^=&]*password=)[^&]*(?P<after>&|$)", re.IGNORECASE),
)
Role = Literal["log", "views"]
ALIASES = {"postgres": "postgresql"}


class OpenViewStore(ViewStore, Protocol):
    """A view store with its end."""

    async def close(self) -> None:
        """Let go of files and connections."""


class Schema(Protocol):
    """What one store's tables look like, made step by step by numbered migrations."""

    async def pending(self) -> list[Migration]:
        """The migrations that the store does not have, in order; nothing is changed, and nothing made.

        Raises StoreUnusableError when the store is newer than this code, or none of ours.
        """

    async def migrate(self) -> list[Migration]:
        """Apply them, each whole or not at all, in turns with whoever else does; returns those applied here."""

    def script(self, steps: Sequence[Migration]) -> str:
        """The SQL that does the same, for the database's own shell."""


class Technology(Protocol):
    """What a technology's `opening` module has."""

    def schema(self, path: str, role: Role, config: Config) -> Schema:
        """The schema of the store at *path* in *role*."""

    async def examine(self, path: str, roles: Sequence[Role], config: Config) -> list[Finding]:
        """What there is to say of the store at *path* without changing it, when it serves in *roles*."""

    async def open_log(self, path: str, clock: Clock, config: Config) -> Log:
        """Open the log at *path*."""

    async def open_views(self, path: str, config: Config) -> OpenViewStore:
        """Open the view store at *path*."""


class StoreUrl(NamedTuple):
    """A store's URL in its two parts: `sqlite:///shop.db` is ("sqlite", "shop.db"), four slashes make it absolute.

    A server's URL is its own path.
    """

    scheme: str
    path: str


def parse_url(url: str) -> StoreUrl:
    """Split *url*. Raises ConfigError when no store answers to it."""
    parts = urlsplit(url)
    scheme = ALIASES.get(parts.scheme, parts.scheme)
    if scheme not in SCHEMES or "://" not in url:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise ConfigError([f"{public(url)!r} names no store this twofold has; a URL starts with one of {known}"])
    if scheme == "postgresql":
        return StoreUrl(scheme, url)
    if parts.netloc and parts.scheme == "sqlite":
        raise ConfigError(
            [f"{url!r}: write sqlite:///{parts.netloc}{parts.path} (three slashes, four for an absolute path)"]
        )
    path = unquote(parts.path[1:])
    if parts.scheme == "sqlite" and not path:
        raise ConfigError([f"{url!r} names no file: write sqlite:///name.db"])
    return StoreUrl(parts.scheme, path)


def public(url: str) -> str:
    """*url* as people may see it: without a password."""
    for password in _PASSWORDS:
        url = password.sub(r"\g<before>***\g<after>", url)
    return url


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


async def examine(log_url: str, rows_url: str, config: Config) -> list[Finding]:
    """What there is to say of the stores of log and rows before they are opened; nothing is changed.

    Raises ConfigError, ExtraMissingError, StoreUnusableError and StoreUnavailableError.
    """
    roles: dict[StoreUrl, list[Role]] = {parse_url(log_url): ["log"]}
    roles.setdefault(parse_url(rows_url), []).append("views")
    return [
        finding
        for at, serves in roles.items()
        for finding in await technology(at.scheme).examine(at.path, serves, config)
    ]


def schema_of(url: str, role: Role, config: Config) -> Schema:
    """The schema of the store at *url*. Raises ConfigError and ExtraMissingError."""
    scheme, path = parse_url(url)
    return technology(scheme).schema(path, role, config)


async def refuse_pending(url: str, role: Role, config: Config) -> None:
    """Raises StoreUnusableError, naming the remedy, when the store at *url* lacks a migration."""
    missing = await schema_of(url, role, config).pending()
    if missing:
        names = ", ".join(f"{step.number} ({step.name})" for step in missing)
        raise StoreUnusableError(
            f'{public(url)} lacks migration {names}, and migrate = "check" forbids to apply it now; '
            "run `twofold migrate`, or let the owner of the database run what `twofold migrate --sql` prints"
        )


@asynccontextmanager
async def opened_log(url: str, config: Config, clock: Clock | None = None) -> AsyncIterator[Log]:
    """The log at *url* by itself, made if it is not there. Raises as `App.open` does."""
    if config.migrate == "check":
        await refuse_pending(url, "log", config)
    scheme, path = parse_url(url)
    log = await technology(scheme).open_log(path, clock or SystemClock(), config)
    try:
        yield log
    finally:
        await log.close()
