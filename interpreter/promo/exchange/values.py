"""Runs as tools that show training runs think of them: settings, curves, tags."""

from collections.abc import Mapping
from enum import Enum

from promo.base.classes import frozen


class RunEnd(Enum):
    """How an attempt ended, as far as other tools tell ends apart."""

    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    """Nobody saw its end."""


@frozen
class Point:
    """A measured value."""

    step: int
    wall_ms: int
    """Milliseconds since 1970: when the attempt began, and the training seconds that it had been charged by then."""
    value: float


@frozen
class Series:
    """A curve: one thing that was measured again and again, or once at the end."""

    name: str
    points: tuple[Point, ...]


@frozen
class LoggedRun:
    """One attempt that has ended."""

    key: str
    """Run and attempt; no two attempts of a study have the same."""
    place: tuple[str, ...]
    """Stage and cell: where it stands in a tree of runs; attempts after the first are numbered."""
    name: str
    settings: Mapping[str, float | str]
    """Stage, host, seed, budget, and the level of every factor."""
    measure: str
    """Name of the series that decides."""
    series: tuple[Series, ...]
    tags: Mapping[str, str]
    began_ms: int
    ended_ms: int
    end: RunEnd
    final: tuple[str, ...]
    """Names of the series that end in the attempt's result."""
