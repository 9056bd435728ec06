"""
Study, ledger, evidence and decisions to a view: every sentence and every rounded number of a report is made here.

What is not shown matters as much as what is, so the limits are derived from the plan and the evidence, too.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import assert_never

from promo.base.canonical import exact, exact_sum, from_exact, rounded
from promo.base.classes import evolve
from promo.decision.stats import summarise
from promo.decision.values import Walking
from promo.ledger.state import StudyState
from promo.plans.values import Plan, PlannedRun, StagePlan
from promo.report.account import account_lines
from promo.report.amounts import a_run_words
from promo.report.baselines import baseline_lines
from promo.report.card import answer_view
from promo.report.changed import called_list
from promo.report.curves import curves_view
from promo.report.describe import describe_mode, measure_words
from promo.report.effects import effects_story, effects_view
from promo.report.environment import Environments, starts
from promo.report.foretold import foretold_views
from promo.report.growth import growth_in_short, growth_lines
from promo.report.ladder import ladder_view, ranked
from promo.report.laws import laws_view
from promo.report.limits import limits
from promo.report.money import money_to_json
from promo.report.overview import overview
from promo.report.people import result_words, waiting_lines
from promo.report.plan import amount_text, amount_unit, device_words, rounded_up, savings, stage_rows
from promo.report.ranks import FlowView, flow_view
from promo.report.record import Record
from promo.report.reductions import reduction_view
from promo.report.replay import replay_line
from promo.report.reruns import reruns_view
from promo.report.rules import gate_view, rules_views, summarised
from promo.report.runs import MOST_RUNS, facts, runs_view
from promo.report.spending import budget_lines
from promo.report.standing import stage_picture
from promo.report.story import in_short
from promo.report.told import follower_words
from promo.report.values import (
    NO_PICTURE,
    CostRow,
    PictureView,
    ReportView,
    SavingView,
    SpreadView,
    StageView,
    SuppositionView,
)
from promo.report.vouching import vouching_view
from promo.report.words import (
    listed,
    plural,
    seeds_text,
    span_text,
)
from promo.study.judgement import Statistic
from promo.study.values import Stage

CELLS_CSV, DECISIONS_CSV, EFFECTS_CSV, RUNS_CSV = "cells.csv", "decisions.csv", "effects.csv", "runs.csv"
"""What a file beside a report holds -> the end of its name."""


def _beside(record: Record) -> tuple[str, ...]:
    """Tables that are too long for a page and lie beside it."""
    runs = len(record.state.attempts) > MOST_RUNS
    decisions = summarised(record)
    return (*((CELLS_CSV, DECISIONS_CSV) if decisions else ()), *((RUNS_CSV,) if runs else ()))


def build_view(record: Record) -> ReportView:
    """Say everything there is to say about a study."""
    return _View(record).build()


class _View:
    def __init__(self, record: Record) -> None:
        self.record = record
        self.study, self.plan, self.state = record.study, record.plan, record.state
        self.unit = self.study.measure.unit
        self.names = record.candidates
        levels = [dict(self.study.candidates[name].levels) for name in self.names]
        self.varied = {factor for one in levels[:1] for factor in one if len({other[factor] for other in levels}) > 1}
        self.changed = record.changed
        self.colours = {name: index for index, name in enumerate(self.names)}

    def build(self) -> ReportView:
        study = self.study
        return ReportView(
            name=study.name,
            title=study.title,
            documentation=study.documentation,
            measure=measure_words(study.measure),
            state=self._state(),
            finished=self.state.study is StudyState.CLOSED and not self.record.faults,
            answer=answer_view(self.record),
            short=self._short(),
            story=tuple(self._story()),
            ladder=ladder_view(self.record),
            legend=tuple((name, self.colours[name], self._describe(name), self.changed[name]) for name in self.names),
            gates=tuple(gate_view(self.record, gate) for gate in study.gates.values()),
            overview=overview(self.record),
            rules=rules_views(self.record),
            reductions=tuple(reduction_view(self.record, one) for one in study.reductions.values()),
            effects=tuple(effects_view(self.record, one) for one in study.effects.values()),
            laws=(*laws_view(self.record), *foretold_views(self.record)),
            flow=self._flow(),
            reruns=reruns_view(self.record),
            vouching=vouching_view(self.record),
            stages=tuple(self._stages()),
            not_begun=self._not_begun(),
            cost=tuple(self._cost()),
            cost_unit=amount_unit(self.plan),
            cost_note=self._in_common(),
            account=(*budget_lines(self.study, self.plan, self.state), *account_lines(self.record)),
            money=money_to_json(self.study, self.state),
            suppositions=tuple(self._suppositions()),
            notes=study.account.notes if study.account else (),
            limits=tuple(limits(self.record)),
            beside=_beside(self.record),
            runs=runs_view(self.record),
            facts=tuple(facts(self.record)),
            commands=(f"promo verify {self.record.folder}", f"promo show decision {self.record.folder}"),
            environments=tuple(Environments(self.record).views()),
            starts=tuple(starts(self.record)),
            replay=replay_line(self.state),
            faults=self.record.faults,
        )

    # --- the story ---------------------------------------------------------------------------------------

    def _state(self) -> str:
        if self.record.faults:
            return "damaged: this is what can still be read"
        match self.state.study:
            case StudyState.CLOSED:
                return "finished"
            case StudyState.STOPPED:
                return "stopped by its own rule"
            case StudyState.OPEN:
                return "not finished: these are the results so far"
            case StudyState.EMPTY:
                return "not started"
            case _:
                assert_never(self.state.study)

    def _stands(self) -> str:
        stopped = self.state.study is StudyState.STOPPED and not self.record.faults
        return f"The study {'was' if stopped else 'is'} {self._state()}."

    def _flow(self) -> FlowView:
        """Ranks from stage to stage; drawn and told in numbers only where the ladder has not told them."""
        flow, told = flow_view(self.record), ladder_view(self.record).columns
        new = any(column.rpartition(": ")[0] not in told for column in flow.columns[1:])
        return flow if new else evolve(flow, picture="", columns=(), rows=())

    def _rung(self, row: str, names: tuple[str, ...]) -> str:
        budget = a_run_words(self.study.stages[names[0]])
        if len(names) > 1:
            return f"1 at each of {len(names)} steps of {row.partition(',')[0]} for {budget}"
        return f"{len(self.state.opened[names[0]])} at {names[0]} for {budget}"

    def _rungs(self) -> list[str]:
        opened = [stage.name for stage in self.plan.stages if self.state.opened.get(stage.name)]
        return [self._rung(row, names) for row, names in stage_rows(self.study, opened)]

    def _short(self) -> tuple[str, ...]:
        findings = [*effects_story(self.record), *baseline_lines(self.record)]
        waiting = " ".join(waiting_lines(self.study, self.state, self.record.folder))
        open_still = self.state.study is not StudyState.CLOSED or bool(self.record.faults)
        state = f"{self._stands()} {waiting}" if open_still else waiting
        full, grown = tuple(self._story()), tuple(growth_in_short(self.record))
        more = len(list(growth_lines(self.record))) - len(grown)
        return in_short(self.record, full, self._rungs(), findings, grown, more, self._spent_sentence(), state)

    def _story(self) -> Iterable[str]:
        rungs = self._rungs()
        replay = replay_line(self.state)
        if replay:
            yield f"This is a {replay}."
        did = "read from the record" if replay else "trained"
        yield f"Candidates {did}: {'; '.join(rungs)}." if rungs else f"Nothing has been {did} yet."
        for decision in self.record.decisions.values():
            if not isinstance(decision.found, Walking):
                yield result_words(decision, self.study, self.state, self.record.call) + "."
        yield from effects_story(self.record)
        yield from baseline_lines(self.record)
        yield from growth_lines(self.record)
        yield self._spent_sentence()
        if self.state.study is not StudyState.CLOSED or self.record.faults:
            yield self._stands()
        yield from waiting_lines(self.study, self.state, self.record.folder)

    def _spent_sentence(self) -> str:
        count = self.record.runs()
        failed = sum(self.state.failures(run) for run in self.state.attempts)
        flagged = sum(self.state.flagged(run) for run in self.state.attempts)
        extra = f" and {plural(failed, 'failed attempt')}" if failed else ""
        extra += f" and {plural(flagged, 'run')} that a guard excluded" if flagged else ""
        lost = sum(self.state.lost(run) for run in self.state.attempts)
        beside = f"with {plural(lost, 'lost attempt')}, whose training was not counted, " if lost else ""
        spent, budget, bound = (
            device_words(one, self.plan, of_what=False)
            for one in (self.record.spent_s(), self.plan.budget_s, rounded_up(self.plan.bound_s, self.plan))
        )
        taken = device_words(self.record.slot_s(), self.plan)
        if not self.record.is_timed:
            return (
                f"{plural(count.done, 'run')}{extra} were read from a table without a clock, so how long they trained "
                f"is not known (budget: {budget})."
            )
        if self.state.replay:
            return (
                f"{plural(count.done, 'run')}{extra} stand for {spent} of recorded training (budget: "
                f"{budget}); a run that is read at several budgets counts once at each."
            )
        return (
            f"{plural(count.done, 'run')}{extra} spent {spent} in {self.record.training()} of a budget of "
            f"{budget}, and {beside}took {taken} with start-up and scoring; the "
            f"bound is {bound}.{self._queued()}"
        )

    def _queued(self) -> str:
        waited = self.record.queued_s()
        return "" if waited is None else f" In queues they waited {span_text(waited)} in all, which nothing counts."

    def _describe(self, name: str) -> str:
        candidate = self.study.candidates[name]
        of = f" of {candidate.control_of}" if candidate.control_of else ""
        role = "" if candidate.role.value == "plain" else f"{candidate.role.value}{of}, "
        if candidate.follows is not None:
            path = self.record.state.path(candidate.follows)
            return f"{role}{follower_words(self.study, candidate.follows, path, self.record.call)}"
        levels = dict(candidate.levels)
        varied = [
            f"{factor} {exact(level) if isinstance(level, Fraction) else level}"
            for factor, level in levels.items()
            if factor in self.varied
        ]
        size = candidate.effective.parameters
        return f"{role}{', '.join(varied)}; {f'{size:,} parameters' if size else 'size not known'}"

    # --- stages ------------------------------------------------------------------------------------------

    def _stages(self) -> Iterable[StageView]:
        """Stages that have begun; the steps of a walk are one."""
        begun = [stage.name for stage in self.plan.stages if stage.name in self.state.opened]
        for row, names in stage_rows(self.study, begun):
            yield self._stage(self.plan.stage(names[0])) if len(names) == 1 else self._walk(row, names)

    def _not_begun(self) -> str:
        """Stages that have not begun, in one sentence; empty where all have."""
        rest = [stage.name for stage in self.plan.stages if stage.name not in self.state.opened]
        rows = stage_rows(self.study, rest)
        told = [f"{row} ({a_run_words(self.study.stages[names[0]], ' a run')})" for row, names in rows]
        return f"Not started: {listed(told)}." if told else ""

    def _walk(self, row: str, names: Sequence[str]) -> StageView:
        """The steps of a walk as one stage: a line for what each of them tried."""
        first = self._stage(self.plan.stage(names[0]))
        counts = [self.record.runs(name) for name in names]
        spent = exact_sum(self.record.spent_s(name) for name in names)
        entrants = dict.fromkeys(one for name in names for one in self.state.opened[name])
        return evolve(
            first,
            name=row,
            entrants=called_list(tuple(entrants), self.record.call),
            runs=f"{sum(one.done for one in counts)} of {sum(one.runs for one in counts)}",
            spent=f"{device_words(spent, self.plan, of_what=False)} spent in {self.record.training(*names)}"
            if self.record.is_timed
            else first.spent,
            spreads=tuple(one for name in names for one in self._spreads(name)),
            curves=evolve(first.curves, picture="", trained="", rows=(), rest=""),
            strip=NO_PICTURE,
        )

    def _stage(self, stage: StagePlan) -> StageView:
        said = self.study.stages[stage.name]
        entrants, count = self.state.opened.get(stage.name), self.record.runs(stage.name)
        curves = curves_view(self.record, stage, self._entered(stage))
        return StageView(
            name=stage.name,
            documentation=said.documentation,
            budget=self._spent(said),
            entrants=called_list(entrants, self.record.call)
            if entrants is not None
            else f"{stage.entrants.planned} that {stage.after} promotes",
            cells=f"{plural(len(stage.hosts), 'host')} ({', '.join(stage.hosts)}) x "
            f"{plural(len(stage.seeds), 'seed')} ({seeds_text(stage.seeds)})",
            runs=f"{count.done} of {count.runs}",
            spent=f"{device_words(self.record.spent_s(stage.name), self.plan, of_what=False)} spent in "
            f"{self.record.training(stage.name)}"
            if self.record.is_timed
            else "seconds of training were not recorded",
            spreads=tuple(self._spreads(stage.name)),
            curves=curves,
            strip=self._strip(stage.name) if not curves.picture else NO_PICTURE,
        )

    def _strip(self, stage: str) -> PictureView:
        """Every run of a stage, unless a gate that reads it shows that."""
        shown = any(gate.name in self.record.decisions for gate in self.study.gates_from(stage))
        return NO_PICTURE if shown else PictureView(*stage_picture(self.record, stage, ranked(self.record, stage)))

    def _spent(self, stage: Stage) -> str:
        """What a run of a stage is given, and where it begins unless that is nothing."""
        mode = describe_mode(self.study, stage)
        return a_run_words(stage, " per run") + ("" if mode == "fresh" else f" ({mode})")

    def _entered(self, stage: StagePlan) -> list[PlannedRun]:
        """Runs of those who are in a stage; another one may have a run of somebody else in common with it."""
        return [run for run in stage.runs if run.candidate in self.state.opened.get(stage.name, ())]

    def _spreads(self, stage: str) -> Iterable[SpreadView]:
        evidence = self.record.evidence.get(stage)
        for name in ranked(self.record, stage):
            row = evidence.row(name) if evidence else None
            values = [from_exact(cell.value) for cell in row.cells if cell.value is not None] if row else []
            if values:
                mean = summarise(values, Statistic.MEAN, lower_is_better=True)
                yield SpreadView(
                    candidate=name,
                    colour=self.colours[name],
                    mean=rounded(mean, 4),
                    lowest=rounded(min(values), 4),
                    highest=rounded(max(values), 4),
                    cells=str(len(values)),
                )

    # --- cost and limits ---------------------------------------------------------------------------------

    def _cost(self) -> Iterable[CostRow]:
        for row, names in stage_rows(self.study, [stage.name for stage in self.plan.stages]):
            yield self._cost_row(row, names, [self.plan.stage(name) for name in names])
        yield self._cost_row("total", (None,), [self.plan])

    def _cost_row(self, title: str, names: Sequence[str | None], priced: Sequence[StagePlan | Plan]) -> CostRow:
        """A line about some stages, or with None about the study."""
        counts = [self.record.runs(name) for name in names]
        timed, replay = self.record.is_timed, self.state.replay
        spent, taken = (exact_sum(map(seconds, names)) for seconds in (self.record.spent_s, self.record.slot_s))
        return CostRow(
            name=title,
            runs=f"{sum(one.done for one in counts)} of {sum(one.runs for one in counts)}",
            budget=amount_text(sum(one.budget_s for one in priced), self.plan),
            spent=amount_text(spent, self.plan) if timed else "not known",
            taken="" if replay else amount_text(taken, self.plan),
            bound="" if replay else amount_text(rounded_up(sum(one.bound_s for one in priced), self.plan), self.plan),
        )

    def _in_common(self) -> str:
        """How a run is counted that several stages have."""
        counts = [self.record.runs(stage.name).done for stage in self.plan.stages]
        if sum(counts) <= self.record.runs().done:
            return ""
        return (
            "A run shared by several stages counts at each of them and once in the total; it was charged to the "
            "stage it was made for."
        )

    def _suppositions(self) -> Iterable[SuppositionView]:
        for one in self.plan.suppositions:
            cap_s = self.study.stages[one.stage].budget.cap_s
            devices = Fraction(one.costs_s, max(one.candidates * one.cells * cap_s, 1))
            wide = "" if devices == 1 else f"{exact(devices)} devices x "
            formula = f"{one.candidates} x {plural(one.cells, 'cell')} x {wide}{span_text(cap_s)}"
            yield SuppositionView(
                sentence=f"If all {one.candidates} that {one.gate} promotes had continued to {one.stage}: {formula} = "
                f"{device_words(one.costs_s, self.plan)}.",
                savings=tuple(SavingView(*row) for row in savings(one, self.plan)),
            )
