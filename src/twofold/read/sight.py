"""What a store says of a view's generations, and what follows from it for the code of this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from twofold.read.code_mark import differences
from twofold.read.generations import Kept, Status
from twofold.read.view_store import Generation, ViewTable, built_by

ROLLED_BACK = "rolled back"
"""Why a generation is retired when somebody took it back: it never takes over again by itself."""


BY_HAND = "waits to be promoted"
"""Part of why a generation is there that does not take over by itself, whatever the policy of who folds it."""


@dataclass(frozen=True)
class Sight:
    """The generations of one view, as code that knows *table* sees them on the log of *epoch*.

    A generation is this code's own when it was built by its fingerprint, on this log. One that the same code builds
    again has a number behind the fingerprint (`again`).
    """

    table: ViewTable
    epoch: str
    kept: tuple[Kept, ...]
    is_paused: bool = False

    @cached_property
    def live(self) -> Kept | None:
        """The one that answers."""
        return next((each for each in self.kept if each.generation.status == Status.LIVE), None)

    def is_own(self, generation: Generation) -> bool:
        """Whether this code may fold it."""
        return built_by(generation) == self.table.fingerprint and generation.epoch == self.epoch

    @cached_property
    def own(self) -> list[Kept]:
        """Those of this code, by number."""
        return [each for each in self.kept if self.is_own(each.generation)]

    @cached_property
    def folded(self) -> list[Kept]:
        """Those that this code folds: its own that are live or being built; when other code's is live, its newest.

        In a rolling deploy old and new code so fold each their own.
        """
        own = self.own
        working = [each for each in own if each.generation.status != Status.RETIRED]
        if any(each.generation.status == Status.LIVE for each in own):
            return working
        return working or own[-1:]

    def heir(self, is_orphan: Callable[[Generation], bool]) -> Kept | None:
        """The one that is to take over once it has caught up; None: nothing is to change.

        It is the newest of this code's that are being built, unless that one is to be promoted by hand. When other
        code's is live and *is_orphan* says that no process folds that one any more, it may be a retired one, unless
        somebody took it back.
        """
        built = [each for each in self.own if each.generation.status == Status.BUILDING]
        if built:
            return None if BY_HAND in built[-1].why else built[-1]
        live = self.live
        if live is None or self.is_own(live.generation) or not is_orphan(live.generation):
            return None
        return next((each for each in self.own[-1:] if not each.why.startswith(ROLLED_BACK)), None)

    @property
    def is_other_log(self) -> bool:
        """Whether the live one was built on another log: nothing is built over it unless somebody says so."""
        return self.live is not None and self.live.generation.epoch != self.epoch

    @property
    def changes(self) -> list[str]:
        """What has changed in the code since the live one was built, as sentences; nothing when it is this code's."""
        live = self.live
        if live is None or self.is_own(live.generation):
            return []
        if live.generation.epoch != self.epoch:
            return ["it was built on another log"]
        return differences(live.recipe, dict(self.table.recipe))

    @cached_property
    def unlike(self) -> list[str]:
        """The fields that this code knows and that the live rows have not, or not in the same way."""
        live = self.live
        if live is None or not live.recipe or self.is_own(live.generation):
            return []
        return [name for name, text in _shape(dict(self.table.recipe)) if not _fits(live.recipe.get(name), text)]

    def again(self) -> ViewTable:
        """The table with a fingerprint of this code that no generation has yet, to build one more."""
        last = max((each.generation.number for each in self.kept), default=0)
        return self.table._replace(fingerprint=f"{self.table.fingerprint}/{last + 1}")


def outlived(sight: Sight, keep: int) -> list[Generation]:
    """What is to be dropped once a generation has been promoted: all but the newest *keep* of those that were live,
    and builds that were begun before it and never got there.
    """
    live = sight.live
    if live is None:
        return []
    retired = [each for each in sight.kept if each.generation.status == Status.RETIRED]
    oldest_first = [each.generation for each in sorted(retired, key=lambda each: each.changed_at)]
    begun = [
        each.generation
        for each in sight.kept
        if each.generation.status in (Status.BUILDING, Status.FAILED)
        and each.generation.number < live.generation.number
    ]
    return oldest_first[: max(0, len(retired) - keep)] + begun


def _shape(recipe: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, text) for name, text in recipe.items() if name == "key" or name.startswith("field ")]


def _fits(there: str | None, wanted: str) -> bool:
    return there is not None and wanted in (there, f"{there} or none")
