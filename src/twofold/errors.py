"""Every error twofold raises, in one tree; the family says who has to act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple


class Retry(Enum):
    """Whether trying again can help."""

    NEVER = "never"
    AT_ONCE = "at-once"
    LATER = "later"


class Fault(NamedTuple):
    """One thing that is wrong with an input: where (`$.lines[2].price`) and what."""

    path: str
    message: str


class TwofoldError(Exception):
    """The root. `code` is stable and meant for programs; the text is meant for people."""

    code: str = "error"
    retry: Retry = Retry.NEVER

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(kind: type[TwofoldError], args: tuple[Any, ...], state: dict[str, Any]) -> TwofoldError:
    """Unpickle without calling __init__, whose parameters differ from one error to the next."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def _counted(things: Sequence[object], word: str) -> str:
    """How many there are, in words: "1 fault", "2 faults"."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


# --- the domain said no -------------------------------------------------------------------


class Rejected(TwofoldError):  # noqa: N818 - the domain's answer, and the word users write
    """A business rule refused a command: `raise Rejected("amount-not-positive", "Amount must be positive")`.

    Tell refusals apart by `code`: it is recorded, and a repeated command is answered by a plain Rejected with the same
    code, message and details, whatever subclass was raised first.

    Args:
        code: stable, lower case with dashes; answered to callers and stored in the command log.
        message: one sentence for people.
        details: further JSON-able facts for the caller.
    """

    def __init__(self, code: str, message: str = "", **details: Any) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message or code
        self.details: Mapping[str, Any] = details


class AlreadyExistsError(Rejected):
    """A command that starts a stream met one that exists."""

    def __init__(self, stream: str) -> None:
        super().__init__("already-exists", f"{stream} exists already", stream=stream)
        self.stream = stream


class StreamNotFoundError(Rejected):
    """A command for an existing stream met none."""

    def __init__(self, stream: str) -> None:
        super().__init__("not-found", f"{stream} does not exist", stream=stream)
        self.stream = stream


# --- the input is wrong -------------------------------------------------------------------


class InputError(TwofoldError):
    """What came in cannot be used as it is; nothing was changed."""

    code = "invalid"


class InvalidMessageError(InputError):
    """A message breaks its own type. `faults` lists every fault with its path."""

    code = "invalid"

    def __init__(self, message: str, faults: Sequence[Fault]) -> None:
        self.message_name = message
        self.faults = tuple(faults)
        listed = "; ".join(f"{fault.path}: {fault.message}" for fault in self.faults)
        super().__init__(f"{message} is not valid: {listed}")


class MalformedError(InputError):
    """The bytes are not the strict JSON that twofold reads."""

    code = "malformed"


class TooLargeError(InputError):
    """The input is larger than the configured limit (bytes)."""

    code = "too-large"


class TokenUnknownError(InputError):
    """A consistency token of another store, or ahead of this log."""

    code = "token-unknown"


class MomentUnknownError(InputError):
    """A moment that cannot be answered as of: ahead of the log or of the stream, or a time without a zone."""

    code = "moment-unknown"


class TooManyEventsError(InputError):
    """An answer as of a moment would have to read more events than the setting `as_of_events` allows."""

    code = "too-many-events"

    def __init__(self, asked: str, events: int, limit: int) -> None:
        super().__init__(
            f"{asked} has to be folded from {events} events of the log, and may be from {limit}: "
            "raise the setting as_of_events, or ask for an earlier moment"
        )
        self.asked, self.events, self.limit = asked, events, limit


class ColumnUnknownError(InputError):
    """A filter or sort names a field that the view does not declare."""

    code = "unknown-field"

    def __init__(self, view: str, name: str, fields: Sequence[str]) -> None:
        super().__init__(f"{view} has no field {name!r}; it has {', '.join(fields)}")
        self.view, self.name, self.fields = view, name, tuple(fields)


class KeyReusedError(InputError):
    """An idempotency key came back with another payload."""

    code = "key-reused"


class UnauthenticatedError(InputError):
    """Who is asking could not be established."""

    code = "unauthenticated"


class ForbiddenError(InputError):
    """The principal may not do this."""

    code = "forbidden"


# --- it is not there ----------------------------------------------------------------------


class NotFoundError(TwofoldError):
    """What was asked for by name or key does not exist."""

    code = "not-found"


class UnknownNameError(NotFoundError):
    """No command, query or view of that name is registered."""

    code = "unknown-name"

    def __init__(self, kind: str, name: str, known: Sequence[str] = ()) -> None:
        hint = f"; known: {', '.join(sorted(known))}" if known else ""
        super().__init__(f"no {kind} is called {name!r}{hint}")
        self.kind, self.name = kind, name


class RowNotFoundError(NotFoundError):
    """A view has no row with that key. `token` says as of when."""

    def __init__(self, view: str, key: object, token: str | None = None) -> None:
        super().__init__(f"{view} has no row {key!r}")
        self.view, self.key, self.token = view, key, token


class NotParkedError(NotFoundError):
    """A row that is not parked: nothing of it waits."""

    code = "not-parked"

    def __init__(self, view: str, key: str) -> None:
        super().__init__(f"{view} has no parked row {key}; `twofold dlq list {view}` shows those it has")
        self.view, self.key = view, key


# --- someone else was first ---------------------------------------------------------------


class ConflictError(TwofoldError):
    """Someone else was first; nothing of this attempt was written."""

    code = "conflict"
    retry = Retry.AT_ONCE


class GenerationError(ConflictError):
    """A generation of a view is not as what was asked needs it; nothing has changed. `remedy` says what to do."""

    code = "generation"
    retry = Retry.NEVER

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class VersionConflictError(ConflictError):
    """The stream is not at the version that was decided on. Versions count events; an empty stream is at 0."""

    code = "version-conflict"

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"{stream} is at version {actual}, not {expected}")
        self.stream, self.expected, self.actual = stream, expected, actual


class PreconditionFailedError(VersionConflictError):
    """The caller's own expected version (If-Match) is not the stream's."""

    code = "precondition-failed"


class KeyInFlightError(ConflictError):
    """A command with the same idempotency key is still being worked on."""

    code = "key-in-flight"
    retry = Retry.LATER


class LeaseLostError(ConflictError):
    """A newer holder took over; what this one wrote was refused."""

    code = "lease-lost"


# --- it is put together wrongly -----------------------------------------------------------


class MisuseError(TwofoldError):
    """The program is put together wrongly; raised at start-up wherever possible."""

    code = "misuse"


class WiringError(MisuseError):
    """Every wiring fault of an app, reported together."""

    code = "wiring"

    def __init__(self, app: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        listed = "\n".join(f"  - {fault}" for fault in self.faults)
        super().__init__(f"app {app!r} has {_counted(self.faults, 'wiring fault')}:\n{listed}")


class ConfigError(MisuseError):
    """Every fault of a configuration, reported together."""

    code = "config"

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        listed = "\n".join(f"  - {fault}" for fault in self.faults)
        super().__init__(f"{_counted(self.faults, 'configuration fault')}:\n{listed}")


class ExtraMissingError(MisuseError, ImportError):
    """An optional part is not installed; the text names the pip command."""

    code = "extra-missing"

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f'{needed_for} needs an extra: pip install "twofold[{extra}]"')
        self.extra = extra


class NestedSendError(MisuseError):
    """A handler that holds the writer called `send`, which would wait for itself."""

    code = "nested-send"


# --- bytes that cannot be understood ------------------------------------------------------


class UnreadableError(TwofoldError):
    """Stored bytes that this code cannot understand; trying again cannot help."""

    code = "unreadable"


class UnknownTypeError(UnreadableError):
    """The log holds a type or schema version this code does not know."""

    code = "unknown-type"


class UpcastError(UnreadableError):
    """An upcaster raised, or its result is not a valid event of the next version."""

    code = "upcast-failed"


class FoldError(TwofoldError):
    """A fold raised on an event. The state or row is as it was before the event."""

    code = "fold-failed"


# --- the world did not answer -------------------------------------------------------------


class UnavailableError(TwofoldError):
    """The world did not answer; trying again later can help."""

    code = "unavailable"
    retry = Retry.LATER


class StoreUnavailableError(UnavailableError):
    """The store could not be reached or written (disk full, locked, closed). The text names the remedy."""

    code = "store-unavailable"


class NotFreshError(UnavailableError):
    """A view has not reached the token in time. `reached` and `wanted` are log positions.

    `parked_since` is set when a row that was asked for, or may be in the answer, is parked: from that position on it
    lacks what happened.
    """

    code = "not-fresh"

    def __init__(self, view: str, reached: int, wanted: int, why: str = "", parked_since: int | None = None) -> None:
        if parked_since is not None:
            why = f"a row is parked since position {parked_since}; `twofold dlq list {view}` says why"
        super().__init__(f"{view} has reached position {reached}, not {wanted}{': ' + why if why else ''}")
        self.view, self.reached, self.wanted, self.why = view, reached, wanted, why
        self.parked_since = parked_since


class ClosedError(UnavailableError):
    """The app is closing or closed, and takes nothing new."""

    code = "closed"


class OtherRowsError(UnavailableError):
    """A view's live rows were built by other code, and lack a field that this code has. `remedy` says what to do."""

    code = "other-rows"

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class StoreUnusableError(MisuseError):
    """The store is not one this twofold can use: another kind of file, a newer schema, read-only, forked."""

    code = "store-unusable"
