"""Amendments in words: what was changed, by whom and why, what was known then, and both verdicts."""

from collections.abc import Iterator, Mapping, Sequence

from promo.base.canonical import Json
from promo.decision.values import GateDecision, RuleDecision
from promo.ledger.state import State
from promo.report.record import Record
from promo.report.words import listed, plural, rule_result, standing_reason


def amendment_lines(data: Mapping[str, Json]) -> Iterator[str]:
    """An amendment, a sentence a line."""
    yield (
        f"Amendment {data['number']} of {data['kind']} {data['name']} by {data['by']}{dated(data)}: {data['reason']} "
        f"({'post hoc' if data['post_hoc'] else 'before any result of its stage'})."
    )
    rule = f"{data['kind']} {data['name']}"
    for change in _texts(data["differences"]):
        yield f"{_changed(change, rule)}."
    seen = _texts(data["seen"])
    known = (
        f"{plural(len(seen), 'result')} of its stage existed then" if seen else "no result of its stage existed then"
    )
    yield f"{known[0].upper()}{known[1:]}; ledger head sha256:{str(data['head'])[:12]}."
    yield (
        "It came after the decision, so nothing that happened changes; its verdict is shown beside it."
        if data["decided_before"]
        else "It came before the decision, so the amended wording decides; the earlier verdict is shown beside it."
    )


def dated(data: Mapping[str, Json]) -> str:
    """When it was recorded, behind a name; empty for what was recorded without a date."""
    return f" on {data['at']}" if "at" in data else ""


def _changed(change: str, rule: str) -> str:
    """A difference; what a wording does not look at any more, or did not before, is in the study all the same."""
    gone, new = change.partition(" is gone (was "), change.partition(" is new: ")
    if change.startswith(rule) or not (gone[1] or new[1]):
        return f"Changed: {change}"
    return f"No longer looked at: {gone[0]} ({gone[2]}" if gone[1] else f"Now looked at as well: {new[0]} ({new[2]})"


def verdict_lines(state: State, name: str) -> Iterator[str]:
    """What every wording of an amended gate or rule decided; the one that counts first."""
    recorded = state.decisions.get(name)
    if recorded is None or len(state.versions(name)) < 2:
        return
    yield f"{wording(state.in_force(name))} (this one counts): {verdict_words(recorded)}."
    for one in beside(state, name):
        number = one["amendment"]
        assert isinstance(number, int)
        yield f"{wording(number)} (decides nothing): {verdict_words(one)}."


def amended_lines(state: State, name: str) -> Iterator[str]:
    """Everything there is to say about the amendments of a gate or rule."""
    for one in state.amendments:
        if one["name"] == name:
            yield from amendment_lines(one)
    yield from verdict_lines(state, name)


def moved_lines(record: Record, name: str) -> Iterator[str]:
    """What other wordings would have meant for each candidate whom they move, or for the claim of a rule."""
    counted, unit = record.decisions.get(name), record.study.measure.unit
    for (one, version), other in record.others.items():
        if one != name:
            continue
        if isinstance(other, GateDecision) and isinstance(counted, GateDecision):
            was = {standing.candidate: standing.verdict for standing in counted.standings}
            for standing in other.standings:
                if standing.verdict is not was[standing.candidate]:
                    reason = standing_reason(standing, other, unit)
                    yield f"{wording(version)}, {standing.candidate} would be {standing.verdict.value}: {reason}."
        elif isinstance(other, RuleDecision):
            yield f"{wording(version)}: {rule_result(other, record.study.rules[name], record.study)}."


def beside(state: State, name: str) -> tuple[Mapping[str, Json], ...]:
    """Verdicts by the wordings that do not count, oldest first."""
    found = state.decisions.get(name, {}).get("beside", [])
    assert isinstance(found, Sequence)
    every = [*found, *(one["beside"] for one in state.amendments if one["name"] == name and "beside" in one)]
    return tuple(one for one in every if isinstance(one, Mapping))


def undecided(record: Record, name: str) -> str:
    """What is said of a gate or rule without a decision that could be derived."""
    recorded = record.state.decisions.get(name)
    if recorded is None:
        return "Not decided yet."
    return f"The ledger records {verdict_words(recorded)}; that cannot be derived again from what lies here."


def wording(version: int) -> str:
    """`as frozen`, `by amendment 2`."""
    return f"by amendment {version}" if version else "as frozen"


def verdict_words(recorded: Mapping[str, Json]) -> str:
    """What a recorded decision said."""
    if recorded.get("stopped"):
        return f"stop, because {recorded['stopped']}"
    if recorded.get("held"):
        return f"hold, because {recorded['held']}"
    if "promoted" in recorded:
        return f"promotes {listed(_texts(recorded['promoted']))}"
    return str(recorded["answer"])


def _texts(value: Json) -> list[str]:
    assert isinstance(value, Sequence)
    return [str(one) for one in value]
