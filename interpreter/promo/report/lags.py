"""What a lag is worth in a supposed world, as a table for a terminal, and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from promo.report.words import between, listed, plural
from promo.study.values import Grow, Study

if TYPE_CHECKING:
    from promo.decision.lags import LagChance

COLUMNS = ("correlation", "seen", "the best is chosen", "regret")


def lag_text(study: Study, grow: Grow, chances: "Sequence[LagChance]", noise: str) -> str:
    """
    One growth.

    Args:
        study: whose growth it is.
        grow: the growth.
        chances: one for each correlation.
        noise: how noisy a run is, in words.
    """
    unit, cells = study.measure.unit, len(study.stages[grow.name].cells)
    rows = [COLUMNS, *(_row(one, unit) for one in chances)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    head = f"{grow.name}: {plural(len(grow.ways), 'way')}, {listed(grow.strategies)}; one is chosen by the mean of "
    return "\n".join([f"{head}{plural(cells, 'cell')}. Noise of a run: {noise}.", "", *lines])


def _row(one: "LagChance", unit: str) -> tuple[str, ...]:
    exactly = "" if one.exactly is None else f" (exactly {one.exactly:.2%})"
    best = f"{one.best:.1%} ± {one.error * 100:.1f}{exactly}"
    return f"{one.correlation:.2f}", f"{one.seen:.2f}", best, between(f"{one.regret:.4g}", unit)


def assumptions(study: Study, spread: float, draws: int, seed: int) -> tuple[str, ...]:
    """What is supposed, a sentence each."""
    unit = study.measure.unit
    said = [
        f"Supposed: the ends of the ways are normal and independent, sd {between(f'{spread:g}', unit)}; "
        f"their true values at the end of the lag have the same spread, and this correlation with the ends; "
        "no run fails.",
        "seen: the same correlation after the noise of the mean over the cells; the other columns use this one.",
        f"the best is chosen: share of {draws:,} drawn worlds, seed {seed}; ± is one standard error.",
        "regret: how far the chosen way ends behind the best on average; by formula.",
    ]
    ruled = [grow.name for grow in study.grows.values() if grow.looks is not None]
    if ruled:
        said.append(f"The lag of {listed(ruled)} ends by rule: read the row of the look at which it does.")
    others = [name for name in study.deciding if study.growth_at(name) is None]
    if others:
        said.append(f"Not simulated, because they judge grown models: {listed(others)}.")
    return tuple(said)


def lags_to_json(grow: Grow, chances: "Sequence[LagChance]") -> dict[str, object]:
    """The figures of one growth."""
    return {
        "grow": grow.name,
        "ways": list(grow.strategies),
        "chances": [
            {
                "correlation": one.correlation,
                "seen": one.seen,
                "best": one.best,
                "error": one.error,
                "exactly": one.exactly,
                "regret": one.regret,
            }
            for one in chances
        ],
    }
