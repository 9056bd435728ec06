"""
Who may reach which stage, and in what order stages can run.

Reads the ladder as a graph: a gate leads from one stage to another.  What it finds out here (who may enter a stage,
how many are planned to, who is sure to) is what the plan prices and what the checks of gates and rules rest on.
"""

from collections.abc import Iterable, Mapping

from promo.base.diagnostics import Edit, Label
from promo.base.source import Span
from promo.spec.names import Scope
from promo.spec.values import Entrants, Gate, Rule, Stage, Then


def entrants(scope: Scope, stages: Mapping[str, Stage], gates: Mapping[str, Gate]) -> dict[str, Entrants] | None:
    """Who may enter each stage, in an order in which the stages can run; None when they run in a circle."""
    _check_routes(scope, stages, gates)
    order = _order(scope, stages, gates)
    if order is None:
        return None
    found: dict[str, Entrants] = {}
    for name in order:
        stage = stages[name]
        if stage.after is None:
            names = stage.candidates
            found[name] = Entrants(names, len(names), len(names), frozenset(names))
            continue
        gate = gates.get(stage.after)
        if gate is not None and gate.source in found:
            found[name] = _promoted(gate, found[gate.source])
    return found


def _promoted(gate: Gate, before: Entrants) -> Entrants:
    always = [name for name in gate.always if name in before.possible]
    planned = min(before.planned, len(always) + gate.keep)
    # A run that fails may cost its candidate the place, unless it is always kept or the study stops instead.
    fewest = min(before.fewest, len(always) + gate.keep) if gate.missing.then is Then.STOP else len(always)
    everyone = gate.keep + len(always) >= len(before.possible) and gate.missing.then is Then.STOP
    sure = before.sure if everyone else before.sure & frozenset(always)
    return Entrants(before.possible, planned, min(fewest, planned), sure)


def _check_routes(scope: Scope, stages: Mapping[str, Stage], gates: Mapping[str, Gate]) -> None:
    for leading in gates.values():
        target = stages.get(leading.target)
        if target is not None and target.after != leading.name:
            said = f"it waits for '{target.after}'" if target.after else "it waits for no gate"
            hint = f"write in stage '{target.name}': after {leading.name}"
            label = Label(target.where["name"], said)
            message = f"gate '{leading.name}' leads to '{leading.target}', which does not wait for it"
            scope.report("P0505", message, leading.where["route"], hint, labels=(label,))
    for stage in stages.values():
        gate = gates.get(stage.after or "")
        if gate is not None and gate.target != stage.name:
            message = f"stage '{stage.name}' waits for '{gate.name}', which leads to '{gate.target}'"
            label = Label(gate.where["route"], "leads here")
            scope.report("P0505", message, stage.where["after"], labels=(label,))


def _order(scope: Scope, stages: Mapping[str, Stage], gates: Mapping[str, Gate]) -> list[str] | None:
    """Stages in declaration order, each moved behind the stage that its gate reads."""
    order: list[str] = []
    for start in stages:
        chain: list[str] = []
        name: str | None = start
        while name is not None and name in stages and name not in order:
            if name in chain:
                circle = " -> ".join([*reversed(chain[chain.index(name) :]), chain[-1]])
                at = stages[name].where.get("after", stages[name].where["name"])
                hint = "let the first of them train a cohort"
                scope.report("P0502", f"stages wait for each other in a circle: {circle}", at, hint)
                return None
            chain.append(name)
            gate = gates.get(stages[name].after or "")
            name = gate.source if gate else None
        order.extend(reversed(chain))
    return order


def check_gates(scope: Scope, gates: Iterable[Gate], reach: Mapping[str, Entrants]) -> None:
    """A gate that cannot reject anyone, or that keeps somebody who is not there, is a fault."""
    for gate in gates:
        before = reach.get(gate.source)
        if before is None:
            continue
        strangers = [name for name in gate.always if name not in before.possible]
        for name in strangers:
            message = f"'{name}' is always kept, but never enters '{gate.source}'"
            scope.report("P0406", message, gate.where["always"], f"remove it, or train it in '{gate.source}'")
        always = len(gate.always) - len(strangers)
        if gate.keep + always >= before.planned:
            kept = f"top {gate.keep}" + (f" and {always} always kept" if always else "")
            message = f"gate '{gate.name}' cannot reject anyone: {kept} of {before.planned} entrants"
            most = before.planned - always - 1
            hint = f"keep top {most} or fewer" if most > 0 else "remove the gate"
            scope.report("P0402", message, gate.where["keep"], hint)


def check_rules(scope: Scope, rules: Iterable[Rule], reach: Mapping[str, Entrants]) -> None:
    """A rule should judge what is sure to be there, or say what follows when it is not."""
    for rule in rules:
        there = reach.get(rule.stage)
        if there is None:
            continue
        for name in (rule.judged, rule.reference):
            if name not in there.possible:
                message = f"'{name}' is never trained at '{rule.stage}'"
                scope.report("P0405", message, rule.where["judge"], f"judge at a stage that '{name}' can reach")
            elif name not in there.sure and rule.absent is None:
                scope.warn(
                    "P0405",
                    f"'{name}' may not be promoted to '{rule.stage}'",
                    rule.where["judge"],
                    "say what follows: absent skip  or  absent stop",
                    notes=(f"as it stands, its absence counts as missing: {rule.missing.then.value}",),
                )


def check_stages(
    scope: Scope, stages: Mapping[str, Stage], gates: Mapping[str, Gate], rules: Mapping[str, Rule]
) -> None:
    """Every stage is read by something, and no seed serves two stages unless the spec says so."""
    read = {gate.source for gate in gates.values()} | {rule.stage for rule in rules.values()}
    for stage in stages.values():
        if stage.name not in read and not stage.report_only:
            end = stage.where["seeds"].end
            edit = Edit(Span(scope.tree.source, end, end), "\n  report   only")
            message = f"no gate or rule reads stage '{stage.name}'"
            scope.report("P0503", message, stage.where["name"], "add: report only", edits=(edit,))
        if stage.name in read and stage.report_only:
            message = f"stage '{stage.name}' is report only, and a gate or rule reads it"
            scope.report("P0507", message, stage.where["report"], "remove 'report only'")
    seen: dict[tuple[str, int], Stage] = {}
    for stage in stages.values():
        for host, seed in stage.cells:
            first = seen.setdefault((host, seed), stage)
            if first is not stage and not (stage.shared_seeds or first.shared_seeds):
                message = f"stage '{stage.name}' reuses seed {seed} of stage '{first.name}'"
                label = Label(first.where["seeds"], "used here first")
                hint = f"give '{stage.name}' its own seeds, or write: seeds {seed} shared"
                scope.report("P0504", message, stage.where["seeds"], hint, labels=(label,))
                break
