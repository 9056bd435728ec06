"""
Study, plan and ledger to what may happen next: the order of a study, written down here and nowhere else.

Running a study carries the agenda out; a replay, a comparison and the invented studies of a simulation carry it out in
memory; verification replays a ledger through it; displays count from it.  It is a pure function of what was planned and
of what the ledger adds up to, and reads no result: whatever guards look at is repeated in the ledger.

A stage opens when everything that it waits for has closed and who enters it has been chosen.  Its runs are made, and
made again as its clauses allow.  When all have ended, guards set results aside, which may ask for more runs; then the
gates and rules that read it decide, and it closes.  Effects, walks and reductions follow closed stages.  A decision
that says stop ends the study before anything else happens; one that says hold waits for a person.  An attempt begins
only if the study's budget has room for it (see `spending`), and what runs goes on to its own end.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from promo.base.classes import define, field, frozen
from promo.decision.spending import Allowed, Amount, allowed, needed, spent
from promo.evidence.guards import flags
from promo.ledger.state import Attempt, AttemptState, State, StudyState
from promo.ledger.values import OWN_FAULT
from promo.plans.values import Plan, PlannedRun
from promo.study.judgement import Guard
from promo.study.limits import Allowance
from promo.study.values import Stage, Study

Cell = tuple[str, str, int]
"""Candidate, host, seed."""


@frozen
class Open:
    """A stage begins, with these candidates, sorted."""

    stage: str
    entrants: tuple[str, ...]


@frozen
class Make:
    """An attempt of a run is made."""

    run: PlannedRun


@frozen
class SetAside:
    """A guard of a gate sets a result aside; *guard* counts from 0."""

    run: str
    attempt: int
    gate: str
    guard: int
    value: Fraction
    limit: Fraction
    again: bool
    """The run is made again."""


@frozen
class Decide:
    """A gate, rule, reduction, step of a walk, forecast or schedule decides."""

    name: str


@frozen
class Close:
    """A stage has come to its end."""

    stage: str


@frozen
class Estimate:
    """Effects are estimated."""

    name: str


@frozen
class Wait:
    """A person decides what a gate or rule left to one."""

    name: str


@frozen
class AwaitBudget:
    """Nothing runs, and what is left of the study's budgets is too little for the next attempt."""

    run: PlannedRun
    """What would be tried next."""
    needs: Amount
    """What it may use up."""
    spent: Amount
    budget: Allowed


@frozen
class Stop:
    """The study ends by the word of a gate or rule."""

    by: str


@frozen
class Finish:
    """The study comes to its end."""


Step = Open | Make | SetAside | Decide | Close | Estimate | Wait | AwaitBudget | Stop | Finish


@define
class Agenda:
    """What may happen in one study."""

    study: Study
    plan: Plan
    recorded: Mapping[Cell, int] | None = None
    """In a replay: how many runs are recorded for a cell; None for a study that trains."""
    runs: Mapping[str, tuple[PlannedRun, ...]] = field(init=False)
    """Stage -> all that it may need, in order."""
    cells: Mapping[tuple[str, str, str, int], PlannedRun] = field(init=False)
    """Stage, candidate, host and seed -> run."""
    allowances: Mapping[str, Allowance] = field(init=False)
    """Stage -> how often a run may be tried there."""

    def __attrs_post_init__(self) -> None:
        study, self.runs = self.study, {stage.name: stage.runs for stage in self.plan.stages}
        every = (run for runs in self.runs.values() for run in runs)
        self.cells = {(one.stage, one.candidate, one.host, one.seed): one for one in every}
        self.allowances = {name: study.allowance_at(name) for name in study.stages}

    # --- everything ----------------------------------------------------------------------------------------

    def steps(self, state: State) -> Iterator[Step]:
        """
        Everything that may happen next, in the order in which one promo does it.

        Runs whose attempt is under way are left out; nothing may happen to them but their end.
        """
        if state.study is not StudyState.OPEN:
            return
        yield from self.moves(state)
        if state.stopping() is None:
            yield from self.attempts(state)
            yield from (Wait(name) for name in state.waiting())

    def attempts(self, state: State) -> Iterator[Make | AwaitBudget]:
        """
        Attempts that may begin; where none may for want of budget, and none is under way, the one that waits.

        They are priced as of the last event.
        """
        room, waiting, begun = self.room(state), list[tuple[PlannedRun, Amount]](), bool(state.running())
        for name in state.opened:
            needs = {host: self.needs(name, host, state.last_time) for host in self.study.stages[name].hosts}
            for run in self.open_runs(name, state) if name not in state.closed else ():
                if _under_way(state, run.id):
                    continue
                if room.fits(needs[run.host]):
                    begun = True
                    yield Make(run)
                else:
                    waiting.append((run, needs[run.host]))
        if waiting and not begun:
            yield AwaitBudget(*waiting[0], spent(self.study, state), allowed(self.study, state))

    def needs(self, stage: str, host: str, moment: str) -> Amount:
        """What an attempt that begins then may use up."""
        return needed(self.study, stage, host, moment)

    def room(self, state: State) -> Allowed:
        """What is left of the study's budgets.  A replay spends nothing, so none holds for it."""
        budget = Allowed() if self.recorded is not None else allowed(self.study, state)
        return budget.without(spent(self.study, state)) if budget else budget

    def moves(self, state: State) -> Iterator[Step]:
        """What one promo does at once: all steps but attempts, which take time, and the verdicts of people."""
        stopping = state.stopping()
        if stopping is not None:
            yield Stop(stopping)
            return
        for stage in self.study.stages.values():
            if stage.name in state.closed:
                continue
            if stage.name in state.opened:
                yield from self.closing(stage, state)
            elif self.is_ready(stage, state):
                yield Open(stage.name, self.entrants(stage, state))
        yield from self.after_stages(state)
        if self.is_finished(state):
            yield Finish()

    def closing(self, stage: Stage, state: State) -> Iterator[Step]:
        """What follows once every run of an opened stage has ended: guards, then who decides, then its end."""
        if not self.has_ended(stage.name, state):
            return
        aside = tuple(self.set_aside(stage.name, state))
        if aside:
            yield from aside
            return
        undecided = next((name for name in self.readers(stage.name) if name not in state.decisions), None)
        yield Close(stage.name) if undecided is None else Decide(undecided)

    def after_stages(self, state: State) -> Iterator[Step]:
        """Effects, steps of walks, reductions and what laws tell, which read stages that have closed."""
        for effects in self.study.effects.values():
            if effects.name not in state.effects and state.closed.keys() >= set(effects.stages):
                yield Estimate(effects.name)
        for step in self.study.steps.values():
            if step.name not in state.decisions and state.closed.keys() >= set(step.sources):
                yield Decide(step.name)
        for reduction in self.study.reductions.values():
            there = reduction.around is None or self.has_chosen(reduction.around, state)
            if reduction.name not in state.decisions and reduction.effects in state.effects and there:
                yield Decide(reduction.name)
        for name, law in self.study.told_by.items():
            if name not in state.decisions and state.closed.keys() >= set(law.stages):
                yield Decide(name)

    # --- stages --------------------------------------------------------------------------------------------

    def is_ready(self, stage: Stage, state: State) -> bool:
        """Whether a stage may begin."""
        if not state.closed.keys() >= set(self.study.waits_for(stage.name)):
            return False
        asked = (*((stage.after,) if stage.after else ()), *self.study.awaited(stage.name))
        return all(self.has_chosen(name, state) for name in asked)

    def has_chosen(self, name: str, state: State) -> bool:
        """Whether something has been decided, if need be by the word of a person."""
        return name in state.decisions and name not in state.waiting()

    def entrants(self, stage: Stage, state: State) -> tuple[str, ...]:
        """Who enters a stage that may begin, sorted."""
        return self.study.entering(stage.name, state.promoted(stage.after or ""))

    def readers(self, stage: str) -> tuple[str, ...]:
        """Gates and rules that decide when a stage has ended, in the order in which they do."""
        gates = (gate.name for gate in self.study.gates_from(stage))
        return (*gates, *(rule.name for rule in self.study.rules.values() if rule.stage == stage))

    def is_finished(self, state: State) -> bool:
        """Whether everything has been done."""
        everyone = (*self.study.deciding, *self.study.steps, *self.study.told_by)
        decided = all(name in state.decisions for name in everyone) and not state.waiting()
        closed = all(name in state.closed for name in self.study.stages)
        return closed and decided and all(name in state.effects for name in self.study.effects)

    # --- runs ----------------------------------------------------------------------------------------------

    def of_entrants(self, stage: str, state: State) -> Iterator[PlannedRun]:
        """Runs of those who entered an opened stage, in the plan's order."""
        entrants = frozenset(state.opened[stage])
        return (run for run in self.runs[stage] if run.candidate in entrants)

    def open_runs(self, stage: str, state: State) -> Iterator[PlannedRun]:
        """Runs of an opened stage that have not ended."""
        return (run for run in self.of_entrants(stage, state) if not self.run_has_ended(run, state))

    def has_ended(self, stage: str, state: State) -> bool:
        """Whether every run of an opened stage has ended."""
        return next(self.open_runs(stage, state), None) is None

    def out_of_attempts(self, stage: str, state: State) -> Iterator[PlannedRun]:
        """Runs of an opened stage without a result that counts whose attempts, lost ones included, are used up."""
        for run in self.of_entrants(stage, state):
            used_up = state.tries(run.id) >= self.allowances[run.stage].most
            if used_up and state.accepted(run.id) is None:
                yield run

    def run_has_ended(self, run: PlannedRun, state: State) -> bool:
        """Whether nothing more will happen to a run at its stage, unless a guard sets its result aside."""
        tried = state.attempts.get(run.id)
        if not tried:
            return False
        if tried[-1].state is AttemptState.RUNNING:
            return False
        if state.accepted(run.id) is not None:
            return True
        flagged = tried[-1].flagged
        if flagged is not None:
            return not flagged.again
        crashes, allowed = state.failures(run.id, OWN_FAULT), self.allowances[run.stage]
        used_up = crashes > allowed.crash or state.failures(run.id) - crashes > allowed.missing
        return used_up or not self.may_repeat(run, state)

    def may_repeat(self, run: PlannedRun, state: State, *, after: int = 0) -> bool:
        """
        Whether a run may be tried once more for any reason, when *after* more attempts have ended badly.

        In a replay there are only those runs that were recorded.
        """
        if state.tries(run.id) >= self.allowances[run.stage].most:
            return False
        if self.recorded is None:
            return True
        there = self.recorded.get((run.candidate, run.host, run.seed), 0)
        return state.ended_badly(run.id) + after < max(1, there - self.first_recorded(run, state))

    def first_recorded(self, run: PlannedRun, state: State) -> int:
        """In a replay: the first recorded run of its cell that a run may read; who carries one on reads on in it."""
        stage = self.study.stages[run.stage]
        if stage.continues is None:
            return 0
        before = self.cells[stage.continues, run.candidate, run.host, run.seed]
        return self.first_recorded(before, state) + state.ended_badly(before.id)

    # --- guards --------------------------------------------------------------------------------------------

    def set_aside(self, stage: str, state: State) -> Iterator[SetAside]:
        """Results that guards object to once every run of a stage has ended."""
        named = self.guards(stage)
        if not named:
            return
        runs = {run.id: run for run in self.of_entrants(stage, state)}
        accepted = [one for run in runs if (one := state.accepted(run)) is not None]
        for flag in flags([guard for _, _, guard in named], accepted):
            gate, number, guard = next(one for one in named if one[2] is flag.guard)
            reruns = state.flagged(flag.run) < guard.handling.reruns
            again = reruns and self.may_repeat(runs[flag.run], state, after=1)
            yield SetAside(flag.run, flag.attempt, gate, number, flag.value, flag.limit, again)

    def guards(self, stage: str) -> tuple[tuple[str, int, Guard], ...]:
        """Guards of the gates that read a stage, each with its gate and its number there."""
        return tuple(
            (gate.name, number, guard)
            for gate in self.study.gates_from(stage)
            for number, guard in enumerate(gate.guards)
        )


def agenda(study: Study, plan: Plan, state: State, recorded: Mapping[Cell, int] | None = None) -> tuple[Step, ...]:
    """Everything that may happen next; *recorded* as in `Agenda`."""
    return tuple(Agenda(study, plan, recorded).steps(state))


def in_force(study: Study, state: State) -> Study:
    """A study with each gate, rule and reduction as its wording in force says it, by what the ledger has of that."""
    for name in dict.fromkeys(one.name for one in state.amendments):
        number = state.in_force(name)
        rule = state.amendments[number - 1].new.rule if number else study.deciding.get(name)
        study = study if rule is None else study.with_rule(rule)
    return study


def _under_way(state: State, run: str) -> bool:
    tried: list[Attempt] = state.attempts.get(run, [])
    return bool(tried) and tried[-1].state is AttemptState.RUNNING
