"""Numbers, counts and lists as people are shown them."""

from fractions import Fraction
from typing import assert_never

from promo.base.canonical import exact, from_exact, rounded
from promo.base.diagnostics import errors
from promo.base.errors import SpecError
from promo.base.floats import nearest
from promo.base.units import HOUR, span
from promo.study.limits import BudgetKind

NONE = "–"
"""What stands where there is no number."""
PLACES = 4
"""Decimals of a metric that a reader is shown; the exact value is in the evidence."""


def number(text: str | None, *, signed: bool = False, places: int = PLACES) -> str:
    """An exact number for people: four decimals; a dash when there is none."""
    if text is None:
        return NONE
    value = from_exact(text)
    return with_sign(value, places) if signed else rounded(value, places)


UNSAID = frozenset(
    {
        "share",
        "fraction",
        "ratio",
        "proportion",
        "probability",
        "rate",
        "unit",
        "units",
        "number",
        "value",
        "none",
        "one",
    }
    | {"score", "accuracy", "loss", "error", "reward"}
)
"""Units that say what kind of number a measure is, and are no word to stand behind one."""


PER_CENT = frozenset({"percent", "pct"})
"""Units of what is counted in hundredths."""


def behind(unit: str) -> str:
    """What stands behind an amount of a measure: ` bpb`; of a share nothing, `leads by 0.0212`."""
    return "" if not unit or unit in UNSAID else f" {unit}"


def points(unit: str) -> str:
    """The unit of a difference of two amounts: of per cent `percentage points`, for 0.5% more is something else."""
    return "percentage points" if unit in PER_CENT else unit


def between(difference: str, unit: str) -> str:
    """A difference of two amounts of a measure: `0.0507 bpb`, `0.4000 percentage points`, `1 percentage point`."""
    said = behind(points(unit))
    return f"{difference}{said[:-1] if unit in PER_CENT and difference.lstrip('+-') == '1' else said}"


def within(unit: str) -> str:
    """What an axis says behind the name of a measure: ` (bpb)`; nothing where nothing stands behind an amount."""
    return f" ({unit})" if behind(unit) else ""


def share_text(share: Fraction) -> str:
    """`33%`; `1/3` where per cent have no end."""
    percent = exact(share * 100)
    return exact(share) if "/" in percent else f"{percent}%"


def counted_in(unit: str) -> str:
    """What stands behind the name of a measure: ` in bpb`; of a share nothing."""
    return f" in {unit}" if behind(unit) else ""


def value_text(text: str, metric: str, unit: str) -> str:
    """A value that stands alone: `3.2865 bpb`, and by its name where its unit is none to be said, `val_acc 0.8215`."""
    return f"{text}{behind(unit)}" if behind(unit) else f"{metric} {text}"


def size(value: Fraction) -> str:
    """How large an amount is, whatever its sign: four decimals, and `less than 0.0001` where those show none of it."""
    shown = rounded(abs(value), PLACES)
    return shown if not value or shown.strip("0.") else f"less than {rounded(Fraction(1, 10**PLACES), PLACES)}"


def short_number(value: Fraction, *, signed: bool = False) -> str:
    """The same where it is short, as beside a mark of a picture; of very large ones four digits: `1.798e+308`."""
    if abs(value) < MOST_WRITTEN:
        return number(str(value), signed=signed)
    return f"{nearest(value):{'+' if signed else ''}.4g}"


MOST_LISTED = 24
"""Names that a sentence lists."""


def listed(names: tuple[str, ...] | list[str]) -> str:
    """`a`, `a and b`, `a, b and c`; `none` for none; of very many the first, and how many more there are."""
    if not names:
        return "none"
    if len(names) > MOST_LISTED:
        names = [*names[: MOST_LISTED - 1], f"{len(names) - MOST_LISTED + 1:,} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def seeds_text(seeds: tuple[int, ...]) -> str:
    """`1, 2`; three and more in a row as `1..9`."""
    parts: list[str] = []
    left = list(seeds)
    while left:
        row = 1
        while row < len(left) and left[row] == left[0] + row:
            row += 1
        parts += [f"{left[0]}..{left[row - 1]}"] if row > 2 else [str(seed) for seed in left[:row]]
        left = left[row:]
    return ", ".join(parts)


def plural(count: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def error_words(fault: SpecError) -> str:
    """The first error of a spec, and how many more there are."""
    first, *others = list(errors(fault.diagnostics)) or fault.diagnostics
    more = f", and {plural(len(others), 'error')} more" if others else ""
    return f"{first.code}: {first.message}{more}"


def span_text(seconds: Fraction | float) -> str:
    """A length of time for people: `42 s`, `2 min 13 s`, `85 h 12 min`; from an hour on to the nearest minute."""
    if 0 < seconds < 1:
        return f"{max(float(seconds), 0.01):.1g} s"
    whole = round(seconds)
    return span(whole if whole < HOUR else round(Fraction(whole, 60)) * 60)


MOST_WRITTEN = 10**7
"""Counts from here on are rounded for people; the plan as JSON has every digit."""


def short_count(count: int) -> str:
    """`1,375`; from ten millions on four digits and a power of ten, as the language can read it: `4.375e11`."""
    if count < MOST_WRITTEN:
        return f"{count:,}"
    digits, _, power = f"{count:.3e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


def amount_words(kind: BudgetKind, amount: int) -> str:
    """`2 s of processor time`, `1,375 steps`: what a budget comes to in a sentence, compared with nothing."""
    match kind:
        case BudgetKind.WALL:
            return span_text(amount)
        case BudgetKind.UPSTREAM:
            return f"{span_text(amount)} by upstream's count"
        case BudgetKind.CPU:
            return f"{span_text(amount)} of processor time"
        case BudgetKind.STEPS:
            return f"{short_count(amount)} {'step' if amount == 1 else 'steps'}"
        case BudgetKind.TOKENS:
            return f"{short_count(amount)} tokens"
        case BudgetKind.FLOPS:
            return f"{short_count(amount)} FLOPs"
        case _:
            assert_never(kind)


def with_sign(value: Fraction, places: int = PLACES) -> str:
    """A difference with its sign; none where it rounds to nothing."""
    shown = rounded(value, places)
    return f"+{shown}" if value > 0 and shown.strip("0.") else shown


def two_places(value: float) -> str:
    """A coefficient or a statistic to two places; nothing has no sign."""
    text = f"{value:.2f}"
    return text.removeprefix("-") if text == "-0.00" else text


def whole_percent(share: float) -> str:
    """A share in whole percent; nothing has no sign."""
    text = f"{share:.0%}"
    return text.removeprefix("-") if text == "-0%" else text


def percent(share: float) -> str:
    """A share with its sign: `+1.25%`; none where it rounds to nothing."""
    text = f"{share:+.2%}"
    return text[1:] if text[1:] == "0.00%" else text
