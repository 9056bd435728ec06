"""
Pieces of pictures to SVG.

A picture says what things are (`k3` belongs to candidate 3, `c3` has the fourth colour, `grid`, `soft`) and
`templates/picture.css` says how that looks, on light and dark pages and on paper; texts stay texts.  A candidate has
the same colour, marker and dash in every picture.  Nothing has an identifier, so any number of pictures share a page,
and nothing but the drawing itself decides the bytes.

Lengths are in units of the picture.  It is shown at about one pixel a unit where there is room, and never so small that
its texts fall below `LEAST_PX`: then it scrolls.  On paper they have `LEAST_PT` or more.  How wide a text is depends on
a font that only the page knows; widths are those of a wide one, DejaVu Sans, and a picture grows when its texts need
that.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

from promo.base.classes import frozen
from promo.base.resources import template_folder
from promo.base.units import is_digits
from promo.base.visible import on_one_line

WIDTH = 840.0
"""Of a picture that needs no more."""
FONT, LEAST_PX = 13.0, 11.0
"""Size of a text, and how small it may be shown, in pixels of CSS."""
LEAST_PT = 7.0
"""How small it may be printed, in points."""
PAGE = 950.0
"""Pixels that a page has for a picture at most; a larger one scrolls everywhere."""
MARGIN = 16.0
"""Around a picture that is a file of its own."""
ROW = 20.0
"""From one line of text to the next where each has a mark."""
LINE = 16.0
"""From one line of a text to the next."""
COLOURS = 8
INK = -1
"""Colour of what belongs to no candidate: that of texts."""
SHAPES = (
    "-3.7 0a3.7 3.7 0 1 0 7.4 0a3.7 3.7 0 1 0-7.4 0z",
    "-3.4-3.4h6.8v6.8h-6.8z",
    "0-4.6l4.4 7.7h-8.8z",
    "0-4.9l4.9 4.9l-4.9 4.9l-4.9-4.9z",
    "0 4.6l-4.4-7.7h8.8z",
    "-1.5-4.4h3v2.9h2.9v3h-2.9v2.9h-3v-2.9h-2.9v-3h2.9z",
    "-4.6 0l7.7-4.4v8.8z",
    "0-5.2l1.3 3.5h3.7l-2.9 2.4l1 3.7l-3.1-2.1l-3.1 2.1l1-3.7l-2.9-2.4h3.7z",
)
"""Circle, square, triangle, diamond, triangle upside down, plus, triangle to the left and star: from their middles."""
CROSS = "-3.6-3.6l7.2 7.2m0-7.2l-7.2 7.2"
"""Of who is dropped; no candidate's own mark looks like it."""
DASHES = ("", "7 2.5", "2 2", "7 2.5 2 2.5")
EMS = {
    character: em
    for characters, em in (
        (" '|IJijl", 0.35),
        ("!(),-./:;[\\]`frt", 0.42),
        ('"*?F_Lckszxvy', 0.6),
        ("&DGHNOQU", 0.8),
        ("#+<=>M^w~×−", 0.88),
        ("%@Wm", 1.0),
    )
    for character in characters
}
"""Width of characters over the size of the text; of other ones of ASCII it is less than 0.71."""

Point = tuple[float, float]


@frozen
class Look:
    """How something is drawn."""

    colour: int
    shape: str | None
    """Of its marks; None where it has none."""
    dash: str | None
    """Of its line; None where it has none."""


def look(candidate: int) -> Look:
    """Colour, mark and dash of a candidate, the same in every picture."""
    shape = SHAPES[(candidate + candidate // COLOURS) % len(SHAPES)]
    return Look(candidate % COLOURS, shape, DASHES[(candidate // 2) % len(DASHES)])


def width_of(text: str, *, bold: bool = False) -> float:
    """About how wide a line of text is at most."""
    return FONT * sum(map(_em, on_one_line(text))) * (1.15 if bold else 1.0)


def _em(character: str) -> float:
    if character.isascii():
        return EMS.get(character, 0.66 if character.islower() or is_digits(character) else 0.71)
    if unicodedata.combining(character):
        return 0.0
    return EMS.get(character, 1.1 if unicodedata.east_asian_width(character) in "WF" else 0.8)


def wrapped(words: str, wide: float) -> list[str]:
    """Words on lines of at most such a width, broken at spaces; a single word may be wider."""
    lines: list[str] = []
    for word in words.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(joined) <= wide:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def escaped(words: str) -> str:
    """Words as a picture may hold them: nothing in them is markup, steers or hides."""
    return escape(on_one_line(words))


def text(at: Point, words: str, kind: str = "", *, anchor: str = "start") -> str:
    """
    A text on a line.

    Args:
        at: the start, middle or end of the line, and its height in the middle of small letters and capitals.
        words: anything; it is escaped.
        kind: classes of the style sheet: `head`, `soft`.
        anchor: what *at* is: `start`, `middle` or `end`.
    """
    kind, side = f' class="{kind}"' if kind else "", f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{at[0]:.1f}" y="{at[1] + 0.35 * FONT:.1f}"{kind}{side}>{escaped(words)}</text>'


def texts(at: Point, lines: Iterable[str], kind: str = "", *, anchor: str = "start") -> str:
    """Lines of text below each other."""
    return "".join(text((at[0], at[1] + LINE * row), line, kind, anchor=anchor) for row, line in enumerate(lines))


def line(path: str, kind: str, dash: str | None = "") -> str:
    """A path that is drawn and not filled; nothing for an empty one."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path class="{kind}" d="{path}" fill="none" stroke="currentColor"{dashed}/>' if path else ""


def straight(start: Point, end: Point, kind: str, dash: str | None = "") -> str:
    """A straight line."""
    return line(f"M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}", kind, dash)


def area(start: Point, end: Point, kind: str) -> str:
    """A filled box between two corners; nothing where it has no width."""
    if end[0] <= start[0]:
        return ""
    wide, high = end[0] - start[0], end[1] - start[1]
    path = f"M{start[0]:.1f} {start[1]:.1f}h{wide:.1f}v{high:.1f}h{-wide:.1f}z"
    return f'<path class="{kind}" d="{path}" fill="currentColor"/>'


def marks(points: Iterable[Point], shape: str, kind: str) -> str:
    """Marks of one shape as one path; nothing where there are none."""
    path = "".join([f"M{x:.1f} {y:.1f}m{shape}" for x, y in points])
    if shape == CROSS:
        return line(path, kind)
    return f'<path class="{kind}" d="{path}" fill="currentColor"/>' if path else ""


def belonging(candidate: int, drawn: str, names: Sequence[str]) -> str:
    """What belongs to a candidate, with its name for a pointer; nothing where nothing is drawn."""
    title = f"<title>{escaped(names[candidate])}</title>" if names else ""
    return f'<g class="k k{candidate}">{title}{drawn}</g>' if drawn else ""


def legend(entries: Sequence[tuple[Look, str]], at: Point, width: float) -> tuple[str, float]:
    """
    What stands for what, in as many rows as that takes.

    Args:
        entries: looks and their names.
        at: left end and middle of the first row.
        width: of a row, unless one entry alone is wider.

    Returns:
        The drawing, and its height.
    """
    drawn, x, y = [], at[0], at[1]
    for style, name in entries:
        wide = 44 + width_of(name)
        if x > at[0] and x + wide > at[0] + width:
            x, y = at[0], y + ROW
        drawn.append(sample(style, (x + 13, y)) + text((x + 32, y), name))
        x += wide + 8
    return "".join(drawn), y + ROW - at[1] if entries else 0.0


def sample(style: Look, at: Point) -> str:
    """A short line with one mark: how something looks."""
    own = f"c{style.colour}"
    stroke = "" if style.dash is None else straight((at[0] - 13, at[1]), (at[0] + 13, at[1]), f"{own} line", style.dash)
    return stroke + ("" if style.shape is None else marks([at], style.shape, own))


def svg(size: Point, words: str, drawn: str) -> str:
    """
    A picture for a page.

    Args:
        size: its width and height.
        words: the picture in words, for those who cannot see it.
        drawn: everything in it.
    """
    wide = round(size[0])  # as it is drawn: a sum of parts may be the least bit more
    kind = (
        "picture"
        + " small" * (wide <= WIDTH / 2)
        + " long" * (wide > WIDTH)
        + " over" * (wide * LEAST_PX / FONT > PAGE)
    )
    return (
        f'<svg class="{kind}" viewBox="0 0 {wide} {size[1]:.0f}" style="--wide:{wide}" role="img" '
        f'aria-label="{escaped(words)}">{drawn}</svg>'
    )


def document(size: Point, title: str, words: str, drawn: str) -> str:
    """
    A picture as a file of its own, with the style that a page would give it.

    Args:
        size: its width and height.
        title: what it shows.
        words: the picture in words.
        drawn: everything in it.
    """
    style = (template_folder() / "picture.css").read_text(encoding="utf-8")
    wide, high = (f"{length + 2 * MARGIN:.0f}" for length in size)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" width="{wide}" height="{high}" '
        f'viewBox="{-MARGIN:.0f} {-MARGIN:.0f} {wide} {high}" role="img">\n'
        f"<title>{escaped(title)}</title><desc>{escaped(words)}</desc>\n<style>\n{style}</style>\n{drawn}</svg>\n"
    )


def marks_svg(candidates: Iterable[int]) -> str:
    """What stands for candidates in tables: a piece of line with the marker, one symbol `mark-NUMBER` each."""
    symbols = "".join(_symbol(candidate) for candidate in candidates)
    return f'<svg class="marks" aria-hidden="true"><defs>{symbols}</defs></svg>'


def _symbol(candidate: int) -> str:
    return f'<symbol id="mark-{candidate}" viewBox="-15 -6 30 12">{sample(look(candidate), (0, 0))}</symbol>'
