"""
Values in rows to a picture that shows a decision: a mark a cell, the figure that decides, its interval, the bound.

A gate has a row for each candidate and one line for its cut, a rule a row for each finding and its own bound in each
row.  Marks are as many as can be seen: of a row with more, the same number at even ranks, so that their density stays
that of the values.  An axis that one far value would empty ends before it, and the value stands at its edge.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from statistics import median_low

from promo.base.canonical import rounded
from promo.base.classes import evolve, frozen
from promo.report.axes import GAP, UNDER, Plot, axis_across, grid, ticks_across
from promo.report.canvas import (
    INK,
    LINE,
    ROW,
    SHAPES,
    WIDTH,
    Look,
    Point,
    area,
    belonging,
    legend,
    look,
    marks,
    sample,
    straight,
    svg,
    text,
    texts,
    width_of,
    wrapped,
)
from promo.report.scales import Linear, categories, linear
from promo.report.words import behind

MOST_ROWS = 36
"""Rows of one picture."""
MOST_MARKS = 60
"""Marks of one row."""
LEAST_PLOT = 330.0
"""Width that the axis has at least."""
MOST_WORDS = 250.0
"""Width of a line below a name, from where on it is broken."""
SWATCH = 34.0
"""Room for what stands for a candidate, in front of its name."""
ASIDE = 14.0
"""From the plot to what is written on its right."""
LANES = 12.0
"""Height in which the hosts of a row lie apart."""
FAR = 4
"""Times the width of what decides: values farther off stand at the edge."""
FIGURE = Look(INK, "-1.5-8.5h3v17h-3z", None)
"""What decides: an upright bar."""
REACH = Look(INK, None, "")
BOUND = Look(INK, None, "5 3")
BEFORE, BEHIND = "-4.5 0l7-4.5v9z", "4.5 0l-7-4.5v9z"
"""Marks of values that lie farther to the left, or to the right, than the axis."""


@frozen
class Bounds:
    """What is asked of the figure of a row: between two ends, of which one may be missing."""

    low: Fraction | None
    high: Fraction | None


@frozen
class Strip:
    """One row."""

    candidate: int
    name: str
    beside: str
    """What is told below the name; may be empty."""
    values: tuple[tuple[int, Fraction], ...]
    """(Host by number, value), one a cell."""
    figure: Fraction | None
    reach: Bounds | None
    """Ends of the interval of the figure; one-sided ones have one end."""
    asked: Bounds | None
    """What is asked, where rows differ in that."""
    said: tuple[str, ...]
    """On the right, a line each: the figure and the outcome."""
    kept: bool


@frozen
class Cut:
    """One line through all rows."""

    at: Fraction
    label: str


@frozen
class Strips:
    """Everything that is drawn."""

    rows: tuple[Strip, ...]
    hosts: tuple[str, ...]
    counts: str
    """What the axis counts."""
    figure: str
    """What the upright bar is: `mean`."""
    interval: str
    """What the line through it is; empty where there is none."""
    cut: Cut | None = None
    zero: bool = False
    """Whether nought is on the axis, with a line."""


def strips_svg(strips: Strips, words: str, names: Sequence[str]) -> tuple[str, int]:
    """
    The picture, and how many marks lie beyond its axis.

    Args:
        strips: what is drawn.
        words: the picture in words.
        names: candidates by number.
    """
    strips = evolve(strips, rows=tuple(_thinned(row, max(len(strips.hosts), 1)) for row in strips.rows))
    x = _scale(strips)
    label = width_of(strips.cut.label, bold=True) if strips.cut else 0.0
    left = SWATCH + max((_name_width(row) for row in strips.rows), default=0.0) + GAP
    right = ASIDE + max((width_of(said) for row in strips.rows for said in row.said), default=0.0)
    wide = max(WIDTH - left - right, LEAST_PLOT, max(width_of(strips.counts), label) - left - right)
    size = left + wide + right
    key, top = legend(list(_kinds(strips)), (0, 10), size)
    top += LINE * (strips.cut is not None) + 8
    heights = [_height(row) for row in strips.rows]
    plot = Plot(left, top, wide, max(sum(heights), ROW), x, categories(1, before=Fraction(1), after=Fraction(1)))
    edges = (left - GAP, left + wide + right)
    along = ticks_across(x, left, wide, edges)
    drawn, at, beyond = [key, grid(plot, along, ())], top, 0
    drawn.append(axis_across(plot, along, strips.counts, edges))
    drawn.append(_zero(plot, strips))
    for row, high in zip(strips.rows, heights, strict=True):
        (row_drawn, outside), at = _row(plot, strips, row, (at, high)), at + high
        drawn.append(belonging(row.candidate, row_drawn, names))
        beyond += outside
    drawn.append(_cut(plot, strips.cut, size))
    return svg((size, plot.bottom + UNDER + LINE + 14), words, "".join(drawn)), beyond


# --- axis ----------------------------------------------------------------------------------------------------------


def _scale(strips: Strips) -> Linear:
    """An axis that holds what decides, and everything else that does not make it much longer."""
    core, every = _core(strips), list(_numbers(strips))
    low, high = min(core, default=Fraction(0)), max(core, default=Fraction(0))
    room = FAR * max(high - low, 2 * _off(strips))
    inside = [one for one in every if low - room <= one <= high + room] if room else every
    return linear([*core, *inside], below=Fraction(1, 25), above=Fraction(1, 25))


def _near(strips: Strips) -> list[Strip]:
    """Who is kept, and the best who is not."""
    return [*[row for row in strips.rows if row.kept], *[row for row in strips.rows if not row.kept][:1]]


def _off(strips: Strips) -> Fraction:
    """How far half of their runs are from their figures: candidates may be closer to each other than seeds are."""
    rows = [(row.figure, value) for row in _near(strips) if row.figure is not None for _, value in row.values]
    return median_low([abs(value - figure) for figure, value in rows]) if rows else Fraction(0)


def _core(strips: Strips) -> list[Fraction]:
    """Figures and bounds of who is kept and of the best who is not, and nought where it is drawn."""
    near = _near(strips)
    figures = [row.figure for row in near if row.figure is not None]
    asked = [end for row in near if row.asked for end in (row.asked.low, row.asked.high) if end is not None]
    if strips.zero:
        figures = [row.figure for row in strips.rows if row.figure is not None]
    return [*figures, *asked, *([strips.cut.at] if strips.cut else []), *([Fraction(0)] if strips.zero else [])]


def _numbers(strips: Strips) -> Iterable[Fraction]:
    for row in strips.rows:
        yield from (value for _, value in row.values)
        for ends in (row.reach, row.asked):
            yield from (end for end in ((ends.low, ends.high) if ends else ()) if end is not None)
        if row.figure is not None:
            yield row.figure


def _places(plot: Plot, values: Iterable[Fraction]) -> list[float]:
    """Places in the picture; what lies outside of the plot has one outside of it."""
    span = plot.x.high - plot.x.low if isinstance(plot.x, Linear) else Fraction(1)
    low = plot.x.low if isinstance(plot.x, Linear) else Fraction(0)
    return [plot.left + plot.width * float(min(max((one - low) / span, Fraction(-1)), Fraction(2))) for one in values]


# --- rows ----------------------------------------------------------------------------------------------------------


def _lines(row: Strip) -> list[str]:
    return wrapped(row.beside, MOST_WORDS) if row.beside else []


def _name_width(row: Strip) -> float:
    return max([width_of(row.name), *map(width_of, _lines(row))])


def _height(row: Strip) -> float:
    return ROW + LINE * max(len(_lines(row)), len(row.said) - 1)


def _row(plot: Plot, strips: Strips, row: Strip, at: Point) -> tuple[str, int]:
    """A row between two heights, and how many of its marks lie beyond the axis."""
    top, high = at
    middle, first = top + high / 2, top + ROW / 2 + 2
    own = look(row.candidate)
    drawn = [_asked(plot, row.asked, (top, high)), sample(own, (14, first)), text((SWATCH, first), row.name)]
    drawn.append(texts((SWATCH, first + LINE), _lines(row), "soft"))
    drawn.append(texts((plot.right + ASIDE, middle - LINE * (len(row.said) - 1) / 2), row.said))
    lanes, beyond = max(len(strips.hosts), 1), 0
    for host in range(lanes):
        values = [value for lane, value in row.values if lane == host]
        y = middle + LANES * (2 * host - lanes + 1) / (2 * lanes) * (lanes > 1)
        lane, outside = _marks(plot, values, y, SHAPES[host % len(SHAPES)], f"c{own.colour} cell")
        drawn.append(lane)
        beyond += outside
    drawn.append(_figure(plot, row, middle))
    return "".join(drawn), beyond


def _thinned(row: Strip, lanes: int) -> Strip:
    """A row with as many values of each host as can be drawn."""
    if len(row.values) <= MOST_MARKS:
        return row
    most = max(MOST_MARKS // lanes, 2)
    of_hosts = ((lane, [value for host, value in row.values if host == lane]) for lane in range(lanes))
    return evolve(row, values=tuple((lane, value) for lane, own in of_hosts for value in sampled(own, most)))


def sampled(values: Iterable[Fraction], most: int) -> list[Fraction]:
    """At most so many of some values, at even ranks, the least and the greatest among them."""
    order = sorted(values)
    if len(order) <= most:
        return order
    return [order[place * (len(order) - 1) // (most - 1)] for place in range(most)]


def _marks(plot: Plot, values: Sequence[Fraction], y: float, shape: str, kind: str) -> tuple[str, int]:
    spots = _places(plot, values)
    inside = [(x, y) for x in spots if plot.left <= x <= plot.right]
    drawn = marks(inside, shape, kind)
    for edge, arrow, those in (
        (plot.left + 5, BEFORE, [x for x in spots if x < plot.left]),
        (plot.right - 5, BEHIND, [x for x in spots if x > plot.right]),
    ):
        drawn += marks([(edge, y)] if those else [], arrow, kind)
    return drawn, len(spots) - len(inside)


def _figure(plot: Plot, row: Strip, y: float) -> str:
    """The figure that decides, and its interval, which runs to the edge on a side where it has no end."""
    drawn = ""
    if row.reach is not None:
        low, high = _ends(plot, row.reach)
        drawn = straight((low, y), (high, y), "line")
        drawn += "".join(
            straight((x, y - 5), (x, y + 5), "line")
            for x, end in ((low, row.reach.low), (high, row.reach.high))
            if end is not None and plot.left < x < plot.right
        )
    if row.figure is not None:
        (x,) = _places(plot, [row.figure])
        drawn += marks([(x, y)], FIGURE.shape or "", "figure") if plot.left <= x <= plot.right else ""
    return drawn


def _ends(plot: Plot, ends: Bounds) -> Point:
    """Two ends in the picture, inside of the plot; a missing one is the plot's own."""
    low = plot.left if ends.low is None else _places(plot, [ends.low])[0]
    high = plot.right if ends.high is None else _places(plot, [ends.high])[0]
    return min(max(low, plot.left), plot.right), min(max(high, plot.left), plot.right)


def _asked(plot: Plot, asked: Bounds | None, at: Point) -> str:
    """The part of the axis that a rule asks for, shaded, with a dashed line at each of its ends."""
    if asked is None:
        return ""
    low, high = _ends(plot, asked)
    top, bottom = at[0] + 1, at[0] + at[1] - 1
    drawn = area((low, top), (high, bottom), "zone")
    sides = ((low, asked.low), (high, asked.high))
    return drawn + "".join(straight((x, top), (x, bottom), "axis", BOUND.dash) for x, end in sides if end is not None)


def _zero(plot: Plot, strips: Strips) -> str:
    if not strips.zero:
        return ""
    (x,) = _places(plot, [Fraction(0)])
    return straight((x, plot.top), (x, plot.bottom), "axis")


def _cut(plot: Plot, cut: Cut | None, width: float) -> str:
    """The line that candidates have to be on the better side of, with its name above."""
    if cut is None:
        return ""
    (x,) = _places(plot, [cut.at])
    half = width_of(cut.label, bold=True) / 2
    label = text((max(min(x, width - half), half), plot.top - 10), cut.label, "head", anchor="middle")
    return straight((x, plot.top - 3), (x, plot.bottom), "cut", BOUND.dash) + label


# --- legend --------------------------------------------------------------------------------------------------------


def _kinds(strips: Strips) -> Iterable[tuple[Look, str]]:
    """What stands for what."""
    if len(strips.hosts) > 1:
        for number, host in enumerate(strips.hosts):
            yield Look(INK, SHAPES[number % len(SHAPES)], None), f"a seed on {host}"
    elif any(row.values for row in strips.rows):
        yield Look(INK, SHAPES[0], None), f"a seed{f' on {strips.hosts[0]}' if strips.hosts else ''}"
    yield FIGURE, strips.figure
    if strips.interval:
        yield REACH, strips.interval
    if any(row.asked for row in strips.rows):
        yield BOUND, "bound; what is required is shaded"


def words_of(strips: Strips, unit: str) -> str:
    """The rows in words, for those who cannot see them."""
    said = []
    for row in strips.rows:
        values = [value for _, value in row.values]
        cells = (
            f"{len(values)} cells {rounded(min(values), 4)} to {rounded(max(values), 4)}{behind(unit)}, "
            if values
            else ""
        )
        said.append(f"{row.name}{f' ({row.beside})' if row.beside else ''}: {cells}{', '.join(row.said)}")
    return "; ".join(said) + (f". {strips.cut.label}: {rounded(strips.cut.at, 4)}{behind(unit)}" if strips.cut else "")
