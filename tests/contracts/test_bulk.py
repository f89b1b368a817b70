"""Every log can become another one."""

from __future__ import annotations

from twofold.testing.contracts.bulk import BulkContract, LoadedEpochContract, RefusedLoadContract


class TestBulk(BulkContract): ...


class TestLoadedEpoch(LoadedEpochContract): ...


class TestRefusedLoad(RefusedLoadContract): ...
