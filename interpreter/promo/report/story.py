"""
A study in five sentences at most: what ran, who went on, what held, what mattered, what it cost.

Every decision has a sentence of its own elsewhere; where all of them together are few, they are the story.
"""

from collections.abc import Iterator, Sequence

from promo.report.people import result_words, settled
from promo.report.record import Record
from promo.report.replay import replay_line
from promo.report.words import listed, plural
from promo.study.judgement import Answer

MOST = 5
"""Sentences of a story."""
FEW = 2
"""Decisions of a kind that are told one by one."""


def in_short(
    record: Record,
    full: Sequence[str],
    rungs: Sequence[str],
    findings: Sequence[str],
    grown: Sequence[str],
    more: int,
    spent: str,
    state: str,
) -> tuple[str, ...]:
    """
    The story of a study.

    Args:
        record: the study.
        full: a sentence for everything.
        rungs: who was at each stage and for how long, in words.
        findings: sentences about effects and baselines.
        grown: what each growth did, and whether it chose right, in sentences.
        more: how many more sentences there are about growths.
        spent: the sentence about what was trained.
        state: how the study stands when it is not finished; empty when it is.
    """
    if len(full) <= MOST:
        return tuple(full)
    parts = (
        _ran(record, rungs),
        _gates(record),
        _rules(record),
        _found(findings, grown, more),
        f"{spent} {state}".strip(),
    )
    return tuple(one for one in parts if one)


def _ran(record: Record, rungs: Sequence[str]) -> str:
    replay = replay_line(record.state)
    head = f"This is a {replay}; read" if replay else "Candidates trained"
    if not rungs:
        return f"{head}: none yet."
    shown = rungs if len(rungs) <= 4 else [rungs[0], f"{len(rungs) - 2} stages between", rungs[-1]]
    return f"{head}: {'; '.join(shown)}."


def _gates(record: Record) -> str:
    decided = [one for one in record.decisions.values() if one.ranking is not None or one.reducing is not None]
    if len(decided) <= FEW:
        return _joined(result_words(one, record.study, record.state, record.call) for one in decided)
    gates = [(settled(one, record.state), one.ranking) for one in decided if one.ranking is not None]
    let = [f"{one.name} {len(one.promoted)} of {len(ranking.standings)}" for one, ranking in gates]
    reduced = (
        result_words(one, record.study, record.state, record.call) for one in decided if one.reducing is not None
    )
    return _joined([*([f"{plural(len(gates), 'gate')} promoted: {listed(let)}"] if let else []), *reduced])


def _rules(record: Record) -> str:
    decided = [one for one in record.decisions.values() if one.judgement is not None]
    if len(decided) <= FEW:
        return _joined(result_words(one, record.study, record.state, record.call) for one in decided)
    words = (
        (Answer.HOLDS, "holds", "hold"),
        (Answer.FAILS, "fails", "fail"),
        (Answer.UNDECIDED, "is undecided", "are undecided"),
    )
    said = []
    for answer, one, several in words:
        names = [one.name for one in decided if one.judgement is not None and one.judgement.answer is answer]
        said += [f"{listed(names)} {one if len(names) == 1 else several}"] if names else []
    return _joined([f"Of {len(decided)} rules, " + "; ".join(said)])


def _found(findings: Sequence[str], grown: Sequence[str], more: int) -> str:
    """The first findings, what growths came to, and how many more findings there are."""
    shown = findings if len(findings) <= FEW else findings[:FEW]
    rest = more + len(findings) - len(shown)
    first = _joined(one.removesuffix(".") for one in shown)
    last = f"{plural(rest, 'more finding')} below." if rest else ""
    return " ".join(filter(None, (first, *grown, last[:1].upper() + last[1:])))


def _joined(parts: Iterator[str] | Sequence[str]) -> str:
    """Parts as one sentence."""
    said = "; ".join(parts)
    return f"{said}." if said else ""
