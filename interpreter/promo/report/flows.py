"""What a report draws of candidates from stage to stage: the ladder, whose bands are cost, and ranks."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from promo.base.classes import frozen
from promo.report.canvas import (
    CROSS,
    LINE,
    ROW,
    WIDTH,
    Point,
    belonging,
    line,
    look,
    marks,
    straight,
    svg,
    text,
    texts,
    width_of,
    wrapped,
)
from promo.report.changed import beside

ASIDE = 10.0
"""From the middle of a mark to what is written beside it."""
APART = 24.0
"""Least room between what belongs to two stages."""
BESIDE = 6.0
"""From a name to the band that begins there."""
STUB = 36.0
"""Room for a band beside a stage, and length of what is shown of one that leads to another row."""
WHOLE = 36.0
"""Width of a band that stands for all of a study's time."""
BROKEN = "broken band"
"""Class of the ends of a band that leads to another row."""
THIN = 2.0
"""Width of the thinnest band."""
MOST_WORDS = 170.0
"""Width of a line of what changed, from where on it is broken."""
TALLEST = 860.0
"""Height of all ranks, where they are many."""
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""From one rank that has a number to the next."""


@frozen
class Rung:
    """A stage of the ladder: who stands where, and who is promoted."""

    title: str
    subtitle: str
    order: tuple[int, ...]
    """Candidates by rank, best first."""
    values: tuple[str, ...]
    """Their figures, in the same order."""
    more: int
    """How many others were there, behind or between them."""
    goes_on: frozenset[int]
    decided: bool
    """Whether a gate behind the stage has decided."""
    target: int | None
    """Index of the rung that its gate leads to."""
    weight: float
    """Share of the study's budget that one candidate has there, 0 to 1."""

    @property
    def entries(self) -> list[tuple[int, str]]:
        """Candidates with their figures."""
        return list(zip(self.order, self.values, strict=True))


def ladder_svgs(rungs: Sequence[Rung], names: Sequence[str], changed: Sequence[str], words: str) -> list[str]:
    """
    The ladder: candidates by rank at each stage, joined where a gate promotes them.

    Stages that have no room side by side stand in further pictures, so that a page may end between two.  What changed
    in a candidate is told where it comes first in each of them.

    Args:
        rungs: stages in order.
        names: candidates by number.
        changed: what changed in each; empty for the one that others are compared with.
        words: all of it in words.
    """
    targets = {rung.target for rung in rungs}
    called = list(map(beside, names, changed))
    at: list[_Spots] = []
    drawn: list[list[str]] = []
    sizes = []
    shelves, told, extents = _shelves(rungs, names, changed, targets)
    for number, shelf in enumerate(shelves):
        here = [rungs[index] for index in shelf]
        fill = WIDTH if number < len(shelves) - 1 or _begins(rungs, shelf[0]) else 0.0
        xs, width = _columns([extents[index] for index in shelf], fill, before=0.5)
        first = LINE * (1 + max(rung.subtitle.count("\n") + 1 for rung in here)) + ROW
        placed = [_placed(rungs[index], x, first, told[index], number) for index, x in zip(shelf, xs, strict=True)]
        at += placed
        drawn.append([_rung(rung, spots, names, called) for rung, spots in zip(here, placed, strict=True)])
        sizes.append((max(WIDTH, width), max(spots.end for spots in placed)))
    bands: list[list[str]] = [[] for _ in shelves]
    for number, band in _bands(rungs, names, at, called):
        bands[number].append(band)
    said = [words] * bool(shelves) + [
        f"The ladder, continued from stage {rungs[shelf[0]].title} on." for shelf in shelves[1:]
    ]
    pictures = zip(sizes, said, bands, drawn, strict=True)
    return [svg(size, each, "".join([*under, *over])) for size, each, under, over in pictures]


Told = Mapping[int, Sequence[str]]
"""Candidate -> what changed in it, in lines."""


@frozen
class _Spots:
    """Where the marks of a stage are, and below whose names what changed is told."""

    x: float
    ys: tuple[float, ...]
    told: Told
    end: float
    """Below everything."""
    shelf: int
    """Number of the picture that it stands in."""


def _placed(rung: Rung, x: float, first: float, told: Told, shelf: int) -> _Spots:
    """A stage whose first mark is at a height."""
    ys, y = [], first
    for one in rung.order:
        ys.append(y)
        y += ROW + LINE * len(told.get(one, ()))
    return _Spots(x, tuple(ys), told, max(y + ROW * bool(rung.more), first + ROW), shelf)


def _extent(rung: Rung, names: Sequence[str], told: Told, *, reached: bool) -> Point:
    """How far a stage reaches to the left and to the right of its marks, with bands that lead there and away."""
    heads = (width_of(rung.title, bold=True), *map(width_of, (*rung.subtitle.split("\n"), _more(rung))))
    beside = max(_names_end(rung, names), *(width_of(one) for lines in told.values() for one in lines), 0.0)
    away = BESIDE + STUB if rung.target is not None and rung.goes_on else 0.0
    return max(max(heads) / 2, STUB * reached), max(max(heads) / 2, ASIDE + beside + away)


def _values_at(rung: Rung, names: Sequence[str]) -> float:
    """From where names begin to where their values do."""
    return max((width_of(names[one]) for one in rung.order), default=0.0) + BESIDE


def _names_end(rung: Rung, names: Sequence[str]) -> float:
    """From where names begin to where values end."""
    return _values_at(rung, names) + max(map(width_of, rung.values), default=0.0)


def _more(rung: Rung) -> str:
    return f"and {rung.more:,} more" if rung.more else ""


def _shelves(
    rungs: Sequence[Rung], names: Sequence[str], changed: Sequence[str], targets: Collection[int | None]
) -> tuple[list[list[int]], list[Told], list[Point]]:
    """
    The stages of each row, as many as it has room for; a stage that no gate joins with one before it begins a row.

    Returns:
        Stages by row, and for each stage what is told at it and how far it reaches.
    """
    shelves: list[list[int]] = []
    told: list[Told] = []
    extents: list[Point] = []
    edge, seen = WIDTH + 1, set[int]()
    for index, rung in enumerate(rungs):
        words = {one: wrapped(changed[one], MOST_WORDS) for one in rung.order}
        news = {one: lines for one, lines in words.items() if one not in seen}
        extent = _extent(rung, names, news, reached=index in targets)
        if _begins(rungs, index) or edge + sum(extent) > WIDTH:
            shelves.append([])
            edge, seen, news = 0.0, set[int](), words
            extent = _extent(rung, names, news, reached=index in targets)
        shelves[-1].append(index)
        edge += sum(extent) + APART
        seen |= set(rung.order)
        told.append(news)
        extents.append(extent)
    return shelves, told, extents


def _begins(rungs: Sequence[Rung], index: int) -> bool:
    """
    Whether a stage begins a row: no gate leads from a stage before it to it or to one behind it.

    Where no gate leads anywhere, all stages stand side by side.
    """
    joined = any(rung.target is not None for rung in rungs)
    return joined and all((rung.target or 0) < index for rung in rungs[:index])


def _rung(rung: Rung, at: _Spots, names: Sequence[str], called: Sequence[str]) -> str:
    """A stage: what it is, and below that who is there."""
    x = at.x
    drawn = [text((x, 9), rung.title, "head", anchor="middle")]
    drawn.append(texts((x, 9 + LINE), rung.subtitle.split("\n"), "soft", anchor="middle"))
    for (candidate, value), y in zip(rung.entries, at.ys, strict=True):
        style, kept = look(candidate), candidate in rung.goes_on or not rung.decided
        own = f"c{style.colour}"
        entry = marks([(x, y)], style.shape or "", own) if kept else marks([(x, y)], CROSS, f"{own} line")
        entry += text((x + ASIDE, y), names[candidate]) + text((x + ASIDE + _values_at(rung, names), y), value, "soft")
        entry += texts((x + ASIDE, y + LINE), at.told.get(candidate, ()), "soft")
        drawn.append(belonging(candidate, entry, called))
    if rung.more:
        drawn.append(text((x, at.end - ROW), _more(rung), "soft", anchor="middle"))
    return "".join(drawn)


def _bands(
    rungs: Sequence[Rung], names: Sequence[str], at: Sequence[_Spots], called: Sequence[str]
) -> Iterable[tuple[int, str]]:
    """
    From the values of who is promoted to their marks at the next stage, as wide as the time of each there.

    Each comes with the number of its picture; of one that leads to another picture both ends come, each in its own.
    """
    for index, rung in enumerate(rungs):
        if rung.target is None:
            continue
        target, here, there = rungs[rung.target], at[index], at[rung.target]
        begin = here.x + ASIDE + _names_end(rung, names) + BESIDE
        for candidate, y in zip(rung.order, here.ys, strict=True):
            if candidate not in rung.goes_on or candidate not in target.order:
                continue
            start, end = (begin, y), (there.x, there.ys[target.order.index(candidate)])
            if here.shelf == there.shelf and there.x > begin:
                kind, paths = "band", [(here.shelf, _band(start, end))]
            else:
                kind = BROKEN
                paths = [(here.shelf, _stub(start)), (there.shelf, _stub((end[0] - STUB, end[1])))]
            for shelf, path in paths:
                wide = max(WHOLE * target.weight, THIN)
                drawn = (
                    f'<path class="c{look(candidate).colour} {kind}" d="{path}" fill="none" stroke="currentColor" '
                    f'stroke-width="{wide:.1f}"/>'
                )
                yield shelf, belonging(candidate, drawn, called)


def _band(start: Point, end: Point) -> str:
    middle = (start[0] + end[0]) / 2
    return f"M{_at(start)}C{_at((middle, start[1]))} {_at((middle, end[1]))} {_at(end)}"


def _stub(start: Point) -> str:
    """An end of a band that leads to another row."""
    return f"M{_at(start)}h{STUB:.0f}"


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"


def _columns(extents: Sequence[Point], fill: float, before: float) -> tuple[list[float], float]:
    """
    Places of stages side by side, and the width of them all.

    Args:
        extents: how far each reaches to the left and to the right of its place.
        fill: width that they share even if they need less.
        before: of the room that is left over, how much stands in front of the first stage and behind the last, as a
            share of what stands between two.
    """
    gaps = max(len(extents) - 1, 0)
    need = sum(left + right for left, right in extents) + APART * gaps
    share = max(fill - need, 0.0) / max(gaps + 2 * before, 1)
    at, edge = [], share * before
    for left, right in extents:
        at.append(edge + left)
        edge += left + right + APART + share
    return at, max(need, WIDTH)


def ranks_svg(
    stages: Sequence[str], lines: Sequence[tuple[int, Sequence[int | None]]], names: Sequence[str], words: str
) -> str:
    """
    Ranks from stage to stage, a line a candidate, the best on top.

    Args:
        stages: names in order; each may have several lines.
        lines: (candidate, its rank at each stage or None where it was not).
        names: candidates by number.
        words: the picture in words.
    """
    seen = {candidate: [(at, rank) for at, rank in enumerate(ranks) if rank is not None] for candidate, ranks in lines}
    most = max((rank for points in seen.values() for _, rank in points), default=1)
    row = min(ROW, TALLEST / most)
    ends = [_ending(seen, stage) for stage in range(len(stages))]
    at, width = _columns(_extents(stages, ends, names, most), WIDTH, before=0.0)
    head = LINE * max((stage.count("\n") + 1 for stage in stages), default=1)
    first = head + ROW
    last = first + row * (most - 1)
    drawn = [*_rank_axis(most, row, first, (at[0], at[-1])), text((0, head / 2), "rank", "soft")]
    for x, stage in zip(at, stages, strict=True):
        drawn.append(texts((x, LINE / 2), stage.split("\n"), anchor="middle"))
        drawn.append(straight((x, head + 2), (x, last + ROW / 2), "grid"))
    for candidate, points in seen.items():
        spots = [(at[stage], first + row * (rank - 1)) for stage, rank in points]
        drawn.append(belonging(candidate, _line(candidate, spots), names))
    lowest = last
    for x, ending in zip(at, ends, strict=True):
        beside = _apart([first + row * (seen[one][-1][1] - 1) for one in ending])
        drawn += _ends(x, dict(zip(ending, beside, strict=True)), names)
        lowest = max([lowest, *(placed for _, placed in beside)])
    return svg((width, lowest + ROW / 2), words, "".join(drawn))


def _extents(stages: Sequence[str], ends: Sequence[Sequence[int]], names: Sequence[str], most: int) -> list[Point]:
    """How far each stage reaches to its left, with the axis in front of the first, and to its right, with names."""
    extents: list[Point] = []
    for stage, ending in zip(stages, ends, strict=True):
        half = max(map(width_of, stage.split("\n"))) / 2
        left = half if extents else max(width_of(f"{most:,}") + 16, half + width_of("rank") + 12)
        names_end = ASIDE + 8 + max((width_of(names[one]) for one in ending), default=0.0)
        extents.append((left, max(half, names_end)))
    return extents


def _apart(heights: Iterable[float]) -> list[Point]:
    """Heights of marks from the top down, each with that of its name, moved down where two names would touch."""
    found, free = [], float("-inf")
    for height in heights:
        placed = max(height, free)
        found.append((height, placed))
        free = placed + LINE - 1
    return found


def _ending(seen: Mapping[int, Sequence[tuple[int, int]]], stage: int) -> list[int]:
    """Candidates whose line ends at a stage, best first."""
    ending = [candidate for candidate, points in seen.items() if points and points[-1][0] == stage]
    return sorted(ending, key=lambda candidate: seen[candidate][-1][1])


def _rank_axis(most: int, row: float, first: float, ends: Point) -> Iterable[str]:
    """As many ranks as have room, and thin lines at them."""
    step = next((step for step in STEPS if step * row >= LINE), most)
    for rank in sorted({1, *range(step, most + 1, step)}):
        y = first + row * (rank - 1)
        if rank == 1 or (rank - 1) * row >= LINE:
            yield straight((ends[0], y), (ends[1], y), "grid") + text((ends[0] - 12, y), f"{rank:,}", anchor="end")


def _line(candidate: int, points: Sequence[Point]) -> str:
    style = look(candidate)
    own = f"c{style.colour}"
    path = "M" + "L".join(map(_at, points))
    return line(path, f"{own} line", style.dash) + marks(points, style.shape or "", own)


def _ends(x: float, ending: Mapping[int, Point], names: Sequence[str]) -> Iterable[str]:
    """Names beside the ends of lines; those that were moved are led to."""
    for candidate, (height, placed) in ending.items():
        lead = straight((x + 5, height), (x + ASIDE + 6, placed), "grid") if placed > height + 2 else ""
        yield belonging(candidate, lead + text((x + ASIDE + 8 * bool(lead), placed), names[candidate]), names)
