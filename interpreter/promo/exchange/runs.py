"""Ledger and results to logged runs: what viewers of training runs can show of a study."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from promo.base.canonical import from_exact
from promo.exchange.values import LoggedRun, Point, RunEnd, Series
from promo.ledger.state import Attempt, AttemptState, State
from promo.plans.values import Plan
from promo.report.changed import beside
from promo.report.decided import attempt_cause
from promo.report.describe import describe_budget
from promo.run.values import Point as Measured
from promo.run.values import Result
from promo.study.given import Level
from promo.study.limits import BudgetKind
from promo.study.values import Study

ENDS = {
    AttemptState.ACCEPTED: RunEnd.FINISHED,
    AttemptState.FLAGGED: RunEnd.FINISHED,
    AttemptState.FAILED: RunEnd.FAILED,
    AttemptState.LOST: RunEnd.KILLED,
}
STEP = "step"
TAG = "promo."
"""How the names of tags begin, so that they stand together and meet no other tool's."""
RULE = f"{TAG}rule."
"""The same, of tags with what a rule found."""


def logged_run(
    study: Study,
    plan: Plan,
    state: State,
    attempt: Attempt,
    result: Result,
    points: Sequence[Measured],
    changed: str,
    standing: tuple[str, str] = ("", ""),
    answers: Mapping[str, str] = {},
) -> LoggedRun:
    """
    An attempt that has ended, for a viewer of runs.

    Args:
        study: the study.
        plan: its plan.
        state: what its ledger adds up to.
        attempt: the attempt.
        result: what it left.
        points: what it measured on the way.
        changed: by what its candidate differs from others, in words.
        standing: rank and verdict of its candidate where a gate has read its stage.
        answers: rules that have judged its candidate at its stage -> what they found.
    """
    began_ms, ended_ms = _milliseconds(attempt.started), _milliseconds(attempt.ended)
    carried_s = _carried_s(attempt, points) if study.stages[attempt.stage].continues else 0.0
    series = dict(_curves(points, began_ms - round(1000 * carried_s)))
    last = max((one.points[-1].step for one in series.values()), default=_ended_at(study, attempt, result))
    final = dict(_final(attempt, result))
    for name, value in final.items():
        before = series[name].points if name in series else ()
        if not before or (before[-1].step, before[-1].value) != (last, value):
            series[name] = Series(name, (*before, Point(last, ended_ms, value)))
    return LoggedRun(
        key=f"{attempt.run}/{attempt.number}",
        place=_place(attempt, changed),
        name=run_name(attempt, beside(attempt.candidate, changed)),
        settings=_settings(study, attempt),
        measure=study.measure.metric,
        series=tuple(series[name] for name in sorted(series)),
        tags={
            **dict(_tags(plan, state, attempt, standing)),
            **{f"{RULE}{name}": answer for name, answer in answers.items()},
            f"{TAG}changed": changed,
        },
        began_ms=began_ms,
        ended_ms=max(ended_ms, began_ms),
        end=ENDS[attempt.state],
        final=tuple(final),
    )


def _ended_at(study: Study, attempt: Attempt, result: Result) -> int:
    """The step of an attempt without a curve: where it said that it ended, or else all the steps it was asked for."""
    budget = study.stages[attempt.stage].budget
    counted = result.body.work.steps if result.body else None
    has_value = ENDS[attempt.state] is RunEnd.FINISHED
    return counted or (int(budget.amount) if has_value and budget.kind is BudgetKind.STEPS else 0)


def _place(attempt: Attempt, changed: str) -> tuple[str, ...]:
    """Stage and cell as names of folders; what changed stands behind a dot: `shallow.depth_1.aspect_64-laptop-s1`."""
    told = "".join(f".{part.replace(' ', '_')}" for part in changed.split(", ") if part)
    again = f"-attempt-{attempt.number}" if attempt.number > 1 else ""
    return attempt.stage, f"{attempt.candidate}{told}-{attempt.host}-s{attempt.seed}{again}"


def run_name(attempt: Attempt, called: str) -> str:
    """An attempt as people call it; *called* is its candidate's name with what changed."""
    again = f", attempt {attempt.number}" if attempt.number > 1 else ""
    return f"{attempt.stage}: {called} on {attempt.host}, seed {attempt.seed}{again}"


def _carried_s(attempt: Attempt, points: Sequence[Measured]) -> float:
    """Seconds that points count of the run that an attempt carries on, whose curve they begin with."""
    charged = max((_number(point.charged_s) or 0.0 for point in points), default=0.0)
    return max(charged - (_number(attempt.train_s) or 0.0), 0.0)


def _curves(points: Sequence[Measured], zero_ms: int) -> Iterator[tuple[str, Series]]:
    """Everything that was measured, by name; what is not a number, or was said before at the same step, is left out."""
    found: dict[str, list[Point]] = {}
    for index, point in enumerate(points):
        step = index if point.step is None else point.step
        wall_ms = zero_ms + round(1000 * (_number(point.charged_s) or 0.0))
        for name, value in point.figures.items():
            measured = _number(value)
            if name != STEP and measured is not None:
                some = found.setdefault(name, [])
                some += [one] if (one := Point(step, wall_ms, measured)) not in some[-1:] else []
    for name, some in found.items():
        yield name, Series(name, tuple(some))


def _number(text: str | None) -> float | None:
    """A stored number; None where there is none, or where no float is that large."""
    try:
        return None if text is None else float(from_exact(text))
    except OverflowError:
        return None


def _final(attempt: Attempt, result: Result) -> Iterator[tuple[str, float]]:
    """What stands once the attempt has ended: its metrics, and the seconds it took."""
    named = {**result.metrics, "spent_s": attempt.train_s, "slot_s": attempt.device_s}
    for name, text in named.items():
        value = _number(text)
        if value is not None:
            yield name, value


def _settings(study: Study, attempt: Attempt) -> dict[str, float | str]:
    candidate = study.candidates[attempt.candidate]
    levels = {name: _level(level) for name, level in candidate.levels}
    own: dict[str, float | str] = {
        "stage": attempt.stage,
        "candidate": attempt.candidate,
        "host": attempt.host,
        "seed": attempt.seed,
        "budget": describe_budget(study.stages[attempt.stage].budget),
    }
    return {**{f"factor {name}" if name in own else name: level for name, level in levels.items()}, **own}


def _level(level: Level) -> float | str:
    if isinstance(level, str):
        return level
    return int(level) if level.denominator == 1 else float(level)


def _tags(plan: Plan, state: State, attempt: Attempt, standing: tuple[str, str]) -> Iterator[tuple[str, str]]:
    yield f"{TAG}study", plan.study.name
    yield f"{TAG}plan", plan.digest
    yield f"{TAG}run", attempt.run
    yield f"{TAG}attempt", f"{attempt.run}/{attempt.number}"
    yield f"{TAG}state", attempt.state.value
    yield f"{TAG}status", attempt.ending
    yield f"{TAG}cause", attempt_cause(attempt, plan.study)
    yield f"{TAG}request", attempt.request
    yield f"{TAG}result", attempt.envelope or ""
    yield f"{TAG}stage", attempt.stage
    yield f"{TAG}rank", standing[0]
    yield f"{TAG}verdict", standing[1]
    yield f"{TAG}recorded", "yes" if state.replay else "no"


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000) if time else 0
