"""Keys of rows on the command line."""

from __future__ import annotations

from typing import Any

from twofold.app.open_app import OpenApp
from twofold.errors import UnknownNameError
from twofold.http_api.percent import decode_part
from twofold.read.view import ViewDefinition


def view_of(app: OpenApp, name: str) -> ViewDefinition[Any]:
    """The view *name*. Raises UnknownNameError."""
    found = app.catalog.views.get(name)
    if found is None:
        raise UnknownNameError("view", name, tuple(app.catalog.views))
    return found


def key_of(definition: ViewDefinition[Any], text: str) -> Any:
    """The key that *text* is: the parts of a composite one are percent-encoded and joined by commas."""
    return tuple(map(decode_part, text.split(","))) if len(definition.table.key) > 1 else text
