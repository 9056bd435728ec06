"""What a report draws against axes: learning curves, loss against compute, effects, figures from stage to stage."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from promo.base.classes import frozen
from promo.base.floats import nearest
from promo.base.visible import on_one_line
from promo.report.axes import (
    EDGE,
    GAP,
    UNDER,
    Plot,
    axis_across,
    axis_up,
    grid,
    held,
    level,
    room_for,
    ticks_across,
    ticks_up,
    upright,
)
from promo.report.canvas import (
    INK,
    LINE,
    ROW,
    SHAPES,
    WIDTH,
    Look,
    Point,
    belonging,
    legend,
    line,
    look,
    straight,
    svg,
    text,
    width_of,
)
from promo.report.scales import Linear, Log, Scale, Tick, categories, linear, logarithmic, named

BETWEEN = 28.0
"""From one plot to the next."""
ENDS = 0.6
"""Part of the longest run from where on its end is enlarged."""
ENLARGED = ", the end enlarged"
MARKED = 12
"""Points of a line that are marked; of more, the last."""
HEIGHT = 140.0
"""Of a plot."""
HEAD = 26.0
"""Above a plot, for what its vertical axis counts."""
BELOW = UNDER + LINE + 14
"""Under a plot, for one line of numbers and what they count."""
EARLIEST = 60
"""A curve's axis begins at this part of its end, or at the first mark."""
ASIDE = Fraction(1, 50)
"""Between figures of one stage, in steps from stage to stage, so that equal ones are seen."""
OPEN, FOUND, ALONE = Look(0, SHAPES[0], ""), Look(1, SHAPES[3], ""), Look(6, SHAPES[1], None)
KINDS = {OPEN: "not discovered", FOUND: "discovered", ALONE: "not tested"}
INTERVAL = Look(INK, None, "")
CONTRAST, DISCOVERED = Look(0, SHAPES[0], None), Look(1, SHAPES[3], None)
ERROR, MARGIN, EVERY = Look(1, None, "7 2.5"), Look(2, None, "3 3"), Look(3, None, "")
NAMED = 2.5
"""Contrasts that are larger than so many pseudo standard errors are named: those that Lenth leaves out of the error."""


@frozen
class Curve:
    """One run: measured points, each (x, value), with x above zero."""

    candidate: int
    points: tuple[Point, ...]


@frozen
class Panel:
    """The runs of one host."""

    title: str
    curves: tuple[Curve, ...]


@frozen
class Course:
    """What a candidate came to: its runs at the end of each budget, their means, and runs on their way."""

    candidate: int
    means: tuple[Point, ...]
    ends: tuple[Point, ...]
    ways: tuple[tuple[Point, ...], ...]


@frozen
class Turning:
    """Where a shape changes, and the ends of the interval of that; all above zero."""

    name: str
    at: float
    low: float
    high: float


@frozen
class Bar:
    """An effect, and its interval if it has one."""

    name: str
    value: float
    interval: Point | None
    discovered: bool = False
    said: str = ""
    """Its direction and size in words, on its right."""

    @property
    def look(self) -> Look:
        """How it is drawn."""
        if self.interval is None:
            return ALONE
        return FOUND if self.discovered else OPEN


@frozen
class Contrast:
    """A contrast by its size, and whether it is discovered."""

    name: str
    size: float
    discovered: bool


@frozen
class Margins:
    """Lenth's pseudo standard error, the margin of one contrast, and that of all at once."""

    pse: float
    one: float
    every: float


@frozen
class Trend:
    """A figure from stage to stage: (stage, estimate, interval if there is one)."""

    name: str
    points: tuple[tuple[int, float, Point | None], ...]


@frozen
class Trends:
    """Figures in one plot."""

    counts: str
    """What the vertical axis counts."""
    stages: tuple[str, ...]
    """From left to right; a name may have several lines."""
    lines: tuple[Trend, ...]
    along: str = ""
    """What the horizontal axis counts."""


# --- learning curves ------------------------------------------------------------------------------------------------


def curves_svg(
    panels: Sequence[Panel], x_label: str, y_label: str, words: str, names: Sequence[str] = (), *, end: bool = True
) -> str:
    """
    Learning curves, a row a host: all of their course, and beside it their end enlarged where that is a part of it.

    The whole course holds every point of its last part; a line may leave it at the top, since training begins far above
    where it ends.  What belongs to one candidate is two paths, one of lines and one of marks: 600 runs are then a dozen
    paths and not 1,200.

    Args:
        panels: runs by host.
        x_label: what the horizontal axis counts.
        y_label: what the vertical axis counts.
        words: the picture in words, for those who cannot see it.
        names: candidates by number.
        end: whether the end is enlarged where that is a part of the course; the picture is half as wide without.
    """
    curves = [curve for panel in panels for curve in panel.curves]
    views: list[tuple[tuple[Scale, Linear], str]] = [(_course(curves), "")]
    if end and _has_course(curves):
        views.append((_end(curves), ENLARGED))
    since = {"": 0.0, ENLARGED: _since(curves)}
    ups = [ticks_up(y, HEIGHT) for (_, y), _ in views]
    rooms = [room_for(up) + 4 for up in ups]
    titles = max([width_of(f"{panel.title}{said}", bold=True) for panel in panels for _, said in views], default=0.0)
    share = (WIDTH / (1 if end else 2) - sum(rooms) - EDGE - BETWEEN * (len(views) - 1)) / len(views)
    wide, high = max(share, width_of(x_label), titles), HEAD + LINE + HEIGHT + BELOW + ROW
    lefts = [sum(rooms[: at + 1]) + at * (wide + BETWEEN) for at in range(len(views))]
    drawn = [text((0, 8), y_label, "soft")]
    for row, panel in enumerate(panels):
        for ((x, y), said), up, left, room in zip(views, ups, lefts, rooms, strict=True):
            plot = Plot(left, high * row + HEAD + LINE, wide, HEIGHT, x, y)
            edges = (left - room + 2, plot.right + min(EDGE, BETWEEN / 2) - 2)
            along = ticks_across(x, left, wide, edges)
            drawn += [grid(plot, along, up), axis_across(plot, along, x_label, edges), axis_up(plot, up)]
            drawn += _curves(plot, panel.curves, since[said], names)
            title = f"{panel.title if len(panels) > 1 else ''}{said}".removeprefix(", ")
            drawn.append(text((left + wide / 2, plot.top - 13), title, "head", anchor="middle") if title else "")
    width = max(lefts[-1] + wide + EDGE, width_of(y_label))
    return svg((width, max(len(panels), 1) * high - ROW), words, "".join(drawn))


def _has_course(curves: Sequence[Curve]) -> bool:
    """Whether anything lies before the end."""
    since = _since(curves)
    return any(x < since for curve in curves for x, _ in curve.points)


def _since(curves: Sequence[Curve]) -> float:
    """Where the last part of the runs begins."""
    return max((x for curve in curves for x, _ in curve.points), default=0.0) * ENDS


def _course(curves: Sequence[Curve]) -> tuple[Log, Linear]:
    """Axes of every marked point; of long lines what is not long before their end or far above their second half."""
    xs = [x for curve in curves for x, _ in curve.points]
    shown = [
        value
        for curve in curves
        for place, (_, value) in enumerate(curve.points)
        if len(curve.points) <= MARKED or 2 * place >= len(curve.points) - 1
    ]
    if xs and all(len(curve.points) > MARKED for curve in curves):
        xs = [min(max(min(xs), max(xs) / EARLIEST), *(curve.points[-1][0] for curve in curves)), max(xs)]
    return (
        logarithmic(xs, below=1.2, above=1.1),
        linear(shown, below=Fraction(8, 100), above=Fraction(12, 100)),
    )


def _end(curves: Sequence[Curve]) -> tuple[Linear, Linear]:
    """Axes of the last part of the runs."""
    last = max(x for curve in curves for x, _ in curve.points)
    since = _since(curves)
    ends = [point for curve in curves for point in curve.points if point[0] >= since]
    return (
        linear([since, last], below=Fraction(0), above=Fraction(5, 100)),
        linear([value for _, value in ends], below=Fraction(8, 100), above=Fraction(8, 100)),
    )


def _curves(plot: Plot, curves: Sequence[Curve], since: float, names: Sequence[str]) -> Iterable[str]:
    """Lines of all candidates, and over them the marks from an x on: all of short lines, the last of longer ones."""
    candidates = sorted({curve.candidate for curve in curves})
    own = {candidate: [curve for curve in curves if curve.candidate == candidate] for candidate in candidates}
    for candidate in candidates:
        style, path = look(candidate), "".join([plot.line(curve.points) for curve in own[candidate]])
        yield belonging(candidate, line(path, f"c{style.colour} thin", style.dash), names)
    for candidate in candidates:
        seen = [
            point
            for curve in own[candidate]
            for point in (curve.points if len(curve.points) <= MARKED else curve.points[-1:])
            if point[0] >= since
        ]
        yield belonging(candidate, plot.marks(seen, look(candidate)), names)


# --- loss against compute -------------------------------------------------------------------------------------------


def courses_svg(
    courses: Sequence[Course],
    turnings: Sequence[Turning],
    x_label: str,
    y_label: str,
    words: str,
    names: Sequence[str] = (),
) -> str:
    """
    Loss against compute: a line a candidate through its means, a mark a run, thin lines for runs on their way.

    Every mark, mean and interval is inside; a thin line may leave the plot.

    Args:
        courses: what is drawn of each candidate.
        turnings: where a shape changes: an upright line each, with its interval as a band behind everything.
        x_label: what the horizontal axis counts.
        y_label: what the vertical axis counts.
        words: the picture in words, for those who cannot see it.
        names: candidates by number.
    """
    inside = [point for one in courses for point in (*one.means, *one.ends)]
    inside = inside or [point for one in courses for way in one.ways for point in way]
    x = logarithmic([*(at for at, _ in inside), *_turns(turnings)], below=1.3, above=1.2)
    y = linear([value for _, value in inside], below=Fraction(8, 100), above=Fraction(20, 100))
    up = ticks_up(y, HEIGHT)
    left, above = room_for(up) + 4, LINE * len(turnings)
    width = max(
        [WIDTH, left + EDGE + width_of(x_label), width_of(y_label), *(width_of(one.name) + 4 for one in turnings)]
    )
    plot = Plot(left, HEAD + above, width - left - EDGE, HEIGHT, x, y)
    along = ticks_across(x, left, plot.width, (2.0, width))
    drawn = [text((0, 8), y_label, "soft"), *_turnings(plot, turnings, (2.0, width - 2)), grid(plot, along, up)]
    drawn += [axis_up(plot, up), axis_across(plot, along, x_label, (2.0, width))]
    for part in (_ways, _means, _marks):
        drawn += [belonging(one.candidate, part(plot, one), names) for one in courses]
    return svg((width, plot.bottom + BELOW), words, "".join(drawn))


def _turns(turnings: Iterable[Turning]) -> Iterable[float]:
    return (end for one in turnings for end in (one.low, one.at, one.high))


def _turnings(plot: Plot, turnings: Sequence[Turning], edges: Point) -> Iterable[str]:
    """Bands and upright lines, with a name above each, one below the other."""
    for row, one in enumerate(turnings):
        (low, top), (_, bottom) = upright(plot, one.low)
        (high, _), _ = upright(plot, one.high)
        (at, _), _ = upright(plot, one.at)
        over = HEAD + LINE * row
        band = f"M{low:.1f} {top:.1f}h{high - low:.1f}V{bottom:.1f}L{low:.1f} {bottom:.1f}z"
        yield f'<path class="span" d="{band}" fill="currentColor"/>'
        yield straight((at, over + 6), (at, bottom), "axis", "4 3")
        middle = held(Tick(0.0, on_one_line(one.name)), at, edges)
        yield text((middle, over - 3), one.name, anchor="middle")


def _ways(plot: Plot, one: Course) -> str:
    style = look(one.candidate)
    return line("".join([plot.line(way) for way in one.ways]), f"c{style.colour} thin", style.dash)


def _means(plot: Plot, one: Course) -> str:
    style = look(one.candidate)
    return line(plot.line(one.means), f"c{style.colour} line", style.dash)


def _marks(plot: Plot, one: Course) -> str:
    return plot.marks(one.ends, look(one.candidate))


# --- effects --------------------------------------------------------------------------------------------------------


def effects_svg(bars: Sequence[Bar], x_label: str, words: str) -> str:
    """
    Effects with their intervals, one row each.

    Args:
        bars: top first.
        x_label: what the horizontal axis counts.
        words: the picture in words.
    """
    ends = [end for bar in bars for end in (bar.value, *(bar.interval or ()))]
    x = linear([0.0, *ends])
    y = categories(len(bars), before=Fraction(3, 5), after=Fraction(3, 5))
    names = named(y, [bar.name for bar in reversed(bars)])
    left = room_for(names) + 4
    right = max((width_of(bar.said, bold=True) + 14 for bar in bars), default=EDGE)
    wide = max(WIDTH - left - right, WIDTH / 2, width_of(x_label))
    kinds = [(one, name) for one, name in KINDS.items() if any(bar.look == one for bar in bars)]
    if any(bar.interval for bar in bars):
        kinds.append((INTERVAL, "line: its interval"))
    key, top = legend(kinds, (0, 10), left + wide + right)
    plot = Plot(left, top + 8, wide, ROW * max(len(bars), 1), x, y)
    edges = (2.0, plot.right + right)
    along = ticks_across(x, left, wide, edges)
    drawn = [key, grid(plot, along, ()), straight(*upright(plot, 0.0), "axis")]
    for row, bar in enumerate(reversed(bars)):
        style = bar.look
        low, high = bar.interval or (bar.value, bar.value)
        drawn.append(line(plot.line([(low, row), (high, row)]), f"c{style.colour} line"))
        drawn.append(plot.marks([(bar.value, row)], style))
        at = (plot.right + 14, plot.spots([(bar.value, row)])[0][1])
        drawn.append(text(at, bar.said, "head" if bar.discovered else ""))
    drawn += [axis_up(plot, names), axis_across(plot, along, x_label, edges)]
    return svg((left + wide + right, plot.bottom + BELOW), words, "".join(drawn))


def half_normal_svg(
    sizes: Sequence[Contrast], quantiles: Sequence[float], margins: Margins, x_label: str, words: str
) -> str:
    """
    Half-normal plot: sorted sizes of contrasts against half-normal quantiles, with the line of the error.

    Args:
        sizes: smallest first.
        quantiles: half-normal quantile of each, shape as *sizes*.
        margins: the error, which is a line's slope, and upright lines where contrasts are beyond a margin.
        x_label: what the horizontal axis counts.
        words: the picture in words.
    """
    points = [(one.size, at) for one, at in zip(sizes, quantiles, strict=True)]
    pse = margins.pse
    most = max(quantiles, default=1.0)
    error = (nearest(pse * most), most)
    x = linear([0.0, error[0], margins.every, *(size for size, _ in points)])
    y = linear([0.0, most])
    up = ticks_up(y, HEIGHT)
    large = [(one.name, point) for one, point in zip(sizes, points, strict=True) if one.size > NAMED * pse]
    left, widest = room_for(up) + 4, max((width_of(name) for name, _ in large), default=0.0)
    width = max(WIDTH, left + 2 * widest + 60, left + width_of(x_label) + EDGE)
    kinds = [(CONTRAST, "not discovered"), (DISCOVERED, "discovered"), (ERROR, "Lenth's pseudo standard error")]
    key, top = legend([*kinds, (MARGIN, "margin of one contrast"), (EVERY, "margin of all at once")], (0, 10), width)
    plot = Plot(left, top + HEAD, width - left - EDGE, HEIGHT, x, y)
    edges = (2.0, width)
    along = ticks_across(x, left, plot.width, edges)
    drawn = [key, text((0, top + 12), "half-normal quantile", "soft"), grid(plot, along, up)]
    drawn += [axis_up(plot, up), axis_across(plot, along, x_label, edges)]
    for at, style in ((margins.one, MARGIN), (margins.every, EVERY)):
        drawn.append(line(plot.line([(at, 0.0), (at, most)]), f"c{style.colour} line", style.dash))
    drawn.append(line(plot.line([(0.0, 0.0), error]), f"c{ERROR.colour} line", ERROR.dash))
    for style, found in ((CONTRAST, False), (DISCOVERED, True)):
        own = [point for one, point in zip(sizes, points, strict=True) if one.discovered is found]
        drawn += [plot.marks(own, style)] if own else []
    for name, point in large:
        ((at, height),) = plot.spots([point])
        right = at + 10 + width_of(name) <= width
        drawn.append(text((at + 10 if right else at - 10, height), name, anchor="start" if right else "end"))
    return svg((width, plot.bottom + BELOW), words, "".join(drawn))


# --- from stage to stage --------------------------------------------------------------------------------------------


def trends_drawn(plots: Sequence[Trends]) -> tuple[Point, str]:
    """
    Figures from stage to stage with their intervals, one plot below the other, each with its legend.

    Returns:
        The picture's size, and what is in it.
    """
    scales = [_from_zero(list(_ends(one.lines))) for one in plots]
    ups = [ticks_up(scale, HEIGHT) for scale in scales]
    left = max(map(room_for, ups), default=0.0) + 4
    width = max([WIDTH, *(left + EDGE + _width_needed(one) for one in plots)])
    drawn, top = [], 0.0
    for one, y, up in zip(plots, scales, ups, strict=True):
        x = categories(len(one.stages), before=Fraction(1, 2), after=Fraction(1, 2))
        looks = [look(number) for number in range(len(one.lines))]
        key, high = legend(
            [(style, trend.name) for style, trend in zip(looks, one.lines, strict=True)], (left, top + 34), width - left
        )
        plot = Plot(left, top + high + 32, width - left - EDGE, HEIGHT, x, y)
        along = named(x, one.stages)
        drawn += [text((0, top + 8), one.counts, "soft"), key, grid(plot, (), up), straight(*level(plot, 0.0), "axis")]
        drawn += [axis_up(plot, up), axis_across(plot, along, one.along, (2.0, width)), *_trends(plot, one.lines)]
        rows = max((name.count("\n") for name in one.stages), default=0)
        top = plot.bottom + BELOW + LINE * rows + ROW
    return (width, max(top - ROW, 1.0)), "".join(drawn)


def _from_zero(ends: Sequence[float]) -> Linear:
    """An axis with zero on it, at its end where nothing is below."""
    below = Fraction(1, 20) if min(ends, default=0.0) < 0 else Fraction(0)
    return linear([0.0, *ends], below=below, above=Fraction(1, 10))


def _ends(lines: Iterable[Trend]) -> Iterable[float]:
    return (end for trend in lines for _, value, interval in trend.points for end in (value, *(interval or ())))


def _width_needed(one: Trends) -> float:
    """Width in which no two names of stages touch, and everything else has room."""
    widest = max((width_of(row) for stage in one.stages for row in stage.split("\n")), default=0.0)
    others = (width_of(one.counts), width_of(one.along), *(44 + width_of(trend.name) for trend in one.lines))
    return max(len(one.stages) * (widest + GAP), *others)


def _trends(plot: Plot, lines: Sequence[Trend]) -> Iterable[str]:
    for number, one in enumerate(lines):
        style, aside = look(number), float(ASIDE * (2 * number - len(lines) + 1) / 2)
        own = f"c{style.colour}"
        points = [(at + aside, value) for at, value, _ in one.points]
        bars = [
            plot.line([(at + aside, interval[0]), (at + aside, interval[1])])
            for at, _, interval in one.points
            if interval is not None
        ]
        yield line("".join(bars), f"{own} bar")
        yield line(plot.line(points), f"{own} line", style.dash) + plot.marks(points, style)


def trends_svg(trends: Trends, words: str) -> str:
    """
    Figures from stage to stage with their intervals, for a page.

    Args:
        trends: what is drawn.
        words: the picture in words.
    """
    size, drawn = trends_drawn([trends])
    return svg(size, words, drawn)
