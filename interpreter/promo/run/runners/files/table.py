"""
Values of a runner file, each held to its kind, with one message where it is of another.

Every function raises `RunnerFileError`; *where* is what its message calls the value.
"""

from collections.abc import Mapping, Sequence
from datetime import date, time
from fractions import Fraction
from typing import NoReturn, Union

Toml = Union[str, int, float, bool, date, time, None, "list[Toml]", "tuple[Toml, ...]", "dict[str, Toml]"]
"""What stands in a runner file, or behind a keyword of `@runner`: text of TOML, or literals of Python."""


class RunnerFileError(ValueError):
    """A runner file that cannot be used; the message says why."""


def said_yes(part: dict[str, Toml], name: str, kind: str) -> bool:
    """Take out whether a word is said; no where it is not there."""
    said = part.pop(name, False)
    return said if isinstance(said, bool) else bool(fail(f"{kind}.{name} is true or false"))


def number_in(value: Toml, where: str) -> Fraction:
    """A number, exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RunnerFileError(f"{where} is no number")
    try:
        return Fraction(repr(value))
    except ValueError as fault:
        raise RunnerFileError(f"{where} is no finite number") from fault


def whole_in(said: Toml, where: str, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not isinstance(said, int) or isinstance(said, bool) or not least <= said <= most:
        raise RunnerFileError(f"{where} is a whole number from {least} to {most}")
    return said


def yes_or_no(said: Toml, where: str) -> bool:
    """A word for yes or no."""
    if not isinstance(said, bool):
        raise RunnerFileError(f"{where} is true or false")
    return said


def table_in(table: Mapping[str, Toml], name: str) -> dict[str, Toml]:
    """The table of that name; an empty one where there is none."""
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise RunnerFileError(f"{name} is no table")
    return found


def listed_in(values: Toml, where: str) -> Sequence[Toml]:
    """A list."""
    if not isinstance(values, list | tuple):
        raise RunnerFileError(f"{where} is a list")
    return values


def texts_in(values: Toml, where: str) -> tuple[str, ...]:
    """Texts, from a list of nothing else."""
    given = values if isinstance(values, list | tuple) else [None]
    texts = tuple(value for value in given if isinstance(value, str))
    return texts if len(texts) == len(given) else fail(f"{where} is a list of texts")


def all_read(table: Mapping[str, Toml], where: str) -> None:
    """Nothing is left of a table whose words have been taken out."""
    if table:
        raise RunnerFileError(f"{where + '.' if where else ''}{next(iter(table))} is no word of a runner file")


def fail(message: str) -> NoReturn:
    """Say what is wrong, where an expression stands."""
    raise RunnerFileError(message)
