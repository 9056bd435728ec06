"""Amendments in words: what was changed, by whom and why, what was known then, and both verdicts."""

from collections.abc import Iterator
from typing import assert_never

from promo.ledger.outcomes import Held, Settled, Stopped
from promo.ledger.state import State
from promo.ledger.values import Amendment, Verdict
from promo.report.changed import Call, called_list
from promo.report.decided import decision_words, outcome_words, standing_reason
from promo.report.describe import closure_changes
from promo.report.record import Record
from promo.report.words import plural
from promo.study.judgement import Deciding, Gate, Reduction, Rule
from promo.study.values import Study


def _word(rule: Deciding) -> str:
    """The word that begins a rule in a spec."""
    match rule:
        case Gate():
            return "gate"
        case Reduction():
            return "reduce"
        case Rule():
            return "rule"
        case _:
            assert_never(rule)


def amendment_lines(one: Amendment, at: str) -> Iterator[str]:
    """An amendment, recorded *at* a time, a sentence a line."""
    kind = _word(one.new.rule)
    yield (
        f"Amendment {one.number} of {kind} {one.name} by {one.by} on {at}: {one.reason} "
        f"({'post hoc' if one.post_hoc else 'before any result of its stage'})."
    )
    for change in closure_changes(one.old, one.new):
        yield f"{_changed(change, f'{kind} {one.name}')}."
    known = f"{plural(len(one.seen), 'result')} of its stage" if one.seen else "no result of its stage"
    yield f"{known[0].upper()}{known[1:]} existed then; ledger head sha256:{one.head[:12]}."
    yield (
        "It came after the decision, so it changes nothing that happened; both verdicts are shown."
        if one.verdict is not None
        else "It came before the decision, so the amended wording decides; both verdicts are shown."
    )


def _changed(change: str, rule: str) -> str:
    """A difference; what a wording does not look at any more, or did not before, is in the study all the same."""
    gone, new = change.partition(" is gone (was "), change.partition(" is new: ")
    if change.startswith(rule) or not (gone[1] or new[1]):
        return f"Changed: {change}"
    return f"No longer read: {gone[0]} ({gone[2]}" if gone[1] else f"Now read as well: {new[0]} ({new[2]})"


def verdict_lines(study: Study, state: State, name: str, call: Call) -> Iterator[str]:
    """What every wording of an amended gate or rule decided; the one that counts first."""
    recorded = state.decisions.get(name)
    if recorded is None or len(state.versions(name)) < 2:
        return
    yield f"{wording(state.in_force(name))} (this one counts): {verdict_words(study, name, recorded.verdict, call)}."
    for one in other_verdicts(state, name):
        yield f"{wording(one.wording)} (decides nothing): {verdict_words(study, name, one, call)}."


def amended_lines(study: Study, state: State, name: str, call: Call) -> Iterator[str]:
    """Everything there is to say about the amendments of a gate or rule."""
    for one, at in zip(state.amendments, state.amended_at, strict=True):
        if one.name == name:
            yield from amendment_lines(one, at)
    yield from verdict_lines(study, state, name, call)


def moved_lines(record: Record, name: str) -> Iterator[str]:
    """What other wordings would have meant for each candidate whom they move, or for the claim of a rule."""
    counted = record.decisions.get(name)
    for (one, version), other in record.others.items():
        if one != name:
            continue
        if other.ranking is not None and counted is not None and counted.ranking is not None:
            was = {standing.candidate: standing.verdict for standing in counted.ranking.standings}
            for standing in other.ranking.standings:
                if standing.verdict is not was[standing.candidate]:
                    reason = standing_reason(standing, other, record.study, record.call)
                    who = f"{wording(version)}, {record.call(standing.candidate)}"
                    yield f"{who} would be {standing.verdict.value}: {reason}."
        elif other.judgement is not None:
            yield f"{wording(version)}: {decision_words(other, record.study, record.call)}."


def other_verdicts(state: State, name: str) -> tuple[Verdict, ...]:
    """Verdicts by the wordings that do not count, oldest first."""
    decided = state.decisions.get(name)
    later = (one.verdict for one in state.amendments if one.name == name and one.verdict is not None)
    return (*(decided.others if decided else ()), *later)


def undecided(record: Record, name: str) -> str:
    """What is said of a gate or rule without a decision that could be derived."""
    recorded = record.state.decisions.get(name)
    if recorded is None:
        return "Not decided yet."
    said = verdict_words(record.study, name, recorded.verdict, record.call)
    return f"The ledger records: {said}. This cannot be recomputed from the files here."


def wording(version: int) -> str:
    """`as frozen`, `by amendment 2`."""
    return f"by amendment {version}" if version else "as frozen"


def verdict_words(study: Study, name: str, verdict: Verdict, call: Call) -> str:
    """What a recorded decision said."""
    match verdict.outcome:
        case Stopped():
            return f"stop, because {outcome_words(name, verdict.outcome, study, call)}"
        case Held():
            return f"hold, because {outcome_words(name, verdict.outcome, study, call)}"
        case Settled():
            promoted = called_list(verdict.promoted, call) if verdict.promoted else "no candidate"
            return f"promotes {promoted}" if verdict.answer is None else verdict.answer.value
        case _:
            assert_never(verdict.outcome)
