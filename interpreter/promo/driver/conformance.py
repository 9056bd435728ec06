"""
A runner to checks: does it keep to the contract, in what it declares and, when asked, in a run or two.

Anyone's runner can be held to it: `promo runner NAME --try --set depth=1`.  How fast it trains here with one thread and
with more is measured by the same short runs: `promo runner NAME --threads 1,2 --set depth=1`.
"""

import math
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from os.path import relpath
from pathlib import Path

from promo.base.canonical import canonical, exact, from_exact
from promo.base.classes import evolve, frozen
from promo.base.errors import PromoError
from promo.base.units import in_digits
from promo.driver.study import StudyFolder
from promo.run.budgets import HINTS, HOW, is_kept
from promo.run.clock import SystemClock
from promo.run.corpora import prepare
from promo.run.environment import worker_environment
from promo.run.executors.local import LocalExecutor
from promo.run.runners.files.declare import FileRunner
from promo.run.store import PROGRAM, attempt_folder, checkpoint_of, read_points, read_result, write_request
from promo.run.values import (
    AttemptSpec,
    Change,
    Exit,
    Keeping,
    Phase,
    Point,
    Request,
    Result,
    Resumed,
    RunOf,
    RunStatus,
    TextOf,
)
from promo.study.data import Data
from promo.study.given import Level
from promo.study.ports import ConditionError, Runner, RunnerFactor, shapes_of
from promo.study.values import Budget, BudgetKind

TRIES: Mapping[BudgetKind, int] = {
    BudgetKind.STEPS: 20,
    BudgetKind.TOKENS: 20_000,
    BudgetKind.FLOPS: 10**10,
    BudgetKind.CPU: 2,
    BudgetKind.WALL: 2,
    BudgetKind.UPSTREAM: 2,
}
"""Budgets that a runner is tried with, the first that it keeps to."""
REPEATING = (BudgetKind.STEPS, BudgetKind.TOKENS, BudgetKind.FLOPS)
ROUNDS = 3
LIMIT_S = 240
LONG_S, MOST_TIMES = 6, 1000
"""How long a run takes at least that is ended in its middle, but for so many times the budget of a try."""
WINDOW = 128
SCORED = 64 * WINDOW


A_TRY = Request(
    study="conformance",
    plan="0" * 64,
    run=RunOf("0", "try", "given", "here", 1, None),
    attempt=1,
    trainer="promo.run.tried:train",
    settings={},
    parameters=0,
    flops_per_token=0,
    metric="passed",
    budget=Budget(BudgetKind.WALL, TRIES[BudgetKind.WALL], LIMIT_S),
    data=None,
    checkpoint=Keeping(at_end=False, every_s=10 * LIMIT_S),
    trunk=None,
    continues=None,
    resume=None,
    grow=None,
    changes=(),
    device="cpu",
    threads=1,
    program=None,
    levels=None,
    curves=None,
    recorded=None,
)
"""What an attempt is asked that only tries something; its trainer trains nothing."""


@frozen
class Held:
    """One thing that was looked at: None when it is neither right nor wrong."""

    name: str
    good: bool | None
    words: str


def declared(runner: Runner, loaded_before: frozenset[str]) -> Iterator[Held]:
    """
    What can be checked without training.

    Args:
        runner: the runner.
        loaded_before: names of modules that were imported before the runner was looked up.
    """
    heavy = [name for name in runner.needs_modules if name in sys.modules and name not in loaded_before]
    words = f"declaring it imported {', '.join(heavy)}" if heavy else "it is declared without its training library"
    yield Held("light", not heavy, words)
    bad = [name for name, factor in runner.factors.items() if not name.isidentifier() or _impossible(factor)]
    yield Held("factors", not bad, f"outside their own limits: {', '.join(bad)}" if bad else f"{len(runner.factors)}")
    units = [name for name, metric in runner.metrics.items() if not metric.unit.isidentifier()]
    yield Held("metrics", bool(runner.metrics) and not units, ", ".join(runner.metrics) or "it measures nothing")
    yield Held("budgets", bool(runner.budgets), ", ".join(kind.value for kind in runner.budgets) or "none")
    strange = [name for name in shapes_of(runner) if name not in runner.factors]
    if shapes_of(runner):
        words = f"no factors of its own: {', '.join(strange)}" if strange else ", ".join(shapes_of(runner))
        yield Held("shapes", not strange, words)
    yield from _resolution(runner)


def _impossible(factor: RunnerFactor) -> bool:
    default = factor.default
    if factor.choices:
        return default not in factor.choices
    if isinstance(default, str):
        return False
    low, high = factor.low, factor.high
    outside = (low is not None and default < low) or (high is not None and default > high)
    return outside or (factor.whole and default.denominator != 1)


def _resolution(runner: Runner) -> Iterator[Held]:
    levels = {name: factor.default for name, factor in runner.factors.items()}
    try:
        one, two = runner.resolve(levels), runner.resolve(dict(reversed(levels.items())))
    except ConditionError as fault:
        yield Held("resolution", False, f"its own defaults cannot be built: {fault.message}")
        return
    same = one == two and list(one.settings) == sorted(one.settings)
    yield Held("resolution", same, "the same for the same levels" if same else "it depends on more than the levels")
    try:
        canonical(dict(one.settings))
    except (TypeError, ValueError) as fault:
        yield Held("settings", False, f"they cannot be stored: {fault}")


def tried(runner: Runner, given: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Held]:
    """
    What two short runs of the same condition show, and a third that changes its shape, if the runner can.

    They train for real, in a folder that is thrown away.

    Raises:
        PromoError: a level is none, or the condition cannot be built.
    """
    kind = next(kind for kind in TRIES if kind in runner.budgets)
    with tempfile.TemporaryDirectory(prefix="promo-runner-") as name:
        study = StudyFolder(Path(name))
        request = _request(runner, given, kind, study)
        first, points = _run(study, request, 1, environment)
        sound = first.status is RunStatus.OK
        yield Held("run", sound, f"{kind.value} {TRIES[kind]}: {first.status.value} {first.cause}".strip())
        if not sound:
            return
        metrics = ", ".join(f"{name} {value}" for name, value in first.metrics.items())
        missing = [metric for metric in runner.metrics if metric not in first.metrics]
        yield Held("reported", not missing, f"no {', '.join(missing)}" if missing else metrics)
        phases = ", ".join(f"{name} {float(text):.1f} s" for name, text in first.seconds.items())
        yield Held("phases", "train" in first.seconds, phases)
        yield _budget(request, first)
        steps = [point.step for point in points if point.step is not None]
        yield Held("points", steps == sorted(steps), f"{len(points)} points" if points else "none: there is no curve")
        second, _ = _run(study, request, 2, environment)
        same = second.metrics == first.metrics
        said = "two runs gave the same bits" if same else f"two runs gave {metrics} and {dict(second.metrics)}"
        yield Held("repetition", same if same or kind in REPEATING else None, said)
        yield from _changing(runner, given, request, study, environment)
        yield from _resuming(request, first, study, environment)


def _resuming(request: Request, first: Result, study: StudyFolder, environment: Mapping[str, str]) -> Iterator[Held]:
    """A program that keeps states: ended in its middle, gone on from its last state, and held to a run without that."""
    if request.program is None or request.program.state is None:
        return
    times = math.ceil(LONG_S / max(float(first.charged_s), LONG_S / MOST_TIMES))
    budget = Budget(request.budget.kind, request.budget.amount * times, LIMIT_S)
    longer = evolve(request, budget=budget)
    whole, _ = _run(study, longer, 4, environment)
    if whole.status is not RunStatus.OK:
        yield Held("states", False, f"{budget.kind.value} {budget.amount}: {whole.status.value} {whole.cause}")
        return
    kept = _cut_short(study, longer, 5, environment)
    if kept is None:
        yield Held("states", None, f"it kept none before its end, in {budget.kind.value} {budget.amount}")
        return
    rest, _ = _run(study, evolve(longer, resume=kept), 6, environment)
    told = rest.body.details.get("resume_rejected", "") if rest.body else ""
    sound = rest.status is RunStatus.OK and not told
    yield Held(
        "states", sound, f"ended during a run, and continued: {told or f'{rest.status.value} {rest.cause}'}".strip()
    )
    if sound:
        yield _budget(longer, rest)
        same = rest.metrics == whole.metrics
        words = "the same bits as without" if same else f"{dict(rest.metrics)}, and without {dict(whole.metrics)}"
        yield Held("resumption", same if same or budget.kind in REPEATING else None, words)


def _cut_short(study: StudyFolder, request: Request, number: int, environment: Mapping[str, str]) -> Resumed | None:
    """End an attempt once it has kept a state, as a machine that fails would; None where it ends before that."""
    executor, clock = LocalExecutor(), SystemClock()
    attempt = _attempt(study, request, number, environment)
    handle = executor.start(attempt)
    try:
        while isinstance(executor.look([handle])[0], Phase):
            if (kept := checkpoint_of(study.disk, attempt.folder)) is not None:
                break
            clock.sleep(0.05)
        else:
            return None
    finally:
        executor.cancel([handle])
        executor.close()
    kept = checkpoint_of(study.disk, attempt.folder)
    return None if kept is None else Resumed(attempt.folder.relative_to(study.path).as_posix(), kept)


def _changing(
    runner: Runner, given: Mapping[str, str], request: Request, study: StudyFolder, environment: Mapping[str, str]
) -> Iterator[Held]:
    """A run whose first factor that can is doubled in its middle; its worker holds its segments to the change."""
    levels, middle = _levels(runner, given), request.budget.amount // 2
    for factor, ways in shapes_of(runner).items():
        level, high = levels[factor], runner.factors[factor].high
        if isinstance(level, str) or (high is not None and 2 * level > high):
            continue
        try:
            effective = runner.resolve({**levels, factor: 2 * level})
        except ConditionError:
            continue
        way = ways[0] if ways else None
        change = Change(middle, way, dict(effective.settings), effective.parameters, effective.flops_per_token)
        result, _ = _run(study, evolve(request, changes=(change,)), 3, environment)
        words = f"{factor} {exact(level)} -> {exact(2 * level)} at {middle}: {result.status.value} {result.cause}"
        yield Held("change", result.status is RunStatus.OK, words.strip())
        return


@frozen
class Pace:
    """How fast a condition trains on this machine with so many threads a run."""

    threads: int
    tokens_per_s: tuple[float, ...]
    """One for each round."""

    @property
    def median(self) -> float:
        """Tokens a second of one run."""
        return statistics.median(self.tokens_per_s)


def paces(
    runner: Runner, given: Mapping[str, str], environment: Mapping[str, str], counts: Sequence[int]
) -> tuple[Pace, ...]:
    """
    Train the same condition with different numbers of threads, turn by turn, one run at a time.

    Args:
        runner: the runner.
        given: factor -> level as written, where it is not to be the default.
        environment: promo's own, of which workers see a part.
        counts: numbers of threads.

    Raises:
        PromoError: a run failed, or the runner does not say how fast it trained.
    """
    kind = next(kind for kind in (BudgetKind.WALL, BudgetKind.CPU, *TRIES) if kind in runner.budgets)
    seen: dict[int, list[float]] = {threads: [] for threads in counts}
    with tempfile.TemporaryDirectory(prefix="promo-runner-") as name:
        study = StudyFolder(Path(name))
        request = _request(runner, given, kind, study)
        for number in range(ROUNDS * len(counts)):
            threads = counts[number % len(counts)]
            result, _ = _run(study, evolve(request, threads=threads), number + 1, environment)
            if result.status is not RunStatus.OK:
                raise PromoError(f"the run with threads {threads} ended as {result.status.value}: {result.cause}")
            speed = result.body.work.tokens_per_s if result.body else None
            if speed is None:
                raise PromoError(f"the runner '{runner.name}' does not say how many tokens a second it trains on")
            seen[threads].append(float(speed))
    return tuple(Pace(threads, tuple(found)) for threads, found in seen.items())


def _budget(request: Request, result: Result) -> Held:
    said = result.body.used if result.body else None
    if said is None:
        return Held("budget", None, "it does not say what it used, so equal training cannot be shown")
    words = f"used {float(from_exact(said.used)):g} of {request.budget.amount}, {HOW[said.counter]}"
    words += HINTS.get(said.counter, "")
    return Held("budget", is_kept(said, request.budget), words)


def _request(runner: Runner, given: Mapping[str, str], kind: BudgetKind, study: StudyFolder) -> Request:
    levels = _levels(runner, given)
    try:
        effective = runner.resolve(levels)
    except ConditionError as fault:
        raise PromoError(f"the condition cannot be built: {fault.message}", hint=fault.hint) from fault
    in_files = isinstance(runner, FileRunner)
    request = evolve(
        A_TRY,
        trainer=runner.trainer,
        settings=dict(effective.settings),
        parameters=effective.parameters,
        flops_per_token=effective.flops_per_token,
        metric=next(iter(runner.metrics)),
        budget=Budget(kind, TRIES[kind], LIMIT_S),
        data=_text(study) if runner.needs_data else None,
        program=runner.program if isinstance(runner, FileRunner) else None,
        levels=levels if in_files else None,
    )
    if isinstance(runner, FileRunner):
        disk = study.disk
        for name, text in runner.files.items():
            place = study.path / PROGRAM / relpath(name, runner.folder)
            disk.make_folder(place.parent)
            disk.write(place, text.encode())
    return request


def _levels(runner: Runner, given: Mapping[str, str]) -> dict[str, Level]:
    unknown = [name for name in given if name not in runner.factors]
    if unknown:
        raise PromoError(f"the runner has no factor '{unknown[0]}'", hint=f"it has: {', '.join(runner.factors)}")
    levels: dict[str, Level] = {name: factor.default for name, factor in runner.factors.items()}
    for name, text in given.items():
        if isinstance(runner.factors[name].default, str):
            levels[name] = text
            continue
        try:
            levels[name] = Fraction(in_digits(text))
        except (ValueError, ZeroDivisionError) as fault:
            raise PromoError(f"'{text}' is not a level of '{name}'", hint=f"write it like this: {name}=2") from fault
    return levels


def _text(study: StudyFolder) -> TextOf:
    data = Data("synth", "builtin:synth/1", None, Fraction(1, 20), SCORED, WINDOW, where={})
    text = prepare(data, study.path)
    for name, content in (("train.bytes", text.train), ("validation.bytes", text.validation)):
        study.disk.write(study.path / name, content)
    return TextOf("train.bytes", "validation.bytes", text.manifest.digest, SCORED, WINDOW, None, 1)


def _run(
    study: StudyFolder, request: Request, number: int, environment: Mapping[str, str]
) -> tuple[Result, tuple[Point, ...]]:
    clock, executor = SystemClock(), LocalExecutor()
    attempt = _attempt(study, request, number, environment)
    folder, handle = attempt.folder, executor.start(attempt)
    try:
        while isinstance(ended := executor.look([handle])[0], Phase):
            clock.sleep(0.05)
    except BaseException:
        executor.cancel([handle])
        raise
    finally:
        executor.close()
    assert isinstance(ended, Exit)  # a supervisor of this machine always knows
    return read_result(study.disk, folder, ended), read_points(study.disk, folder)


def _attempt(study: StudyFolder, request: Request, number: int, environment: Mapping[str, str]) -> AttemptSpec:
    """A new attempt, whose request is written."""
    folder = study.path / attempt_folder("try", "given", "here", 1, number)
    write_request(study.disk, folder, evolve(request, attempt=number))
    declared = () if request.program is None else request.program.environment
    worker = worker_environment(environment, threads=request.threads, cuda_device=None, declared=declared)
    return AttemptSpec(folder, worker, LIMIT_S, request.trainer)
