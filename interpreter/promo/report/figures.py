"""Estimates, degrees of freedom and tails as people are shown them."""

from fractions import Fraction

from promo.base.canonical import from_exact, rounded
from promo.base.floats import nearest
from promo.report.words import MOST_WRITTEN, NONE, PLACES, number

DIGITS = 4
"""Of an estimate, as people are shown it; the exact one is in the evidence."""


def figure(text: str | None, *, signed: bool = False) -> str:
    """A number with four decimals, or as many as four digits of it need."""
    if text is None:
        return NONE
    size, places = abs(from_exact(text)), PLACES
    while size and size * 10**places < 10 ** (DIGITS - 1) and places < 12:
        places += 1
    shown = number(text, signed=signed, places=places)
    return shown.rstrip("0").rstrip(".") if "." in shown and places > PLACES else shown


def plain(text: str | None) -> str:
    """Degrees of freedom: whole where they are."""
    return NONE if text is None else f"{float(text):.4g}"


def statistic(text: str | None) -> str:
    """A value of t or F with two places; a very large one, of runs that hardly differ, in four digits: `2.757e+15`."""
    if text is None or abs(from_exact(text)) < MOST_WRITTEN:
        return number(text, places=2)
    return f"{nearest(from_exact(text)):.4g}"


def short(text: str | None) -> str:
    """A tail with four decimals."""
    return NONE if text is None else tail(from_exact(text))


def tail(p: Fraction | float) -> str:
    """A chance with four decimals; a smaller one is said to be smaller."""
    return "<0.0001" if p < Fraction(1, 10_000) else rounded(Fraction(p), PLACES)


def interval(low: str | None, high: str | None) -> str:
    """Both ends, with their signs."""
    return f"{figure(low, signed=True)} .. {figure(high, signed=True)}" if low and high else NONE


def half(low: str | None, high: str | None) -> str:
    """Half an interval behind its sign, as the end of a figure: ` ± 0.02`; empty without one."""
    if not low or not high:
        return ""
    return f" ± {figure(str(Fraction(from_exact(high) - from_exact(low)) / 2))}"
