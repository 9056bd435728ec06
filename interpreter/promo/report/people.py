"""
Decisions that wait for a person, and as that person settled them.

What a rule found by itself stays what is recorded, digested and verified; a reader is shown who was promoted in the
end, by whose word and why.
"""

from collections.abc import Iterator
from typing import assert_never

from promo.base.classes import evolve
from promo.decision.values import (
    Decision,
    Forecasting,
    Ground,
    Judgement,
    Ranking,
    Reducing,
    Scheduling,
    Standing,
    Verdict,
    Walking,
)
from promo.ledger.outcomes import Held, Settled, Stopped
from promo.ledger.state import State
from promo.ledger.values import PersonDecided
from promo.report.changed import Call, called_list
from promo.report.decided import decision_words, outcome_words
from promo.report.declared import describe_level
from promo.report.told import path_words, schedule_words, unit_of
from promo.study.values import Study


def settled(decision: Decision, state: State) -> Decision:
    """A decision with a person's verdict in the place of its own waiting; as it is where nobody was asked."""
    person = state.people.get(decision.name)
    if person is None or not isinstance(decision.outcome, Held):
        return decision
    on, found = state.promoted(decision.name), decision.found
    outcome = Stopped(decision.outcome.because) if person.stopped else Settled()
    match found:
        case Ranking():
            standings = tuple(_standing(one, on, stopped=person.stopped) for one in found.standings)
            return evolve(decision, outcome=outcome, promoted=on, found=evolve(found, standings=standings))
        case Reducing():
            rows = {*decision.promoted, *found.dropped}
            dropped = tuple(sorted(rows - set(on)))
            return evolve(decision, outcome=outcome, promoted=on, found=evolve(found, dropped=dropped))
        case Judgement() | Walking() | Forecasting():
            return decision
        case Scheduling():
            return evolve(decision, outcome=outcome, found=evolve(found, path=state.path(decision.name)))
        case _:
            assert_never(found)


def _standing(standing: Standing, on: tuple[str, ...], *, stopped: bool) -> Standing:
    if stopped:
        return evolve(standing, ground=Ground.STOPPED) if standing.ground is Ground.HELD else standing
    verdict = Verdict.PROMOTED if standing.candidate in on else Verdict.DROPPED
    return evolve(standing, verdict=verdict, ground=Ground.PERSON)


def result_words(decision: Decision, study: Study, state: State, call: Call) -> str:
    """What a gate, rule, reduction or step did, in one sentence, with the person who settled it or is waited for."""
    name, person = decision.name, state.people.get(decision.name)
    if decision.judgement is not None:
        said = decision_words(decision, study, call)
        if decision.stopped:
            return f"{said}; the study stops"
        if decision.held and person is None:
            return f"{said}; it waits for a person"
        return said if person is None else f"{said}; {settling(person)}"
    if person is None:
        return decision_words(decision, study, call)
    if person.stopped:
        return f"{name} stopped the study: {settling(person)}"
    final = settled(decision, state)
    if isinstance(final.found, Scheduling):
        return schedule_words(final, final.found, study, call, settling(person))
    why, said = outcome_words(name, decision.outcome, study, call), decision_words(final, study, call)
    return f"{said}; {settling(person)}, for whom it waited because {why}"


def settling(person: PersonDecided) -> str:
    """Who settled it, how and why."""
    if person.stopped:
        return f"{person.by} decided to stop: {person.reason}"
    how = "decided by" if person.promoted is not None else "continuing was decided by"
    return f"{how} {person.by} ({person.reason})"


def status_words(study: Study, state: State, name: str, call: Call, *, in_lines: bool = False) -> str:
    """How a gate, rule, reduction or step stands, in a few words; *in_lines*: whom it promoted is told behind them."""
    verdict, person = state.decisions[name].verdict, state.people.get(name)
    if isinstance(verdict.outcome, Stopped):
        return f"stopped the study: {outcome_words(name, verdict.outcome, study, call)}"
    if isinstance(verdict.outcome, Held) and person is None:
        return f"waits for a person: {outcome_words(name, verdict.outcome, study, call)}"
    if person is not None and person.stopped:
        return f"stopped the study: {settling(person)}"
    if verdict.answer is not None:
        return verdict.answer.value + (f"; {settling(person)}" if person else "")
    if name in study.forecasts:
        return f"recorded for {study.forecasts[name].stage}"
    if name in study.schedules:
        path = path_words(state.path(name), unit_of(study, study.laws[study.schedules[name].law]), call)
        return path + (f"; {settling(person)}" if person else "")
    promoted = state.promoted(name)
    who = f"{len(promoted)} candidates" if in_lines else called_list(promoted, call)
    said = f"promoted {who if promoted else 'no candidate'}"
    if name in study.reductions:
        levels = ", ".join(f"{factor} at {describe_level(level)}" for factor, level in verdict.fixed)
        said = f"fixed {levels or 'no factor'}; {said}"
    return said + (f"; {settling(person)}" if person else "")


def waiting_lines(study: Study, state: State, where: str) -> Iterator[str]:
    """How somebody who is waited for gives a verdict on what waits; *where* is the study folder."""
    for name in state.waiting():
        chosen = "--continue" if name in study.rules else "--promote NAMES"
        how = f"promo decide {where} {name} {chosen} (or --stop) --by WHO --reason TEXT"
        yield f"Waiting for a person: {name}; {how}."
