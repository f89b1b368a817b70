"""Where in a document something is: `$.lines[2].price`."""

from __future__ import annotations

import json

ROOT = "$"


def at_key(path: str, key: object) -> str:
    """The path of *key* in the object at *path*."""
    if isinstance(key, str) and key.isidentifier():
        return f"{path}.{key}"
    return f"{path}[{json.dumps(str(key))}]"


def at_index(path: str, index: int) -> str:
    """The path of the item at *index* in the array at *path*."""
    return f"{path}[{index}]"
