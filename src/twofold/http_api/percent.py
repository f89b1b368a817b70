"""Percent-encoding, read strictly: what is not UTF-8 or not encoded properly is refused, never guessed."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote

from twofold.errors import MalformedError
from twofold.http_api.request import Scope

MAX_PARAMETERS = 1000
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def decode_part(part: str) -> str:
    """One part of a path in clear text. Raises MalformedError."""
    if "%" not in part:
        return part
    try:
        text = unquote(_checked(part, "path"), errors="strict")
    except UnicodeDecodeError as error:
        raise MalformedError("the path is not UTF-8") from error
    return _without_nul(text, "path")


def decode_query(query_string: bytes) -> dict[str, list[str]]:
    """The parameters behind the question mark, each name with all its values in order. Raises MalformedError."""
    if not query_string:
        return {}
    try:
        text = _checked(query_string.decode("ascii"), "query string")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeError as error:
        raise MalformedError("the query string is not percent-encoded UTF-8") from error
    except ValueError as error:
        raise MalformedError(f"the query string has more than {MAX_PARAMETERS} parameters") from error
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        parameters.setdefault(_without_nul(name, "query string"), []).append(_without_nul(value, "query string"))
    return parameters


def path_below(path: str, root: str) -> str:
    """*path* without the mount point *root*, whether or not the server had left it in."""
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :] or "/"
    return path


def encoded_path(scope: Scope) -> str:
    """The path below the mount point, as the client encoded it.

    Servers and frameworks disagree whether `path` and `raw_path` hold the mount point, so the raw parts
    are taken from the end, as many as decode to the path.
    """
    path = path_below(scope["path"], scope.get("root_path", ""))
    parts = (scope.get("raw_path") or b"").decode("latin-1").split("/")
    for start in range(1, len(parts)):
        candidate = "/" + "/".join(parts[start:])
        if unquote(candidate) == path:
            return candidate
    return quote(path, safe="/,", errors="replace")


def _checked(text: str, where: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise MalformedError(f"the {where} holds a '%' that is not followed by two hexadecimal digits")
    return text


def _without_nul(text: str, where: str) -> str:
    if "\x00" in text:
        raise MalformedError(f"the {where} holds a NUL character")
    return text
