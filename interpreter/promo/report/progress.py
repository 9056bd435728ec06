"""
Ledger to progress: what a study has spent of its budget, and when it may be at its end.

Spent are training seconds, which is what the budget counts; the time that slots were taken in all phases stands beside
them, under the bound, which counts that.  The expected end spreads what is left over the slots of the hosts, in the
order of the stages, as the plan does.  A run takes as long as those before it did at its stage and on its host.  Before
there is one, it trains at the pace that budgets of its kind had at other stages, no longer than its cap, and starts up
and scores as long as others did; before any run has ended, it takes its cap.  It is a guess for people and decides
nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from fractions import Fraction

from promo.base.canonical import Json, exact, exact_sum, from_exact
from promo.base.classes import define, frozen
from promo.decision.agenda import Agenda, in_force
from promo.decision.counts import Count, Counts
from promo.ledger.state import Attempt, AttemptState, State, StudyState
from promo.plans.occupancy import occupancies
from promo.plans.values import Plan, PlannedRun
from promo.report.changed import Call
from promo.report.people import status_words
from promo.report.plan import amount_text, device_words, rounded_up, share_text
from promo.report.words import listed, plural, span_text
from promo.study.values import BudgetKind, Study


class Phase(Enum):
    """Where a stage stands."""

    WAITS = "waits"
    OPEN = "open"
    CLOSED = "closed"


@frozen
class StageProgress:
    """A stage: its runs, and its training seconds."""

    name: str
    phase: Phase
    note: str
    """What it waits for, in words; empty once it is open."""
    done: int
    running: int
    failed: int
    """Attempts that ended without a value."""
    excluded: int
    """Attempts whose result a guard set aside."""
    lost: int
    """Attempts whose end nobody saw, or that were called off: no fault of their candidates."""
    runs: int
    """Those of its entrants; before it opens, as many as are planned."""
    spent_s: Fraction
    budget_s: int
    """Of its entrants; before it opens, the planned one."""


@frozen
class DeciderProgress:
    """A gate, rule, reduction or step of a walk, and what it said or waits for."""

    kind: str
    name: str
    decided: bool
    words: str


@frozen
class HostProgress:
    """A host: what runs there, and how many opened runs still have to."""

    name: str
    slots: int
    running: tuple[Attempt, ...]
    left: int
    room: int
    """Devices that its slots have."""
    held: int
    """Those that the running attempts have, counted on one node of each."""


@frozen
class StudyProgress:
    """A study under way."""

    stages: tuple[StageProgress, ...]
    deciders: tuple[DeciderProgress, ...]
    hosts: tuple[HostProgress, ...]
    done: int
    """Distinct runs that have a result that counts."""
    runs: int
    """Distinct runs, as far as it is known who enters, and planned ones; `promo.decision.counts` tells more."""
    spent_s: Fraction
    """Training seconds of every attempt, the running ones as far as they have reported."""
    budget_s: int
    bound_s: int
    slot_s: Fraction
    """Seconds that ended attempts held a slot, all phases."""
    left_s: float | None
    """Expected seconds to the end; None where nobody can tell."""
    measured: bool
    """Whether the expectation rests on runs that have ended, and not on budgets alone."""
    replay: bool


def build_progress(
    study: Study,
    plan: Plan,
    state: State,
    now: str,
    *,
    reported: Mapping[str, Fraction] | None = None,
    here: str | None = None,
    recorded: bool = False,
    call: Call = str,
) -> StudyProgress:
    """
    Where a study stands.

    Args:
        study: as frozen; what amendments changed is in the ledger.
        plan: its plan.
        state: what its ledger adds up to.
        now: the wall clock, UTC in ISO 8601.
        reported: folder of a running attempt -> training seconds it has reported.
        here: the one host whose runs this machine carries out, whose end is then that of the opened stages; None: all.
        call: what calls candidates by what changed in them.
        recorded: whether nothing is trained, but read from recorded curves; a ledger that has begun says so itself.

    Returns:
        The progress.  It costs about as much as the plan has runs, so whoever draws it does so a few times a second.
    """
    study = in_force(study, state)
    under_way = _UnderWay(study, plan, state, reported or {})
    whole = under_way.counts.study(state)
    stages = tuple(under_way.stage(name) for name in study.stages)
    recorded = recorded or state.replay
    left_s = None if recorded else under_way.left_s(now, here)
    return StudyProgress(
        stages=stages,
        deciders=tuple(_deciders(study, state, call)),
        hosts=tuple(under_way.hosts()),
        done=whole.done,
        runs=whole.runs,
        spent_s=under_way.trained_s(None),
        budget_s=plan.budget_s,
        bound_s=plan.bound_s,
        slot_s=slot_s(study, state),
        left_s=left_s,
        measured=bool(under_way.took),
        replay=recorded,
    )


def slot_s(study: Study, state: State) -> Fraction:
    """Seconds that ended attempts held their devices, all phases."""
    return exact_sum(_seconds(one.device_s) * study.width(one.stage, one.host) for one in _attempts(state))


def reported_s(study: Study, state: State, attempt: Attempt, charged_s: Fraction) -> Fraction:
    """
    Training seconds that a running attempt has spent of its stage's budget.

    Args:
        study: the study.
        state: what its ledger adds up to.
        attempt: the attempt.
        charged_s: what its last point says; a run that carries another one on counts that one's seconds, too.
    """
    stage = study.stages[attempt.stage]
    return min(max(charged_s - _carried_s(study, state, attempt), Fraction(0)), Fraction(stage.budget.cap_s))


def _carried_s(study: Study, state: State, attempt: Attempt) -> Fraction:
    """Seconds of the run that is carried on: by its budget where that is of time, else by what it was charged."""
    stage = study.stages[attempt.stage]
    if stage.continues is None:
        return Fraction(0)
    if stage.budget.kind is BudgetKind.WALL:
        return Fraction(study.earlier(stage.name))
    names = {one.name for one in study.carried_on(stage.name)}
    cell = (attempt.candidate, attempt.host, attempt.seed)
    before = (one for one in _attempts(state) if one.stage in names and one.state is AttemptState.ACCEPTED)
    return exact_sum(_seconds(one.train_s) for one in before if (one.candidate, one.host, one.seed) == cell)


class _UnderWay:
    """What several sums share."""

    def __init__(self, study: Study, plan: Plan, state: State, reported: Mapping[str, Fraction]) -> None:
        self.study, self.plan, self.state = study, plan, state
        self.agenda = Agenda(study, plan)
        self.counts = Counts(self.agenda)
        self.trained: dict[str, Fraction] = {}
        """Stage -> training seconds of devices."""
        self.running = state.running()
        self.took: dict[tuple[str, str], _Mean] = {}
        """(Stage, host) -> seconds of runs that have a result, all phases."""
        self.beside: dict[str, _Mean] = {}
        """Host -> seconds beside training of runs that have a result."""
        self.pace: dict[tuple[BudgetKind, str], _Mean] = {}
        """(Kind of budget, host) -> seconds of training for a unit of it: `4s cpu` may take five seconds."""
        for one in _attempts(state):
            going = one.state is AttemptState.RUNNING
            spent = reported.get(one.folder, Fraction(0)) if going else _seconds(one.train_s)
            self.trained[one.stage] = self.trained.get(one.stage, Fraction(0)) + spent * study.width(
                one.stage, one.host
            )
            if one.state is AttemptState.ACCEPTED and one.train_s is not None and one.device_s is not None:
                all_s = float(one.device_s)
                self.took.setdefault((one.stage, one.host), _Mean()).add(all_s)
                self.beside.setdefault(one.host, _Mean()).add(max(all_s - float(one.train_s), 0.0))
                budget = study.stages[one.stage].budget
                self.pace.setdefault((budget.kind, one.host), _Mean()).add(float(one.train_s), budget.amount)
        self.left: dict[str, tuple[PlannedRun, ...]] = {}
        """Stage -> its runs that neither run nor have ended, each at the first open stage that asks for it."""
        self.asked = {attempt.run for attempt in self.running} | state.sound
        """Runs that are under way, have a result or are among those."""
        for name in study.stages:
            self.left[name] = tuple(run for run in self._left(name) if run.id not in self.asked)
            self.asked.update(run.id for run in self.left[name])

    def trained_s(self, stage: str | None) -> Fraction:
        """Training seconds at a stage, or at all."""
        return exact_sum(self.trained.values()) if stage is None else self.trained.get(stage, Fraction(0))

    def _left(self, stage: str) -> Iterator[PlannedRun]:
        """Runs of an opened stage that neither run nor have ended."""
        if stage not in self.state.opened or stage in self.state.closed:
            return
        yield from self.agenda.open_runs(stage, self.state)

    def stage(self, name: str) -> StageProgress:
        """Where a stage stands."""
        planned, opened = self.plan.stage(name), name in self.state.opened
        count, attempts = self.counts.stage(name, self.state), self.counts.attempts(self.state, name)
        waits = self.study.waits_for(name)
        note = f"after {planned.after}" if planned.after else f"after {listed(waits)}" if waits else ""
        phase = Phase.CLOSED if name in self.state.closed else Phase.OPEN if opened else Phase.WAITS
        return StageProgress(
            name=name,
            phase=phase,
            note=note if phase is Phase.WAITS else "",
            done=count.done,
            running=attempts.running,
            failed=attempts.failed,
            excluded=attempts.excluded,
            lost=attempts.lost,
            runs=count.runs,
            spent_s=self.trained_s(name),
            budget_s=count.runs
            * planned.budget.cap_s
            * sum(self.study.width(name, host) for host in planned.hosts)
            // len(planned.hosts),
        )

    def hosts(self) -> Iterator[HostProgress]:
        """What runs on each host."""
        for host in self.study.hosts.values():
            running = tuple(attempt for attempt in self.running if attempt.host == host.name)
            left = sum(run.host == host.name for runs in self.left.values() for run in runs)
            held = sum(self.study.devices(one.stage, one.host) for one in running)
            yield HostProgress(host.name, host.slots, running, left, host.room, held)

    def left_s(self, now: str, here: str | None) -> float | None:
        """Seconds until everything has run, as far as it is known who goes on; None where that is up to a person."""
        if self.state.study in (StudyState.CLOSED, StudyState.STOPPED) or self.state.waiting():
            return None
        ends: dict[str, float] = {}
        free = occupancies(self.study, 0.0)
        busy_until: dict[str, float] = {}
        for host in self.study.hosts.values():
            running = [one for one in self.running if one.host == host.name]
            for one in running:
                more = max(self._run_s(one.stage, one.host) - _between(one.started, now), 0.0)
                busy_until[one.stage] = max(busy_until.get(one.stage, 0.0), more)
                free[host.name].add(1, self.study.devices(one.stage, host.name), more, 0.0)
        for name in self.study.stages:
            ready = max((ends[before] for before in self.study.waits_for(name)), default=0.0)
            ends[name] = max(ready, busy_until.get(name, 0.0))
            for host_name, count in self._to_run(name, here).items():
                there, devices = free[host_name], self.study.devices(name, host_name)
                ends[name] = max(ends[name], there.add(count, devices, self._run_s(name, host_name), ready))
        return max(ends.values(), default=0.0)

    def _to_run(self, stage: str, here: str | None) -> dict[str, int]:
        """Host -> how many runs of a stage are still to be started there that no other stage has counted."""
        planned = self.plan.stage(stage)
        if stage in self.state.opened:
            hosts = [run.host for run in self.left[stage]]
            counts = {host: hosts.count(host) for host in planned.hosts}
        else:
            new = [run.host for run in planned.runs if run.id not in self.asked]
            added = planned.added_s_by_host
            counts = {
                host: 0
                if here
                else min(added[host] // (planned.budget.cap_s * self.study.width(stage, host)), new.count(host))
                for host in added
            }
        return {host: count for host, count in counts.items() if here in (None, host)}

    def _run_s(self, stage: str, host: str) -> float:
        """How long a run may take from its start to its result."""
        if (stage, host) in self.took:
            return self.took[stage, host].value
        elsewhere = next((mean.value for (at, _), mean in self.took.items() if at == stage), None)
        if elsewhere is not None:
            return elsewhere
        beside = self.beside.get(host) or next(iter(self.beside.values()), None)
        return self._training_s(stage, host) + (beside.value if beside else 0.0)

    def _training_s(self, stage: str, host: str) -> float:
        """How long a run may train at a stage where none has ended."""
        budget = self.plan.stage(stage).budget
        same = (mean for (kind, _), mean in self.pace.items() if kind is budget.kind)
        pace = self.pace.get((budget.kind, host)) or next(same, None)
        return float(budget.cap_s) if pace is None else min(pace.value * budget.amount, float(budget.cap_s))


@define
class _Mean:
    """A mean that grows, of amounts or of amounts for each unit of something."""

    total: float = 0.0
    count: int = 0

    def add(self, amount: float, units: int = 1) -> None:
        """One more."""
        self.total, self.count = self.total + amount, self.count + units

    @property
    def value(self) -> float:
        """The mean of what was added, which is at least one amount."""
        return self.total / self.count


def _attempts(state: State) -> Iterable[Attempt]:
    return state.every_attempt()


def _seconds(text: str | None) -> Fraction:
    return Fraction(0) if text is None else from_exact(text)


def _between(earlier: str, later: str) -> float:
    """Seconds between two wall-clock times; 0 when the clock was set back."""
    return max((datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds(), 0.0)


def _deciders(study: Study, state: State, call: Call) -> Iterator[DeciderProgress]:
    groups: Iterable[tuple[str, Mapping[str, object]]] = (
        ("gate", study.gates),
        ("rule", study.rules),
        ("reduction", study.reductions),
        ("baseline", study.steps),
        ("forecast", study.forecasts),
        ("schedule", study.schedules),
    )
    for kind, named in groups:
        for name in named:
            if name in state.decisions:
                yield DeciderProgress(kind, name, name not in state.waiting(), status_words(study, state, name, call))
            else:
                sources = study.read_by(name)
                verb = "has" if len(sources) == 1 else "have"
                yield DeciderProgress(
                    kind, name, decided=False, words=f"decides when {listed(list(sources))} {verb} ended"
                )


def count_words(count: Count) -> str:
    """`3 of 16 runs`."""
    return f"{count.done} of {plural(count.runs, 'run')}"


def spent_words(progress: StudyProgress, plan: Plan) -> tuple[str, str]:
    """
    What was spent in training of the budget, and for how long slots were taken of the bound.

    A replay spends nothing and takes no slots, and no bound holds for what was recorded: it says what it has read.
    """
    budget = device_words(progress.budget_s, plan)
    if progress.replay:
        read = device_words(progress.spent_s, plan, of_what=False) if progress.spent_s else "no time"
        asked = device_words(progress.budget_s, plan, of_what=False)
        return "nothing trained", f"{read} of training read from the record, and the stages ask for {asked}"
    share = f" ({share_text(progress.spent_s / progress.budget_s)})" if progress.budget_s else ""
    bound = device_words(rounded_up(progress.bound_s, plan), plan, of_what=False)
    # Only simulated seconds can be more than those for which slots were taken.
    verb = "simulated" if progress.spent_s > progress.slot_s else "spent"
    return (
        f"{verb} {amount_text(progress.spent_s, plan)} of a budget of {budget}{share}",
        f"taken in total: {amount_text(progress.slot_s, plan)} of a bound of {bound}",
    )


def badly_words(stage: StageProgress) -> str:
    """Attempts of a stage that have no value that counts, each kind by itself; empty where there are none."""
    counted = ((stage.failed, "failed"), (stage.excluded, "excluded"), (stage.lost, "lost"))
    return ", ".join(f"{count} {word}" for count, word in counted if count)


def end_words(progress: StudyProgress, at: str) -> str:
    """
    When it may be at its end; empty where nobody can tell.

    Args:
        progress: where the study stands.
        at: the clock at the expected end, as the reader's place has it.
    """
    if progress.left_s is None:
        return ""
    basis = "" if progress.measured else ", by budgets alone"
    return f"expected end {at}, in {span_text(progress.left_s)}{basis}"


def host_words(host: HostProgress) -> str:
    """A host in a line: slots and what waits for them; devices, where more are taken than those of as many slots."""
    taken = f"{len(host.running)} of {plural(host.slots, 'slot')}"
    if host.held * host.slots != len(host.running) * host.room:
        taken = f"{taken} and {host.held} of {plural(host.room, 'device')}"
    return f"{taken}, {plural(host.left, 'run')} to go" if host.left else taken


def progress_to_json(progress: StudyProgress) -> dict[str, Json]:
    """The progress for programs; times are seconds.  A replay takes no slots and has no bound."""
    return {
        "done": progress.done,
        "runs": progress.runs,
        "spent_s": exact(progress.spent_s),
        "budget_s": progress.budget_s,
        "slot_s": None if progress.replay else exact(progress.slot_s),
        "bound_s": None if progress.replay else progress.bound_s,
        "expected_left_s": None if progress.left_s is None else round(progress.left_s),
        "expected_from": "runs" if progress.measured else "budgets",
        "stages": [
            {
                "name": one.name,
                "phase": one.phase.value,
                "done": one.done,
                "running": one.running,
                "failed": one.failed,
                "excluded": one.excluded,
                "lost": one.lost,
                "runs": one.runs,
                "spent_s": exact(one.spent_s),
                "budget_s": one.budget_s,
            }
            for one in progress.stages
        ],
        "hosts": [
            {
                "name": one.name,
                "slots": one.slots,
                "running": len(one.running),
                "left": one.left,
                "devices": one.room,
                "devices_taken": one.held,
            }
            for one in progress.hosts
        ],
    }
