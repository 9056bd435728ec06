"""
Points and numbers to a plot with its axes.

A plot is a box in a picture with a scale along each side.  Lines end where they leave the box, so nothing is drawn over
what stands beside it; which ticks there are follows from how much room their labels have.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from promo.base.classes import frozen
from promo.report.canvas import LINE, Look, Point, marks, straight, text, texts, width_of
from promo.report.scales import Scale, Tick

GAP = 12.0
"""Least distance between two labels."""
TICK_ROOM = 36.0
"""Height that a label of a vertical axis has to itself."""
MOST_ACROSS = 9
PAD = 8.0
"""Between an axis and its labels."""
EDGE = 16.0
"""Between a plot and the right edge of its picture."""
UNDER = 16.0
"""From a lower axis to the middle of its labels."""
Segment = tuple[Point, Point]


@frozen
class Plot:
    """A box and its scales; the vertical one grows upwards."""

    left: float
    top: float
    width: float
    height: float
    x: Scale
    y: Scale

    @property
    def right(self) -> float:
        """The right side."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower side."""
        return self.top + self.height

    def spots(self, points: Iterable[Point]) -> list[Point]:
        """Where points are in the picture, which may be outside of the plot."""
        both = list(points)
        xs, ys = self.x.places([x for x, _ in both]), self.y.places([y for _, y in both])
        return [(self.left + self.width * x, self.bottom - self.height * y) for x, y in zip(xs, ys, strict=True)]

    def line(self, points: Sequence[Point]) -> str:
        """A line through points as path data, where it is inside of the plot; empty for fewer than two points."""
        parts: list[str] = []
        end = None
        for start, stop in pairwise(self.spots(points)):
            inside = self._inside(start, stop)
            if inside is None:
                continue
            if inside[0] != end:
                parts.append(f"M{inside[0][0]:.1f} {inside[0][1]:.1f}L")
            parts.append(f"{inside[1][0]:.1f} {inside[1][1]:.1f} ")
            end = inside[1]
        return "".join(parts).rstrip()

    def _inside(self, start: Point, stop: Point) -> Segment | None:
        """
        The part of a straight line that is inside of the plot.

        Source: Liang & Barsky (1984), "A new concept and method for line clipping".
        """
        low, high = (self.left, self.top), (self.right, self.bottom)
        if all(low[side] <= one[side] <= high[side] for one in (start, stop) for side in (0, 1)):
            return start, stop
        first, last = 0.0, 1.0
        for side in (0, 1):
            way = stop[side] - start[side]
            for edge, inward in ((low[side], 1), (high[side], -1)):
                room = inward * (start[side] - edge)
                if not way:
                    if room < 0:
                        return None
                elif inward * way > 0:
                    first = max(first, -room / (inward * way))
                else:
                    last = min(last, -room / (inward * way))
        if first > last:
            return None
        ends = (
            (start[0] + part * (stop[0] - start[0]), start[1] + part * (stop[1] - start[1])) for part in (first, last)
        )
        held = [tuple(min(max(end[side], low[side]), high[side]) for side in (0, 1)) for end in ends]
        return (held[0][0], held[0][1]), (held[1][0], held[1][1])

    def marks(self, points: Iterable[Point], style: Look) -> str:
        """Marks at points, which have to lie on the axes."""
        return "" if style.shape is None else marks(self.spots(points), style.shape, f"c{style.colour}")


def ticks_up(scale: Scale, height: float) -> tuple[Tick, ...]:
    """Ticks of a vertical axis."""
    return scale.ticks(max(int(height / TICK_ROOM), 2))


def ticks_across(scale: Scale, left: float, width: float, edges: Point) -> tuple[Tick, ...]:
    """
    Ticks of a horizontal axis, so many that their labels have room; at least one.

    Args:
        scale: of the axis.
        left: where the axis begins.
        width: its length.
        edges: between which the labels have to stay.
    """
    for most in range(MOST_ACROSS, 1, -1):
        ticks = scale.ticks(most)
        centres = [held(tick, left + width * tick.place, edges) for tick in ticks]
        wide = [width_of(tick.label) for tick in ticks]
        if all(
            centres[one + 1] - centres[one] >= (wide[one] + wide[one + 1]) / 2 + GAP for one in range(len(ticks) - 1)
        ):
            return ticks
    return ticks[:1]


def held(tick: Tick, at: float, edges: Point) -> float:
    """The middle of a label that stands at a place unless an edge pushes it aside."""
    half = max(map(width_of, tick.label.split("\n"))) / 2
    return max(min(at, edges[1] - half), edges[0] + half)


def room_for(ticks: Iterable[Tick]) -> float:
    """Room that the labels of a vertical axis need beside it."""
    return PAD + max((width_of(one) for tick in ticks for one in tick.label.split("\n")), default=0.0)


def grid(plot: Plot, across: Iterable[Tick], up: Iterable[Tick]) -> str:
    """Thin lines at ticks."""
    xs = (plot.left + plot.width * tick.place for tick in across)
    ys = (plot.bottom - plot.height * tick.place for tick in up)
    return "".join(
        [
            *(straight((x, plot.top), (x, plot.bottom), "grid") for x in xs),
            *(straight((plot.left, y), (plot.right, y), "grid") for y in ys),
        ]
    )


def axis_across(plot: Plot, ticks: Iterable[Tick], label: str, edges: Point) -> str:
    """
    The lower axis: its line, labels and what it counts.

    Args:
        plot: the plot.
        ticks: labels may have several lines.
        label: what it counts; may be empty, and reach below what stands left of the plot.
        edges: between which the labels have to stay.
    """
    drawn, rows = [straight((plot.left, plot.bottom), (plot.right, plot.bottom), "axis")], 1
    for tick in ticks:
        lines = tick.label.split("\n")
        x = plot.left + plot.width * tick.place
        drawn.append(straight((x, plot.bottom), (x, plot.bottom + 4), "axis"))
        drawn.append(texts((held(tick, x, edges), plot.bottom + UNDER), lines, anchor="middle"))
        rows = max(rows, len(lines))
    if label:
        half, middle = width_of(label) / 2, plot.left + plot.width / 2
        at = (max(min(middle, edges[1] - half), half), plot.bottom + UNDER + LINE * rows + 2)
        drawn.append(text(at, label, "soft", anchor="middle"))
    return "".join(drawn)


def axis_up(plot: Plot, ticks: Iterable[Tick]) -> str:
    """Labels of the left axis."""
    at = plot.left - PAD
    return "".join(
        texts(
            (at, plot.bottom - plot.height * tick.place - LINE * tick.label.count("\n") / 2),
            tick.label.split("\n"),
            anchor="end",
        )
        for tick in ticks
    )


def upright(plot: Plot, at: float) -> Segment:
    """The ends of a vertical line at a number."""
    (place,) = plot.x.places([at])
    x = plot.left + plot.width * place
    return (x, plot.top), (x, plot.bottom)


def level(plot: Plot, at: float) -> Segment:
    """The ends of a horizontal line at a number."""
    (place,) = plot.y.places([at])
    y = plot.bottom - plot.height * place
    return (plot.left, y), (plot.right, y)
