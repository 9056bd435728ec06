"""
What the rules found to the question of the study's title: a sentence a rule, and one for all of them.

A spec may write the sentence for each outcome; those words are its author's, frozen with the text.  Otherwise the
sentence is made from what was measured: who leads whom after how long, and beside the seed noise of such a difference
where that is known.  Yes and no are said of a rule that is named with them, since no program knows whether a title asks
for a rule or for its opposite.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from promo.base.canonical import from_exact, rounded
from promo.base.classes import frozen
from promo.decision.values import About, Bounded, Chance, Finding, Judgement, Reference
from promo.evidence.noise import SeedNoise, seed_noise
from promo.report.aloud import claimed, count
from promo.report.amounts import after_words
from promo.report.certainty import certainty_words
from promo.report.changed import Call, called_list
from promo.report.decided import because_words
from promo.report.describe import describe_condition, describe_judged
from promo.report.figures import tail
from promo.report.ladder import mean, ranked
from promo.report.record import Record
from promo.report.words import PLACES, behind, between, listed, number, size
from promo.study.judgement import (
    Answer,
    Both,
    BoundKind,
    Difference,
    Either,
    Equivalent,
    Isnt,
    Level,
    Method,
    Rule,
    Side,
)
from promo.study.judgement import Statistic as Of

ASKING = frozenset(
    {"am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "may", "might", "must", "shall"}
    | {"should", "was", "were", "will", "would"}
)
"""Words that a question begins with that yes and no answer."""
MOST_TOLD = 6
"""Rules whose outcome the first screen tells one by one."""
MOST_FAILED = 3
"""Candidates of one rule that the first screen says the shortfall of."""
MANY = 20
"""Times the seed noise, above which a number says nothing more."""
VERBS = {Answer.HOLDS: "holds", Answer.FAILS: "fails", Answer.UNDECIDED: "is undecided"}
YES = {Answer.HOLDS: "Yes", Answer.FAILS: "No", Answer.UNDECIDED: "Not answered"}


@frozen
class AnswerLine:
    """What one rule says."""

    rule: str
    outcome: str
    """`holds`, `fails`, `undecided`, or `open` before it has decided."""
    words: str
    own: bool
    """The words are the spec's."""
    measured: str
    """What was seen, where the words do not say it; empty when nothing was."""


@frozen
class Lead:
    """By how much a judged candidate is better than another over the cells of a stage; negative where it is worse."""

    judged: str
    reference: str
    lead: Fraction
    statistic: Of
    cells: int
    noise: SeedNoise | None
    """None where it is not known, or the statistic is not a mean."""

    @property
    def error(self) -> Fraction | None:
        """Standard error that seeds alone give such a difference; None where that is not known."""
        return None if self.noise is None else self.noise.error(self.cells)


def answering(record: Record) -> list[Rule]:
    """The rules that answer: those whose spec says how, or all of them."""
    rules = list(record.study.rules.values())
    return [rule for rule in rules if rule.answers] or rules


def is_yes_or_no(title: str) -> bool:
    """Whether a title is a question that yes and no answer."""
    words = title.rpartition(": ")[2].lower().split(maxsplit=1)
    return title.rstrip().endswith("?") and words[0] in ASKING


# --- one rule ------------------------------------------------------------------------------------------------------


def lead_of(record: Record, rule: Rule, found: Judgement) -> Lead | None:
    """The difference that a rule about one candidate asks about; None for rules of another kind."""
    leads = leads_of(record, rule, found)
    return leads[0] if len(leads) == 1 else None


def leads_of(record: Record, rule: Rule, found: Judgement) -> tuple[Lead, ...]:
    """The difference that a rule asks about, for each candidate that it judges; none for rules of another kind."""
    if len(found.judged) != len(found.findings) or rule.stage not in record.evidence:
        return ()
    leads = [_lead(record, rule, finding, _whom(found, finding)) for finding in found.findings]
    return tuple(one for one in leads if one is not None) if None not in leads else ()


def _whom(found: Judgement, finding: Finding) -> str:
    return next((one.candidate for one in finding.details if isinstance(one, About)), found.judged[0])


def _lead(record: Record, rule: Rule, finding: Finding, judged: str) -> Lead | None:
    condition = finding.condition
    if not isinstance(condition, Difference | Equivalent) or finding.statistic is None:
        return None
    reference = next((one.candidate for one in finding.details if isinstance(one, Reference)), None)
    if reference is None or reference == judged:
        return None
    value = from_exact(finding.statistic)
    gain = isinstance(condition, Difference) and condition.side is Side.GAIN
    statistic = _statistic(condition)
    evidence = record.evidence[rule.stage]
    return Lead(
        judged=judged,
        reference=reference,
        lead=value if gain else -value,
        statistic=statistic,
        cells=len(evidence.cells),
        noise=seed_noise(evidence, record.study.noise) if statistic is Of.MEAN else None,
    )


def _statistic(condition: Difference | Equivalent) -> Of:
    if isinstance(condition, Equivalent):
        return Of.MEAN
    wilcoxon = condition.test is not None and condition.test.method is Method.WILCOXON
    return Of.MEDIAN if wilcoxon else condition.statistic


def lead_words(one: Lead, unit: str, call: Call) -> str:
    """`bridge leads shallow by 0.0507 bpb`."""
    where = {Of.MEAN: "", Of.MEDIAN: " in the median cell"}.get(one.statistic, " in the cell that decides")
    judged, reference = call(one.judged), call(one.reference)
    if not one.lead:
        return f"{judged} and {reference} are level{where}"
    leader, other = (judged, reference) if one.lead > 0 else (reference, judged)
    by = f"by {between(size(one.lead), unit)}"
    return f"{leader} leads {other} {by}{where}"


def times_words(one: Lead) -> str:
    """How large a lead is beside its seed noise: `about five times the seed noise`; empty where unknown."""
    error = one.error
    if error is None or not one.lead:
        return ""
    if not error:
        return "and seeds made no difference here"
    times = abs(one.lead) / error
    if times >= MANY:
        return f"more than {count(MANY)} times the seed noise"
    if times < Fraction(2, 3):
        return "less than the seed noise"
    if times < Fraction(3, 2):
        return "about as large as the seed noise"
    return f"about {_about(times)} the seed noise"


def _about(times: Fraction) -> str:
    whole = round(times)
    return "twice" if whole == 2 else f"{count(whole)} times"


def measured_words(record: Record, rule: Rule, found: Judgement) -> str:
    """What was seen, or why nothing is decided, in a sentence without its full stop."""
    if found.undecided is not None:
        return because_words(rule.name, found.undecided, record.study, record.call)
    after, unit = after_words(record.study, rule.stage), record.study.measure.unit
    leads = leads_of(record, rule, found)
    seen = [(one.judged, _beside_noise(one, unit, record.call)) for one in leads] or _levels(record, found)
    if found.answer is Answer.FAILS and seen and len(leads) != 1:
        return f"{after} {_short_of(record, found, seen)}"
    if len(leads) != 1:
        return f"{after}, {_claim(record, rule, found)}"
    asked = _asked(found.findings[0], record)
    return f"{after} {_beside_noise(leads[0], unit, record.call)}{f' ({asked})' if asked else ''}"


def _beside_noise(lead: Lead, unit: str, call: Call) -> str:
    """`bridge leads shallow by 0.0507 bpb, about five times the seed noise`."""
    times = times_words(lead)
    return lead_words(lead, unit, call) + (f", {times}" if times else "")


def _levels(record: Record, found: Judgement) -> list[tuple[str, str]]:
    """Candidates of a rule that asks for a level, and what each of them reached; none for rules of another kind."""
    said, measure = [], record.study.measure
    for finding in found.findings:
        if not isinstance(finding.condition, Level) or finding.statistic is None:
            return []
        who, value = _whom(found, finding), rounded(from_exact(finding.statistic), PLACES)
        every = finding.condition.statistic is Of.EVERY
        which = measure.metric if every else f"{finding.condition.statistic.value} {measure.metric}"
        cell = " in the cell that decides" if every else ""
        said.append((who, f"the {which} of {record.call(who)} is {value}{behind(measure.unit)}{cell}"))
    return said


def _short_of(record: Record, found: Judgement, seen: list[tuple[str, str]]) -> str:
    """What was seen of who does not meet what is required, and who does."""
    holds = {name: finding.holds is True for (name, _), finding in zip(seen, found.findings, strict=True)}
    failed = [words for name, words in seen if not holds[name]]
    met = [name for name in holds if holds[name]]
    rest = len(failed) - MOST_FAILED
    said = failed[:MOST_FAILED] + ([f"{count(rest)} more fall short"] if rest > 0 else [])
    each = " of each" if len(seen) > 1 else ""
    required = describe_condition(found.findings[0].condition, record.study.measure)
    others = f"; {called_list(met, record.call)} {'meets' if len(met) == 1 else 'meet'} it" if met else ""
    return f"{'; '.join(said)} (required{each}: {required}){others}"


def _asked(finding: Finding, record: Record) -> str:
    """What was required, where it is more than not to be worse, and how sure that is."""
    condition = finding.condition
    plain = isinstance(condition, Difference) and condition.test is None and not condition.bound.value
    if plain and isinstance(condition, Difference) and condition.bound.kind is not BoundKind.WITHIN:
        return ""
    sure = []
    for one in finding.details:
        if isinstance(one, Bounded):
            confidence = rounded(one.confidence * 100, 0)
            bound = f"{'upper' if one.upper else 'lower'} {confidence}% bound {number(one.value, signed=True)}"
            sure += [bound + certainty_words(finding, one)]
        if isinstance(one, Chance):
            sure += [f"p {tail(one.p)}"]
    return "; ".join([f"required: {describe_condition(condition, record.study.measure)}", *sure])


def _claim(record: Record, rule: Rule, found: Judgement) -> str:
    """The claim of a rule of any kind, and that it is so or not."""
    who = called_list(found.judged, record.call)
    who = f"each of {who}" if len(found.judged) > 1 else who
    said = claimed(rule.require, record.study, who, rule.reference)
    if isinstance(rule.require, Isnt | Both | Either) or found.answer is not Answer.HOLDS:
        verb = "it is the case that" if found.answer is Answer.HOLDS else "it is not the case that"
        said = f"{verb} {said}"
    return said


def line_of(record: Record, rule: Rule, *, asked: bool) -> AnswerLine:
    """
    What a rule says.

    Args:
        record: the study.
        rule: one of its rules.
        asked: whether yes and no answer the title, and this rule alone says which.
    """
    decision = record.decisions.get(rule.name)
    found = decision.judgement if decision else None
    if found is None:
        return AnswerLine(rule.name, "open", f"{rule.name} is not decided yet.", own=False, measured="")
    measured = measured_words(record, rule, found)
    outcome = found.answer.value
    if found.answer in rule.answers:
        sentence = f"Measured by {rule.name}: {measured}."
        return AnswerLine(rule.name, outcome, rule.answers[found.answer], own=True, measured=sentence)
    undecided = found.answer is Answer.UNDECIDED
    head = f"{rule.name} {VERBS[found.answer]}{', because ' if undecided else ': '}{measured}."
    said = f"{YES[found.answer]}{':' if undecided else ','} {head}" if asked else head
    return AnswerLine(rule.name, outcome, said, own=False, measured="")


def rule_lines(record: Record) -> tuple[AnswerLine, ...]:
    """What every answering rule says, in the order of the spec."""
    rules = answering(record)
    asked = len(rules) == 1 and is_yes_or_no(record.study.title)
    return tuple(line_of(record, rule, asked=asked) for rule in rules)


# --- all of them ---------------------------------------------------------------------------------------------------


def counted(lines: tuple[AnswerLine, ...]) -> str:
    """`Of 3 rules, 2 hold and 1 fails.`"""
    words = {"holds": ("holds", "hold"), "fails": ("fails", "fail"), "undecided": ("is undecided", "are undecided")}
    words["open"] = ("is not decided yet", "are not decided yet")
    parts = []
    for outcome, (one, several) in words.items():
        those = sum(line.outcome == outcome for line in lines)
        parts += [f"{those} {one if those == 1 else several}"] if those else []
    if len(parts) == 1:
        every = "Both" if len(lines) == 2 else f"All {count(len(lines))}"
        return f"{every} rules {words[lines[0].outcome][1]}."
    return f"Of {len(lines)} rules, {listed(parts)}."


def without_rules(record: Record) -> Iterator[str]:
    """What can be said where no rule judges: who is best at the last stage with values, and that nothing tests it."""
    study = record.study
    gates = "no rule" if study.deciding else "no gate and no rule"
    stage = _longest(record)
    if stage is None:
        yield f"This study declares {gates}, and {_why_none(record)}."
        return
    evidence = record.evidence[stage]
    order = _whole(record, stage)
    means = [mean(evidence, name) or Fraction(0) for name in order]
    unit, after = study.measure.unit, f"{after_words(study, stage)}{_apart_words(record, stage)}"
    if len(order) < 2:
        yield (
            f"This study declares {gates}, and {after} there is no other candidate to compare "
            f"{record.call(order[0])} with: its mean is {rounded(means[0], PLACES)}{behind(unit)}."
        )
    else:
        yield (
            f"This study declares {gates}, so {'no lead' if record.effects else 'nothing'} is tested: "
            f"{after} {_first_words(record, stage, order, means)}."
        )
    best, ties = means.count(means[0]), means.count(means[1]) if len(means) > 1 else 0
    if len(order) > max(best, 2):
        two = "two " if best == ties == 1 or best == 2 else ""
        yield (
            f"Theirs are the best {two}means of {count(len(order))}, and the best of several looks better than it is."
        )
    lacking = [row.candidate for row in evidence.rows if row.missing]
    if lacking:
        yield f"Not compared, for lack of a value in some cell: {called_list(lacking, record.call)}."


def _first_words(record: Record, stage: str, order: Sequence[str], means: Sequence[Fraction]) -> str:
    """Who leads whom by how much, or all who are level; whoever shares a place with another is named with it."""
    evidence, unit = record.evidence[stage], record.study.measure.unit
    first, *others = (
        [name for name, _ in those] for _, those in groupby(zip(order, means, strict=True), lambda x: x[1])
    )
    if len(first) > 2:
        every = "all " if not others else ""
        return f"{every}{count(len(first))} candidates are level: {called_list(first, record.call)}"
    behind_it = first[1:] or others[0]
    called = {first[0]: record.call(first[0]), behind_it[0]: called_list(behind_it, record.call)}
    gap = abs(means[0] - means[1])
    lead = Lead(first[0], behind_it[0], gap, Of.MEAN, len(evidence.cells), seed_noise(evidence, record.study.noise))
    return _beside_noise(lead, unit, called.__getitem__)


def _why_none(record: Record) -> str:
    """Why no stage says who is best."""
    if any(len(row.missing) < len(row.cells) for evidence in record.evidence.values() for row in evidence.rows):
        return "no candidate has a value in every cell of a stage"
    return "no run left a value" if record.state.closed else "no stage has ended"


def _apart_words(record: Record, stage: str) -> str:
    """Where a stage has only some of the rows that effects are estimated from together: its name and its hosts."""
    together = [one.stages for one in record.study.effects.values() if one.pooled and stage in one.stages]
    if not any(len(some) > 1 for some in together):
        return ""
    return f", of those that ran at {stage} on {listed(record.study.stages[stage].hosts)} alone,"


def _longest(record: Record) -> str | None:
    """The stage that trained longest of those with whole rows; of two candidates and more where there is one."""
    valued = {one.name: len(_whole(record, one.name)) for one in record.plan.stages if one.name in record.evidence}
    several = [name for name, names in valued.items() if names > 1]
    known = several or [name for name, names in valued.items() if names]
    stages = record.study.stages

    def trained_s(name: str) -> int:
        return sum(one.budget.cap_s for one in (stages[name], *record.study.carried_on(name)))

    return max(known, key=lambda name: (trained_s(name), known.index(name)), default=None)


def _whole(record: Record, stage: str) -> list[str]:
    """Candidates of a stage that have a value in every cell, best first; other means are of other cells."""
    rows = {row.candidate: row for row in record.evidence[stage].rows}
    return [name for name in ranked(record, stage) if not rows[name].missing]


def judged_words(rule: Rule, call: Call) -> str:
    """Whom a rule is about, against whom, and where: `shallow against bridge at longer`."""
    against = f" against {call(rule.reference)}" if rule.reference else ""
    return f"{call(describe_judged(rule.judged))}{against} at {rule.stage}"
