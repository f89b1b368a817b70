"""Every store of snapshots keeps its contract."""

from __future__ import annotations

from twofold.testing.contracts.snapshots import SnapshotContract


class TestSnapshots(SnapshotContract): ...
