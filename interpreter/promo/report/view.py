"""
Study, ledger, evidence and decisions to a view: every sentence and every rounded number of a report is made here.

What is not shown matters as much as what is, so the limits are derived from the plan and the evidence, too.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from promo.base.canonical import Json, exact, from_exact, rounded
from promo.decision.decide import side_of
from promo.decision.stats import summarise
from promo.decision.values import GateDecision, RuleDecision, Standing, StepDecision, Verdict, decision_digest
from promo.ledger.state import StudyState
from promo.plan.values import PlannedRun, StagePlan
from promo.report.account import account_lines
from promo.report.aloud import read_gate, read_rule
from promo.report.amendments import amended_lines, moved_lines
from promo.report.baselines import baseline_lines
from promo.report.effects import effects_story, effects_view
from promo.report.limits import limits
from promo.report.people import result_words, settled_gate, waiting_lines
from promo.report.pictures import Curve, Panel, Rung, curves_svg, ladder_svg
from promo.report.plan import amount_text, amount_unit, hours_text, savings, stage_rows
from promo.report.record import Record
from promo.report.reductions import reduction_view
from promo.report.replay import replay_line
from promo.report.runs import facts, run_rows
from promo.report.seal import SHOWN, seal_view
from promo.report.values import (
    Cell,
    ComparisonView,
    CostRow,
    GateView,
    ReportView,
    RuleView,
    SavingView,
    SpreadView,
    StageView,
    StandingView,
    SuppositionView,
)
from promo.report.words import (
    NONE,
    demand_words,
    finding_words,
    listed,
    number,
    plural,
    span_text,
    standing_reason,
)
from promo.spec.describe import describe_budget, describe_measure, describe_mode
from promo.spec.judgement import Gate, Rule, Statistic
from promo.spec.values import BudgetKind, Stage

MOST_POINTS = 400


def build_view(record: Record) -> ReportView:
    """Say everything there is to say about a study."""
    return _View(record).build()


class _View:
    def __init__(self, record: Record) -> None:
        self.record = record
        self.study, self.plan, self.state = record.study, record.plan, record.state
        self.unit = self.study.measure.unit
        self.names = record.candidates
        self.colours = {name: index for index, name in enumerate(self.names)}

    def build(self) -> ReportView:
        study = self.study
        return ReportView(
            name=study.name,
            title=study.title,
            documentation=study.documentation,
            measure=describe_measure(study.measure),
            state=self._state(),
            finished=self.state.study is StudyState.CLOSED,
            story=tuple(self._story()),
            ladder=self._ladder(),
            legend=tuple((name, self.colours[name], self._describe(name)) for name in self.names),
            gates=tuple(self._gate(gate) for gate in study.gates.values()),
            rules=tuple(self._rule(rule) for rule in study.rules.values()),
            reductions=tuple(reduction_view(self.record, one) for one in study.reductions.values()),
            effects=tuple(effects_view(self.record, one) for one in study.effects.values()),
            stages=tuple(self._stage(stage) for stage in self.plan.stages),
            cost=tuple(self._cost()),
            cost_unit=amount_unit(self.plan),
            account=tuple(account_lines(self.record)),
            suppositions=tuple(self._suppositions()),
            notes=study.account.notes if study.account else (),
            limits=tuple(limits(self.record)),
            runs=tuple(run_rows(self.record)),
            facts=tuple(facts(self.record)),
            commands=(f"promo verify {self.record.folder}", f"promo show decision {self.record.folder}"),
            replay=replay_line(self.state),
        )

    # --- the story ---------------------------------------------------------------------------------------

    def _state(self) -> str:
        match self.state.study:
            case StudyState.CLOSED:
                return "finished"
            case StudyState.STOPPED:
                return f"stopped by its own rule: {(self.state.ended or {}).get('why', '')}"
            case StudyState.OPEN:
                return "not finished: what follows is as far as it has come"
            case StudyState.EMPTY:
                return "not started"

    def _rung(self, row: str, names: tuple[str, ...]) -> str:
        budget = describe_budget(self.study.stages[names[0]].budget)
        if len(names) > 1:
            return f"1 at each of {len(names)} steps of {row.partition(',')[0]} for {budget}"
        return f"{len(self.state.opened[names[0]])} at {names[0]} for {budget}"

    def _story(self) -> Iterable[str]:
        opened = [stage.name for stage in self.plan.stages if self.state.opened.get(stage.name)]
        rungs = [self._rung(row, names) for row, names in stage_rows(self.study, opened)]
        replay = replay_line(self.state)
        if replay:
            yield f"This is a {replay}."
        did = "read from the record" if replay else "trained"
        yield f"Candidates {did}: {'; '.join(rungs)}." if rungs else f"Nothing has been {did} yet."
        for decision in self.record.decisions.values():
            if not isinstance(decision, StepDecision):
                yield result_words(decision, self.study, self.state) + "."
        yield from effects_story(self.record)
        yield from baseline_lines(self.record)
        yield self._spent_sentence()
        if self.state.study is not StudyState.CLOSED:
            yield f"The study is {self._state()}."
        yield from waiting_lines(self.study, self.state)

    def _spent_sentence(self) -> str:
        accepted = self.record.accepted()
        failed = sum(self.state.failures(run) for run in self.state.attempts)
        flagged = sum(self.state.flagged(run) for run in self.state.attempts)
        extra = f" and {plural(failed, 'failed attempt')}" if failed else ""
        extra += f" and {plural(flagged, 'run')} that a guard set aside" if flagged else ""
        trained, device = self.record.trained_s(), self.record.device_s()
        if "replay" in self.state.frozen:
            return (
                f"{plural(accepted, 'run')}{extra} stand for {span_text(trained)} of recorded training (planned: "
                f"{span_text(self.plan.device_s.planned)}); a run that is read at several stages counts at each."
            )
        return (
            f"{plural(accepted, 'run')}{extra} trained for {span_text(trained)} of device time (planned: "
            f"{span_text(self.plan.device_s.planned)}), and took {span_text(device)} with start-up and scoring."
        )

    def _describe(self, name: str) -> str:
        candidate = self.study.candidates[name]
        of = f" of {candidate.control_of}" if candidate.control_of else ""
        role = "" if candidate.role.value == "plain" else f"{candidate.role.value}{of}, "
        levels = dict(candidate.levels)
        varied = [
            f"{factor} {exact(level) if isinstance(level, Fraction) else level}"
            for factor, level in levels.items()
            if len({dict(self.study.candidates[other].levels)[factor] for other in self.names}) > 1
        ]
        size = candidate.effective.parameters
        return f"{role}{', '.join(varied)}; {f'{size:,} parameters' if size else 'size not known'}"

    # --- gates and rules ---------------------------------------------------------------------------------

    def _columns(self, stage: str) -> tuple[str, ...]:
        planned = self.plan.stage(stage)
        return tuple(f"{host}, seed {seed}" for seed in planned.seeds for host in planned.hosts)

    def _gate(self, gate: Gate) -> GateView:
        decision = self.record.decisions.get(gate.name)
        assert decision is None or isinstance(decision, GateDecision)
        shown = settled_gate(decision, self.state) if decision else None
        return GateView(
            name=gate.name,
            documentation=gate.documentation,
            sentence=read_gate(gate, self.study),
            seal=seal_view(self.record, gate),
            decided=decision is not None,
            result=result_words(decision, self.study, self.state) + "." if decision else "Not decided yet.",
            statistic=gate.statistic.value,
            demands=demand_words(decision, self.unit) if decision else (),
            columns=self._columns(gate.source),
            standings=tuple(self._standing(one, shown) for one in shown.standings) if shown else (),
            evidence=decision.evidence[:SHOWN] if decision else "",
            decision=decision_digest(decision)[:SHOWN] if decision else "",
            amended=(*amended_lines(self.state, gate.name), *moved_lines(self.record, gate.name)),
        )

    def _standing(self, standing: Standing, decision: GateDecision) -> StandingView:
        return StandingView(
            candidate=standing.candidate,
            colour=self.colours[standing.candidate],
            rank="–" if standing.rank is None else str(standing.rank),
            cells=tuple(
                Cell(number(one.value) if one.value else one.status, one.value is None) for one in standing.cells
            ),
            statistic=number(standing.statistic),
            promoted=standing.verdict is Verdict.PROMOTED,
            reason=standing_reason(standing, decision, self.unit),
        )

    def _rule(self, rule: Rule) -> RuleView:
        decision = self.record.decisions.get(rule.name)
        assert decision is None or isinstance(decision, RuleDecision)
        return RuleView(
            name=rule.name,
            documentation=rule.documentation,
            sentence=read_rule(rule, self.study),
            seal=seal_view(self.record, rule),
            decided=decision is not None,
            answer=decision.answer.value if decision else "open",
            result=result_words(decision, self.study, self.state) + "." if decision else "Not decided yet.",
            judged=rule.judged,
            reference=rule.reference or "",
            side=side_of(rule).value,
            findings=tuple(finding_words(one, self.unit) for one in decision.findings) if decision else (),
            comparisons=tuple(
                ComparisonView(
                    cell=f"{one.host}, seed {one.seed}",
                    judged=number(one.judged),
                    reference=number(one.reference),
                    difference=number(one.difference, signed=True),
                )
                for one in (decision.comparisons if decision else ())
            ),
            evidence=decision.evidence[:SHOWN] if decision else "",
            decision=decision_digest(decision)[:SHOWN] if decision else "",
            amended=(*amended_lines(self.state, rule.name), *moved_lines(self.record, rule.name)),
        )

    # --- stages ------------------------------------------------------------------------------------------

    def _stage(self, stage: StagePlan) -> StageView:
        said = self.study.stages[stage.name]
        entrants = self.state.opened.get(stage.name)
        total = (len(entrants) if entrants is not None else stage.entrants.planned) * len(said.cells)
        done = sum(self.state.accepted(run.id) is not None for run in self._entered(stage))
        return StageView(
            name=stage.name,
            documentation=said.documentation,
            budget=self._spent(said),
            entrants=listed(entrants)
            if entrants is not None
            else f"{stage.entrants.planned} that {stage.after} promotes",
            cells=f"{plural(len(stage.hosts), 'host')} ({', '.join(stage.hosts)}) x "
            f"{plural(len(stage.seeds), 'seed')} ({', '.join(map(str, stage.seeds))})",
            runs=f"{done} of {total}",
            trained=span_text(self.record.trained_s(stage.name)),
            spreads=tuple(self._spreads(stage.name)),
            curves=self._curves(stage),
            points=tuple(self._point_rows(stage)),
        )

    def _spent(self, stage: Stage) -> str:
        """What a run of a stage is given, and where it begins unless that is nothing."""
        mode = describe_mode(self.study, stage)
        return describe_budget(stage.budget) + ("" if mode == "fresh" else f" ({mode})")

    def _entered(self, stage: StagePlan) -> list[PlannedRun]:
        """Runs of those who are in a stage; another one may have a run of somebody else in common with it."""
        return [run for run in stage.runs if run.candidate in self.state.opened.get(stage.name, ())]

    def _spreads(self, stage: str) -> Iterable[SpreadView]:
        evidence = self.record.evidence.get(stage)
        for name in self._ranked(stage):
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

    def _ranked(self, stage: str) -> list[str]:
        """Candidates of a stage by their mean, best first; those without a value last."""
        evidence = self.record.evidence.get(stage)
        if evidence is None:
            return []
        better = 1 if self.study.measure.lower_is_better else -1

        def key(name: str) -> tuple[bool, Fraction, str]:
            row = evidence.row(name)
            values = [from_exact(cell.value) for cell in row.cells if cell.value is not None] if row else []
            mean = sum(values, Fraction(0)) / len(values) if values else Fraction(0)
            return not values, better * mean, name

        return sorted((row.candidate for row in evidence.rows), key=key)

    def _by_steps(self, stage: StagePlan) -> bool:
        return stage.budget.kind is BudgetKind.STEPS

    def _curves(self, stage: StagePlan) -> str:
        panels = []
        metric = self.study.measure.metric
        for host in stage.hosts:
            curves = []
            for run in self._entered(stage):
                points = self.record.points.get(run.id, ())
                if run.host != host or not points:
                    continue
                x = "step" if self._by_steps(stage) else "charged_s"
                trained = tuple(_pair(point, x, "train_bpb") for point in points if x in point and "train_bpb" in point)
                scored = tuple(_pair(point, x, metric) for point in points if x in point and metric in point)
                curves.append(Curve(self.colours[run.candidate], _positive(trained), _positive(scored)))
            panels.append(Panel(host, tuple(curves)))
        if not any(panel.curves for panel in panels):
            return ""
        x_label = "steps" if self._by_steps(stage) else "seconds of training"
        words = f"Learning curves of stage {stage.name}: {metric} against {x_label}, one line a run"
        return curves_svg(panels, x_label, f"{metric} ({self.unit})", words, self.names)

    def _point_rows(self, stage: StagePlan) -> Iterable[tuple[str, ...]]:
        metric = self.study.measure.metric
        rows = 0
        for run in sorted(self._entered(stage), key=lambda one: (one.candidate, one.host, one.seed)):
            for point in self.record.points.get(run.id, ()):
                if metric not in point:
                    continue
                rows += 1
                if rows > MOST_POINTS:
                    return
                seconds = rounded(from_exact(str(point["charged_s"])), 2) if "charged_s" in point else NONE
                value = number(str(point[metric]))
                step, tokens = (str(point.get(name, NONE)) for name in ("step", "tokens"))
                yield (run.candidate, run.host, str(run.seed), step, tokens, seconds, value)

    def _ladder(self) -> str:
        shown = [stage for stage in self.plan.stages if stage.name in self.record.evidence]
        if not shown:
            return ""
        place = {stage.name: index for index, stage in enumerate(shown)}
        total = max(self.plan.device_s.planned, 1)
        rungs = []
        for stage in shown:
            gates = [gate for gate in self.study.gates_from(stage.name) if gate.name in self.record.decisions]
            promoted: frozenset[int] = frozenset()
            target = None
            for gate in gates:
                promoted |= {self.colours[name] for name in self.state.promoted(gate.name)}
                target = place.get(gate.target, target)
            amount = amount_text(stage.device_s.planned, self.plan)
            rungs.append(
                Rung(
                    title=f"{stage.name}",
                    subtitle=f"{describe_budget(stage.budget)} a run\n{amount} {amount_unit(self.plan)}",
                    order=tuple(self.colours[name] for name in self._ranked(stage.name)),
                    goes_on=promoted,
                    target=target,
                    weight=stage.device_s.planned / total / max(len(self._ranked(stage.name)), 1),
                )
            )
        words = "; ".join(f"{stage.name}: {listed(self._ranked(stage.name))}" for stage in shown)
        return ladder_svg(rungs, self.names, f"Candidates by rank at each stage, best first. {words}")

    # --- cost and limits ---------------------------------------------------------------------------------

    def _cost(self) -> Iterable[CostRow]:
        for stage in self.plan.stages:
            yield self._cost_row(stage.name, stage.name, stage.run_count.planned, stage.device_s.planned)
        yield self._cost_row("total", None, self.plan.run_count.planned, self.plan.device_s.planned)

    def _cost_row(self, title: str, stage: str | None, runs: int, planned_s: int) -> CostRow:
        return CostRow(
            name=title,
            runs=f"{self.record.accepted(stage)} of {runs}",
            planned=amount_text(planned_s, self.plan),
            trained=amount_text(self.record.trained_s(stage), self.plan),
            device=amount_text(self.record.device_s(stage), self.plan),
        )

    def _suppositions(self) -> Iterable[SuppositionView]:
        for one in self.plan.suppositions:
            cap = hours_text(self.study.stages[one.stage].budget.cap_s)
            formula = f"{one.candidates} x {one.cells} cells x {cap} h = {hours_text(one.device_s)}"
            yield SuppositionView(
                sentence=f"If all {one.candidates} that {one.gate} promotes had gone on to {one.stage}: {formula} "
                f"{self.plan.device_unit}.",
                savings=tuple(SavingView(*row) for row in savings(one, self.plan.device_s.planned, one.branch_s)),
            )


def _pair(point: Mapping[str, Json], x: str, y: str) -> tuple[float, float]:
    return float(str(point[x])), float(str(point[y]))


def _positive(points: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Points that a logarithmic axis can show."""
    return tuple((x, y) for x, y in points if x > 0)
