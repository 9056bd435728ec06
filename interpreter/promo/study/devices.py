"""
The devices of a stage's runs, held to what its hosts have and to what their executors are told.

A plan prices the devices that a stage, or else its host, gives a run.  An option that asks an engine for another number
of them, or does not tell it of several, would have the runs trained on other devices than those that are paid for.
Which options those are is the executor's to declare.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from promo.base.source import Span
from promo.study.host import Host, HostOption
from promo.study.names import Scope
from promo.study.ports import DEVICES, NODES, ExecutorOption
from promo.study.values import Stage


def check_room(scope: Scope, hosts: Mapping[str, Host], stages: Iterable[Stage]) -> None:
    """A stage that gives a run more devices than all slots of a host have: none of its runs could ever begin there."""
    told: set[Span] = set()
    for stage in stages:
        at, many = stage.where.get("devices"), stage.devices
        if at is None or many is None or at in told:
            continue
        host = next((hosts[one] for one in stage.hosts if one in hosts and not hosts[one].at_once(many)), None)
        if host is not None:
            told.add(at)
            each = "" if host.devices == 1 else f" of {host.devices} devices"
            slots = f"{host.slots} {'slot' if host.slots == 1 else 'slots'}{each}"
            message = f"a run of this stage has {many} devices, and host '{host.name}' has {host.room}: {slots}"
            scope.report(
                "P0236", message, at, "give the host more slots, if it has so many devices, or the stage fewer"
            )


def check_options(scope: Scope, hosts: Mapping[str, Host], stages: Iterable[Stage]) -> None:
    """What an executor is told of the devices of runs, stage by stage; each option is spoken of once."""
    told: set[Span] = set()
    for one in _given(scope, hosts, stages):
        if one.at not in told and (_is_other(scope, one) or _is_silent(scope, one)):
            told.add(one.at)


class _Given(NamedTuple):
    """An option of a host on which a stage has runs."""

    stage: Stage
    host: Host
    option: HostOption
    declared: ExecutorOption

    @property
    def at(self) -> Span:
        return self.host.where[f"option {self.option.name}"]

    @property
    def devices(self) -> int:
        """That a run has on each of its nodes."""
        return self.host.devices if self.stage.devices is None else self.stage.devices

    @property
    def fixed(self) -> int | None:
        """Devices that the option asks for whatever a run has; None where it asks for no such number."""
        return None if self.declared.fixed is None else self.declared.fixed(self.option.value)


def _given(scope: Scope, hosts: Mapping[str, Host], stages: Iterable[Stage]) -> Iterator[_Given]:
    for stage in stages:
        for host in (hosts[one] for one in stage.hosts if one in hosts):
            declared = scope.world.executor_options(host.executor) if host.options else None
            for option in host.options:
                if declared is not None and option.name in declared:
                    yield _Given(stage, host, option, declared[option.name])


def _is_other(scope: Scope, one: _Given) -> bool:
    """An option that asks for so many devices, and a run that has another number of them."""
    if one.host.is_cpu or one.fixed in (None, one.devices):
        return False
    asked = f"{one.fixed} {'device' if one.fixed == 1 else 'devices'}"
    message = (
        f"this option asks for {asked} whatever a run has, and a run of stage '{one.stage.name}' has {one.devices}"
    )
    hint = f"give runs {asked}, or remove the option, so that each asks for those that it has"
    if DEVICES in one.declared.places:
        hint = "write {devices} in place of the number: each run then asks for those that it has"
    scope.report("P0237", message, one.at, hint)
    return True


def _is_silent(scope: Scope, one: _Given) -> bool:
    """A text that an engine is told by how large a run is, and that does not say so of one with several devices."""
    fixed, size = one.declared.fixed, {DEVICES: one.devices, NODES: one.host.nodes}
    if fixed is not None and (one.host.is_cpu or one.fixed is not None):
        return False
    silent = [of for of in one.declared.places if size[of] > 1 and f"{{{of}}}" not in str(one.option.value)]
    if silent:
        many = " and ".join(f"{size[of]} {of}" for of in silent)
        message = (
            f"a run of stage '{one.stage.name}' has {many}, of which this option tells '{one.host.executor}' nothing"
        )
        hint = f"write {' and '.join(f'{{{of}}}' for of in silent)} where the launcher takes that number"
        scope.warn("P0238", message, one.at, hint)
    return bool(silent)
