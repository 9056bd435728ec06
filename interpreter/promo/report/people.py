"""
Decisions that wait for a person, and as that person settled them.

What a rule found by itself stays what is recorded, digested and verified; a reader is shown who went on in the end, by
whose word and why.
"""

from collections.abc import Iterator, Mapping

from attrs import evolve

from promo.base.canonical import Json
from promo.decision.values import Decision, GateDecision, Ground, ReduceDecision, RuleDecision, Standing, Verdict
from promo.ledger.state import State
from promo.report.words import gate_result, growth_result, listed, reduction_result, rule_result, step_result
from promo.study.values import Study


def settled(decision: Decision, state: State) -> Decision:
    """A decision with a person's verdict in the place of its own waiting; as it is where nobody was asked."""
    match decision:
        case GateDecision():
            return settled_gate(decision, state)
        case ReduceDecision():
            return settled_reduction(decision, state)
        case _:
            return decision


def settled_gate(decision: GateDecision, state: State) -> GateDecision:
    """The same for a gate: who goes on is who the person named, and each standing says so."""
    person = state.people.get(decision.gate)
    if person is None:
        return decision
    if person.get("stopped"):
        ended = (evolve(one, ground=Ground.STOPPED) if one.ground is Ground.HELD else one for one in decision.standings)
        return evolve(decision, standings=tuple(ended), held="", stopped=str(person["stopped"]))
    on = state.promoted(decision.gate)
    return evolve(decision, standings=tuple(_standing(one, on) for one in decision.standings), promoted=on, held="")


def settled_reduction(decision: ReduceDecision, state: State) -> ReduceDecision:
    """The same for a reduction."""
    person = state.people.get(decision.reduction)
    if person is None:
        return decision
    if person.get("stopped"):
        return evolve(decision, held="", stopped=str(person["stopped"]))
    on = state.promoted(decision.reduction)
    return evolve(decision, promoted=on, left=tuple(sorted({*decision.promoted, *decision.left} - set(on))), held="")


def _standing(standing: Standing, on: tuple[str, ...]) -> Standing:
    verdict = Verdict.PROMOTED if standing.candidate in on else Verdict.DROPPED
    return evolve(standing, verdict=verdict, ground=Ground.PERSON)


def name_of(decision: Decision) -> str:
    """The gate, rule, reduction or step that decided."""
    match decision:
        case GateDecision():
            return decision.gate
        case RuleDecision():
            return decision.rule
        case ReduceDecision():
            return decision.reduction
        case _:
            return decision.step


def result_words(decision: Decision, study: Study, state: State) -> str:
    """What a gate, rule, reduction or step did, in one sentence, with the person who settled it or is waited for."""
    name, shown = name_of(decision), settled(decision, state)
    person = state.people.get(name)
    match shown:
        case GateDecision():
            grow = study.grows.get(shown.gate)
            said = gate_result(shown) if grow is None else growth_result(grow, shown)
        case ReduceDecision():
            said = reduction_result(shown)
        case RuleDecision():
            said = rule_result(shown, study.rules[name], study)
            if shown.stopped:
                return f"{said}; the study stops"
            if shown.held and person is None:
                return f"{said}; it waits for a person"
            return said if person is None else f"{said}; {settling(person)}"
        case _:
            return step_result(shown)
    return (
        said
        if person is None or person.get("stopped")
        else f"{said}; {settling(person)}, for whom it waited because {decision.held}"
    )


def settling(person: Mapping[str, Json]) -> str:
    """Who settled it, how and why."""
    if person.get("stopped"):
        return str(person["stopped"])
    how = "decided by" if "promoted" in person else "to go on was decided by"
    return f"{how} {person['by']} ({person['reason']})"


def status_words(state: State, name: str) -> str:
    """How a gate, rule or reduction stands, in a few words."""
    recorded, person = state.decisions[name], state.people.get(name)
    if recorded.get("stopped"):
        return f"stopped the study: {recorded['stopped']}"
    if recorded.get("held") and person is None:
        return f"waits for a person: {recorded['held']}"
    if person is not None and person.get("stopped"):
        return f"stopped the study: {person['stopped']}"
    if "promoted" not in recorded:
        return str(recorded["answer"]) + (f"; {settling(person)}" if person else "")
    said = f"promoted {', '.join(state.promoted(name)) or 'nobody'}"
    fixed = recorded.get("fixed")
    if isinstance(fixed, list):
        levels = ", ".join(f"{one[0]} at {one[1]}" for one in fixed if isinstance(one, list))
        said = f"fixed {levels or 'no factor'}; {said}"
    return said + (f"; {settling(person)}" if person else "")


def waiting_lines(study: Study, state: State) -> Iterator[str]:
    """How somebody who is waited for gives a verdict."""
    gates = [name for name in state.waiting() if name not in study.rules]
    rules = [name for name in state.waiting() if name in study.rules]
    reason = "--by WHO --reason TEXT"
    if gates:
        yield f"Waiting for a person: {listed(gates)}; promo decide SPEC NAME --promote NAMES (or --stop) {reason}."
    if rules:
        yield f"Waiting for a person: {listed(rules)}; promo decide SPEC NAME --go-on (or --stop) {reason}."
