"""What a GET asks, and how its answer is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from twofold.pipeline.context import Context
from twofold.read.answer import Answer, Wish

Ask = Callable[[Wish, Context | None], Awaitable[Answer[Any]]]


class Question(NamedTuple):
    """How to get the answer, and the views that it depends on."""

    ask: Ask
    views: Sequence[str]


def _foreign(value: Any) -> Any:
    """What msgspec cannot encode by itself: pydantic models."""
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"an answer holds a {type(value).__name__}, which is not JSON")
    return dump(mode="json")


encode_answer = msgspec.json.Encoder(enc_hook=_foreign).encode
"""An answer as JSON, by the rules of messages: Decimals as text, moments as ISO 8601."""
