"""
Runs to when they end: each takes a slot of its host and its devices, those that are free first.

No more runs go on at once than a host has slots, and no more devices are used at once than those slots have; a run of
a stage with more devices than the host gives takes those of several slots.  Where all runs of a host have equally many
devices, a slot and its devices are one.
"""

import heapq
from collections.abc import Mapping
from math import gcd
from typing import Generic, TypeVar

from promo.base.classes import define
from promo.study.host import Host
from promo.study.values import Study

T = TypeVar("T", int, float)
"""Seconds: whole ones in plans, measured ones of a study under way."""


@define
class Occupancy(Generic[T]):
    """When the slots of a host are free, and when its devices are, in parts that all of its runs take whole."""

    part: int
    """Devices of a part."""
    parts: list[T]
    slots: list[T]

    def add(self, runs: int, devices: int, seconds: T, ready: T) -> T:
        """
        Give so many equal runs to the slots and devices that are free first, none before *ready*.

        Returns:
            When the last of them ends; *ready* where there are none.
        """
        wide, ends = devices // self.part, ready
        if len(self.parts) == len(self.slots) == wide == 1 and runs:  # one behind the other
            self.parts = self.slots = [max(self.parts[0], ready) + runs * seconds]
            return self.parts[0]
        heapq.heapify(self.parts)
        if wide == 1 and len(self.parts) == len(self.slots):
            for _ in range(runs):
                ends = max(self.parts[0], ready) + seconds
                heapq.heapreplace(self.parts, ends)
            self.slots = list(self.parts)
            return ends
        heapq.heapify(self.slots)
        for _ in range(runs):
            ends = max(*(heapq.heappop(self.parts) for _ in range(wide)), self.slots[0], ready) + seconds
            for _ in range(wide):
                heapq.heappush(self.parts, ends)
            heapq.heapreplace(self.slots, ends)
        return ends

    @property
    def until(self) -> T:
        """When all of it is free."""
        return max(self.slots)


def occupancies(study: Study, now: T) -> Mapping[str, Occupancy[T]]:
    """Host -> free since *now*, in parts that suit the runs of all its stages."""
    return {host.name: _empty(study, host, now) for host in study.hosts.values()}


def _empty(study: Study, host: Host, now: T) -> Occupancy[T]:
    wide = (study.devices(stage.name, host.name) for stage in study.stages.values() if host.name in stage.hosts)
    part = gcd(host.devices, *wide)
    return Occupancy(part, [now] * (host.room // part), [now] * host.slots)
