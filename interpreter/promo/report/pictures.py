"""
Pictures as SVG that takes its colours and fonts from the page around it.

Matplotlib draws; afterwards every colour becomes a CSS variable, so that one picture serves light and dark pages and
paper, and texts stay texts.  Candidates differ by marker and dash as well as by colour.
"""

import io
import re
from collections.abc import Mapping, Sequence

from attrs import frozen

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7b61c9", "#8f7f3f")
"""Okabe & Ito (2008) with two more; the page names them --c0 to --c7."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[object, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1.5, 1.5)))
INK, LINE = "#123456", "#654321"
"""Stand-ins for the page's text and line colours."""
WIDTH_IN = 9.0
RUNG_IN = 1.8
"""Least width of a stage in the ladder, so that what is said of it does not run into the next."""


@frozen
class Curve:
    """One run: training points and scored points, each (x, bits per byte)."""

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
    goes_on: frozenset[int]
    target: int | None
    """Index of the rung that its gate leads to."""
    weight: float
    """Share of the study's device time, 0 to 1."""


def look(candidate: int) -> Mapping[str, object]:
    """Colour, marker and dash of a candidate, the same in every picture."""
    count = len(COLOURS)
    return {
        "color": COLOURS[candidate % count],
        "marker": MARKERS[(candidate + candidate // count) % len(MARKERS)],
        "linestyle": DASHES[(candidate // 2) % len(DASHES)],
    }


def curves_svg(panels: Sequence[Panel], x_label: str, y_label: str, description: str) -> str:
    """
    Learning curves, one panel a host.

    Args:
        panels: runs by host.
        x_label: what the horizontal axis counts.
        y_label: what the vertical axis counts.
        description: the picture in words, for those who cannot see it.
    """
    figure, axes = _figure(3.2, len(panels))
    for place, panel in zip(axes, panels, strict=True):
        for curve in panel.curves:
            style = look(curve.candidate)
            if curve.trained:
                xs, ys = zip(*curve.trained, strict=True)
                place.plot(xs, ys, color=style["color"], linestyle=style["linestyle"], linewidth=1.0, alpha=0.55)
            if curve.scored:
                xs, ys = zip(*curve.scored, strict=True)
                place.plot(xs, ys, color=style["color"], marker=style["marker"], linestyle="none", markersize=5)
        place.set_xscale("log")
        place.set_xlim(left=max((x for curve in panel.curves for x, _ in curve.scored), default=1.0) / 60)
        place.set_xlabel(x_label)
        if len(panels) > 1:
            place.set_title(panel.title, fontsize=10)
        scored = [y for curve in panel.curves for _, y in curve.scored]
        if scored:
            low, high = min(scored), max(scored)
            place.set_ylim(low - 0.08 * max(high - low, 0.1), high + 0.35 * max(high - low, 0.1))
        _plain_ticks(place)
    axes[0].set_ylabel(y_label)
    return _svg(figure, description)


def _plain_ticks(place: object) -> None:
    """Numbers as people write them, on a logarithmic axis too."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = place.xaxis  # type: ignore[attr-defined]
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def ladder_svg(rungs: Sequence[Rung], names: Sequence[str], description: str) -> str:
    """
    The ladder: candidates by rank at each stage, joined where a gate lets them go on.

    Args:
        rungs: stages in order.
        names: candidates by number.
        description: the picture in words.
    """
    most = max((len(rung.order) for rung in rungs), default=1)
    figure, (place,) = _figure(max(1.9, 0.38 * most + 1.2), 1, width=max(WIDTH_IN, RUNG_IN * len(rungs)))
    for index, rung in enumerate(rungs):
        for rank, candidate in enumerate(rung.order):
            style = look(candidate)
            kept = candidate in rung.goes_on or rung.target is None
            place.plot(
                [index], [rank], color=style["color"], marker=style["marker"] if kept else "x", markersize=7, zorder=3
            )
            if rung.target is not None and candidate in rung.goes_on:
                after = rungs[rung.target].order
                if candidate in after:
                    width = 1.2 + 9.0 * rungs[rung.target].weight / max(len(after), 1) * 2
                    place.plot(
                        [index, rung.target],
                        [rank, after.index(candidate)],
                        color=style["color"],
                        linewidth=width,
                        solid_capstyle="round",
                        alpha=0.45,
                    )
            place.text(index, rank - 0.2, names[candidate], ha="center", va="bottom", fontsize=9, color=INK, zorder=4)
        place.text(index, -1.9, rung.title, ha="center", va="bottom", fontsize=10, fontweight="bold", color=INK)
        place.text(index, -1.8, rung.subtitle, ha="center", va="top", fontsize=8.5, color=INK)
    place.set_ylim(most - 0.6, -2.5)
    place.set_xlim(-0.5, len(rungs) - 0.5)
    place.axis("off")
    return _svg(figure, description)


def effects_svg(bars: Sequence[tuple[str, float, float, float]], x_label: str, description: str) -> str:
    """
    Effects with their intervals, one line each.

    Args:
        bars: (name, estimate, lower end, upper end), top first.
        x_label: what the horizontal axis counts.
        description: the picture in words.
    """
    figure, (place,) = _figure(max(1.4, 0.26 * len(bars) + 0.7), 1)
    for number, (_, value, low, high) in enumerate(bars):
        apart = low > 0 or high < 0
        colour = COLOURS[1] if apart else COLOURS[0]
        place.plot([low, high], [number, number], color=colour, linewidth=1.6)
        place.plot([value], [number], color=colour, marker="D" if apart else "o", markersize=5)
    place.axvline(0.0, color=LINE, linewidth=1.0)
    place.set_yticks(range(len(bars)), [name for name, _, _, _ in bars])
    place.set_ylim(len(bars) - 0.4, -0.6)
    place.set_xlabel(x_label)
    return _svg(figure, description)


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
    figure, (place,) = _figure(3.0, 1)
    place.plot([size for _, size in sizes], quantiles, color=COLOURS[0], marker="o", linestyle="none", markersize=5)
    place.plot([0.0, pse * max(quantiles)], [0.0, max(quantiles)], color=LINE, linewidth=1.0)
    for (name, size), at in zip(sizes, quantiles, strict=True):
        if size > 2.5 * pse:
            place.text(size, at, f" {name}", ha="left", va="center", fontsize=9, color=INK)
    place.set_xlabel(x_label)
    place.set_ylabel("half-normal quantile")
    return _svg(figure, description)


def _figure(height: float, panels: int, width: float = WIDTH_IN):  # type: ignore[no-untyped-def]
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "promo",
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
    )
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0.0)
    axes = figure.subplots(1, panels, squeeze=False, sharey=True)[0]
    for place in axes:
        place.patch.set_alpha(0.0)
        place.grid(visible=True, alpha=0.25, linewidth=0.6)
    return figure, axes


def _svg(figure, description: str) -> str:  # type: ignore[no-untyped-def]
    from markupsafe import escape

    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    shape = ' class="long"' if figure.get_figwidth() > WIDTH_IN else ""
    text = re.sub(
        r'<svg [^>]*?viewBox="([^"]+)"[^>]*>',
        rf'<svg viewBox="\1"{shape} role="img" aria-label="{escape(description)}">',
        text,
        count=1,
    )
    for number, colour in enumerate(COLOURS):
        text = text.replace(colour, f"var(--c{number})")
    text = text.replace(INK, "var(--ink)").replace(LINE, "var(--line)")
    text = re.sub(r"font: (?:(bold|700) )?([\d.]+)px [^;\"]*", r"font-size: \2px; font-weight: \1", text)
    text = text.replace("font-weight: ;", "").replace('font-weight: "', '"')
    return re.sub(r"\n\s*", "\n", text)
