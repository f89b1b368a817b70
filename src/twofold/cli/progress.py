"""How far a long run has come, on standard error, once a second at most."""

from __future__ import annotations

import time

import click

_PAUSE = 1.0


class Progress:
    """Says a rising number now and then; nothing when the run is over within a second."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begun = self._said = time.monotonic()

    def __call__(self, count: int) -> None:
        """*count* is reached."""
        now = time.monotonic()
        if now - self._said >= _PAUSE:
            self._said = now
            click.echo(f"{count:,} {self._what} ({now - self._begun:.0f} s)", err=True)
