"""
What one field of a stored value may be: a text of a form, a number in a range, free JSON within bounds.

A value arrives as bytes that somebody else may have written.  Each kind of field refuses what is not of it, with the
place and what is wrong there; `promo.base.codec` derives from a class which kinds its fields are.
"""

import re
from collections.abc import Callable
from enum import Enum
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Annotated, Any, cast

from promo.base.canonical import SAFE_INTEGER, Json, exact, from_exact

Decoder = Callable[[Any], Any]
"""Takes what was read, and gives the value or raises `Undecodable`."""

MANY, SMALL = 256, 16_384
"""Values of free form that are kept to be shared, and characters of each."""
NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,1100}|/[1-9]\d{0,399})?", re.ASCII)
"""What `exact` writes."""
LONGEST = 65_536
"""Characters of a text that declares no other limit."""
MOST = 1_000_000
"""Entries of a list or object."""
DEEPEST = 64
"""How far objects and lists of free form may nest."""


class Undecodable(ValueError):
    """
    A stored value is not of its class; the message names the place and what is wrong there.

    The place is put together on the way out, a step by each value that holds another: one that is sound needs none.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.place, self.message = "", message

    def within(self, step: str) -> None:
        """Say that it happened at a step of a value, `.key` or `[number]`."""
        self.place = f"{step}{self.place}"

    def __str__(self) -> str:
        return f"{self.place.lstrip('.')}: {self.message}" if self.place else self.message


class OtherForm(Undecodable):
    """A file is of another version of its form than this promo reads."""

    def __init__(self, found: int, wanted: int) -> None:
        self.found, self.wanted = found, wanted
        super().__init__(f"it is of format {found}, and this promo reads format {wanted}")


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
        self.bounded = least is not None or most is not None

    @cached_property
    def matches(self) -> Callable[[str], object] | None:
        """What the whole of a text has to match; compiled for the first text, since a command meets few forms."""
        return re.compile(self.pattern, re.ASCII).fullmatch if self.pattern else None

    def __call__(self, stored: Any) -> str:
        """The text, if it is of this form."""
        if type(stored) is not str:
            raise Undecodable(f"{brief(stored)} is no {self.name}")
        if not stored.isascii() and not is_text(stored):
            raise Undecodable(f"{brief(stored)} holds half of a character")
        if len(stored) > self.longest:
            raise Undecodable(f"a {self.name} has at most {self.longest} characters, not {len(stored)}")
        matches = self.matches
        if (matches is not None and not matches(stored)) or (self.bounded and not self._is_inside(stored)):
            raise Undecodable(f"{brief(stored)} is no {self.name}")
        return stored

    def _is_inside(self, stored: str) -> bool:
        value = from_exact(stored)
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


class Range:
    """Least and largest value of a whole number; beyond what a double holds exactly it is kept as text."""

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most
        self.as_text = max(abs(least), abs(most)) > SAFE_INTEGER

    def encode(self, value: int) -> Json:
        """The number as stored."""
        return str(value) if self.as_text else value

    def __call__(self, stored: Any) -> int:
        """The number, if it is whole and in its range."""
        if self.as_text and type(stored) is str and _is_whole(stored):
            value: int = int(stored)
        elif self.as_text or type(stored) is not int:
            raise Undecodable(f"{brief(stored)} is no whole number{' kept as text' * self.as_text}")
        else:
            value = stored
        if not self.least <= value <= self.most:
            raise Undecodable(f"{brief(stored)} is not between {self.least} and {self.most}")
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
Vouched = Annotated[Json, "vouched for"]
"""A JSON value whose digest stands beside it: it is not looked into before it is asked for, and is decoded then."""
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
    def decode(stored: Any) -> Any:
        if type(stored) is not kind:
            raise Undecodable(f"{brief(stored)} is no {words}")
        return stored

    return decode


SIMPLE: dict[Any, Decoder] = {
    str: Form("text"),
    int: Range(-SAFE_INTEGER, SAFE_INTEGER),
    bool: _of_type(bool, "true or false"),
    type(None): _of_type(type(None), "null"),
}


def free(stored: Any) -> Json:
    """A JSON value of free form: what a runner says of its own, bounded in depth, width and the length of texts."""
    level: list[Any] = [stored]
    depth = seen = 0
    while level:
        seen += len(level)
        if depth > DEEPEST:
            raise Undecodable(f"it nests deeper than {DEEPEST}")
        if seen > MOST:
            raise Undecodable(f"it has over {MOST} parts")
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, str):
                SIMPLE[str](item)
            elif isinstance(item, dict):
                deeper += item
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
            elif isinstance(item, float):
                raise Undecodable("numbers that are not whole are kept as text")
            elif isinstance(item, int):
                SIMPLE[int](int(item))
        level, depth = deeper, depth + 1
    return cast("Json", stored)


def shared(decode: Decoder) -> Decoder:
    """
    A decoder that keeps small values of free form and gives them again.

    Facts are the same in most of many results; what came before is neither looked at again nor there twice.
    """
    known = dict[str, Any]()

    def found(stored: Any) -> Any:
        try:
            key = repr(stored)
        except (RecursionError, ValueError):  # it nests deeper, or has a number longer, than anything that is taken
            return decode(stored)
        if key in known:
            return known[key]
        if len(known) == MANY:
            known.clear()
        value = decode(stored)
        if len(key) <= SMALL:
            known[key] = value
        return value

    return found


def fraction(stored: Any) -> Fraction:
    """An exact number, written as `exact` writes it."""
    if type(stored) is not str or not NUMBER.fullmatch(stored):
        raise Undecodable(f"{brief(stored)} is no exact number as text")
    value, written = _number(stored)
    if written != stored:
        raise Undecodable(f"{brief(stored)} is written {written}")
    return value


@lru_cache(1 << 13)
def _number(text: str) -> tuple[Fraction, str]:
    """What a text names, and how that is written; a fraction is looked up by its hash, which takes longer than both."""
    return (value := from_exact(text)), exact(value)


def level_to_json(level: Fraction | str) -> Json:
    """An exact number or a word as one text; a word that reads as a number is kept as `{"word": ...}`."""
    if isinstance(level, str):
        return {"word": level} if NUMBER.fullmatch(level) else level
    return exact(level)


def level(stored: Any) -> Fraction | str:
    """What `level_to_json` gave, as it was."""
    if isinstance(stored, dict) and stored.keys() == {"word"}:
        word = SIMPLE[str](stored["word"])
        if not NUMBER.fullmatch(word):
            raise Undecodable(f"{brief(word)} reads as no number, so it is stored as it is")
        return str(word)
    if type(stored) is not str:
        raise Undecodable(f"{brief(stored)} is neither a number as text nor a word")
    return fraction(stored) if NUMBER.fullmatch(stored) else str(SIMPLE[str](stored))


def literal(values: tuple[Any, ...]) -> Decoder:
    """One of some values, of its type too."""

    def decode(stored: Any) -> Any:
        if not any(stored == one and type(stored) is type(one) for one in values):
            raise Undecodable(f"{brief(stored)} is not one of {', '.join(map(brief, values))}")
        return stored

    return decode


def choice(kind: type[Enum]) -> Decoder:
    """A member of an enumeration by its value."""
    known = {one.value: one for one in kind}

    def decode(stored: Any) -> Any:
        if type(stored) is not str or stored not in known:
            raise Undecodable(f"{brief(stored)} is none of {', '.join(map(str, known))}")
        return known[stored]

    return decode


def is_text(stored: str) -> bool:
    """Whether a text has bytes; half of a character, which JSON can write, has none."""
    return stored.isascii() or not any("\ud800" <= one <= "\udfff" for one in stored)


def brief(value: object) -> str:
    """A value in a message: shown as far as one line goes."""
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)
