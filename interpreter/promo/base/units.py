"""
Quantities: an exact rational and what it measures.

Every unit belongs to one dimension and is a rational multiple of that dimension's base unit, so `60min` and `1h`
are the same value and hash the same.  There is no `m` (minute, month or milli?), and no unit of the calendar.
"""

from enum import Enum
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import frozen


class Dimension(Enum):
    """What a quantity measures; the value names it for people."""

    NUMBER = "a plain number"
    TIME = "a duration"
    DEVICE_TIME = "device time"
    TOKENS = "a number of tokens"
    STEPS = "a number of steps"
    FLOPS = "a number of floating point operations"
    MONEY = "an amount of money"
    METRIC = "an amount of the measure"


@frozen
class Quantity:
    """*value* in the base unit of *dimension*: seconds, tokens, steps, operations, the currency, the measure's unit."""

    value: Fraction
    dimension: Dimension


HOUR = 3600

CURRENCIES = ("usd", "eur", "gbp", "chf", "jpy", "cny", "cad", "aud", "inr", "krw", "sgd", "sek")
"""Units of money, as ISO 4217 writes them but for the case; a study counts in one of them."""

UNITS: dict[str, tuple[Dimension, Fraction]] = {
    "ms": (Dimension.TIME, Fraction(1, 1000)),
    "s": (Dimension.TIME, Fraction(1)),
    "min": (Dimension.TIME, Fraction(60)),
    "h": (Dimension.TIME, Fraction(HOUR)),
    "d": (Dimension.TIME, Fraction(24 * HOUR)),
    "gpu_h": (Dimension.DEVICE_TIME, Fraction(HOUR)),
    "cpu_h": (Dimension.DEVICE_TIME, Fraction(HOUR)),
    "tok": (Dimension.TOKENS, Fraction(1)),
    "steps": (Dimension.STEPS, Fraction(1)),
    "flop": (Dimension.FLOPS, Fraction(1)),
    **{unit: (Dimension.MONEY, Fraction(1)) for unit in CURRENCIES},
    "%": (Dimension.NUMBER, Fraction(1, 100)),
}
"""Unit -> its dimension and its size in the base unit.  The study's measure adds one more."""

RESEMBLING = {
    "m": "min",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "toks": "tok",
    "token": "tok",
    "tokens": "tok",
    "step": "steps",
    "flops": "flop",
    "gpuh": "gpu_h",
    "cpuh": "cpu_h",
    "dollars": "usd",
    "euro": "eur",
    "euros": "eur",
    "percent": "%",
}
"""What people write for a unit -> the unit."""


def sure_unit(word: str) -> bool:
    """Whether a word that stands for a unit can mean only one; `m` could be minutes, months or thousandths."""
    return word in UNITS or (word in RESEMBLING and word != "m")


_SPELLINGS = ((24 * HOUR, "d"), (HOUR, "h"), (60, "min"), (1, "s"))


def duration(seconds: Fraction | int) -> str:
    """A duration in the largest unit that keeps it whole, as a spec would write it: `12h`, `90s`, `1500ms`."""
    seconds = Fraction(seconds)
    for size, unit in _SPELLINGS:
        if seconds and (seconds / size).denominator == 1 and not (unit == "d" and seconds < 48 * HOUR):
            return f"{seconds / size}{unit}"
    milliseconds = seconds * 1000
    return f"{milliseconds}ms" if milliseconds.denominator == 1 and milliseconds else f"{exact(seconds)}s"


def span(seconds: int) -> str:
    """A length of time for people, with every second: `42 s`, `2 min 13 s`, `85 h 12 min`."""
    parts = ((seconds // HOUR, "h"), (seconds % HOUR // 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def is_digits(text: str) -> bool:
    """Whether a text is a whole number without a sign, in the digits 0 to 9: Python takes those of any script."""
    return text.isascii() and text.isdigit()


def whole_of(text: str) -> int:
    """
    A whole number.

    Raises:
        ValueError: it is none.
    """
    return int(in_digits(text))


def float_of(text: str) -> float:
    """
    A number.

    Raises:
        ValueError: it is none.
    """
    return float(in_digits(text))


def in_digits(text: str) -> str:
    """
    The same text, to be read as a number.

    Raises:
        ValueError: digits of other scripts may be in it.
    """
    if not text.isascii():
        raise ValueError(f"'{text}' is no number in the digits 0 to 9")
    return text
