"""
Readings to what a spec would have done: its guards, reruns, gates and rules once more, in memory.

It follows `promo replay` step by step and writes nothing, so that it can be asked hundreds of times; a test holds the
two to each other.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from attrs import define, field

from promo.base.canonical import exact
from promo.decision.comparators import Choice
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.values import Ground
from promo.driver.readings import Readings, Seen, mean_of
from promo.evidence.guards import flags
from promo.evidence.values import FLAGGED, OK, Cell, Evidence, Row
from promo.ledger.state import Attempt
from promo.run.values import OWN_FAULT, Result, RunStatus
from promo.study.judgement import Gate, Rule, read_beside
from promo.study.values import Stage, Study


@define
class _Run:
    """A run of a stage, and how it went so far."""

    name: str
    host: str
    seed: int
    first: int | None
    """The recorded run that is read first; None where there is no run to carry on."""
    seen: Seen | None = None
    number: int = 0
    """The recorded run that counts."""
    crashes: int = 0
    others: int = 0
    flagged: int = 0
    aside: bool = False
    """Set aside by a guard, and not run again."""

    @property
    def ended_badly(self) -> int:
        return self.crashes + self.others + self.flagged

    @property
    def counts(self) -> bool:
        return self.seen is not None and self.seen.status is RunStatus.OK and not self.aside

    @property
    def key(self) -> str:
        return f"{self.name}/{self.host}/{self.seed}"

    def cell(self) -> Cell:
        """As evidence has it."""
        assert self.seen is not None
        value = exact(self.seen.value) if self.counts and self.seen.value is not None else None
        status = OK if self.counts else FLAGGED if self.aside else self.seen.status.value
        return Cell(self.host, self.seed, "", status, value, 1, "")


@define
class Retrace:
    """A study followed through its stages, with seeds as they were drawn."""

    readings: Readings
    drawn: Mapping[int, int]
    entered: dict[str, tuple[str, ...]] = field(factory=dict)
    """Stage -> its entrants."""
    ended: str = ""
    """`stopped` or `held` where a gate or rule said so."""
    spent_s: Fraction = Fraction(0)
    runs: dict[tuple[str, str, str, int], _Run] = field(factory=dict)
    sampled: set[str] = field(factory=set)
    """Dropped candidates that went on to be audited."""

    @property
    def study(self) -> Study:
        """The study."""
        return self.readings.study

    def follow(self) -> "Retrace":
        """Go through all stages that are reached."""
        for stage in _in_order(self.study):
            self.entered[stage.name] = () if self.ended == "stopped" else self._entrants(stage)
            self._train(stage)
            for rule in self.study.rules_at(stage.name):
                decided = decide_rule(self.study, rule, self._evidence(stage.name), self._others(rule))
                self.ended = "stopped" if decided.stopped else self.ended
        return self

    def choice(self, *, lower_is_better: bool) -> Choice:
        """The best mean at the largest budget; who was dropped and only audited is paid for and not chosen."""
        full, rungs = self.readings.rungs[-1], self.readings.rungs
        stages = [stage for stage in self.study.stages.values() if self.readings.whole(stage) == full]
        scores: dict[str, Fraction] = {}
        for name in self.readings.names:
            cells = {
                (host, seed): run.seen.value if run.counts and run.seen else None
                for stage in stages
                if name in self.entered[stage.name]
                for host, seed in stage.cells
                for run in [self.runs[stage.name, name, host, seed]]
            }
            mean = mean_of(cells.values())
            if mean is not None and name not in self.sampled:
                scores[name] = mean if lower_is_better else -mean
        reached: dict[str, frozenset[int]] = {}
        for stage in self.study.stages.values():
            below = [place for place, rung in enumerate(rungs) if rung <= self.readings.whole(stage)]
            for name in self.entered[stage.name]:
                reached[name] = reached.get(name, frozenset()) | {max(below, default=0)}
        best = min(scores, key=lambda name: (scores[name], self.readings.names.index(name)), default=None)
        return Choice(best, self.spent_s, reached)

    def _entrants(self, stage: Stage) -> tuple[str, ...]:
        if stage.after is None:
            return tuple(stage.candidates)
        gate = self.study.gates[stage.after]
        decision = decide_gate(self.study, gate, self._evidence(gate.source), self._others(gate))
        if decision.held or decision.stopped:
            self.ended = "stopped" if decision.stopped else self.ended or "held"
            return ()
        self.sampled |= {one.candidate for one in decision.standings if one.ground is Ground.SAMPLE}
        return decision.promoted

    # --- runs --------------------------------------------------------------------------------------------

    def _train(self, stage: Stage) -> None:
        for name in self.entered[stage.name]:
            for host, seed in stage.cells:
                self.runs[stage.name, name, host, seed] = self._begin(stage, name, host, seed)
        there = [run for (at, *_), run in self.runs.items() if at == stage.name]
        for run in there:
            self._try(stage, run)
        again = there
        while again:
            again = self._guard(stage, there)
            for run in again:
                self._try(stage, run)

    def _begin(self, stage: Stage, name: str, host: str, seed: int) -> _Run:
        if stage.continues is None:
            return _Run(name, host, seed, 0)
        before = self.runs.get((stage.continues, name, host, seed))
        return _Run(name, host, seed, before.number if before and before.counts else None)

    def _try(self, stage: Stage, run: _Run) -> None:
        """Read recorded runs until one counts, none is left, or the clauses allow no more."""
        missing, crash = self.study.missing_reruns_at(stage.name), self.study.crash_reruns_at(stage.name)
        while True:
            run.seen = self._read(stage, run)
            self.spent_s += run.seen.seconds
            if run.seen.status is RunStatus.OK:
                return
            own = run.seen.status.value in OWN_FAULT
            run.crashes, run.others = run.crashes + own, run.others + (not own)
            if not self._left(run, 0) or run.crashes > crash or run.others > missing:
                return

    def _read(self, stage: Stage, run: _Run) -> Seen:
        if run.first is None:
            return Seen(RunStatus.INVALID, None, Fraction(0), None)
        run.number = run.first + run.ended_badly
        amount, earlier = self.readings.whole(stage), self.readings.earlier(stage)
        return self.readings.read(run.name, run.host, self.drawn[run.seed], amount, earlier, run.number)

    def _left(self, run: _Run, after: int) -> bool:
        there = self.readings.recorded(run.name, run.host, self.drawn[run.seed]) - (run.first or 0)
        return run.ended_badly + after < max(1, there)

    def _guard(self, stage: Stage, there: list[_Run]) -> list[_Run]:
        """Set aside what guards object to; whom they have run again."""
        guards = [guard for gate in self.study.gates_from(stage.name) for guard in gate.guards]
        counting = {run.key: run for run in there if run.counts}
        attempts = [Attempt(key, 1, stage.name, run.name, run.host, run.seed, "") for key, run in counting.items()]
        again = []
        for flag in flags(guards, attempts, lambda attempt: _result(counting[attempt.run])) if guards else ():
            run = counting[flag.run]
            rerun = run.flagged < flag.guard.handling.reruns and self._left(run, 1)
            run.flagged += 1
            run.aside = not rerun
            again += [run] if rerun else []
        return again

    # --- evidence ----------------------------------------------------------------------------------------

    def _evidence(self, stage: str) -> Evidence:
        cells = self.study.stages[stage].cells
        rows = (
            Row(name, tuple(self.runs[stage, name, *one].cell() for one in cells))
            for name in sorted(self.entered[stage])
        )
        return Evidence(stage, self.study.measure.metric, cells, tuple(rows))

    def _others(self, one: Gate | Rule) -> dict[str, Evidence]:
        return {name: self._evidence(name) for name in read_beside(one) if name in self.entered}


def _result(run: _Run) -> Result:
    assert run.seen is not None
    seconds = exact(run.seen.seconds)
    work = {} if run.seen.speed is None else {"tokens_per_s": run.seen.speed}
    return Result(RunStatus.OK, "", {}, {"train": seconds, "total": seconds}, {"work": work}, None)


def _in_order(study: Study) -> Iterable[Stage]:
    """Stages, each behind those that its gate reads and that it carries on."""
    waiting = list(study.stages.values())
    done: set[str] = set()
    while waiting:
        stage = next(one for one in waiting if _needs(study, one) <= done)
        waiting.remove(stage)
        done.add(stage.name)
        yield stage


def _needs(study: Study, stage: Stage) -> set[str]:
    gate = study.gates[stage.after] if stage.after is not None else None
    return ({gate.source} if gate else set()) | ({stage.continues} if stage.continues is not None else set())
