"""Turns PostgreSQL's errors into twofold's, by class, with the remedy in the text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from twofold.errors import ConfigError, MisuseError, StoreUnavailableError, StoreUnusableError, TwofoldError

_MIGRATE = "lacks what this version of twofold needs; run `twofold migrate`"
_Remedies = tuple[tuple[type[Exception], type[TwofoldError], str], ...]
_NO_SETTING = "does not take a setting in its URL"
_OF_THE_URL: _Remedies = (
    (asyncpg.UndefinedObjectError, ConfigError, _NO_SETTING),
    (asyncpg.InvalidParameterValueError, ConfigError, _NO_SETTING),
    (asyncpg.CantChangeRuntimeParamError, ConfigError, _NO_SETTING),
    (asyncpg.ProtocolViolationError, ConfigError, "seems to be PgBouncer: add pgbouncer=true to its URL"),
    (ConnectionError, StoreUnavailableError, "cannot be reached; check that it runs, and host, port and sslmode"),
)
_REMEDIES: _Remedies = (
    (asyncpg.InvalidCatalogNameError, StoreUnusableError, "does not exist; create the database first"),
    (asyncpg.InvalidAuthorizationSpecificationError, StoreUnusableError, "refused the login; check user and password"),
    (asyncpg.InsufficientPrivilegeError, StoreUnusableError, "does not let this user do that; check its privileges"),
    (asyncpg.UndefinedTableError, StoreUnusableError, _MIGRATE),
    (asyncpg.UndefinedFunctionError, StoreUnusableError, _MIGRATE),
    (asyncpg.InvalidSchemaNameError, StoreUnusableError, _MIGRATE),
    (asyncpg.ReadOnlySQLTransactionError, StoreUnavailableError, "takes no writes: it is a replica, or read-only"),
    (asyncpg.DiskFullError, StoreUnavailableError, "has a full disk; free some space and try again"),
    (asyncpg.LockNotAvailableError, StoreUnavailableError, "was locked by somebody else for too long; try again"),
    (asyncpg.QueryCanceledError, StoreUnavailableError, "took too long; try again"),
    (asyncpg.DeadlockDetectedError, StoreUnavailableError, "chose this transaction to end a deadlock; try again"),
    (asyncpg.SerializationError, StoreUnavailableError, "could not serialise the transaction; try again"),
    (asyncpg.IdleInTransactionSessionTimeoutError, StoreUnavailableError, "ended a transaction that stood idle"),
    (asyncpg.TooManyConnectionsError, StoreUnavailableError, "has no connection left; raise max_connections"),
    (asyncpg.InsufficientResourcesError, StoreUnavailableError, "is out of memory or connections; try again"),
    (asyncpg.OperatorInterventionError, StoreUnavailableError, "is starting, stopping or ended the connection"),
    (asyncpg.PostgresConnectionError, StoreUnavailableError, "lost the connection; try again"),
    (asyncpg.PostgresSystemError, StoreUnavailableError, "could not read or write; check its disk"),
    (asyncpg.ClientConfigurationError, ConfigError, "is no URL of a PostgreSQL database"),
    (asyncpg.InterfaceError, StoreUnavailableError, "lost the connection; try again"),
    (asyncpg.InternalClientError, StoreUnavailableError, "lost the connection; try again"),
    (OSError, StoreUnavailableError, "cannot be reached; check that it runs, and host and port"),
)  # TimeoutError is an OSError
KNOWN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Run the block; a PostgreSQL error becomes a twofold error about the store *name*, with its cause kept."""
    try:
        yield
    except KNOWN as error:
        if isinstance(error, TwofoldError):
            raise
        raise translate(error, name) from error


def translate(error: Exception, name: str) -> TwofoldError:
    """The twofold error for *error*; an unexpected one (a bug) becomes MisuseError."""
    return _translated(error, name, _REMEDIES)


def translate_connecting(error: Exception, name: str) -> TwofoldError:
    """As `translate`, for an error from making a connection: there the URL may be what is wrong."""
    return _translated(error, name, (*_OF_THE_URL, *_REMEDIES))


def _translated(error: Exception, name: str, remedies: _Remedies) -> TwofoldError:
    said = "; ".join(str(error).split("\n")) or type(error).__name__
    for kind, becomes, remedy in remedies:
        if isinstance(error, kind):
            text = f"{name} {remedy} ({said})"
            return ConfigError([text]) if becomes is ConfigError else becomes(text)
    return MisuseError(f"{name}: {type(error).__name__}: {said}")
