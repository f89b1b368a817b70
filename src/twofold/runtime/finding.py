"""What somebody who looks at a running system finds."""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["ok", "note", "bad"]


class Finding(NamedTuple):
    """One thing that was looked at. `remedy` says what to do about it."""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""
