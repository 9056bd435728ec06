"""
Learning curves of a stage: which runs are drawn, what the lines and marks are, and the numbers behind them.

What a metric is called and means comes from the study and its runner.  Apart from it is drawn what a run recorded of
its training by such a name: `train_loss`, or `train_` and the last word of the metric's, as `train_bpb` for `val_bpb`.
Nothing else is.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice

from promo.base.canonical import from_exact, rounded
from promo.base.classes import frozen
from promo.plans.values import PlannedRun, StagePlan
from promo.report.pictures import Curve, Panel, curves_svg
from promo.report.record import Record
from promo.report.words import NONE, PLACES, counted_in, listed, number, plural, within
from promo.run.values import Point
from promo.study.values import BudgetKind

MOST_RUNS = 320
"""Runs of one picture; more cannot be told apart."""
MOST_MARKS = 12_000
"""Points of one picture."""
FEWEST, MOST = 16, 160
"""Points of one line."""
MOST_ROWS = 4_000
"""Rows of the table behind a picture."""
AXES = {BudgetKind.STEPS: ("step", "steps"), BudgetKind.TOKENS: ("tokens", "tokens")}
SECONDS = ("charged_s", "seconds of training")
CALLED_LOSS = frozenset({"loss", "bpb", "bpc", "nll", "ce", "xent"})
"""Last words of names that a loss has; an error rate or an accuracy is drawn as well, and is none."""
LOSSES = ("train_loss", "training_loss")
"""What programs call the loss that they train on."""


@frozen
class CurvesView:
    """Learning curves, and what can be said of them."""

    picture: str
    """SVG of the metric that decides; empty where no run measured it more than once."""
    caption: tuple[str, ...]
    candidates: tuple[int, ...]
    """Whose runs are drawn."""
    beside: str
    """What was recorded of the training, as `train_bpb`."""
    kind: str
    """What that is: a loss, or some other curve."""
    trained: str
    """SVG of that; empty likewise."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The scored points in numbers; without the host where a stage has only one, and tokens where steps tell them."""
    rest: str
    """What of the numbers is not in the table; empty when nothing is missing."""


def curves_view(record: Record, stage: StagePlan, entered: Sequence[PlannedRun]) -> CurvesView:
    """
    Everything a report shows of a stage's learning curves.

    Args:
        record: the study.
        stage: one of its stages.
        entered: runs of those who are in it.
    """
    metric, unit = record.study.measure.metric, record.study.measure.unit
    names = [name for name in (*LOSSES, f"train_{metric.rpartition('_')[2]}") if name != metric]
    key, x_label = AXES.get(stage.budget.kind, SECONDS)
    figures = ("step", "tokens", "charged_s", *names, metric)
    points = {run.id: [_figures(point, figures) for point in record.points.get(run.id, ())] for run in entered}
    measured = [run for run in entered if any(metric in point for point in points[run.id])]
    drawn, chosen = drawn_runs(record, stage, measured)
    other = next((name for name in names if any(name in point for run in drawn for point in points[run.id])), "")
    scored = {run: _line(points[run.id], key, metric) for run in drawn}
    trained = {run: _line(points[run.id], key, other) for run in drawn}
    most = max(FEWEST, min(MOST, MOST_MARKS // max(len(drawn), 1)))
    thin = any(len(line) > most for lines in (scored, trained) for line in lines.values())
    along = any(trained.values())
    words = f"Learning curves of stage {stage.name}: {{}} against {x_label}, one line per run. "
    rows = islice(_rows(record, points, measured, other), MOST_ROWS)
    count = sum(metric in point for run in measured for point in points[run.id])
    columns = ("candidate", "host", "seed", "step", "tokens", "seconds", other, metric)
    left = (not stage.hosts[1:], not along, _are_even(points))
    out = {name for name, alike in zip(("host", other, "tokens"), left, strict=True) if alike}
    labels = x_label, f"{metric}{within(unit)}", words.format(metric) + _ends(record, scored)
    return CurvesView(
        picture=_picture(
            record,
            stage,
            scored,
            most,
            labels,
        ),
        caption=(*_caption(record), *chosen, *(_thin(most) if thin else ())),
        candidates=tuple(sorted(record.candidates.index(name) for name in {run.candidate for run in drawn})),
        beside=other,
        kind="loss" if other.rpartition("_")[2] in CALLED_LOSS else "curve",
        trained=_picture(
            record, stage, trained, most, (x_label, other, words.format(other) + _ends(record, trained)), end=False
        ),
        columns=tuple(name for name in columns if name not in out),
        rows=tuple(tuple(text for name, text in zip(columns, row, strict=True) if name not in out) for row in rows),
        rest=f"The first {MOST_ROWS:,} of {count:,} points; all are in points.jsonl of each run."
        if count > MOST_ROWS
        else "",
    )


Lines = Mapping[PlannedRun, tuple[tuple[float, float], ...]]


def _picture(
    record: Record, stage: StagePlan, lines: Lines, most: int, labels: tuple[str, str, str], *, end: bool = True
) -> str:
    """Lines of runs, a row a host, with or without their end enlarged; empty when there are none."""
    if all(len(line) < 2 for line in lines.values()):
        return ""
    colours = {name: number for number, name in enumerate(record.candidates)}
    panels = tuple(
        Panel(
            host,
            tuple(
                Curve(colours[run.candidate], thinned(line, most))
                for run, line in lines.items()
                if run.host == host and line
            ),
        )
        for host in stage.hosts
    )
    return curves_svg(panels, *labels, record.called, end=end)


def _ends(record: Record, lines: Lines) -> str:
    """Where the curves of each candidate end, in words."""
    last: dict[str, list[float]] = {}
    for run, line in lines.items():
        if line:
            last.setdefault(record.call(run.candidate), []).append(line[-1][1])
    return f"Last values: {listed([f'{name} {_range(values)}' for name, values in last.items()])}" if last else ""


def _range(values: Sequence[float]) -> str:
    low, high = (rounded(Fraction(end), PLACES) for end in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def drawn_runs(
    record: Record, stage: StagePlan, measured: Sequence[PlannedRun], room: int = MOST_RUNS
) -> tuple[list[PlannedRun], tuple[str, ...]]:
    """
    The runs that are drawn, and what is said of those that are not: fewer seeds first, then fewer candidates.

    Args:
        record: the study.
        stage: one of its stages.
        measured: its runs that have points.
        room: how many can be drawn.
    """
    if len(measured) <= room:
        return list(measured), ()
    seeds = sorted({run.seed for run in measured})
    names = list(dict.fromkeys(run.candidate for run in measured))
    few = max(room // max(len(names) * len(stage.hosts), 1), 1)
    kept = seeds[:few]
    words = f"the {few} lowest of {len(seeds)} seeds" if few > 1 else f"the lowest of {len(seeds)} seeds"
    most = max(room // len(stage.hosts), 1)
    if len(names) > most:
        on = {name for gate in record.study.gates_from(stage.name) for name in record.state.promoted(gate.name)}
        names = [*(name for name in names if name in on), *(name for name in names if name not in on)][:most]
        words += f" and {len(names)} candidates, those that were promoted first"
    chosen = set(names)
    drawn = [run for run in measured if run.seed in kept and run.candidate in chosen]
    return drawn, (f"Drawn: {len(drawn)} of {len(measured):,} runs, those of {words}.",)


def _figures(point: Point, names: Iterable[str]) -> dict[str, str]:
    """Those figures of a point that are asked for."""
    return {name: text for name, text in point.figures.items() if name in names}


def _line(points: Iterable[Mapping[str, str]], x: str, y: str) -> tuple[tuple[float, float], ...]:
    """Points that a logarithmic axis can show."""
    pairs = ((float(point[x]), float(point[y])) for point in points if x in point and y in point)
    return tuple(pair for pair in pairs if pair[0] > 0)


def thinned(line: tuple[tuple[float, float], ...], most: int) -> tuple[tuple[float, float], ...]:
    """At most so many points of a line, even along a logarithmic axis: of each part the last, and the very first."""
    if len(line) <= most:
        return line
    low, high = (math.log(line[end][0]) for end in (0, -1))
    part = (high - low) / (most - 1) or 1.0
    last = {int((math.log(x) - low) / part): (x, y) for x, y in line[1:-1]}
    return (line[0], *list(last.values())[: most - 2], line[-1])


def _caption(record: Record) -> Iterable[str]:
    measure = record.study.measure
    meaning = f", {record.meaning}" if record.meaning else ""
    said = f"{measure.metric}{counted_in(measure.unit)}{meaning}"
    yield f"{said}. A line is a run, and its last mark is the run's result."


def _thin(most: int) -> tuple[str]:
    return (f"Of a line with more than {plural(most, 'point')}, only that many are drawn.",)


def _are_even(points: Mapping[str, Sequence[Mapping[str, str]]]) -> bool:
    """Whether every step of a run took as many tokens as its others, so that those of the run tell them."""
    both = ("step", "tokens")
    told = [
        [tuple(int(point[name]) for name in both) for point in own if all(name in point for name in both)]
        for own in points.values()
    ]
    return all(step * own[-1][1] == tokens * own[-1][0] for own in told for step, tokens in own)


def _rows(
    record: Record, points: Mapping[str, Sequence[Mapping[str, str]]], measured: Iterable[PlannedRun], other: str
) -> Iterable[tuple[str, ...]]:
    metric = record.study.measure.metric
    for run in sorted(measured, key=lambda one: (one.candidate, one.host, one.seed)):
        trained = NONE
        for point in points[run.id]:
            trained = number(point[other]) if other in point else trained
            if metric in point:
                seconds = rounded(from_exact(point["charged_s"]), 2) if "charged_s" in point else NONE
                step, tokens = (point.get(name, NONE) for name in ("step", "tokens"))
                about = (record.call(run.candidate), run.host, str(run.seed))
                yield *about, step, tokens, seconds, trained, number(point[metric])
