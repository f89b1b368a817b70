"""Every log keeps the contract of leases."""

from __future__ import annotations

from twofold.testing.contracts.leases import FenceContract, LeasesContract, MembersContract, SharedLeasesContract


class TestLeases(LeasesContract): ...


class TestFences(FenceContract): ...


class TestMembers(MembersContract): ...


class TestSharedLeases(SharedLeasesContract): ...
