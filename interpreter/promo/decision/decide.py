"""
Rule and evidence to decision.

Pure: the same gate and the same evidence give the same decision, byte for byte, in whatever order results arrived.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import assert_never

from promo.base.canonical import exact, exact_sum, from_exact
from promo.base.classes import evolve, frozen
from promo.base.codec import value_digest
from promo.decision.conditions import Foretell, Table, agreement, complete, holds
from promo.decision.stats import summarise
from promo.decision.values import (
    About,
    Comparison,
    Decision,
    Finding,
    Ground,
    Input,
    Judgement,
    Ranking,
    Standing,
    Verdict,
)
from promo.evidence.values import CellStatus, Evidence, Row
from promo.ledger.outcomes import (
    Absent,
    Because,
    Failed,
    Held,
    Incomparable,
    Lacking,
    NoBest,
    NobodyPromoted,
    Outcome,
    Settled,
    Spanned,
    Stopped,
    Unmet,
)
from promo.study.closure import closure
from promo.study.judgement import (
    Agreement,
    Answer,
    Best,
    BestOf,
    Condition,
    Difference,
    Equivalent,
    Gate,
    Handling,
    Projected,
    Promoted,
    Rule,
    Side,
    Statistic,
    Then,
    TieBreak,
    Top,
    primitives,
)
from promo.study.values import Study

NO_OTHERS: Mapping[str, Evidence] = {}


def decide_gate(
    study: Study,
    gate: Gate,
    evidence: Evidence,
    others: Mapping[str, Evidence] = NO_OTHERS,
    *,
    recorded: bool = False,
) -> Decision:
    """
    Apply a gate.

    Candidates named by `always` are kept whatever happens and take none of the places that `keep` gives; the others
    are ranked by their statistic, and kept if the condition holds for them.  A candidate with a missing value has no
    statistic: it is dropped, or the study stops, or a person has to decide, as the gate says.
    """
    return _Gate(study, gate, evidence, others, recorded=recorded).decide()


def lot(gate: Gate, name: str) -> str:
    """What a candidate draws in the sample of the dropped; the least are taken."""
    assert gate.sample is not None
    return hashlib.sha256(f"{gate.sample.seed}/{gate.name}/{name}".encode()).hexdigest()


@frozen
class _Gone:
    """A candidate that cannot be ranked: why, and what the gate says about that."""

    ground: Ground
    handling: Handling


class _Gate:
    def __init__(
        self, study: Study, gate: Gate, evidence: Evidence, others: Mapping[str, Evidence], *, recorded: bool
    ) -> None:
        self.study, self.gate, self.evidence = study, gate, evidence
        self.better = study.measure.sign
        names = [row.candidate for row in evidence.rows]
        self.tie_order = {name: place for place, name in enumerate(sorted(names, key=self._tie_key))}
        self.statistics = {row.candidate: self._statistic(row) for row in evidence.rows}
        self.gone = {row.candidate: self._gone(row) for row in evidence.rows if row.missing}
        self.worst = sorted(
            (name for name, one in self.gone.items() if one.handling.then is Then.WORST), key=self.tie_order.__getitem__
        )
        self.ranked = [*sorted((name for name in names if name not in self.gone), key=self._rank_key), *self.worst]
        whole = [name for name in self.ranked if name not in self.worst]
        self.table = Table(
            measure=study.measure,
            evidence=evidence,
            contenders=tuple(name for name in self.ranked if name not in gate.always),
            leader=whole[0] if whole else None,
            rank_by=gate.statistic,
            tie_order=self.tie_order,
            allowance=gate.allowance,
            others=others,
            foretold=_foretold(study, evidence, others, recorded=recorded),
        )

    def decide(self) -> Decision:
        demands, keep, outcome = self._demands()
        if isinstance(outcome, Settled):
            outcome = self._missing()
        answers = {name: holds(keep, name, self.table) for name in self.ranked}
        if isinstance(outcome, Settled):
            outcome = self._undecidable(answers)
        kept = {name for name, (answer, _) in answers.items() if answer and name in self.table.contenders}
        drawn = self._drawn(kept)
        standings = []
        for name in [*self.ranked, *sorted(set(self.gone) - set(self.worst))]:
            verdict, ground = self._verdict(name, keep, kept, drawn, outcome)
            _, findings = answers.get(name, (None, ()))
            standings.append(self._standing(name, verdict, ground, findings))
        promoted = [one.candidate for one in standings if one.verdict is Verdict.PROMOTED]
        gate = self.gate
        return Decision(
            name=gate.name,
            seal=value_digest(closure(self.study, gate)) if gate.frozen else None,
            inputs=_inputs(self.evidence, self.table.others),
            outcome=outcome,
            promoted=tuple(sorted(promoted)),
            found=Ranking(gate.source, gate.target, demands, keep, tuple(standings)),
        )

    # --- ranking -----------------------------------------------------------------------------------------

    def _statistic(self, row: Row) -> Fraction | None:
        values = complete(row)
        if values is None:
            return None
        lower = self.study.measure.lower_is_better
        return summarise(list(values.values()), self.gate.statistic, lower_is_better=lower)

    def _gone(self, row: Row) -> _Gone:
        """Its own fault counts before a value that is merely missing, and that before a run that was set aside."""
        if any(cell.status.own_fault for cell in row.missing):
            return _Gone(Ground.CRASHED, self.gate.on_crash)
        if all(cell.status is CellStatus.FLAGGED for cell in row.missing):
            stops = any(guard.handling.then is Then.STOP for guard in self.gate.guards)
            return _Gone(Ground.MISSING, Handling(0, Then.STOP if stops else Then.DROP))
        return _Gone(Ground.MISSING, self.gate.missing)

    def _rank_key(self, name: str) -> tuple[Fraction, int]:
        value = self.statistics[name]
        assert value is not None
        return self.better * value, self.tie_order[name]

    def _tie_key(self, name: str) -> tuple[int | str, ...]:
        keys: list[int | str] = []
        for tie in self.gate.ties:
            match tie:
                case TieBreak.NAME:
                    keys.append(name)
                case TieBreak.ORDER:
                    keys.append(list(self.study.candidates).index(name))
                case TieBreak.PARAMETERS:
                    keys.append(self.study.size_of(name))
                case _:
                    assert_never(tie)
        return tuple(keys)

    # --- what comes before the verdicts ------------------------------------------------------------------

    def _demands(self) -> tuple[tuple[Finding, ...], Condition, Outcome]:
        """Findings of the demands, and what candidates are kept by, unless the first unmet one ends it here."""
        found: list[Finding] = []
        keep, outcome = self.gate.keep, Settled()
        unmet: Outcome = outcome
        for number, demand in enumerate(self.gate.demands):
            finding = self._demanded(demand.condition)
            found.append(finding)
            if finding.holds or unmet is not outcome or keep is not self.gate.keep:
                continue
            if demand.otherwise is Then.STOP:
                unmet = Stopped(Unmet(number))
            elif demand.otherwise is Then.HOLD:
                unmet = Held(Unmet(number))
            else:
                assert not isinstance(demand.otherwise, Then)
                keep = demand.otherwise
        return tuple(found), keep, unmet

    def _demanded(self, condition: Condition) -> Finding:
        """A demand is about everyone who competes, or about the rankings as a whole."""
        if isinstance(condition, Agreement):
            return agreement(condition, self.table)
        everyone = [holds(condition, name, self.table)[0] for name in self.table.contenders]
        return Finding(condition, all(answer is True for answer in everyone))

    def _missing(self) -> Outcome:
        """What candidates without a value mean for the whole gate."""
        for then in (Then.STOP, Then.HOLD):
            names = tuple(sorted(name for name, one in self.gone.items() if one.handling.then is then))
            if names:
                crashed = all(self.gone[name].ground is Ground.CRASHED for name in names)
                why = Lacking(names, self.gate.source, crashed=crashed and self.gate.crash is not None)
                return _outcome(then, why)
        return Settled()

    def _undecidable(self, answers: Mapping[str, tuple[bool | None, tuple[Finding, ...]]]) -> Outcome:
        """A candidate with all its values that still cannot be judged: its reference lacks one."""
        lost = sorted(
            name
            for name, (answer, found) in answers.items()
            if answer is None and not _spans(found) and name not in self.worst and name in self.table.contenders
        )
        if not lost:
            return Settled()
        then = Then.HOLD if self.gate.missing.then is Then.HOLD else Then.STOP
        return _outcome(then, Incomparable(tuple(lost), self.gate.source))

    def _drawn(self, kept: set[str]) -> set[str]:
        """The sample of the dropped, drawn by hash, so that it depends on the seed and the names alone."""
        sample = self.gate.sample
        if sample is None:
            return set()
        dropped = [name for name in self.table.contenders if name not in kept]
        return set(sorted(dropped, key=lambda name: lot(self.gate, name))[: sample.count])

    # --- verdicts ----------------------------------------------------------------------------------------

    def _verdict(
        self, name: str, keep: Condition, kept: set[str], drawn: set[str], outcome: Outcome
    ) -> tuple[Verdict, Ground]:
        out = self.gone.get(name)
        if not isinstance(outcome, Settled):
            ending = Ground.STOPPED if isinstance(outcome, Stopped) else Ground.HELD
            return Verdict.DROPPED, out.ground if out and name not in self.worst else ending
        if name in self.gate.always:
            return Verdict.PROMOTED, Ground.ALWAYS
        if out is not None and name not in self.worst:
            return Verdict.DROPPED, out.ground
        placed = isinstance(keep, Top | Best)
        if name in kept:
            return Verdict.PROMOTED, Ground.TOP if placed else Ground.MET
        if name in drawn:
            return Verdict.PROMOTED, Ground.SAMPLE
        return Verdict.DROPPED, Ground.CUT if placed else Ground.NOT_MET

    def _standing(self, name: str, verdict: Verdict, ground: Ground, findings: tuple[Finding, ...]) -> Standing:
        row = self.evidence.row(name)
        assert row is not None
        value = self.statistics[name]
        tied = tuple(
            other for other in self.ranked if other != name and value is not None and self.statistics[other] == value
        )
        return Standing(
            candidate=name,
            cells=row.cells,
            statistic=None if value is None else exact(value),
            rank=self.ranked.index(name) + 1 if name in self.ranked else None,
            verdict=verdict,
            ground=ground,
            margin=findings[0].margin if len(findings) == 1 and ground is not Ground.ALWAYS else None,
            tied_with=tied,
            findings=findings,
        )


def _foretold(study: Study, evidence: Evidence, others: Mapping[str, Evidence], *, recorded: bool) -> Foretell:
    """What laws say, which only those who ask them pay for."""

    @cache
    def asked() -> Foretell:
        from promo.decision.foretell import foretelling

        return foretelling(study, {**others, evidence.stage: evidence}, recorded=recorded)

    return lambda law, stage, candidate: asked()(law, stage, candidate)


def _spans(findings: Iterable[Finding]) -> bool:
    """Whether something cannot be told by a law: its interval holds the bound, or the law is not identified."""
    return any(isinstance(one.condition, Projected) and one.holds is None for one in findings)


def decide_rule(
    study: Study,
    rule: Rule,
    evidence: Evidence,
    others: Mapping[str, Evidence] = NO_OTHERS,
    *,
    recorded: bool = False,
) -> Decision:
    """
    Judge a candidate, or each of several, on its own or against another, cell by cell.

    The claim holds when it holds for everyone whom the rule is about; of several it fails once it fails for one.
    """
    judged = judged_of(study, rule, evidence, others)
    named = (*judged, *([rule.reference] if rule.reference is not None else []))
    why, then = _obstacle(rule, {name: evidence.row(name) for name in named})
    if not judged:
        why, then = _nobody(rule)
    answer = Answer.UNDECIDED
    findings: tuple[Finding, ...] = ()
    if why is None:
        table = _rule_table(study, rule, evidence, others, recorded=recorded)
        answers = {name: holds(rule.require, name, table) for name in judged}
        findings = tuple(_about(rule, name, one) for name, (_, found) in answers.items() for one in found)
        held_true = _all_true([answer for answer, _ in answers.values()])
        if held_true is None:
            spanned = tuple(name for name, (_, found) in answers.items() if _spans(found))
            why, then = Incomparable(judged, rule.stage), rule.missing.then
            if spanned:
                why, then = Spanned(spanned), rule.otherwise
        else:
            answer = Answer.HOLDS if held_true else Answer.FAILS
            then = None if held_true else rule.otherwise
    comparisons = tuple(one for name in judged for one in _compare(study, rule, name, evidence))
    return Decision(
        name=rule.name,
        seal=value_digest(closure(study, rule)) if rule.frozen else None,
        inputs=_inputs(evidence, others),
        outcome=_outcome(then, why or Failed()),
        promoted=(),
        found=Judgement(rule.stage, judged, answer, why, comparisons, findings),
    )


def judged_of(study: Study, rule: Rule, evidence: Evidence, others: Mapping[str, Evidence]) -> tuple[str, ...]:
    """Whom a rule is about, sorted: known beforehand, from who came to its stage, or from an earlier stage's values."""
    match rule.judged:
        case str():
            return (rule.judged,)
        case Promoted():
            aside = {rule.reference, *study.stages[rule.stage].candidates}
            return tuple(sorted(row.candidate for row in evidence.rows if row.candidate not in aside))
        case BestOf():
            chosen = evidence if rule.judged.stage == rule.stage else others[rule.judged.stage]
            best = _leader(study, chosen, rule.reference)
            return () if best is None else (best,)
        case _:
            assert_never(rule.judged)


def _nobody(rule: Rule) -> tuple[Because, Then]:
    """Why a rule has nobody to judge, and what follows."""
    if isinstance(rule.judged, BestOf):
        return NoBest(rule.judged.stage), rule.missing.then
    return NobodyPromoted(rule.stage), rule.absent or rule.missing.then


def _all_true(answers: Sequence[bool | None]) -> bool | None:
    """Whether all are; one that is not decides, whatever the others are."""
    return False if False in answers else None if None in answers else True


def _about(rule: Rule, name: str, finding: Finding) -> Finding:
    """A finding that says whom it is about, where the rule does not."""
    return finding if isinstance(rule.judged, str) else evolve(finding, details=(About(name), *finding.details))


def _outcome(then: Then | None, why: Because) -> Outcome:
    """What a clause leads to for the whole study."""
    return Stopped(why) if then is Then.STOP else Held(why) if then is Then.HOLD else Settled()


def _inputs(evidence: Evidence, others: Mapping[str, Evidence]) -> tuple[Input, ...]:
    """Everything that was read, each stage once, the rule's own first."""
    more = (Input(stage, one.digest) for stage, one in sorted(others.items()) if stage != evidence.stage)
    return (Input(evidence.stage, evidence.digest), *more)


def _obstacle(rule: Rule, rows: Mapping[str, Row | None]) -> tuple[Because | None, Then | None]:
    """Why a rule cannot be judged at all, and what follows; None when it can."""
    absent = tuple(name for name, row in rows.items() if row is None)
    if absent:
        return Absent(absent, rule.stage), rule.absent or rule.missing.then
    there = [row for row in rows.values() if row is not None and row.missing]
    if not there:
        return None, None
    crashed = any(cell.status.own_fault for row in there for cell in row.missing)
    why = Lacking(tuple(row.candidate for row in there), rule.stage, crashed=crashed and rule.crash is not None)
    return why, (rule.on_crash if crashed else rule.missing).then


def _rule_table(
    study: Study, rule: Rule, evidence: Evidence, others: Mapping[str, Evidence], *, recorded: bool
) -> Table:
    names = sorted(row.candidate for row in evidence.rows)
    return Table(
        measure=study.measure,
        evidence=evidence,
        contenders=tuple(names),
        leader=_leader(study, evidence),
        rank_by=Statistic.MEAN,
        tie_order={name: place for place, name in enumerate(names)},
        reference=rule.reference,
        others=others,
        foretold=_foretold(study, evidence, others, recorded=recorded),
    )


def _leader(study: Study, evidence: Evidence, aside: str | None = None) -> str | None:
    """Who has the best mean; of equals the first by name."""
    better = study.measure.sign
    means = {
        row.candidate: better * exact_sum(values.values()) / len(values)
        for row in evidence.rows
        if row.candidate != aside and (values := complete(row)) is not None
    }
    return min(means, key=lambda name: (means[name], name), default=None)


def _compare(study: Study, rule: Rule, name: str, evidence: Evidence) -> tuple[Comparison, ...]:
    """Values side by side; the difference is in the direction that the rule asks about."""
    judged = evidence.row(name)
    reference = evidence.row(rule.reference) if rule.reference else None
    if judged is None or (rule.reference and reference is None):
        return ()
    sign = study.measure.sign
    sign = -sign if side_of(rule) is Side.GAIN else sign
    found = []
    for place, mine in enumerate(judged.cells):
        other = reference.cells[place] if reference else None
        difference = None
        if other is not None and mine.value is not None and other.value is not None:
            difference = exact(sign * (from_exact(mine.value) - from_exact(other.value)))
        found.append(Comparison(name, mine.host, mine.seed, mine.value, other.value if other else None, difference))
    return tuple(found)


def side_of(rule: Rule) -> Side:
    """Whether a rule speaks of gaps or of gains."""
    sides = [part.side for part in primitives(rule.require) if isinstance(part, Difference)]
    equal = any(isinstance(part, Equivalent) for part in primitives(rule.require))
    return sides[0] if sides and not equal else Side.GAP
