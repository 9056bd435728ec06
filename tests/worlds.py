"""
Courses that a study may take, with a count of their own: what the bounds of its plan are held to.

A world is scores, ties, how each attempt ends, which runs a guard sets aside, and what a person says who is asked.
What follows from it is counted here run by run, as whoever carries the study out would; verdicts are those of promo's
own gates and rules, and an attempt that lasts is as long as promo says one can be.  Nothing else is taken from what is
tested.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random

from promo.base.classes import define, field, frozen
from promo.decision.decide import decide_gate, decide_rule
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.plans.values import Plan
from promo.study.judgement import Gate, Rule
from promo.study.values import Stage, Study

OWN_FAULT = ("nan", "diverged", "oom", "crash")
MISSING = ("timeout", "killed", "invalid")
LOST = "lost"
TRIES = 5
"""How often a run is tried in all unless gates and rules allow more."""
Key = tuple[object, ...]


@frozen
class Mood:
    """What tends to happen."""

    name: str
    ill: float = 0.0
    """How likely a candidate is one whose attempts fail."""
    fails: float = 0.0
    """How likely an attempt of such a candidate fails."""
    endings: tuple[str, ...] = (*OWN_FAULT, *MISSING, LOST)
    flags: float = 0.0
    """How likely a guard sets a result aside."""
    spiteful: bool = False
    """Every run fails as often as it may and then succeeds."""


CLEAN = Mood("clean")
SPITEFUL = Mood("spiteful", spiteful=True)
MOODS = (
    *[CLEAN] * 8,
    *[SPITEFUL] * 4,
    Mood("one in three ill", ill=0.35, fails=1.0),
    Mood("one in three crashes", ill=0.35, fails=1.0, endings=OWN_FAULT),
    Mood("all crash", ill=1.0, fails=1.0, endings=OWN_FAULT),
    Mood("all missing", ill=1.0, fails=1.0, endings=MISSING),
    Mood("all lost", ill=1.0, fails=1.0, endings=(LOST,)),
    Mood("half", ill=1.0, fails=0.5, flags=0.3),
    Mood("now and then", ill=1.0, fails=0.1, flags=0.1),
    Mood("badly served", flags=0.8),
)


@define
class Run:
    """A run, whichever stages ask for it."""

    endings: list[str] = field(factory=list)
    again: bool = False
    """A guard set it aside, and it is to be tried again."""

    @property
    def counts(self) -> bool:
        return bool(self.endings) and self.endings[-1] == "ok"


@frozen
class Course:
    """What happened, or could at most or at least have happened beside it."""

    mood: Mood
    asked: bool
    """Whether a person was asked."""
    attempts: Mapping[str, int]
    """Stage -> attempts, each at the stage that asked for it first, if everything that can run does."""
    entrants: Mapping[str, int]
    fewest: int
    """Attempts if the first thing that ends the study does so before anything beside it has begun."""


def courses(study: Study, seed: int) -> Iterator[Course]:
    """Courses of a study, of every mood."""
    for number, mood in enumerate(MOODS):
        yield _World(study, mood, Random(f"{seed} {number}")).course()


class _World:
    def __init__(self, study: Study, mood: Mood, random: Random) -> None:
        self.study, self.mood, self.random = study, mood, random
        self.runs: dict[Key, Run] = {}
        self.of_stage: dict[str, set[Key]] = {}
        self.attempts: Counter[str] = Counter()
        self.promoted: dict[str, frozenset[str]] = {}
        self.entrants: dict[str, frozenset[str]] = {}
        self.ends: list[str] = []
        """Stages at whose end the study may end."""
        self.asked = False
        self.allowed = {name: self._allowed(name) for name in study.stages}
        self.ill = {name for name in study.candidates if random.random() < mood.ill}
        self.scores = self._scores()

    def course(self) -> Course:
        for stage in self.study.stages.values():
            led = stage.after is None or stage.after in self.promoted
            if not led or not self.of_stage.keys() >= self._needs(stage):
                continue  # nothing leads there any more
            through = self.promoted[stage.after] if stage.after is not None and stage.promoted else frozenset()
            self.entrants[stage.name] = through | frozenset(stage.candidates)
            self._train(stage)
            self._decide(stage)
        fewest = min((self._tried(self._before(stage)) for stage in self.ends), default=self._tried({*self.of_stage}))
        there = {name: len(names) for name, names in self.entrants.items()}
        return Course(self.mood, self.asked, self.attempts, there, fewest)

    def _scores(self) -> dict[tuple[str, str], int]:
        """Candidate and host -> score; a metric that is lower is better, in whole points."""
        random, names = self.random, list(self.study.candidates)
        kind = random.choice(("equal", "ties", "apart", "turned", "turned", "by host", "good", "bad"))
        found: dict[tuple[str, str], int] = {}
        order = random.sample(range(len(names)), len(names))
        turn = random.randint(1, len(names))
        for number, host in enumerate(self.study.hosts):
            mine = {
                "by host": random.sample(order, len(order)),
                "turned": [(place + turn * number) % len(order) for place in order],
            }.get(kind, order)
            for name, place in zip(names, mine, strict=True):
                tied = random.choice((0, 1, 1, 2))
                found[name, host] = {"equal": 1, "ties": tied, "good": 0, "bad": 9 + place}.get(kind, place)
        return found

    # --- runs --------------------------------------------------------------------------------------------

    def _allowed(self, stage: str) -> tuple[int, int, int, int]:
        """Reruns of a missing value, of a crash, of a run that was set aside, and attempts in all."""
        gates = [gate for gate in self.study.gates.values() if gate.source == stage]
        readers: list[Gate | Rule] = [*gates, *(rule for rule in self.study.rules.values() if rule.stage == stage)]
        missing = max((one.missing.reruns for one in readers), default=0)
        crash = max(((one.crash or one.missing).reruns for one in readers), default=0)
        guard = max((guard.handling.reruns for gate in gates for guard in gate.guards), default=0)
        return missing, crash, guard, max(TRIES, 1 + missing + crash + guard)

    def _train(self, stage: Stage) -> None:
        mine = {
            self._key(stage, name, host, seed): name
            for name in sorted(self.entrants[stage.name])
            for host in stage.hosts
            for seed in stage.seeds
        }
        self.of_stage[stage.name] = set(mine)
        guards = [guard for gate in self.study.gates.values() if gate.source == stage.name for guard in gate.guards]
        waiting = list(mine)
        while waiting:
            for key in waiting:
                self._carry_out(stage, self.runs.setdefault(key, Run()), mine[key])
            waiting = [key for key in mine if guards and self._set_aside(stage, self.runs[key])]

    def _key(self, stage: Stage, name: str, host: str, seed: int) -> Key:
        """What makes a run the same run at another stage."""
        budget = stage.budget
        before = self.study.stages[stage.continues] if stage.continues is not None else None
        rest = self._key(before, name, host, seed) if before is not None else ()
        return (name, host, seed, budget.kind, budget.amount, budget.cap_s, rest)

    def _carry_out(self, stage: Stage, run: Run, name: str) -> None:
        """Try a run until it has a result or may not be tried any more."""
        missing, crash, _, tries = self.allowed[stage.name]
        while not run.counts and (run.again or self._is_left(run, missing, crash, tries)):
            run.endings.append(self._ending(run, name, stage))
            run.again = False
            self.attempts[stage.name] += 1

    @staticmethod
    def _is_left(run: Run, missing: int, crash: int, tries: int) -> bool:
        crashes = sum(one in OWN_FAULT for one in run.endings)
        others = sum(one in MISSING for one in run.endings)
        flagged = bool(run.endings) and run.endings[-1] == "flagged"
        return not flagged and crashes <= crash and others <= missing and len(run.endings) < tries

    def _ending(self, run: Run, name: str, stage: Stage) -> str:
        missing, crash, guard, tries = self.allowed[stage.name]
        if self.mood.spiteful:
            crashes, others = (sum(one in kind for one in run.endings) for kind in (OWN_FAULT, MISSING))
            flagged = run.endings.count("flagged")
            if others < missing:
                return "timeout"
            if crashes < crash:
                return "nan"
            left = tries - len(run.endings)
            return LOST if left > 1 + guard - flagged else "ok"
        if name in self.ill and self.random.random() < self.mood.fails:
            return self.random.choice(self.mood.endings)
        return "ok"

    def _set_aside(self, stage: Stage, run: Run) -> bool:
        """Whether a guard takes a result back, and the run is tried again."""
        if not run.counts:
            return False
        gates = [gate for gate in self.study.gates.values() if gate.source == stage.name]
        guards = [guard for gate in gates for guard in gate.guards]
        _, _, most, tries = self.allowed[stage.name]
        flagged = run.endings.count("flagged")
        if self.mood.spiteful:
            chosen = next((one for one in guards if one.handling.reruns == most), None) if flagged < most else None
        else:
            chosen = self.random.choice(guards) if self.random.random() < self.mood.flags else None
        if chosen is None:
            return False
        run.endings[-1] = "flagged"
        run.again = flagged < chosen.handling.reruns and len(run.endings) < tries
        return run.again

    # --- decisions ---------------------------------------------------------------------------------------

    def _decide(self, stage: Stage) -> None:
        evidence = self._evidence(stage)
        for gate in (one for one in self.study.gates.values() if one.source == stage.name):
            decision = decide_gate(self.study, gate, evidence)
            if decision.stopped:
                self.ends.append(stage.name)
            elif decision.held:
                self.asked = True
                self._ask(gate, stage)
            else:
                self.promoted[gate.name] = frozenset(decision.promoted)
        for rule in (one for one in self.study.rules.values() if one.stage == stage.name):
            judged = decide_rule(self.study, rule, evidence)
            if judged.stopped or judged.held:
                self.ends.append(stage.name)
                self.asked = self.asked or bool(judged.held)

    def _ask(self, gate: Gate, stage: Stage) -> None:
        """A person stops the study, or lets on whom he likes."""
        there = sorted(self.entrants[stage.name])
        self.ends.append(stage.name)
        if self.random.random() < 0.5 or self.mood.spiteful:
            self.promoted[gate.name] = frozenset(there)
        else:
            self.promoted[gate.name] = frozenset(name for name in there if self.random.random() < 0.5)

    def _evidence(self, stage: Stage) -> Evidence:
        cells = tuple((host, seed) for seed in stage.seeds for host in stage.hosts)
        rows = tuple(
            Row(name, tuple(self._cell(stage, name, host, seed) for host, seed in cells))
            for name in sorted(self.entrants[stage.name])
        )
        return Evidence(stage.name, "loss", cells, rows)

    def _cell(self, stage: Stage, name: str, host: str, seed: int) -> Cell:
        run = self.runs[self._key(stage, name, host, seed)]
        value = str(self.scores[name, host]) if run.counts else None
        return Cell(host, seed, "", CellStatus(run.endings[-1]), value, len(run.endings), None)

    # --- what is left when the study ends early ----------------------------------------------------------

    def _before(self, stage: str) -> set[str]:
        """A stage, and all that must have ended before it began."""
        found, waiting = set[str](), [stage]
        while waiting:
            said = self.study.stages[waiting.pop()]
            found.add(said.name)
            waiting += self._needs(said)
        return found

    def _needs(self, stage: Stage) -> set[str]:
        """What must have ended before a stage begins."""
        gate = self.study.gates.get(stage.after or "")
        return {one for one in (gate.source if gate else None, stage.continues) if one is not None}

    def _tried(self, stages: set[str]) -> int:
        """Attempts of the runs that some stages have asked for."""
        keys = {key for stage in stages for key in self.of_stage[stage]}
        return sum(len(self.runs[key].endings) for key in keys)


@frozen
class Verdict:
    """A ladder's bounds beside its worlds."""

    breaches: tuple[str, ...]
    """Bounds that a world does not keep to, in words."""
    most: bool
    """Whether some world has as many attempts as any may have."""
    planned: bool
    """Whether some world in which nothing fails has as many as are planned."""
    fewest: bool
    """Whether some world has as few as any may have."""


def judge(study: Study, plan: Plan, seed: int) -> Verdict:
    """Hold the bounds of a plan to the worlds of a seed."""
    breaches: list[str] = []
    most = planned = fewest = False
    for course in courses(study, seed):
        attempts, clean = sum(course.attempts.values()), course.mood is CLEAN and not course.asked
        breaches += [f"{course.mood.name}: {words}" for words in _breaches(plan, course, attempts, clean=clean)]
        most = most or attempts == plan.run_count.most
        planned = planned or (clean and attempts == plan.run_count.planned)
        fewest = fewest or course.fewest == plan.run_count.fewest
    return Verdict(tuple(breaches), most, planned, fewest)


def _breaches(plan: Plan, course: Course, attempts: int, *, clean: bool) -> Iterator[str]:
    if attempts > plan.run_count.most:
        yield f"{attempts} attempts, and at most {plan.run_count.most} are expected"
    if course.fewest < plan.run_count.fewest:
        yield f"{course.fewest} attempts, and at least {plan.run_count.fewest} are expected"
    seconds = asked = 0
    for name, tried in course.attempts.items():
        stage, there = plan.stage(name), course.entrants[name]
        cap_s = stage.budget.cap_s
        seconds, asked = seconds + tried * stage.budget.longest_s, asked + tried * cap_s
        if tried > stage.run_count.most or tried * stage.budget.longest_s > stage.bound_s:
            yield f"{tried} attempts at {name}, and at most {stage.run_count.most} are expected"
        if there > (stage.entrants.planned if clean else stage.entrants.most):
            yield f"{there} entrants of {name}, and {stage.entrants} are expected"
        if clean and (tried > stage.run_count.planned or tried * cap_s > stage.budget_s):
            yield f"{tried} runs at {name}, and {stage.run_count.planned} are planned"
    if seconds > plan.bound_s:
        yield f"{seconds} s, and the bound is {plan.bound_s} s"
    if clean and (attempts > plan.run_count.planned or asked > plan.budget_s):
        yield f"{attempts} runs, and {plan.run_count.planned} are planned"
