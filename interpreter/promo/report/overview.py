"""Rules at a glance: one row a rule, with its verdict, what was seen, its margin and how sure that is."""

from promo.base.canonical import from_exact, rounded
from promo.base.classes import frozen
from promo.decision.values import About, Between, Bounded, Chance, Finding, Judgement
from promo.report.answer import judged_words, lead_of
from promo.report.certainty import certainty_words
from promo.report.changed import Call
from promo.report.decided import seen_words, side_words
from promo.report.describe import describe_condition
from promo.report.figures import tail
from promo.report.gains import interval_words
from promo.report.record import Record
from promo.report.words import NONE, PLACES, number, plural, share_text
from promo.study.judgement import Agreement, Rule


@frozen
class RuleRow:
    """A rule in the overview."""

    rule: str
    outcome: str
    """`holds`, `fails`, `undecided` or `open`."""
    about: str
    """`shallow against bridge at longer`."""
    required: str
    seen: str
    margin: str
    """How far inside the bound, or beyond it."""
    confidence: str
    seeds: str
    """Standard error that seeds alone give such a difference; empty where it is not known."""


def overview(record: Record) -> tuple[RuleRow, ...]:
    """Every rule of a study, in the order of the spec."""
    return tuple(_row(record, rule) for rule in record.study.rules.values())


def _row(record: Record, rule: Rule) -> RuleRow:
    decision = record.decisions.get(rule.name)
    found = decision.judgement if decision else None
    seen, margin, confidence = _figures(record, rule, found)
    return RuleRow(
        rule=rule.name,
        outcome=found.answer.value if found else "open",
        about=judged_words(rule, record.call),
        required=describe_condition(rule.require, record.study.measure),
        seen=seen,
        margin=margin,
        confidence=confidence,
        seeds=_seeds(record, rule, found),
    )


def _seeds(record: Record, rule: Rule, found: Judgement | None) -> str:
    lead = lead_of(record, rule, found) if found else None
    error = lead.error if lead else None
    return NONE if error is None else rounded(error, PLACES)


def _figures(record: Record, rule: Rule, found: Judgement | None) -> tuple[str, str, str]:
    """What was seen, the margin and the confidence; of several findings how many hold, and the rest of the closest."""
    if found is None or not found.findings:
        return NONE, NONE, NONE
    if len(found.findings) > 1:
        hold = sum(one.holds is True for one in found.findings)
        return f"{hold} of {plural(len(found.findings), 'finding')} hold", *_closest(found, record.call)
    finding = found.findings[0]
    seen = NONE if finding.statistic is None else seen_words(finding, record.study)
    seen += " tau-b" if finding.statistic is not None and isinstance(finding.condition, Agreement) else ""
    return seen, _margin(finding), _confidence(finding) or interval_words(record, rule, finding) or "no test asked"


def _closest(found: Judgement, call: Call) -> tuple[str, str]:
    """Of a rule that asks the same of several candidates: margin and confidence of the one that decides, by name."""
    asked = [
        (finding, one.candidate) for finding in found.findings for one in finding.details if isinstance(one, About)
    ]
    if len(asked) != len(found.judged) or any(one.margin is None or one.holds is None for one, _ in asked):
        return NONE, NONE
    finding, who = min(asked, key=lambda one: (one[0].holds, from_exact(one[0].margin or "0")))
    return f"{_margin(finding)}, the least, for {call(who)}", _confidence(finding) or "no test asked"


def _margin(finding: Finding) -> str:
    if finding.margin is None or finding.holds is None:
        return NONE
    return side_words(finding)


def _confidence(finding: Finding) -> str:
    """The bound, interval or p that a test gave; empty where none was asked for."""
    for one in finding.details:
        if isinstance(one, Bounded):
            bound = f"{'upper' if one.upper else 'lower'} {share_text(one.confidence)} bound {number(one.value)}"
            return bound + certainty_words(finding, one)
        if isinstance(one, Between):
            interval = f"{share_text(one.confidence)} interval {number(one.low)} to {number(one.high)}"
            return interval + certainty_words(finding, one)
        if isinstance(one, Chance):
            return f"p {tail(one.p)}"
    return ""
