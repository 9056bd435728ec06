"""What blocks differ by, in words: how far each lies off, the test, and what a difference may be an effect of."""

from collections.abc import Callable, Sequence
from itertools import combinations

from promo.evidence.estimates import BlockShift, Fit, Method
from promo.report.design import effect_name
from promo.report.words import listed, plural

MOST_EFFECTS = 6
"""Effects with one column are named up to so many."""


def block_words(fit: Fit, figure: Callable[[str], str], short: Callable[[str | None], str]) -> str:
    """
    Everything about the blocks of a fit, as sentences; empty with one block or none.

    Args:
        fit: the effects.
        figure: shows a number, with its sign.
        short: shows a p.
    """
    found = fit.blocks
    if found is None:
        return ""
    said = f"Blocks: {found.blocks}"
    shown = [f"{name} {figure(one.value)}" for name, one in zip(names_of(found.shifts), found.shifts, strict=True)]
    if shown:
        said += "; above the mean of all: " + listed(shown)
    if found.f is None:
        said += "; whether they differ could not be tested"
    elif fit.method is Method.LENTH:
        said += f"; by Lenth's error t {float(found.f) ** 0.5:.2f}, p {short(found.p)}"
    else:
        freedom = f"{found.degrees} and {plural(fit.degrees, 'degree')} of freedom"
        said += f"; F {float(found.f):.4g} with {freedom}, p {short(found.p)}"
    if not found.confounded:
        return f"{said}."
    names = []
    for effects in found.confounded:
        shown = [effect_name(effect) for effect in effects[:MOST_EFFECTS]]
        more = [f"{len(effects) - MOST_EFFECTS} more"] if len(effects) > MOST_EFFECTS else []
        names.append(" = ".join([*shown, *more]))
    return f"{said}. Not separated from differences between blocks: {'; '.join(names)}."


def names_of(shifts: Sequence[BlockShift]) -> tuple[str, ...]:
    """Each block by what tells it from the others, and nothing more: `desk`, or `desk, seed 2`."""
    parts = [(one.host, None if one.seed is None else f"seed {one.seed}", one.stage) for one in shifts]
    for size in (1, 2, 3):
        for places in combinations(range(3), size):
            found = [", ".join(part for place in places if (part := one[place]) is not None) for one in parts]
            if len(set(found)) == len(found) and all(found):
                return tuple(found)
    return tuple(", ".join(part for part in one if part is not None) for one in parts)
