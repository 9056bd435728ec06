"""
Curves and study to cells: which recorded run stands for which candidate, host and seed.

Labels are matched, never guessed: a config by the candidate's `config` level, all its levels or its name, a host by its
name or device, a seed by its label, or else by the order of labels.  What else is meant has to be said in a mapping.
"""

import re
from collections.abc import Iterable, Mapping

from promo.base.classes import frozen
from promo.base.diagnostics import did_you_mean
from promo.base.units import is_digits
from promo.curves.conditions import OWN, condition_of, tabled
from promo.curves.reach import COLUMN_OF
from promo.curves.values import Column, Curve, Fault, Settings
from promo.study.values import Study

Cell = tuple[str, str, int]
"""Candidate, host, seed."""


@frozen
class Assignment:
    """Which curve stands in which cell."""

    cells: Mapping[Cell, tuple[Curve, ...]]
    """The run of a cell, and behind it those that a rerun reads."""
    alike: Mapping[tuple[str, str], tuple[Curve, ...]]
    """(candidate, host) -> all its recorded runs, in the order of their labels."""
    seeds_by: str
    """`label` or `order`."""
    empty: tuple[Cell, ...]
    """Cells of the plan for which nothing was recorded."""


def assign(
    study: Study, curves: Iterable[Curve], settings: Settings, *, part: bool = False
) -> tuple[Assignment, tuple[Fault, ...]]:
    """
    Fill the cells of a study's stages with recorded runs.

    Args:
        study: whose cells are filled.
        curves: every recorded run.
        settings: how they are matched.
        part: the table holds some of the runs and others may follow: a candidate or a host may be absent, and seeds
            are matched by their labels, unless there is one seed, and the table has no column of seeds.

    Returns:
        (assignment, faults); faults are names without a match, seeds recorded twice, gaps in the steps of a run, and
        budgets that the table has no column for.  A cell without a run is no fault: the gate's missing clause says
        what it means.
    """
    every = tuple(curves)
    faults = [*_unreadable(study, every)]
    labels = {name: _label(study, settings, name) for name in _trained(study)}
    configs = {curve.config for curve in every}
    for name, label in labels.items():
        if label not in configs and not part:
            hint = did_you_mean(label, configs, "map it with --map CANDIDATE=CONFIG")
            faults.append(Fault(0, f"no config '{label}' is recorded for candidate '{name}'; {hint}"))
    wanted = [curve for curve in every if curve.config in set(labels.values())]
    hosts, host_faults = _hosts(study, settings, wanted)
    faults += () if part else host_faults
    alike = {
        (name, host): _in_order(curve for curve in wanted if curve.config == label and curve.host == hosts.get(host))
        for name, label in labels.items()
        for host in _used_hosts(study)
    }
    faults += _twice(alike)
    if not settings.interpolate:
        faults += dict.fromkeys(_gaps(study, alike))
    by = _seeds_by(study, settings, wanted, part=part)
    cells, empty = _cells(study, settings, alike, by)
    return Assignment(cells, alike, by, empty), tuple(faults)


def _trained(study: Study) -> list[str]:
    possible = {name for entrants in study.entrants.values() for name in entrants.possible}
    return [name for name in study.candidates if name in possible]


def _used_hosts(study: Study) -> list[str]:
    used = {host for stage in study.stages.values() for host in stage.hosts}
    return [host for host in study.hosts if host in used]


def _label(study: Study, settings: Settings, name: str) -> str:
    if name in settings.candidates or study.runner.name != "recorded":
        return settings.candidates.get(name, name)
    return condition_of(study, name) if tabled(study) else str(dict(study.candidates[name].levels)[OWN])


def _unreadable(study: Study, curves: tuple[Curve, ...]) -> Iterable[Fault]:
    point = next((point for curve in curves for point in curve.points), None)
    has = set(point.at) if point else set()
    for stage in study.stages.values():
        column = COLUMN_OF.get(stage.budget.kind)
        if column is None:
            message = f"stage '{stage.name}' has a budget in {stage.budget.kind.value}, which no recorded curve counts"
            yield Fault(0, message)
        elif column not in has:
            message = f"stage '{stage.name}' needs a column of {column.value}; name it with --column"
            yield Fault(0, f"{message} {column.value}=NAME")


def _hosts(study: Study, settings: Settings, curves: list[Curve]) -> tuple[dict[str, str], list[Fault]]:
    labels = {curve.host for curve in curves}
    found, faults = {}, []
    used = _used_hosts(study)
    for host in used:
        asked = settings.hosts.get(host)
        tries = (asked,) if asked is not None else (host, study.hosts[host].device)
        label = next((one for one in tries if one in labels), None)
        if label is None and labels == {""} and len(used) == 1 and asked is None:
            label = ""
        if label is None and labels:
            known = ", ".join(sorted(labels - {""})) or "none: name its column with --column host=NAME"
            message = f"no run is recorded on host '{tries[0]}'"
            faults.append(Fault(0, f"{message} (recorded: {known}); map it with --map {host}=LABEL"))
        elif label is not None:
            found[host] = label
    return found, faults


def _in_order(curves: Iterable[Curve]) -> tuple[Curve, ...]:
    return tuple(sorted(curves, key=lambda one: (_natural(one.seed), _natural(one.attempt), _natural(one.run))))


def _natural(label: str) -> list[tuple[int, str]]:
    """Labels with numbers in them in the order of the numbers: s2 before s10."""
    return [(int(part[:18]), "") if is_digits(part) else (-1, part) for part in re.split(r"([0-9]+)", label)]


def _twice(alike: Mapping[tuple[str, str], tuple[Curve, ...]]) -> Iterable[Fault]:
    for (name, host), curves in alike.items():
        seen: dict[tuple[str, str], Curve] = {}
        for curve in curves:
            first = seen.setdefault((curve.seed, curve.attempt), curve)
            if first is not curve and curve.seed:
                message = f"runs '{first.run}' and '{curve.run}' are both {name} on {host} with seed {curve.seed}"
                again = f" and attempt {curve.attempt}" if curve.attempt else ""
                hint = "" if curve.attempt else "; if one repeats the other, number them with --column attempt=NAME"
                yield Fault(curve.row, message + again + hint)


def _gaps(study: Study, alike: Mapping[tuple[str, str], tuple[Curve, ...]]) -> Iterable[Fault]:
    """
    Runs that would be read before a budget of steps at which others of their kind were measured.

    They go on behind it, so that they were there, and a point is lacking.  Clocks and tokens differ between runs by
    nature, and a run that ends early has no gap; the report says how far before its budget it is read.
    """
    for stage in study.stages.values():
        if COLUMN_OF.get(stage.budget.kind) is not Column.STEP:
            continue
        for name in study.entrants[stage.name].possible:
            for host in stage.hosts:
                yield from _behind(alike[name, host], stage.budget.amount, name)


def _behind(curves: tuple[Curve, ...], amount: int, name: str) -> Iterable[Fault]:
    sides = []
    for curve in curves:
        steps = [(point.at[Column.STEP], point.row) for point in curve.points if Column.STEP in point.at]
        before = [step for step, _ in steps if step <= amount]
        after = next(((step, row) for step, row in steps if step > amount), None)
        if before and (after or before[-1] == amount):
            sides.append((before[-1], after, curve))
    most = max((step for step, _, _ in sides), default=0)
    for step, after, curve in sides:
        if step < most and after is not None:
            message = f"run '{curve.run}' goes from step {step} to {after[0]}, and other runs of {name} have a point at"
            yield Fault(after[1], f"{message} {most}: points are missing")


def _all_seeds(study: Study) -> tuple[int, ...]:
    return tuple(dict.fromkeys(seed for stage in study.stages.values() for seed in stage.seeds))


def _seeds_by(study: Study, settings: Settings, curves: Iterable[Curve], *, part: bool) -> str:
    if settings.seeds_by != "auto":
        return settings.seeds_by
    labels = {curve.seed for curve in curves}
    if part:
        return "order" if labels == {""} and len(_all_seeds(study)) == 1 else "label"
    return "label" if all(settings.seeds.get(seed, str(seed)) in labels for seed in _all_seeds(study)) else "order"


def _cells(
    study: Study, settings: Settings, alike: Mapping[tuple[str, str], tuple[Curve, ...]], by: str
) -> tuple[dict[Cell, tuple[Curve, ...]], tuple[Cell, ...]]:
    place = {seed: index for index, seed in enumerate(_all_seeds(study))}
    cells: dict[Cell, tuple[Curve, ...]] = {}
    repeated = {there: _by_seed(curves) for there, curves in alike.items()}
    empty: dict[Cell, None] = {}
    for stage in study.stages.values():
        for name in study.entrants[stage.name].possible:
            for host, seed in stage.cells:
                groups = repeated[name, host]
                label = settings.seeds.get(seed, str(seed))
                if by == "label" or seed in settings.seeds:
                    curves = next((one for one in groups if one[0].seed == label), ())
                else:
                    curves = groups[place[seed]] if place[seed] < len(groups) else ()
                if curves:
                    cells[name, host, seed] = curves
                else:
                    empty[name, host, seed] = None
    return cells, tuple(empty)


def _by_seed(curves: Iterable[Curve]) -> list[tuple[Curve, ...]]:
    """Runs in their order, those with one seed and numbered attempts together."""
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        groups.setdefault((curve.seed, "" if curve.attempt else curve.run), []).append(curve)
    return [tuple(group) for group in groups.values()]
