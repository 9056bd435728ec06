"""What a report draws: learning curves, the ladder, ranks from stage to stage, effects; `canvas` turns it into SVG."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from promo.report.canvas import CHARACTER_IN, COLOURS, INK, LINE, WIDTH_IN, belongs, figure_of, look, svg_of

RUNG_IN = 1.8
"""Least width of a stage in the ladder, so that what is said of it does not run into the next."""
ROW_IN, HEAD_IN = 0.27, 0.8
"""Height of a candidate in the ladder, and of what stands above the first."""
MOST_TICKS = 20
"""Ranks that an axis names one by one."""
GAP = (float("nan"), float("nan"))
"""Between two lines that are drawn as one."""


@frozen
class Curve:
    """One run: training points and scored points, each (x, value)."""

    candidate: int
    trained: tuple[tuple[float, float], ...]
    scored: tuple[tuple[float, float], ...]


@frozen
class Panel:
    """The runs of one host."""

    title: str
    curves: tuple[Curve, ...]


@frozen
class Rung:
    """A stage of the ladder: who stands where, and who goes on."""

    title: str
    subtitle: str
    order: tuple[int, ...]
    """Candidates by rank, best first."""
    more: int
    """How many others were there, behind or between them."""
    goes_on: frozenset[int]
    decided: bool
    """Whether a gate behind the stage has decided."""
    target: int | None
    """Index of the rung that its gate leads to."""
    weight: float
    """Share of the study's budget that one candidate has there, 0 to 1."""


def curves_svg(panels: Sequence[Panel], x_label: str, y_label: str, description: str, names: Sequence[str] = ()) -> str:
    """
    Learning curves, one panel a host.

    Runs of one candidate are drawn as one line with gaps in it: 600 runs are then a dozen lines and not 1,200.

    Args:
        panels: runs by host.
        x_label: what the horizontal axis counts.
        y_label: what the vertical axis counts.
        description: the picture in words, for those who cannot see it.
        names: candidates by number.
    """
    figure, axes = figure_of(len(panels), height=3.2, top=0.3 if len(panels) > 1 else 0.12)
    for place, panel in zip(axes, panels, strict=True):
        for candidate in sorted({curve.candidate for curve in panel.curves}):
            own = [curve for curve in panel.curves if curve.candidate == candidate]
            style = look(candidate)
            xs, ys = _joined(curve.trained for curve in own)
            if xs:
                dash = style["linestyle"]
                (line,) = place.plot(xs, ys, color=style["color"], linestyle=dash, linewidth=1.0, alpha=0.55)
                belongs(line, candidate)
            xs, ys = _joined(curve.scored for curve in own)
            if xs:
                (line,) = place.plot(
                    xs, ys, color=style["color"], marker=style["marker"], linestyle="none", markersize=5
                )
                belongs(line, candidate)
        _axes_of_curves(place, panel)
        place.set_xlabel(x_label)
        if len(panels) > 1:
            place.set_title(panel.title, fontsize=10)
    axes[0].set_ylabel(y_label)
    return svg_of(figure, description, names)


def _joined(lines: Iterable[tuple[tuple[float, float], ...]]) -> tuple[list[float], list[float]]:
    """Several lines as one, with a gap between each two."""
    points = [point for line in lines if line for point in (*line, GAP)][:-1]
    return [x for x, _ in points], [y for _, y in points]


def _axes_of_curves(place: Any, panel: Panel) -> None:
    """A logarithmic axis with numbers as people write them; the scored points, or else all, fill the height."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    shown = [point for curve in panel.curves for point in curve.scored]
    shown = shown or [point for curve in panel.curves for point in curve.trained]
    place.set_xscale("log")
    every = [x for curve in panel.curves for x, _ in (*curve.trained, *curve.scored)]
    if every:
        least, most = max(min(every), max(every) / 60), max(every)
        place.set_xlim(least / 1.2, most * 1.1 if most > least else most * 1.2)
    if shown:
        low, high = min(y for _, y in shown), max(y for _, y in shown)
        room = (high - low) or abs(high) / 10 or 1.0
        place.set_ylim(low - 0.08 * room, high + 0.35 * room)
    place.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    place.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    place.xaxis.set_minor_formatter(NullFormatter())


def ladder_svg(rungs: Sequence[Rung], names: Sequence[str], description: str) -> str:
    """
    The ladder: candidates by rank at each stage, joined where a gate lets them go on.

    Args:
        rungs: stages in order.
        names: candidates by number.
        description: the picture in words.
    """
    most = max((len(rung.order) + bool(rung.more) for rung in rungs), default=1)
    longest = max((len(names[one]) for rung in rungs for one in rung.order), default=0)
    width = max(WIDTH_IN, max(RUNG_IN, CHARACTER_IN * longest + 0.6) * len(rungs))
    figure, (place,) = figure_of(
        1, height=ROW_IN * (most + 0.5) + HEAD_IN, width=width, left=0.15, bottom=0.05, top=0.1
    )
    head = HEAD_IN / ROW_IN
    for index, rung in enumerate(rungs):
        for rank, candidate in enumerate(rung.order):
            style = look(candidate)
            kept = candidate in rung.goes_on or not rung.decided
            mark = style["marker"] if kept else "x"
            if rung.target is not None and candidate in rung.goes_on:
                target = rungs[rung.target]
                if candidate in target.order:
                    _flow(place, candidate, (index, rank), (rung.target, target.order.index(candidate)), target.weight)
            (line,) = place.plot([index], [rank], color=style["color"], marker=mark, markersize=7, zorder=3)
            belongs(line, candidate)
            place.text(index + 0.14 / (width / len(rungs)), rank, names[candidate], va="center", color=INK, zorder=4)
        if rung.more:
            place.text(index, len(rung.order), f"and {rung.more:,} more", ha="center", va="center", color=INK)
        place.text(index, -head, rung.title, ha="center", va="top", fontsize=10, fontweight="bold", color=INK)
        place.text(index, 0.75 - head, rung.subtitle, ha="center", va="top", fontsize=8.5, color=INK)
    place.set_ylim(most - 0.5, -head)
    place.set_xlim(-0.5, len(rungs) - 0.5)
    place.axis("off")
    return svg_of(figure, description, names)


def _flow(place: Any, candidate: int, start: tuple[float, float], end: tuple[float, float], weight: float) -> None:
    """A band from one rung to the next, as wide as what the candidate takes there."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    middle = (start[0] + end[0]) / 2
    path = Path([start, (middle, start[1]), (middle, end[1]), end], [Path.MOVETO, *[Path.CURVE4] * 3])
    band = PathPatch(
        path, facecolor="none", edgecolor=look(candidate)["color"], linewidth=1.2 + 40.0 * weight, alpha=0.45
    )
    band.set_capstyle("round")
    place.add_patch(band)
    belongs(band, candidate)


def ranks_svg(
    stages: Sequence[str], lines: Sequence[tuple[int, Sequence[int | None]]], names: Sequence[str], description: str
) -> str:
    """
    Ranks from stage to stage, a line a candidate, the best on top.

    Args:
        stages: names in order.
        lines: (candidate, its rank at each stage or None where it was not).
        names: candidates by number.
        description: the picture in words.
    """
    most = max((rank for _, ranks in lines for rank in ranks if rank is not None), default=1)
    room = 0.3 + CHARACTER_IN * max((len(names[candidate]) for candidate, _ in lines), default=0)
    rows = max((name.count("\n") + 1 for name in stages), default=1)
    height, width = min(0.2 * most + 0.5 + 0.15 * rows, 12.0), max(WIDTH_IN, RUNG_IN * len(stages))
    figure, (place,) = figure_of(1, height=height, width=width, left=0.55, bottom=0.1, top=0.3 + 0.15 * rows)
    for candidate, ranks in lines:
        style = look(candidate)
        seen = [(at, rank) for at, rank in enumerate(ranks) if rank is not None]
        xs, ys = [at for at, _ in seen], [rank for _, rank in seen]
        (line,) = place.plot(xs, ys, **style, linewidth=1.6, markersize=6)
        belongs(line, candidate)
        step = (width - 0.7) / len(stages)
        place.text(xs[-1] + 0.12 / step, ys[-1], names[candidate], va="center", color=INK)
    place.set_xticks(range(len(stages)), stages)
    place.xaxis.tick_top()
    place.set_yticks(range(1, most + 1) if most <= MOST_TICKS else [1, *range(5, most + 1, 5)])
    place.spines["bottom"].set_visible(False)
    place.set_ylim(most + 0.5, 0.5)
    place.set_xlim(-0.2, len(stages) - 1 + max(room / ((width - 0.7) / len(stages)), 0.2))
    place.set_ylabel("rank")
    return svg_of(figure, description, names)


def effects_svg(bars: Sequence[tuple[str, float, float, float]], x_label: str, description: str) -> str:
    """
    Effects with their intervals, one line each.

    Args:
        bars: (name, estimate, lower end, upper end), top first.
        x_label: what the horizontal axis counts.
        description: the picture in words.
    """
    left = 0.35 + CHARACTER_IN * max((len(name) for name, _, _, _ in bars), default=0)
    figure, (place,) = figure_of(1, height=max(1.4, 0.26 * len(bars) + 0.7), left=min(left, WIDTH_IN / 2), top=0.1)
    for number, (_, value, low, high) in enumerate(bars):
        apart = low > 0 or high < 0
        colour = COLOURS[1] if apart else COLOURS[0]
        place.plot([low, high], [number, number], color=colour, linewidth=1.6)
        place.plot([value], [number], color=colour, marker="D" if apart else "o", markersize=5)
    place.axvline(0.0, color=LINE, linewidth=1.0)
    place.set_yticks(range(len(bars)), [name for name, _, _, _ in bars])
    place.set_ylim(len(bars) - 0.4, -0.6)
    place.set_xlabel(x_label)
    return svg_of(figure, description)


def half_normal_svg(
    sizes: Sequence[tuple[str, float]], quantiles: Sequence[float], pse: float, x_label: str, description: str
) -> str:
    """
    Half-normal plot: sorted sizes of contrasts against half-normal quantiles, with the line of the error.

    Args:
        sizes: (name, size), smallest first.
        quantiles: half-normal quantile of each, shape as *sizes*.
        pse: Lenth's pseudo standard error, the line's slope.
        x_label: what the horizontal axis counts.
        description: the picture in words.
    """
    figure, (place,) = figure_of(1, height=3.0, top=0.12)
    place.plot([size for _, size in sizes], quantiles, color=COLOURS[0], marker="o", linestyle="none", markersize=5)
    place.plot([0.0, pse * max(quantiles)], [0.0, max(quantiles)], color=LINE, linewidth=1.0)
    for (name, size), at in zip(sizes, quantiles, strict=True):
        if size > 2.5 * pse:
            place.text(size, at, f" {name}", ha="left", va="center", fontsize=9, color=INK)
    place.set_xlabel(x_label)
    place.set_ylabel("half-normal quantile")
    return svg_of(figure, description)
