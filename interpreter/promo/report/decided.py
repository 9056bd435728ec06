"""Decisions to sentences: what was found, why a study stops or waits, and why a candidate fared as it did."""

from typing import assert_never

from promo.base.canonical import exact, from_exact
from promo.base.classes import evolve
from promo.decision.values import (
    About,
    Between,
    Bounded,
    CellsWon,
    Chance,
    Decision,
    Detail,
    Fate,
    Finding,
    Fixing,
    Forecasting,
    Ground,
    Judgement,
    LeastAgreement,
    Place,
    Ranking,
    Reducing,
    Reference,
    Scheduling,
    Standing,
    Verdict,
    Walking,
)
from promo.ledger.losses import Loss
from promo.ledger.outcomes import (
    Absent,
    Because,
    Failed,
    Held,
    Incomparable,
    Lacking,
    NoBest,
    NobodyPromoted,
    NotTold,
    Outcome,
    RunsLacking,
    Settled,
    Spanned,
    Stopped,
    Unmet,
)
from promo.ledger.state import Attempt, State
from promo.ledger.values import ResultFlagged
from promo.plans.values import PlannedRun
from promo.report.certainty import certainty
from promo.report.changed import Call, called_list
from promo.report.declared import describe_level
from promo.report.describe import describe_condition, describe_guard
from promo.report.figures import tail
from promo.report.told import forecast_words, schedule_words
from promo.report.words import behind, between, listed, number, plural, share_text, size
from promo.study.judgement import (
    Agreement,
    Answer,
    Condition,
    Difference,
    Equivalent,
    Gate,
    Guard,
    Level,
    Projected,
    Reduction,
    Rule,
)
from promo.study.values import Grow, Study

# --- why a decision stops the study, or waits --------------------------------------------------------------------


def outcome_words(name: str, outcome: Outcome, study: Study, call: Call) -> str:
    """Why a decision stops the study or waits for a person; empty where it does neither."""
    match outcome:
        case Settled():
            return ""
        case Stopped():
            return because_words(name, outcome.because, study, call, "stop")
        case Held():
            return because_words(name, outcome.because, study, call, "hold")
        case _:
            assert_never(outcome)


def because_words(name: str, because: Because, study: Study, call: Call, then: str = "") -> str:
    """A reason in words, with the clause that makes it one where *then* says what follows."""
    if isinstance(because, NotTold):
        return f"the laws do not determine where {because.schedule} changes shape"
    rule = study.deciding[name]
    kind = {Gate: "gate", Rule: "rule", Reduction: "reduction"}[type(rule)]
    clause = f", and the {kind} says: {{}}{then}" if then else ""
    match because:
        case Unmet():
            assert isinstance(rule, Gate)
            return f"the demand is not met: {describe_condition(rule.demands[because.demand].condition, study.measure)}"
        case Lacking():
            word = "crash " if because.crashed else "missing "
            lack = "lacks" if len(because.candidates) == 1 else "lack"
            return f"{called_list(because.candidates, call)} {lack} a value at {because.stage}{clause.format(word)}"
        case Incomparable():
            names = called_list(because.candidates, call)
            return f"{names} cannot be compared: a value of the reference is missing at {because.stage}"
        case Absent():
            was = "was" if len(because.candidates) == 1 else "were"
            word = "absent " if isinstance(rule, Rule) and rule.absent is not None else "missing "
            return f"{called_list(because.candidates, call)} {was} not promoted to {because.stage}{clause.format(word)}"
        case NobodyPromoted():
            word = "absent " if isinstance(rule, Rule) and rule.absent is not None else "missing "
            return f"no candidate of the rule was promoted to {because.stage}{clause.format(word)}"
        case NoBest():
            return f"no candidate has all values at {because.stage}, so it has no best{clause.format('missing ')}"
        case Failed():
            return f"{name} does not hold{clause.format('else ')}"
        case Spanned():
            why = "the runs do not identify the law, or the bound lies inside its interval"
            return f"the laws do not settle it for {called_list(because.candidates, call)}: {why}"
        case RunsLacking():
            lack = "lacks" if because.runs == 1 else "lack"
            return f"{plural(because.runs, 'run')} {lack} a value at {because.stage}{clause.format('missing ')}"
        case _:
            assert_never(because)


def stop_words(study: Study, state: State, call: Call) -> str:
    """Why a study was stopped, or is about to be."""
    name = state.stopped_by or state.stopping() or ""
    person, decided = state.people.get(name), state.decisions.get(name)
    if person is not None and person.stopped:
        return f"{person.by} decided to stop: {person.reason}"
    return outcome_words(name, decided.verdict.outcome, study, call) if decided is not None else ""


def flag_words(flagged: ResultFlagged, study: Study) -> str:
    """Why a guard sets a result aside."""
    guard: Guard = study.gates[flagged.gate].guards[flagged.guard]
    value, limit = (number(exact(one), places=3 if abs(one) < 100 else 0) for one in (flagged.value, flagged.limit))
    return f"{describe_guard(guard).partition(',')[0]}: {value} against {limit}"


LOSSES = {
    Loss.GONE: "promo ended before it did",
    Loss.BUSY: "another study took its device a moment earlier",
    Loss.DISK: "the disk refused to store its files",
    Loss.PREEMPTED: "its queue ended it for a job with priority",
    Loss.NODE: "its machine failed",
    Loss.SITE_LIMIT: "its queue ended it at the site's own limit",
    Loss.CALLED_OFF: "its job was cancelled outside promo",
    Loss.UNBEGUN: "its job ended before it started",
    Loss.WORDLESS: "its job ended without a report from its supervisor",
    Loss.UNKNOWN: "its queue no longer knows of its job",
    Loss.OUTSIDE: "the outside trainer will not train it",
}
"""Why nobody knows how a lost attempt would have ended."""


def attempt_cause(attempt: Attempt, study: Study) -> str:
    """Why an attempt does not count; empty for one that does."""
    if attempt.flagged is not None:
        return flag_words(attempt.flagged, study)
    return attempt.cause if attempt.loss is None else LOSSES[attempt.loss]


def attempts_words(run: PlannedRun, state: State, call: Call) -> str:
    """That a run has no value because it was tried as often as may be, and what became of its attempts."""
    lost, failed, flagged = state.lost(run.id), state.failures(run.id), state.flagged(run.id)
    counted = ((lost, "lost"), (failed, "failed"), (flagged, "excluded"))
    said = ", ".join(f"{count} {word}" for count, word in counted if count)
    where = f"{run.stage}: {call(run.candidate)} on {run.host}, seed {run.seed}"
    return f"{where} has used up its {plural(state.tries(run.id), 'attempt')} ({said}) and has no value"


# --- what was decided ----------------------------------------------------------------------------------------------


def decision_words(decision: Decision, study: Study, call: Call) -> str:
    """What a gate, growth, rule, reduction or step did, in one sentence."""
    found = decision.found
    if not isinstance(found, Judgement | Scheduling):
        if decision.stopped:
            return f"{decision.name} stopped the study: {outcome_words(decision.name, decision.outcome, study, call)}"
        if decision.held:
            return f"{decision.name} waits for a person: {outcome_words(decision.name, decision.outcome, study, call)}"
    match found:
        case Ranking():
            grow = study.grows.get(decision.name)
            return _gate(decision, found, call) if grow is None else _growth(grow, decision, found, call)
        case Judgement():
            return _rule(study.rules[decision.name], found, study, call)
        case Reducing():
            return _reduction(decision, found)
        case Walking():
            tries = f"tries {call(decision.promoted[0])}" if decision.promoted else "has nothing left to try"
            return f"{found.baseline} stands at {call(found.place)} and {tries}"
        case Forecasting():
            return forecast_words(decision, found, study, call)
        case Scheduling():
            return schedule_words(decision, found, study, call)
        case _:
            assert_never(found)


def _gate(decision: Decision, found: Ranking, call: Call) -> str:
    dropped = [one.candidate for one in found.standings if one.verdict is Verdict.DROPPED]
    promoted = [one.candidate for one in found.standings if one.verdict is Verdict.PROMOTED]
    who = called_list(promoted, call) if promoted else "no candidate"
    tail = f"; dropped {called_list(dropped, call)}" if dropped else ""
    return f"{decision.name} promoted {who} to {found.target}{tail}"


def _growth(grow: Grow, decision: Decision, found: Ranking, call: Call) -> str:
    ways = [grow.ways[one.candidate] for one in found.standings]
    if not decision.promoted:
        nothing = f"{call(grow.becomes)} has nothing to start from"
        return f"{grow.name} chose no way, because none has a value in every cell; {nothing}"
    others = f", before {listed(ways[1:])}" if len(ways) > 1 else ""
    return f"{grow.name} chose {grow.ways[decision.promoted[0]]} for {call(grow.becomes)}{others}"


def _rule(rule: Rule, found: Judgement, study: Study, call: Call) -> str:
    if found.undecided is not None:
        return f"{rule.name} is undecided: {because_words(rule.name, found.undecided, study, call)}"
    verb = "holds" if found.answer is Answer.HOLDS else "fails"
    judged = called_list(found.judged, call)
    who = f"{judged} against {call(rule.reference)}" if rule.reference else judged
    each = (_measured(one, study, call, len(found.judged)) for one in found.findings)
    said = _of_many(found, study, call) or "; ".join(each)
    return f"{rule.name} {verb} for {who}: {said}"


MOST_MEASURED = 3
"""Findings about one condition that a sentence tells one by one."""


def _of_many(found: Judgement, study: Study, call: Call) -> str:
    """What was required of many candidates, and the range of what was seen; empty where each is told by itself."""
    seen = [(from_exact(one.statistic), who, one) for one in found.findings if one.statistic for who in _about(one)]
    if len(seen) <= MOST_MEASURED or len(seen) < len(found.findings) or len({one.condition for *_, one in seen}) > 1:
        return ""
    (least, who, one), (most, other, _) = (end(seen, key=lambda found: found[0]) for end in (min, max))
    condition = describe_condition(one.condition, study.measure)
    low, high = (seen_words(evolve(one, statistic=exact(value)), study) for value in (least, most))
    short = sum(not one.holds for *_, one in seen)
    met = "all of them meet it" if not short else f"{short} of {len(seen)} fall short"
    return f"required of each: {condition}; seen from {low} ({call(who)}) to {high} ({call(other)}); {met}"


def _about(finding: Finding) -> list[str]:
    """The candidate that a finding is about."""
    return [one.candidate for one in finding.details if isinstance(one, About)]


def _reduction(decision: Decision, found: Reducing) -> str:
    fixed = [f"{one.factor} at {describe_level(one.level)}" for one in found.fixed if one.level is not None]
    free = [one.factor for one in found.factors if one.level is None]
    stay = f"left {listed(free)} in the search" if free else "left no factor in the search"
    on, rows = len(decision.promoted), len(decision.promoted) + len(found.dropped)
    fixed_words = f"fixed {listed(fixed)}" if fixed else "fixed no factor"
    rows_words = f"{on} of {plural(rows, 'row')} of {found.into} {'is' if on == 1 else 'are'} promoted"
    return f"{decision.name} {fixed_words} and {stay}: {rows_words}"


def fate_words(one: Fixing) -> str:
    """Why a factor is fixed, or stays in the search."""
    match one.fate:
        case Fate.FIXED:
            return "discovered at every stage, always in favour of this level"
        case Fate.NOT_ESTIMABLE:
            return f"not estimable at {one.at}"
        case Fate.TOGETHER:
            return f"it changed together with {one.at}"
        case Fate.NOT_DISCOVERED:
            return f"not discovered at {one.at}"
        case Fate.SMALL:
            return f"smaller than required at {one.at}"
        case Fate.INCONSISTENT:
            return "its better level is not the same at every stage"
        case _:
            assert_never(one.fate)


# --- candidates and conditions -------------------------------------------------------------------------------------


def verdict_word(standing: Standing, decision: Decision) -> str:
    """`promoted` or `dropped`; `open` while the gate waits for a person."""
    return "open" if decision.held else standing.verdict.value


def standing_reason(standing: Standing, decision: Decision, study: Study, call: Call) -> str:
    """Why a candidate was promoted or dropped, with its margin."""
    found, unit = decision.found, study.measure.unit
    assert isinstance(found, Ranking)
    tie = ""
    if standing.tied_with:
        tie = f"; tied with {called_list(standing.tied_with, call)}; the rule's tie-break decided"
    match standing.ground:
        case Ground.ALWAYS:
            place = f"would rank {standing.rank}" if standing.rank else "has no value"
            return f"always kept; {place}, and takes no place from others"
        case Ground.TOP:
            keep = describe_condition(found.keep, study.measure)
            if standing.margin is None:
                return f"among the {keep}; no candidate missed the cut{tie}"
            margin = from_exact(standing.margin)
            ahead = f"{between(size(margin), unit)} ahead of" if margin else "level with"
            return f"among the {keep}; {ahead} the first to miss the cut{tie}"
        case Ground.CUT:
            margin = from_exact(standing.margin or "0")
            by = f" by {between(size(margin), unit)}" if margin else ""
            return f"below the cut{by}{tie}"
        case Ground.SAMPLE:
            return "below the cut; promoted at random, to estimate how often a drop is wrong"
        case Ground.MISSING | Ground.CRASHED:
            where: dict[str, list[str]] = {}
            for cell in standing.cells:
                if cell.value is None:
                    where.setdefault(cell.cause or cell.status.value, []).append(f"{cell.host} seed {cell.seed}")
            return "no value for " + "; ".join(f"{listed(cells)}: {cause}" for cause, cells in where.items())
        case Ground.STOPPED:
            return "the study stopped before anyone was promoted"
        case Ground.HELD:
            return "no candidate is promoted until a person has decided"
        case Ground.PERSON:
            return "decided by a person"
        case Ground.MET | Ground.NOT_MET:
            allowance = allowance_of(decision, study)
            return "; ".join(finding_words(finding, study, call, allowance) for finding in standing.findings)
        case _:
            assert_never(standing.ground)


def allowance_of(decision: Decision, study: Study) -> str:
    """By how much a gate widens the margins of its differences, with its unit; empty where it does not."""
    gate = study.gates[decision.name]
    return between(exact(gate.allowance), study.measure.unit) if gate.allowance else ""


def demand_words(decision: Decision, study: Study, call: Call) -> tuple[str, ...]:
    """What was demanded before a gate may decide, and what came of it when it was not met."""
    found, gate = decision.found, study.gates[decision.name]
    assert isinstance(found, Ranking)
    said = [finding_words(one, study, call, allowance_of(decision, study)) for one in found.demands]
    if found.keep != gate.keep:
        unmet = next(place for place, one in enumerate(found.demands) if not one.holds)
        instead, keep = (describe_condition(one, study.measure) for one in (found.keep, gate.keep))
        said[unmet] += f"; so the gate kept {instead} in place of {keep}"
    return tuple(said)


def finding_words(finding: Finding, study: Study, call: Call, allowance: str = "") -> str:
    """A condition, whether it holds, and by how much; *allowance* is what a gate widens differences by."""
    verdict = {True: "holds", False: "does not hold", None: "cannot be told"}[finding.holds]
    numbers = f": {seen_words(finding, study)}" if finding.statistic else ""
    if finding.margin is not None and finding.holds is not None:
        numbers += f", {side_words(finding)}"
    widened = [f"with the {allowance} that the gate allows"] if allowance and _widened(finding) else []
    details = ", ".join([*_details(finding, call), *widened])
    condition = describe_condition(finding.condition, study.measure)
    return f"{condition} {verdict}{numbers}" + (f" ({details})" if details else "")


def _measured(finding: Finding, study: Study, call: Call, judged: int) -> str:
    """A finding as a rule about so many candidates reports it: what was asked, what was seen, how far apart."""
    if finding.statistic is None:
        return finding_words(finding, study, call)
    named = [one for one in finding.details if not isinstance(one, About) or judged > 1]
    details = ", ".join(_details(evolve(finding, details=tuple(named)), call, reference=False))
    more = f" ({details})" if details else ""
    condition = describe_condition(finding.condition, study.measure)
    return f"required {condition}, seen {seen_words(finding, study)}, {side_words(finding, ' the bound')}{more}"


def side_words(finding: Finding, bound: str = "") -> str:
    """By how much a finding is inside its bound or beyond it; of a test that fails, which part of it does."""
    margin = number((finding.margin or "0").removeprefix("-"))
    if finding.holds:
        return f"{margin} inside{bound}"
    for one in finding.details:
        if isinstance(one, Chance) and not (finding.margin or "0").startswith("-"):
            return f"{margin} inside{bound}, but p is too large for the confidence"
        if isinstance(one, Bounded | Between) and _value_inside(finding, one):
            return f"the value inside{bound}, its confidence {margin} beyond"
    return f"{margin} beyond{bound}"


def _value_inside(finding: Finding, found: Bounded | Between) -> bool:
    """Whether the value of a test that failed lies inside of what was asked, which its margin and its end tell."""
    value, short = from_exact(finding.statistic or "0"), from_exact(finding.margin or "0")
    if isinstance(found, Bounded):
        end = from_exact(found.value)
        return value <= end + short if found.upper else value >= end - short
    return abs(value) <= short + max(from_exact(found.high), -from_exact(found.low))


def seen_words(finding: Finding, study: Study) -> str:
    """The statistic of a finding that has one, with its unit: `+0.0507 bpb`, of a level `2.3865 bpb`; of tau-b none."""
    unit = study.measure.unit
    if isinstance(finding.condition, Level | Projected):
        return f"{number(finding.statistic)}{behind(unit)}"
    said = number(finding.statistic, signed=True)
    return said if isinstance(finding.condition, Agreement) else between(said, unit)


def _details(finding: Finding, call: Call, *, reference: bool = True) -> list[str]:
    found = [one for one in finding.details if reference or not isinstance(one, Reference)]
    itself = finding.statistic == "0" and not finding.margin
    return [words for one in found for words in detail_words(one, finding, call, itself=itself)]


def detail_words(detail: Detail, finding: Finding, call: Call, *, itself: bool = False) -> tuple[str, ...]:
    """What stands beside a finding: places, whom it was compared with, confidence with the test behind it."""
    match detail:
        case Place():
            where = f"place on {detail.host}" if detail.host else "place"
            none = "it does not compete for a place"
            return (none if detail.place is None else f"{where} {detail.place} of {detail.of}",)
        case Reference():
            return (
                "reference itself" if itself else f"reference {call(detail.candidate) if detail.candidate else 'none'}",
            )
        case Bounded():
            side = "upper" if detail.upper else "lower"
            bound = f"{side} {share_text(detail.confidence)} bound {number(detail.value)}"
            return bound, f"cells {detail.cells}", *certainty(finding, detail)
        case Chance():
            return f"p {tail(detail.p)}", f"cells {detail.cells}"
        case Between():
            level = exact(detail.confidence * 100)
            interval = f"{level}% interval {number(detail.low)} to {number(detail.high)}"
            return interval, f"cells {detail.cells}", *certainty(finding, detail)
        case LeastAgreement():
            least = f"least agreement {detail.one} and {detail.other}"
            why = "one of them ranks fewer than two apart, so agreement is taken as 0 and not reached"
            return (least, f"undefined: {why}") if detail.undefined else (least,)
        case CellsWon():
            return (f"cells won {detail.won} of {detail.of}",)
        case About():
            return (f"candidate {call(detail.candidate)}",)
        case _:
            assert_never(detail)


def _widened(finding: Finding) -> bool:
    """Whether a condition is one of a difference to another candidate, which an allowance widens."""
    condition: Condition = finding.condition
    itself = finding.statistic == "0" and not finding.margin
    return isinstance(condition, Difference | Equivalent) and not itself
