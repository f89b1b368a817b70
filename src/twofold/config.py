"""Every setting in one frozen dataclass: keywords over environment over pyproject.toml over defaults."""

from __future__ import annotations

import importlib
import math
import os
import types
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from twofold.errors import ConfigError

PREFIX = "TWOFOLD_"
_NOT_SETTINGS = ("TWOFOLD_TEST_",)
_TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_NOTHING = ("", "none")
_UNIT_WORDS = {"s": "seconds", "d": "days"}


def _setting(default: Any, text: str, *, unit: str = "", low: float | None = None, high: float | None = None) -> Any:
    """A field with its default, what it is for, its unit, and the range it has to be in."""
    return field(default=default, metadata={"text": text, "unit": unit, "low": low, "high": high})


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """How an app runs; nothing in here changes what it means.

    `Config(...)` takes keywords only; `Config.load(...)` also reads `[tool.twofold]` and the environment.
    Both raise ConfigError with every fault at once. `settings()` lists names, defaults, units and texts.
    """

    app: str | None = _setting(None, "the app as module:name, for the command line")
    store: str | None = _setting(None, "URL of the log, for example sqlite:///shop.db or memory://")
    views: str | None = _setting(None, "URL of the rows of views; none: beside the log")
    migrate: Literal["apply", "check"] = _setting(
        "apply", "pending migrations when a store is opened: apply them, or check and refuse to start"
    )
    synchronous: Literal["full", "normal"] = _setting(
        "full", "SQLite's durability: full survives a power cut, normal may lose the last commits in one"
    )
    pool_size: int = _setting(
        10, "most connections to a database server, for each role and process", unit="connections", low=2, high=1000
    )
    pool_wait: float = _setting(5.0, "how long to wait for a free connection", unit="s", low=0.001, high=600.0)
    lag_objective: float = _setting(1.0, "how far a view may be behind before it is called late", unit="s", low=0.001)
    snapshot_every: int = _setting(500, "events of a stream between two snapshots; 0 makes none", unit="events", low=0)
    retention: float | None = _setting(
        None, "how long events are kept; none means for ever, as views are rebuilt from history", unit="d", low=1
    )
    outcome_retention: float | None = _setting(
        None, "how long outcomes (idempotency keys, the log of commands) are kept; none: for ever", unit="d", low=0.01
    )
    cache: bool = _setting(False, "answer queries from a cache; off unless asked for")
    cache_ttl: float = _setting(30.0, "how long a cached answer is used", unit="s", low=0.0)
    wait_default: float = _setting(
        2.0, "how long a read with a token waits for its view", unit="s", low=0.0, high=600.0
    )
    in_flight_wait: float = _setting(
        5.0, "how long a copy of a command in flight waits for the first outcome", unit="s", low=0.0, high=600.0
    )
    conflict_attempts: int = _setting(
        10, "how often a command is decided in all on version conflicts", low=1, high=1000
    )
    commit_writes: int = _setting(2000, "largest group of writes in one commit", unit="writes", low=1)
    commit_bytes: int = _setting(8 * 1024 * 1024, "largest group of writes in one commit", unit="bytes", low=1024)
    page_events: int = _setting(2000, "most events a reader of the log takes in one step", unit="events", low=1)
    page_bytes: int = _setting(4 * 1024 * 1024, "most data a reader takes in one step", unit="bytes", low=1024)
    rebuild: Literal["auto", "manual"] = _setting(
        "auto", "what changed code of a view does: build its rows anew beside those that answer, or wait to be told"
    )
    promote: Literal["auto", "manual"] = _setting(
        "auto", "whether rows that were built anew take over by themselves once they have caught up"
    )
    keep_generations: int = _setting(2, "replaced copies of a view that are kept for going back to them", low=0)
    rebuild_rate: float | None = _setting(
        None, "most events a second that a view being built anew folds; none: no limit", unit="events/s", low=1
    )
    parked_keys: int = _setting(
        1000, "most rows of a view's shard that may be parked; at one more it stops", unit="rows", low=0
    )
    parked_events: int = _setting(
        100_000, "most events that may wait for one parked row; at one more its shard stops", unit="events", low=1
    )
    parked_retry: float = _setting(
        300.0, "longest time between two tries of a parked row; the first is about 1 s", unit="s", low=0.01, high=86400
    )
    as_of_events: int = _setting(
        1_000_000, "most events that a row as of a moment is folded from", unit="events", low=1
    )
    verify_share: float = _setting(
        1.0, "most of its time that a process compares rows with events; 0: never", unit="%", low=0.0, high=100.0
    )
    verify_every: float = _setting(
        30.0, "shortest time between two rounds that compare everything", unit="s", low=0.001, high=31_536_000.0
    )
    verify_keys: int = _setting(
        5000, "most rows compared in one reading of the log, where one has to read all of it", unit="rows", low=1
    )
    aggregate_cache: int = _setting(10_000, "aggregates kept in memory, per process", unit="aggregates", low=0)
    unit_of_work: float = _setting(
        5.0, "how long a state-stored handler may hold the writer", unit="s", low=0.001, high=600.0
    )
    lease_seconds: float = _setting(
        10.0, "how long another process waits before it takes on what a killed one did", unit="s", low=0.1, high=3600.0
    )
    metrics: bool = _setting(True, "count and time commands, queries and commits, for /metrics and alerts")
    metrics_port: int | None = _setting(
        None,
        "port on which a process shows its own /metrics and /health only; process n of several: n - 1 more",
        low=1,
        high=65535,
    )
    alert_lag: float | None = _setting(5.0, "alert when a view is further behind; none: never", unit="s", low=0.001)
    alert_events: float | None = _setting(
        10_000.0, "alert when more events are appended, over a minute; none: never", unit="events/s", low=0.001
    )
    alert_query: float | None = _setting(
        0.1, "alert when 1 answer in 100 takes longer, over a minute; none: never", unit="s", low=0.001
    )
    alert_failed_folds: float | None = _setting(
        10.0, "alert when more folds fail within a minute; none: never", unit="folds", low=0.0
    )
    idle_wait: float = _setting(1.0, "longest pause of a worker that has nothing to do", unit="s", low=0.001, high=60.0)
    retry_first: float = _setting(0.05, "first pause of a worker after a failure; it doubles", unit="s", low=0.001)
    retry_max: float = _setting(5.0, "longest pause of a worker between failures", unit="s", low=0.001)
    drain_seconds: float = _setting(
        10.0, "how long work under way may finish when stopping", unit="s", low=0.0, high=3600.0
    )
    host: str = _setting("127.0.0.1", "address the HTTP door listens on; loopback unless asked for")
    port: int = _setting(8000, "port the HTTP door listens on; 0 picks a free one", low=0, high=65535)
    max_body_bytes: int = _setting(1024 * 1024, "largest request body", unit="bytes", low=1)
    allowed_hosts: tuple[str, ...] = _setting(
        (), "values of Host that are answered; none: loopback names on loopback, any elsewhere"
    )

    def __post_init__(self) -> None:
        """Check every value. Raises ConfigError with all faults."""
        faults = list(_faults({each.name: getattr(self, each.name) for each in fields(self)}))
        if faults:
            raise ConfigError(faults)

    @classmethod
    def load(cls, folder: Path | None = None, environ: Mapping[str, str] | None = None, **keywords: Any) -> Config:
        """The configuration of a program that runs in *folder* (the working folder when None).

        *keywords* win over `TWOFOLD_*` variables of *environ* (the process's when None), and those over
        `[tool.twofold]` in *folder*'s pyproject.toml. A keyword that is None counts as not given.
        Raises ConfigError with the faults of all three sources.
        """
        faults: list[str] = []
        given = {name: value for name, value in keywords.items() if value is not None}
        merged: dict[str, Any] = {}
        for source, values in (
            ("pyproject.toml", _from_file((folder or Path.cwd()) / "pyproject.toml", faults)),
            ("environment", _from_environment(os.environ if environ is None else environ, faults)),
            ("keyword", given),
        ):
            faults += (f"{fault} ({source})" for fault in _faults(values))
            merged |= values
        if faults:
            raise ConfigError(faults)
        return cls(**merged)


class Setting(NamedTuple):
    """One setting as documentation shows it. `default` and `unit` are text; `unit` may be empty."""

    name: str
    variable: str
    type: str
    default: str
    unit: str
    text: str


def settings() -> tuple[Setting, ...]:
    """Every setting, in order."""
    return tuple(_described(each) for each in fields(Config))


def _described(each: Field[Any]) -> Setting:
    unit, text = each.metadata["unit"], each.metadata["text"]
    return Setting(each.name, PREFIX + each.name.upper(), str(each.type), _default_text(each.default), unit, text)


def _default_text(default: Any) -> str:
    if default in (None, ()):
        return "none"
    return str(default).lower() if isinstance(default, bool) else str(default)


def _from_file(path: Path, faults: list[str]) -> dict[str, Any]:
    """The `[tool.twofold]` table with lists as tuples; {} when there is no such file or table."""
    if not path.exists():
        return {}
    toml = importlib.import_module("tomllib")  # slow to import, and not every start has a file
    try:
        document = toml.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        faults.append(f"{path} cannot be read: {error}")
        return {}
    tool = document.get("tool", {})
    table = tool.get("twofold", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        faults.append(f"[tool.twofold] in {path} must be a table")
        return {}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def _from_environment(environ: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    """The `TWOFOLD_*` variables with their texts turned into values, where that is possible."""
    known, found = _types(), {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable.startswith(_NOT_SETTINGS):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in known:
            faults.append(_unknown(variable, [PREFIX + each.upper() for each in known]) + " (environment)")
            continue
        found[name] = _parsed(text.strip(), known[name])
    return found


def _parsed(text: str, kind: Any) -> Any:
    """*text* as a *kind*; the text itself when it is none, for the check to refuse."""
    if isinstance(kind, types.UnionType):
        return None if text.lower() in _NOTHING else _parsed(text, get_args(kind)[0])
    if get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is bool:
        return _TRUTHS.get(text.lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def _types() -> dict[str, Any]:
    return get_type_hints(Config)


def _faults(values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with *values*: unknown names, wrong types, out of range."""
    known, bounds = _types(), {each.name: each.metadata for each in fields(Config)}
    for name, value in values.items():
        if name not in known:
            yield _unknown(name, list(known))
        elif not _fits(value, known[name]):
            yield f"{name} must be {_in_words(known[name], bounds[name]['unit'])}, not {value!r}"
        elif isinstance(value, int | float):
            yield from _range_faults(name, value, bounds[name])
    if values.get("retention") is not None and _fits(values["retention"], known["retention"]):
        yield "retention can only be none yet: events are kept for ever, as views are rebuilt from them"


def _range_faults(name: str, value: float, bounds: Mapping[str, Any]) -> Iterator[str]:
    low, high, unit = bounds["low"], bounds["high"], _UNIT_WORDS.get(bounds["unit"], bounds["unit"])
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"between {low} and {high}"
        yield f"{name} must be {limits}{' ' + unit if unit else ''}, not {value!r}"


def _unknown(name: str, known: list[str]) -> str:
    near = importlib.import_module("difflib").get_close_matches(name, known, 1)
    return f"unknown setting {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, types.UnionType):
        return any(_fits(value, each) for each in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _in_words(kind: Any, unit: str) -> str:
    if isinstance(kind, types.UnionType):
        return f"{_in_words(get_args(kind)[0], unit)} or none"
    if get_origin(kind) is Literal:
        return " or ".join(repr(each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of texts"
    word = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}[kind]
    return f"{word} of {_UNIT_WORDS.get(unit, unit)}" if unit else word
