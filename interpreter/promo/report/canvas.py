"""
Figures to SVG that takes its colours and fonts from the page around it.

Matplotlib draws; afterwards every colour becomes a CSS variable, so that one picture serves light and dark pages and
paper, and texts stay texts.  A candidate has the same colour, marker and dash in every picture, and what belongs to it
is one group, so that a page can tell its name and light it up.  Margins are computed and not searched for, since the
page's own font decides how long a text is anyhow.
"""

import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7b61c9", "#8f7f3f")
"""Okabe & Ito (2008) with two more; the page names them --c0 to --c7."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1.5, 1.2), (5, 1.5, 1.5, 1.5))
INK, LINE = "#123456", "#654321"
"""Stand-ins for the page's text and line colours."""
WIDTH_IN = 9.0
CHARACTER_IN = 0.075
"""About how wide a character of an axis is."""
SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "promo",
    "path.simplify": True,
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "grid.color": LINE,
}


def look(candidate: int) -> Mapping[str, Any]:
    """Colour, marker and dash of a candidate, the same in every picture."""
    count = len(COLOURS)
    dash = DASHES[(candidate // 2) % len(DASHES)]
    return {
        "color": COLOURS[candidate % count],
        "marker": MARKERS[(candidate + candidate // count) % len(MARKERS)],
        "linestyle": (0, dash) if dash else "-",
    }


def figure_of(
    panels: int, *, height: float, width: float = WIDTH_IN, left: float = 0.75, bottom: float = 0.5, top: float = 0.3
) -> tuple[Any, Any]:
    """
    An empty figure with panels side by side.

    Args:
        panels: how many.
        height: of the figure, in inches, as all lengths here.
        width: of the figure.
        left: room for what stands beside the first panel.
        bottom: room below the panels.
        top: room above them.
    """
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(SETTINGS)
    figure = Figure(figsize=(width, height))
    figure.patch.set_alpha(0.0)
    axes = figure.subplots(1, panels, squeeze=False, sharey=True)[0]
    figure.subplots_adjust(
        left=left / width, right=1 - 0.15 / width, bottom=bottom / height, top=1 - top / height, wspace=0.06
    )
    for place in axes:
        place.patch.set_alpha(0.0)
        place.grid(visible=True, alpha=0.25, linewidth=0.6)
    return figure, axes


def belongs(artist: Any, candidate: int) -> None:
    """Say that something drawn belongs to a candidate."""
    artist.set_gid(f"candidate-{candidate}")


def svg_of(figure: Any, description: str, names: Sequence[str] = ()) -> str:
    """
    A figure as SVG for a page.

    Args:
        figure: drawn by matplotlib.
        description: the picture in words, for those who cannot see it.
        names: candidates by number; a pointer over what belongs to one shows its name.
    """
    from markupsafe import escape

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    view_box = re.search(r'viewBox="([^"]+)"', text)
    assert view_box is not None
    text = text[text.index(">", text.index("<svg")) + 1 :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _named(_short(text), names)
    shape = ' class="long"' if figure.get_figwidth() > WIDTH_IN else ""
    return f'<svg viewBox="{view_box[1]}"{shape} role="img" aria-label="{escape(description)}">{text}'


_GROUP = re.compile(r'<g id="candidate-(\d+)">')
_ANY_ID = re.compile(r' id="(?![mp][0-9a-f]{10}")[^"]*"')
_OWN_ID = re.compile(r'((?: id="|#))([mp][0-9a-f]{10})')
_MARKS = re.compile(r'(<use [^>]*?) style="([^"]*)"/>((?:\s*<use [^>]*? style="\2"/>)*)')
_DIGITS = re.compile(r"(\d\.\d\d)\d+")
_FONT = re.compile(r"font: (?:(bold|700) )?([\d.]+)px [^;\"]*")


def _short(text: str) -> str:
    """Page colours, hundredths of a point, one style for a row of marks, and no identifiers but those that are used."""
    for number, colour in enumerate(COLOURS):
        text = text.replace(colour, f"var(--c{number})")
    text = text.replace(INK, "var(--ink)").replace(LINE, "var(--line)").replace("xlink:href", "href")
    text = _FONT.sub(r"font-size: \2px; font-weight: \1", text)
    text = text.replace("font-weight: ;", "").replace('font-weight: "', '"')
    text = re.sub(r"<[^>]+>", lambda tag: _DIGITS.sub(r"\1", tag[0]), text)
    text = _MARKS.sub(_one_style, text)
    text = _GROUP.sub(r'<g class="k k\1">', text)
    text = _ANY_ID.sub("", text)
    # Identifiers are digests of what they name; two pictures on one page must not share them all the same.
    own = hashlib.sha256(text.encode()).hexdigest()[:6]
    text = _OWN_ID.sub(rf"\g<1>\g<2>-{own}", text)
    return re.sub(r"\s*\n\s*", "\n", text)


def _one_style(found: re.Match[str]) -> str:
    marks = f"{found[1]}/>{found[3]}".replace(f' style="{found[2]}"', "")
    return f'<g style="{found[2]}">{marks}</g>'


def _named(text: str, names: Sequence[str]) -> str:
    """The name of a candidate inside each group of its own."""
    from markupsafe import escape

    if not names:
        return text
    return re.sub(
        r'(<g class="k k(\d+)">)', lambda found: f"{found[1]}<title>{escape(names[int(found[2])])}</title>", text
    )


def marks_svg(candidates: Iterable[int]) -> str:
    """What stands for candidates in tables: a piece of line with the marker, one symbol `mark-NUMBER` each."""
    symbols = "".join(_symbol(candidate) for candidate in candidates)
    return f'<svg class="marks" aria-hidden="true"><defs>{symbols}</defs></svg>'


def _symbol(candidate: int) -> str:
    dash = DASHES[(candidate // 2) % len(DASHES)]
    dashed = f' stroke-dasharray="{" ".join(f"{1.6 * length:g}" for length in dash)}"' if dash else ""
    colour = f"var(--c{candidate % len(COLOURS)})"
    return (
        f'<symbol id="mark-{candidate}" viewBox="-15 -6 30 12"><path d="M-15 0H15" stroke="{colour}" '
        f'stroke-width="1.6"{dashed}/><path d="{_outline(look(candidate)["marker"])}" fill="{colour}"/></symbol>'
    )


@cache
def _outline(marker: str) -> str:
    """Outline of a marker as SVG path data, about ten units across."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    turned = (points for points, _ in path.iter_segments(curves=False, simplify=False))
    return "M" + "L".join(f"{10 * x:.1f} {-10 * y:.1f}" for x, y in turned if (x, y) != (0, 0)) + "Z"
