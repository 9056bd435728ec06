"""
Who may reach which stage, and in what order stages can run.

Reads the ladder as a graph: a gate leads from one stage to another, a continuation from the stage it carries on.
What it finds out here (who may enter a stage, how many are planned to, who is sure to) is what the plan prices and
what the checks of gates and rules rest on.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import assert_never

from promo.base.canonical import exact, rounded
from promo.base.diagnostics import Confidence, Diagnostic, Edit, Label, Severity
from promo.base.source import Span
from promo.study.judgement import (
    Against,
    Agreement,
    Best,
    BestOf,
    Both,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Gate,
    Isnt,
    Level,
    Method,
    Projected,
    Reduction,
    Rule,
    Test,
    Then,
    Top,
    margins,
    primitives,
)
from promo.study.names import Scope
from promo.study.space import Neighbourhood
from promo.study.values import Entrants, Stage, Study
from promo.syntax.clauses import LEADER

MOST_EXACT = 20
"""Cells up to which exact tests enumerate every assignment of signs."""


Choosers = Mapping[str, Gate | Reduction]
"""Gates and reductions: what a stage may come after."""


Around = Callable[[str, Iterable[str]], Neighbourhood]
"""A neighbourhood, resolved around everyone who may stand in its middle."""


def entrants(
    scope: Scope, stages: Mapping[str, Stage], choosers: Choosers, around: Around
) -> dict[str, Entrants] | None:
    """Who may enter each stage, in an order in which the stages can run; None when they run in a circle."""
    gates = {name: one for name, one in choosers.items() if isinstance(one, Gate)}
    _check_routes(scope, stages, gates)
    order = _order(scope, stages, choosers)
    if order is None:
        return None
    found: dict[str, Entrants] = {}
    for name in order:
        stage = stages[name]
        if stage.after is not None:
            chooser = choosers.get(stage.after)
            before = _chosen(chooser, stages, choosers, found, around)
            if before is not None:
                near = around(stage.around, before.possible) if stage.around else None
                found[name] = _entering(stage, before, near)
        elif stage.continues is not None:
            if stage.continues in found:
                found[name] = _continued(scope, stage, found[stage.continues])
        else:
            names = stage.candidates
            found[name] = Entrants(names, len(names), len(names), frozenset(names))
    return found


def _promoted(gate: Gate, before: Entrants, hosts: int) -> Entrants:
    always = frozenset(gate.always) & frozenset(before.possible)
    planned = most_promoted(gate, before.planned, hosts, before)
    most = before.most if may_wait(gate) else most_promoted(gate, before.most, hosts, before)
    # A run that fails may cost its candidate the place, unless it is always kept or the study stops instead.
    stops = {gate.missing.then, gate.on_crash.then} <= {Then.STOP, Then.HOLD} and not gate.guards
    least = min(fewest_kept(condition, max(before.planned - len(always), 0)) for condition in gate.ways)
    everyone = len(always) + least >= len(before.possible) and stops
    return Entrants(before.possible, planned, most, before.sure if everyone else before.sure & always)


def most_promoted(gate: Gate, entered: int, hosts: int, before: Entrants) -> int:
    """
    The most that a gate lets on of at most *entered* candidates.

    Whoever is always kept takes no place, so it matters how many of those are there: any number from those that are
    sure to be to all that may be.  With fewer of them more compete, and a share of more, on each host, can be larger.
    """
    always = frozenset(gate.always) & frozenset(before.possible)
    sampled = gate.sample.count if gate.sample else 0
    found = 0
    for there in range(len(always & before.sure), min(len(always), entered) + 1):
        contenders = entered - there
        kept = max(most_kept(condition, contenders, hosts) for condition in gate.ways)
        found = max(found, there + min(kept + sampled, contenders))
    return found


def may_wait(gate: Gate) -> bool:
    """Whether a gate may ask a person, who can let on anybody that entered."""
    said = (gate.missing.then, gate.on_crash.then, *(demand.otherwise for demand in gate.demands))
    return Then.HOLD in said


def _chosen(
    chooser: Gate | Reduction | None,
    stages: Mapping[str, Stage],
    choosers: Choosers,
    found: Mapping[str, Entrants],
    around: Around,
) -> Entrants | None:
    """Whom a gate or reduction may promote; None when what it reads is at fault."""
    if isinstance(chooser, Gate):
        source = chooser.source
        return _promoted(chooser, found[source], len(stages[source].hosts)) if source in found else None
    if chooser is None:
        return None
    middles = _chosen(choosers.get(chooser.around or ""), stages, choosers, found, around)
    if chooser.around is None:
        # All rows while nothing is fixed; which of them, if any, only the effects tell.
        return Entrants(chooser.rows, len(chooser.rows), len(chooser.rows), frozenset())
    if middles is None:
        return None
    near = around(chooser.into, middles.possible)
    possible = near.of_any(middles.possible)
    planned, most = (_most_near(near, middles, count) for count in (middles.planned, middles.most))
    return Entrants(possible, planned, len(possible) if chooser.missing.then is Then.HOLD else most, frozenset())


def _most_near(near: Neighbourhood, middles: Entrants, count: int) -> int:
    """The most neighbours that *count* of those who may stand in the middle can have."""
    counts = sorted((len(near.near[name]) for name in middles.possible if name in near.near), reverse=True)
    return min(sum(counts[:count]), len(near.of_any(middles.possible)))


def _entering(stage: Stage, before: Entrants, near: Neighbourhood | None) -> Entrants:
    """Who may enter a stage: those promoted, their neighbours, and those that it names."""
    through = before if stage.promoted else Entrants((), 0, 0, frozenset())
    beside = near.of_any(before.possible) if near else ()
    possible = tuple(dict.fromkeys((*through.possible, *beside, *stage.candidates)))
    sure = through.sure | frozenset(stage.candidates) | frozenset(near.of_any(sorted(before.sure)) if near else ())
    new = len([name for name in stage.candidates if name not in through.sure])
    planned = through.planned + (_most_near(near, before, before.planned) if near else 0) + new
    most = through.most + (_most_near(near, before, before.most) if near else 0) + new
    return Entrants(possible, min(planned, len(possible)), min(most, len(possible)), sure)


def _continued(scope: Scope, stage: Stage, before: Entrants) -> Entrants:
    """Who is named enters in any case; the run of one that was not promoted before has nothing to carry on."""
    strangers = [name for name in stage.candidates if name not in before.possible]
    for name in strangers:
        message = f"'{name}' is never trained at '{stage.continues}', so it cannot be continued"
        scope.report("P0508", message, stage.where[stage.mode.value], "continue what was trained there")
    names = tuple(name for name in stage.candidates if name in before.possible)
    return Entrants(names, len(names), len(names), before.sure & frozenset(names))


def most_kept(condition: Condition, contenders: int, hosts: int) -> int:
    """The most that a condition can keep of so many contenders."""
    match condition:
        case Top():
            return min(condition.count * (hosts if condition.per_host else 1), contenders)
        case Best():
            share = math.ceil(condition.share * contenders)
            return min(share * (hosts if condition.per_host else 1), contenders)
        case First():
            return min(1, contenders)
        case Both():
            return min(most_kept(part, contenders, hosts) for part in condition.conditions)
        case Either():
            return min(sum(most_kept(part, contenders, hosts) for part in condition.conditions), contenders)
        case Level() | Difference() | Equivalent() | Agreement() | Projected() | Isnt():
            return contenders
        case _:
            assert_never(condition)


def fewest_kept(condition: Condition, contenders: int) -> int:
    """The fewest that a condition is sure to keep when no run fails."""
    match condition:
        case Top():
            return min(condition.count, contenders)
        case Best():
            return min(math.ceil(condition.share * contenders), contenders)
        case Either():
            return max(fewest_kept(part, contenders) for part in condition.conditions)
        case Level() | Difference() | Equivalent() | Agreement() | Projected() | First() | Isnt() | Both():
            return 0
        case _:
            assert_never(condition)


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


def _order(scope: Scope, stages: Mapping[str, Stage], choosers: Choosers) -> list[str] | None:
    """Stages in declaration order, each moved behind those that it needs."""
    order: dict[str, None] = {}
    for start in stages:
        chain: list[str] = [] if start in order else [start]
        while chain:
            name = chain[-1]
            needed = [one for one in _needs(stages, choosers, name) if one in stages and one not in order]
            if not needed:
                order[chain.pop()] = None
            elif needed[0] in chain:
                first = chain.index(needed[0])
                circle = " -> ".join([*reversed(chain[first:]), chain[-1]])
                at = stages[needed[0]].where.get("after", stages[needed[0]].where["name"])
                hint = _way_out(stages, [*chain[first:], needed[0]])
                scope.report("P0502", f"stages wait for each other in a circle: {circle}", at, hint)
                return None
            else:
                chain.append(needed[0])
    return list(order)


def _way_out(stages: Mapping[str, Stage], circle: Sequence[str]) -> str:
    """How a circle is broken in which each stage waits for the next one."""
    for waiting, other in pairwise(circle):
        if other in stages[waiting].rests_on:
            return f"fit the law that '{waiting}' waits for to other stages than '{other}'"
    return "let the first of them train a cohort"


def _needs(stages: Mapping[str, Stage], choosers: Choosers, name: str) -> tuple[str, ...]:
    """Stages that one must wait for: those its gate or reduction reads, or the one it continues."""
    stage = stages[name]
    chooser = choosers.get(stage.after or "")
    before = chooser.needs if chooser else (stage.continues,) if stage.continues else ()
    return (*before, *stage.grown_at, *stage.rests_on)


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
        for condition in gate.asked:
            _check_references(scope, gate, condition, before)
        always = len(gate.always) - len(strangers)
        least = fewest_kept(gate.keep, before.planned - always)
        if least + always >= before.planned:
            others = f"beside the {always} always kept, " if always else ""
            message = f"gate '{gate.name}' cannot reject anyone: {others}{_said(gate.keep, before.planned - always)}"
            most = before.planned - always - 1
            hint = f"keep top {most} or fewer" if most > 0 else "remove the gate"
            scope.report("P0402", message, gate.where["keep"], hint)
        elif gate.sample is not None and gate.sample.count >= (most := before.planned - always - least):
            message = (
                f"gate '{gate.name}' cannot reject anyone: at most {most} are dropped, and all of them are sampled"
            )
            hint = f"sample {most - 1} or fewer" if most > 1 else "remove the sample, or keep fewer"
            scope.warn("P0402", message, gate.where["sample"], hint)


def check_guards(
    scope: Scope, gates: Iterable[Gate], reach: Mapping[str, Entrants], stages: Mapping[str, Stage]
) -> None:
    """A median needs company: of one run it is that run, and of two it lies halfway, so that both fall or none."""
    for gate in gates:
        if gate.source not in reach:
            continue
        seeds, entrants = len(stages[gate.source].seeds), reach[gate.source].planned
        for guard in gate.guards:
            alike = seeds if guard.against is Against.CANDIDATE else seeds * entrants
            if guard.against is None or alike > 2:
                continue
            at = gate.where.get("guard", gate.where["name"])
            who = "a candidate" if guard.against is Against.CANDIDATE else "the stage"
            if alike == 1:
                message = f"{who} has one run on each host, and one run is its own median: this never flags anything"
                hint = "give the stage more seeds" + ("" if entrants == 1 else ", or write: of host")
                scope.report("P0423", message, at, hint)
            else:
                message = f"{who} has two runs on each host, and their median lies halfway: both are flagged, or none"
                found = Diagnostic("P0423", message, scope.span(at), "use three seeds or more", Severity.WARNING)
                scope.found.append(found)


def _said(condition: Condition, contenders: int) -> str:
    """What a condition is sure to keep of those who compete for places."""
    who = f"{contenders} contender{'s' * (contenders != 1)}"
    if isinstance(condition, Top) and condition.count >= contenders:
        return f"top {condition.count} of {who}"
    return f"this condition keeps all {who}"


def _check_references(scope: Scope, gate: Gate, condition: Condition, before: Entrants) -> None:
    """A candidate that gaps are measured to must be there for sure."""
    for part in primitives(condition):
        if not isinstance(part, Difference | Equivalent) or part.reference in (None, LEADER):
            continue
        if part.reference not in before.possible:
            message = f"'{part.reference}' never enters '{gate.source}', so nothing can be compared with it"
            scope.report("P0422", message, gate.where["keep"], f"train it in '{gate.source}', or compare with {LEADER}")
        elif part.reference not in before.sure:
            message = f"'{part.reference}' may not be promoted to '{gate.source}'"
            scope.report("P0422", message, gate.where["keep"], "keep it always in the gates before")


def check_tests(scope: Scope, stages: Mapping[str, Stage], choosers: Choosers, rules: Mapping[str, Rule]) -> None:
    """A test that so few cells can never pass, or that there are too many cells for, is a fault."""
    gates = {name: one for name, one in choosers.items() if isinstance(one, Gate)}
    asked: list[tuple[str, Condition, Span]] = [
        (gate.source, condition, gate.where["keep"]) for gate in gates.values() for condition in gate.ways
    ]
    asked += [
        (gate.source, demand.condition, gate.where.get("demand", gate.where["keep"]))
        for gate in gates.values()
        for demand in gate.demands
    ]
    asked += [(rule.stage, rule.require, rule.where["require"]) for rule in rules.values()]
    for stage_name, condition, at in asked:
        stage = stages.get(stage_name)
        for part in primitives(condition) if stage else ():
            test = part.test if isinstance(part, Difference | Equivalent) else None
            if test is not None and stage is not None:
                _check_cells(scope, test, len(stage.cells), at)
            if isinstance(part, Agreement) and stage is not None:
                _check_agreement(scope, part, stage, stages, choosers, at)
            if isinstance(part, Projected) and stage is not None:
                late = [one for one in part.stages if one in stages and not before(stages, choosers, one, stage.name)]
                if late:
                    message = f"the law '{part.law}' is fitted to '{late[0]}', which need not have ended here"
                    scope.report("P0803", message, at, f"ask it at '{late[0]}', or at a stage behind that")


def _check_cells(scope: Scope, test: Test, cells: int, at: Span) -> None:
    if test.method in (Method.SIGN_FLIP, Method.WILCOXON):
        smallest = Fraction(1, 2**cells)
        if smallest > 1 - test.confidence:
            message = f"{cells} cells can never give {exact(test.confidence * 100)}% by {test.method.value}"
            note = f"the smallest p they allow is 1/{2**cells}"
            scope.report("P0404", message, at, "run more cells, or ask for less", notes=(note,))
        if cells > MOST_EXACT:
            message = f"an exact test over {cells} cells has too many cases; {MOST_EXACT} cells are the most"
            scope.report("P0417", message, at, "use t, or declare sigma")
    elif test.method is Method.T and cells < 2:
        scope.report("P0404", "one cell has no spread, so the t test is undefined", at, "run two cells or more")


def _check_agreement(
    scope: Scope, part: Agreement, stage: Stage, stages: Mapping[str, Stage], choosers: Choosers, at: Span
) -> None:
    if part.of_hosts:
        strangers = [name for name in part.between if name not in stage.hosts]
        if strangers:
            message = f"'{stage.name}' does not run on {', '.join(strangers)}"
            scope.report("P0421", message, at, f"its hosts are: {', '.join(stage.hosts)}")
    elif stage.name not in part.between:
        message = f"the agreement of stages must include '{stage.name}', which is read here"
        scope.report("P0421", message, at, f"add {stage.name}")
    else:
        later = [name for name in part.between if name in stages and not before(stages, choosers, name, stage.name)]
        if later:
            scope.report("P0421", f"'{later[0]}' does not come before '{stage.name}'", at, "name earlier stages")


def before(stages: Mapping[str, Stage], choosers: Choosers, name: str, stage: str) -> bool:
    """Whether one stage has surely ended when another is read: it is that one, or the other waits for it."""
    seen: set[str] = set()
    waiting = [stage]
    while waiting:
        current = waiting.pop()
        if current == name:
            return True
        if current in stages and current not in seen:
            seen.add(current)
            waiting.extend(_needs(stages, choosers, current))
    return False


def check_noise(
    scope: Scope,
    stages: Mapping[str, Stage],
    gates: Mapping[str, Gate],
    rules: Mapping[str, Rule],
    noise: Fraction | None,
) -> None:
    """A margin finer than what the declared noise lets so many cells tell apart."""
    if noise is None:
        return
    asked = {name: (gate.keep, gate.source, gate.where["keep"]) for name, gate in gates.items()}
    asked |= {name: (rule.require, rule.stage, rule.where["require"]) for name, rule in rules.items()}
    smallest = margins({name: condition for name, (condition, _, _) in asked.items()})
    for name, (_, stage_name, at) in asked.items():
        stage = stages.get(stage_name)
        if stage is None or name not in smallest or smallest[name] == 0:
            continue
        # Standard error of a difference of two means, each over n cells.
        error = Fraction(math.sqrt(2 / len(stage.cells))) * noise
        if smallest[name] < error:
            message = f"the margin {exact(smallest[name])} is finer than the noise of {len(stage.cells)} cells"
            note = (
                f"declared noise {exact(noise)} x sqrt(2 / {len(stage.cells)}) = {rounded(error, 4)}: the standard "
                "error of the difference of two means"
            )
            scope.warn("P0415", message, at, "run more cells, or widen the margin", notes=(note,))


def check_stages(
    scope: Scope,
    stages: Mapping[str, Stage],
    gates: Mapping[str, Gate],
    rules: Mapping[str, Rule],
    screened: Collection[str] = (),
) -> None:
    """Every stage is read by something, and no seed serves two stages unless the spec says so."""
    judged = {gate.source for gate in gates.values()} | {rule.stage for rule in rules.values()}
    judged |= {rule.judged.stage for rule in rules.values() if isinstance(rule.judged, BestOf)}
    read = judged | {stage.continues for stage in stages.values() if stage.continues}
    for stage in stages.values():
        if stage.name not in read and stage.name not in screened and not stage.report_only:
            end = stage.where["seeds"].end
            edit = Edit(Span(scope.tree.source, end, end), "\n  report   only")
            message = f"no gate or rule reads stage '{stage.name}'"
            at = stage.where["name"]
            scope.report("P0503", message, at, "add: report only", edits=(edit,), confidence=Confidence.SURE)
        if stage.name in judged and stage.report_only:
            message = f"stage '{stage.name}' is report only, and {_decider(gates, rules, stage.name)} decides by it"
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


def _decider(gates: Mapping[str, Gate], rules: Mapping[str, Rule], stage: str) -> str:
    """The first gate or rule that decides by what came of a stage."""
    gate = next((name for name, gate in gates.items() if gate.source == stage), None)
    if gate is not None:
        return f"the gate '{gate}'"
    judging = (
        name
        for name, rule in rules.items()
        if stage == rule.stage or (isinstance(rule.judged, BestOf) and rule.judged.stage == stage)
    )
    return f"the rule '{next(judging)}'"


def entrants_again(study: Study) -> dict[str, Entrants]:
    """Who may enter each stage of a sound study whose gates, hosts or seeds were replaced."""
    found: dict[str, Entrants] = {}
    for stage in study.stages.values():
        gate = study.gates.get(stage.after or "")
        if gate is not None:
            before = _promoted(gate, found[gate.source], len(study.stages[gate.source].hosts))
            found[stage.name] = _entering(stage, before, study.neighbourhoods.get(stage.around or ""))
        else:
            found[stage.name] = study.entrants[stage.name]
    return found
