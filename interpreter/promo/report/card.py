"""
The first screen of a report: the answer to the title's question, and what a reader asks next.

Who was kept and who was dropped, how large the effect is beside the seed noise, when the study was frozen and how long
before its first result, who vouches for that, what has been checked, and what was spent.  Each line stands on something
that was counted or compared; where nothing was, it says so.
"""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import rounded
from promo.decision.values import Ranking, Reducing, Verdict
from promo.ledger.state import StudyState
from promo.report.answer import (
    MOST_TOLD,
    AnswerLine,
    Lead,
    answering,
    counted,
    lead_words,
    leads_of,
    rule_lines,
    without_rules,
)
from promo.report.decided import stop_words
from promo.report.effects import effects_story
from promo.report.money import money_words
from promo.report.people import result_words, waiting_lines
from promo.report.plan import device_words, rounded_up, share_text
from promo.report.record import Record
from promo.report.spending import budget_words, short_of_budget
from promo.report.values import AnswerView, FactView
from promo.report.words import PLACES, between, listed, plural, span_text
from promo.study.judgement import Answer, Statistic

MOST_NAMED = 6
"""Candidates that a line of the first screen names."""
MOST_GATES = 3
"""Gates that the first screen tells one by one; of more the last."""


OWN = "The spec's own words for this outcome, frozen with it."


def answer_view(record: Record) -> AnswerView:
    """What the first screen says."""
    lines = rule_lines(record)
    standing = tuple(_standing(record))
    outcome, headline, note = _headline(record, lines, standing)
    several = lines if len(lines) > 1 and any(one.outcome != "open" for one in lines) else ()
    rest = len(several) - MOST_TOLD
    return AnswerView(
        outcome=outcome,
        headline=headline,
        note=note,
        lines=several[:MOST_TOLD],
        rest=f"{plural(rest, 'more rule')} in the table below." if rest > 0 else "",
        standing=tuple(one for one in standing if one != headline),
        facts=tuple(FactView(*one) for one in _facts(record, lines)),
    )


def _headline(record: Record, lines: tuple[AnswerLine, ...], standing: tuple[str, ...]) -> tuple[str, str, str]:
    """Outcome, the answer in a sentence or two, and whose words it is."""
    decided = [one for one in lines if one.outcome != "open"]
    if lines and not decided:
        return "open", next(iter(standing), "Not answered yet."), ""
    if len(lines) == 1:
        note = f"{OWN} {lines[0].measured}" if lines[0].own else ""
        return lines[0].outcome, lines[0].words, note
    if lines:
        outcomes = {one.outcome for one in lines}
        return (outcomes.pop() if len(outcomes) == 1 else "mixed"), counted(lines), ""
    if record.state.study is not StudyState.CLOSED and standing:
        return "open", standing[0], ""
    return "open", " ".join(without_rules(record)), ""


# --- how it stands -------------------------------------------------------------------------------------------------


def _standing(record: Record) -> Iterator[str]:
    """What has to be known of a study before its answer is believed, in sentences."""
    state, study = record.state, record.study
    if record.faults:
        yield "The record is damaged: what is said here rests on what can still be read."
    match state.study:
        case StudyState.STOPPED:
            yield f"The study was stopped before its end: {stop_words(study, state, record.call)}."
        case StudyState.OPEN if state.stopping() is not None:
            yield f"The study is about to stop: {stop_words(study, state, record.call)}."
        case StudyState.OPEN | StudyState.EMPTY:
            yield from _open(record)
        case StudyState.CLOSED:
            pass
        case _:
            assert_never(state.study)


def _open(record: Record) -> Iterator[str]:
    state, study = record.state, record.study
    waiting = state.waiting()
    if waiting:
        said = "; ".join(
            result_words(record.decisions[one], study, state, record.call) for one in waiting if one in record.decisions
        )
        yield f"Not finished: {said or f'{listed(waiting)} waits for a person'}."
        yield from waiting_lines(study, state, record.folder)
        return
    short = short_of_budget(study, record.plan, state)
    if short is not None:
        yield f"Not finished: {budget_words(short, study, record.plan, record.call)}."
        return
    count = record.runs()
    begun = f"{count.done} of {plural(count.runs, 'run')} {'has' if count.done == 1 else 'have'} a result"
    anchored = study.anchor and not state.receipts
    why = ", and none will until the ledger holds an outside receipt" if anchored else ""
    yield f"Not finished: {begun}." if record.attempts() else f"Not answered yet: no run has started{why}."


# --- the lines below -----------------------------------------------------------------------------------------------


def _facts(record: Record, lines: tuple[AnswerLine, ...]) -> Iterator[tuple[str, str]]:
    yield from _kept(record)
    yield from _effect(record)
    found = list(effects_story(record))
    if found and not lines:
        yield "Found", " ".join(found[:2]) + (f" {len(found) - 2} more below." if len(found) > 2 else "")
    yield "Frozen", _frozen(record)
    yield "Attested", _attested(record)
    yield "Verified", _verified(record)
    yield "Spent", _spent(record)


def _kept(record: Record) -> Iterator[tuple[str, str]]:
    """Who was kept and dropped, by the last gates; what a reduction fixed."""
    study = record.study
    decided = [one for name, one in record.verdicts.items() if name in study.deciding and not (one.held or one.stopped)]
    gates = [
        (one, one.found) for one in decided if isinstance(one.found, Ranking) and study.growth_at(one.name) is None
    ]
    shown = gates if len(gates) <= MOST_GATES else gates[-1:]
    kept, dropped = [], []
    for decision, found in shown:
        before = f"{decision.name}: " if len(gates) > 1 else ""
        names = {
            verdict: [record.call(one.candidate) for one in found.standings if one.verdict is verdict]
            for verdict in Verdict
        }
        of = f" of {len(found.standings)}"
        of = f", {len(names[Verdict.PROMOTED])}{of}" if names[Verdict.PROMOTED] else of
        kept.append(f"{before}{_named(names[Verdict.PROMOTED])}{of}, to {found.target}")
        dropped += [f"{before}{_named(names[Verdict.DROPPED])}"] if names[Verdict.DROPPED] else []
    earlier = [found for _, found in gates[: len(gates) - len(shown)]]
    others = f"{plural(len(earlier), 'gate')} before that"
    gone = {one.candidate for found in earlier for one in found.standings if one.verdict is Verdict.DROPPED}
    if kept:
        yield "Kept", "; ".join([*kept, *([others] if earlier else [])])
        none = f"none by {shown[0][0].name}" if gone else "none"
        yield "Dropped", "; ".join([*(dropped or [none]), *([f"{len(gone)} by the {others}"] if gone else [])])
    for decision in decided:
        if isinstance(decision.found, Reducing):
            yield "Reduced", result_words(decision, study, record.state, record.call)
        if decision.name in study.grows:
            yield "Grown", result_words(decision, study, record.state, record.call)


def _named(names: list[str]) -> str:
    """Names for a line: the first few, and how many more."""
    if len(names) > MOST_NAMED:
        names = [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} more"]
    return listed(names)


def _effect(record: Record) -> Iterator[tuple[str, str]]:
    """The differences that rules ask about, but for those that the line of a rule says beside the others already."""
    rules, said = answering(record), []
    for rule in rules[:MOST_TOLD]:
        decision = record.decisions.get(rule.name)
        found = decision.judgement if decision else None
        leads = leads_of(record, rule, found) if found else ()
        told = len(rules) > 1 and (len(leads) == 1 or found is None or found.answer is not Answer.HOLDS)
        if leads and not told:
            said.append(f"{rule.name}: " * (len(rules) > 1) + effect_words(record, rule.stage, leads))
    if said:
        yield "Effect", ". ".join(said)


def effect_words(record: Record, stage: str, leads: tuple[Lead, ...]) -> str:
    """Leads of one rule, and what seeds alone make of such a difference, or that this is not known."""
    unit, lead = record.study.measure.unit, leads[0]
    mean = lead.statistic is Statistic.MEAN
    names = [lead_words(one, unit, record.call) for one in leads[:MOST_NAMED]]
    over = f"{' on the mean' if mean else ''} of {plural(lead.cells, 'cell')} at {stage}"
    rest = f" ({len(leads) - MOST_NAMED} more in the table below)" if len(leads) > MOST_NAMED else ""
    said = f"{listed(names)}{over}{rest}"
    error, whose = lead.error, "its" if lead.lead and len(leads) == 1 else "the"
    if lead.noise is None or error is None:
        why = f"too few repeated seeds at {stage}" if mean else "it is computed for means only"
        return f"{said}; {whose} seed noise is not known: {why}"
    source = "as the study declares"
    if not lead.noise.declared:
        source = f"{plural(lead.noise.degrees, 'degree')} of freedom"
    noise = between(rounded(error, PLACES), unit)
    return f"{said}; {whose} seed noise, the standard error from seeds alone, is {noise} ({source})"


def _frozen(record: Record) -> str:
    """When the study was frozen, how long before its first result, and what was not frozen or was amended."""
    state, study = record.state, record.study
    said = f"{_moment(state.frozen_at)} by the ledger's own clock"
    ended = min((one.ended for one in record.attempts() if one.ended and one.envelope), default="")
    if state.replay:
        said += "; the curves had been recorded before"
    elif ended:
        apart = _seconds(state.frozen_at, ended)
        before = "less than a second" if 0 <= apart < 1 else span_text(apart)
        said += (
            f", {before} before the first result" if apart >= 0 else "; a clock was set back before the first result"
        )
    else:
        said += "; there is no result yet"
    loose = [rule.name for rule in study.deciding.values() if not rule.frozen and study.growth_at(rule.name) is None]
    if loose:
        said += f". Not frozen: {_named(loose)}"
    if state.amendments:
        late = sum(one.post_hoc for one in state.amendments)
        said += f". {plural(len(state.amendments), 'amendment')} since, {late} of them with results known"
    return said


def _moment(time: str) -> str:
    """`2026-07-26 14:27 UTC`."""
    return f"{time[:10]} {time[11:16]} UTC"


def _seconds(earlier: str, later: str) -> Fraction:
    return Fraction((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds())


def _attested(record: Record) -> str:
    """Who outside vouches for what was frozen; whether to believe them is not for a report to say."""
    receipts = record.state.receipts
    if not receipts:
        return "by no one outside the study folder: its ledger shows order, not age"
    makers = listed([*dict.fromkeys(one.by for one in receipts)])
    return f"by {makers}: {plural(len(receipts), 'receipt')}, whose signatures promo verify checks"


def _verified(record: Record) -> str:
    """What was checked while this report was made; never more than that."""
    if record.faults:
        return f"no: {plural(len(record.faults), 'fault')} found, listed below"
    recorded = len(record.state.decisions)
    again = len(record.decisions)
    same = f"{again} of {plural(recorded, 'decision')} recomputed for this report, with the same outcome"
    derived = same if recorded else "the ledger's chain of digests was followed; there is no decision to recompute yet"
    return f"{derived}. Full check: promo verify {record.folder}"


def _spent(record: Record) -> str:
    """Training time of the budget, and the time of slots of the bound."""
    plan, budget = record.plan, record.plan.budget_s
    if not record.is_timed:
        return f"not known: the table has no clock; the budget is {device_words(budget, plan, of_what=False)}"
    spent, asked, taken, bound = (
        device_words(one, plan, of_what=False)
        for one in (record.spent_s(), budget, record.slot_s(), rounded_up(record.plan.bound_s, plan))
    )
    share = f" ({share_text(record.spent_s() / budget)})" if budget else ""
    said = f"{spent} in {record.training()} of a budget of {asked}{share}"
    if record.state.replay:
        return f"{said}, as recorded; nothing was trained here"
    paid = money_words(record.study, record.state)
    return f"{said}; with start-up and scoring {taken} of a bound of {bound}{'; ' if paid else ''}{paid}"
