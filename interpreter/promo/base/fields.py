"""
What one field of a stored value may be: a text of a form, a number in a range, free JSON within bounds.

A value arrives as bytes that somebody else may have written.  Each kind of field refuses what is not of it, with the
place and what is wrong there; `promo.base.codec` derives from a class which kinds its fields are.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, cast

from promo.base.canonical import SAFE_INTEGER, Json, from_exact

Decoder = Callable[[Any, str], Any]
"""Takes what was read and its place, and gives the value or raises `Undecodable`."""

LONGEST = 65_536
"""Characters of a text that declares no other limit."""
MOST = 1_000_000
"""Entries of a list or object."""
DEEPEST = 64
"""How far objects and lists of free form may nest."""


class Undecodable(ValueError):
    """A stored value is not of its class; the message names the place and what is wrong there."""

    def __init__(self, place: str, message: str) -> None:
        self.place, self.message = place, message
        super().__init__(f"{place.lstrip('.')}: {message}" if place else message)


class OtherForm(Undecodable):
    """A file is of another version of its form than this promo reads."""

    def __init__(self, place: str, found: int, wanted: int) -> None:
        self.found, self.wanted = found, wanted
        super().__init__(place, f"it is of format {found}, and this promo reads format {wanted}")


class Form:
    """
    What a text has to be, beyond being text: a pattern, a length, and for numbers as text a range.

    Args:
        name: what a text of this form is called in a message.
        pattern: what the whole of it matches.
        longest: characters.
        least: smallest value, of a number as text.
        most: largest value.
    """

    def __init__(
        self,
        name: str,
        pattern: str | None = None,
        *,
        longest: int = LONGEST,
        least: int | None = None,
        most: int | None = None,
    ) -> None:
        self.name, self.pattern, self.longest, self.least, self.most = name, pattern, longest, least, most

    @cached_property
    def matches(self) -> Callable[[str], object] | None:
        """What the whole of a text has to match; compiled for the first text, since a command meets few forms."""
        return re.compile(self.pattern, re.ASCII).fullmatch if self.pattern else None

    def __call__(self, stored: Any, place: str) -> str:
        """The text, if it is of this form."""
        if type(stored) is not str:
            raise Undecodable(place, f"{brief(stored)} is no {self.name}")
        if not is_text(stored):
            raise Undecodable(place, f"{brief(stored)} holds half of a character")
        if len(stored) > self.longest:
            raise Undecodable(place, f"a {self.name} has at most {self.longest} characters, not {len(stored)}")
        if self.matches is not None and not self.matches(stored):
            raise Undecodable(place, f"{brief(stored)} is no {self.name}")
        if self.least is not None or self.most is not None:
            value = from_exact(stored)
            if (self.least is not None and value < self.least) or (self.most is not None and value > self.most):
                raise Undecodable(place, f"{brief(stored)} is no {self.name}")
        return stored


class Range:
    """Least and largest value of a whole number; beyond what a double holds exactly it is kept as text."""

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most
        self.as_text = max(abs(least), abs(most)) > SAFE_INTEGER

    def encode(self, value: int) -> Json:
        """The number as stored."""
        return str(value) if self.as_text else value

    def __call__(self, stored: Any, place: str) -> int:
        """The number, if it is whole and in its range."""
        if self.as_text and type(stored) is str and _is_whole(stored):
            value = int(stored)
        elif self.as_text or type(stored) is not int:
            raise Undecodable(place, f"{brief(stored)} is no whole number{' kept as text' * self.as_text}")
        else:
            value = int(stored)
        if not self.least <= value <= self.most:
            raise Undecodable(place, f"{brief(stored)} is not between {self.least} and {self.most}")
        return value


def _is_whole(text: str) -> bool:
    """Whether a text is a whole number as `str` writes it, of at most 41 digits."""
    digits = text.removeprefix("-")
    return text == "0" or (len(digits) <= 41 and digits.isascii() and digits.isdigit() and digits[0] != "0")


MEASURED = r"-?\d{1,400}((\.\d{1,1100})?(e[+-]?\d{1,3})?|/[1-9]\d{0,399})"

Large = Annotated[int, Range(-(10**40), 10**40)]
"""A whole number that may be beyond 2^53, such as a budget in operations; kept as text."""
Amount = Annotated[int, Range(0, 10**40)]
"""The same from 0, such as a number of tokens."""
Count = Annotated[int, Range(0, SAFE_INTEGER)]
"""A whole number from 0."""
Digest = Annotated[str, Form("SHA-256 of 64 hex digits", "[0-9a-f]{64}", longest=64)]
Name = Annotated[str, Form("name", r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,255}", longest=256)]
Measured = Annotated[str, Form("finite number as text", MEASURED, longest=1600)]
"""A measured number as exact text: as `repr` writes a finite float, or a rational as `exact` does."""
Upward = Annotated[str, Form("number from 0 as text", MEASURED, longest=1600, least=0)]
"""A measured number that is never negative."""
Seconds = Annotated[str, Form("number of seconds from 0", r"\d{1,12}(\.\d{1,12})?", longest=32)]
"""Measured seconds as exact decimal text."""
Free = Annotated[Json, "free form"]
"""A JSON value that promo keeps and shows and never decides by; bounded in depth, width and the length of its texts."""
_DATE = r"(?!0000)\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
Moment = Annotated[str, Form("time in UTC", _DATE + r"T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)Z", longest=20)]


class Unstored:
    """
    Marks the type of a field that is no part of what a value means: it is left out of the stored form.

    Args:
        absent: what the field is in a value that was read back.
    """

    def __init__(self, absent: object) -> None:
        self.absent = absent


class Silent:
    """
    Marks the type of a field that is left out of the stored form where it says nothing.

    Args:
        nothing: what the field is then.
    """

    def __init__(self, nothing: object) -> None:
        self.nothing = nothing


Remark = Annotated[str, Unstored("")]
"""A text that means nothing, such as documentation."""


def _of_type(kind: type, words: str) -> Decoder:
    def decode(stored: Any, place: str) -> Any:
        if type(stored) is not kind:
            raise Undecodable(place, f"{brief(stored)} is no {words}")
        return stored

    return decode


SIMPLE: dict[Any, Decoder] = {
    str: Form("text"),
    int: Range(-SAFE_INTEGER, SAFE_INTEGER),
    bool: _of_type(bool, "true or false"),
    type(None): _of_type(type(None), "null"),
}


def free(stored: Any, place: str) -> Json:
    """A JSON value of free form: what a runner says of its own, bounded in depth, width and the length of texts."""
    waiting: list[tuple[Any, int]] = [(stored, 0)]
    seen = 0
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST:
            raise Undecodable(place, f"it nests deeper than {DEEPEST}")
        if seen > MOST:
            raise Undecodable(place, f"it has over {MOST} parts")
        if isinstance(item, dict):
            waiting += [(one, depth + 1) for pair in item.items() for one in pair]
        elif isinstance(item, list):
            waiting += [(one, depth + 1) for one in item]
        elif isinstance(item, float):
            raise Undecodable(place, "numbers that are not whole are kept as text")
        elif isinstance(item, int):
            SIMPLE[int](int(item), place)
        elif isinstance(item, str):
            SIMPLE[str](item, place)
    return cast("Json", stored)


def is_text(stored: str) -> bool:
    """Whether a text has bytes; half of a character, which JSON can write, has none."""
    return stored.isascii() or not any("\ud800" <= one <= "\udfff" for one in stored)


def brief(value: object) -> str:
    """A value in a message: shown as far as one line goes."""
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)
