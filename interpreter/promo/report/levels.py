"""
Effects of factors with more than two levels as a report shows them: in words, with the levels named, and in two tables.

Of a trend the linear and the quadratic part have tests; what a reader wants to know is what each level is better than
the next one by, and whether the fall or the rise goes on.  That is said from the steps, each with its interval, and of
the bend only where it was discovered.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import assert_never

from promo.base.canonical import exact, from_exact
from promo.evidence.estimates import Estimate, Fit, Joint, Step
from promo.report.declared import describe_level
from promo.report.design import effect_name
from promo.report.figures import figure, half, interval, plain, short, statistic
from promo.report.words import NONE, between, listed
from promo.study.coding import DEGREES, MARK, scaled
from promo.study.space import Against, Array, Comparing, Trend
from promo.study.values import Measure

TERMS = ("factor or interaction", "df", "sum of squares", "F", "p", "adjusted p")
STEPS = ("factor", "from, to", "step", "SE", "df", "t", "p", "interval")


def level_findings(
    measure: Measure, array: Array, contrasts: Sequence[Comparing], fit: Fit
) -> Iterable[tuple[str, tuple[Estimate, ...]]]:
    """
    What was discovered, a phrase each, with the estimates that it rests on; a trend is told once.

    Args:
        measure: which way is better, and its unit.
        array: factors and levels.
        contrasts: what the effects of factors of more than two levels are.
        fit: at one stage.
    """
    ways = {one.factor: one for one in contrasts}
    found = [one for one in fit.estimates if one.discovered]
    told: set[str] = set()
    for one in found:
        factor = one.effect[0].partition(MARK)[0]
        way = ways.get(factor)
        if len(one.effect) > 1:
            yield f"{effect_name(one.effect)} {_sized(one, measure)}", (one,)
        elif not isinstance(way, Trend):
            low, high = _two(array, factor, way, one.effect[0])
            yield f"{factor}: {_better(measure, from_exact(one.value or '0'), low, high, one)}", (one,)
        elif factor not in told:
            told.add(factor)
            parts = tuple(
                other for other in found if len(other.effect) == 1 and other.effect[0].partition(MARK)[0] == factor
            )
            steps = [step for step in fit.steps if step.factor == factor]
            levels = array.levels[array.factors.index(factor)]
            if len(steps) == len(levels) - 1:
                bent = any(part.effect[0].endswith(f"{MARK}{DEGREES[1]}") for part in parts)
                shape = _shape(way, steps) if bent else ""
                yield (
                    f"{factor}: {'; '.join([*(_step(measure, one) for one in steps), *([shape] if shape else [])])}",
                    parts,
                )
            else:
                yield "; ".join(f"{effect_name(part.effect)} {_sized(part, measure)}" for part in parts), parts


def _sized(one: Estimate, measure: Measure) -> str:
    return between(f"{figure(one.value, signed=True)}{half(one.low, one.high)}", measure.unit)


def _two(array: Array, factor: str, way: Comparing | None, name: str) -> tuple[str, str]:
    """The level that an effect is held against, and its own."""
    if isinstance(way, Against):
        return describe_level(way.level), name.partition(MARK)[2]
    first, second = array.levels[array.factors.index(factor)]
    return describe_level(first), describe_level(second)


def _better(measure: Measure, value: Fraction, low: str, high: str, one: Estimate | Step) -> str:
    """`256 better than 128 by 0.012 ± 0.003 bpb`."""
    how = "better" if (value < 0) is measure.lower_is_better else "worse"
    size = between(f"{figure(exact(abs(value)))}{half(one.low, one.high)}", measure.unit)
    return f"{high} {how} than {low} by {size}"


def _step(measure: Measure, one: Step) -> str:
    value, low, high = from_exact(one.value), describe_level(one.lower), describe_level(one.upper)
    if _sign(one):
        return _better(measure, value, low, high, one)
    size = between(f"{figure(one.value, signed=True)}{half(one.low, one.high)}", measure.unit)
    return f"{high} not distinguished from {low} ({size})"


def _sign(one: Step) -> int:
    """1 or -1 where the interval leaves zero out, else 0."""
    if one.low is None or one.high is None:
        return 0
    low, high = from_exact(one.low), from_exact(one.high)
    return 1 if low > 0 else -1 if high < 0 else 0


def _shape(way: Trend, steps: Sequence[Step]) -> str:
    """Whether a bent trend turns, flattens or steepens, on the scale of the trend."""
    levels = [steps[0].lower, *(one.upper for one in steps)]
    places = scaled(levels, log=way.log)
    values = [from_exact(one.value) for one in steps]
    signs = {sign for one in steps if (sign := _sign(one))}
    at = [Fraction(0)]
    for value in values:
        at.append(at[-1] + value)
    if len(signs) == 2:
        extreme, word = (min, "lowest") if sum(values[: len(values) // 2] or values[:1]) < 0 else (max, "highest")
        return f"it turns, {word} at {describe_level(levels[at.index(extreme(at))])}"
    slopes = [value / (there - here) for value, (here, there) in zip(values, pairwise(places), strict=True)]
    word = "fall" if at[-1] < 0 else "rise"
    return f"the {word} {'flattens' if abs(slopes[-1]) < abs(slopes[0]) else 'steepens'}"


# --- tables ----------------------------------------------------------------------------------------------------------


def term_row(one: Joint) -> tuple[str, ...]:
    """A factor or an interaction with all of its contrasts."""
    tested = (statistic(one.f), short(one.p), short(one.adjusted))
    return (effect_name(one.term), str(one.degrees), figure(one.squares), *tested)


def step_row(one: Step, fit: Fit) -> tuple[str, ...]:
    """From a level to the next one."""
    return (
        one.factor,
        f"{describe_level(one.lower)}, {describe_level(one.upper)}",
        figure(one.value, signed=True),
        figure(one.error),
        plain(fit.freedom) if one.error else NONE,
        statistic(one.t),
        short(one.p),
        interval(one.low, one.high),
    )


def comparing_sentence(contrasts: Sequence[Comparing]) -> str:
    """What the effects of factors of more than two levels are."""
    said = []
    for way in contrasts:
        match way:
            case Trend():
                said.append(f"{way.factor} by its trend{' over logarithms' if way.log else ''}")
            case Against():
                said.append(f"{way.factor} each level less {describe_level(way.level)}")
            case _:
                assert_never(way)
    trends = (
        " A linear part is the change of the fitted line from the lowest level to the highest, a quadratic one the "
    )
    trends += "height of the bend, negative for an inverted bend."
    more = trends if any(isinstance(way, Trend) for way in contrasts) else ""
    return f"{listed(said)}; for an interaction, half the amount by which one difference changes another.{more}"
