"""What a database's URL says, taken apart so that nobody is ever shown the password in it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from twofold.errors import ConfigError

_TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_SHAPE = "write it as postgresql://user:password@host:5432/database"
_PERCENT = "in a user or password, write % as %25, / as %2F, ? as %3F, # as %23, @ as %40, : as %3A, [ as %5B"


class Address(NamedTuple):
    """A URL taken apart. `dsn` is what the driver is given, `name` what people are shown: it has no password."""

    dsn: str
    name: str
    pgbouncer: bool


def parse_address(url: str) -> Address:
    """Take the switches out of *url*. Raises ConfigError, which shows nothing of the URL: any of it may be a password.

    A URL that another character of a password has cut in two is told from a right one.
    """
    try:
        parts = urlsplit(url)
        ports = [urlsplit(f"//{host}").port for host in parts.netloc.rpartition("@")[2].split(",")]
    except ValueError:
        raise no_address() from None
    if 0 in ports or parts.fragment or "@" in parts.path or parts.netloc.count("@") > 1:
        raise no_address()
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    switch = query.pop("pgbouncer", "false").lower()
    if switch not in _TRUTHS:
        raise ConfigError([f"pgbouncer={switch} in the store's URL must be true or false"])
    dsn = urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query, safe="/"), ""))
    return Address(dsn, _public(parts.scheme, parts.netloc, parts.path, query), _TRUTHS[switch])


def no_address() -> ConfigError:
    """The refusal of a URL that cannot be understood."""
    return ConfigError([f"the store's URL is no URL of a PostgreSQL database: {_SHAPE}; {_PERCENT}"])


def _public(scheme: str, netloc: str, path: str, query: dict[str, str]) -> str:
    who, _, where = netloc.rpartition("@")
    shown = f"{who.partition(':')[0]}@{where}" if who else where
    told = {key: value for key, value in query.items() if "password" not in key.lower()}
    return urlunsplit((scheme, shown, path, urlencode(told, safe="/"), ""))
