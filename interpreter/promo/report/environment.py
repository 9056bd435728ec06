"""Where and with what every run was made: attempts grouped by environments that differ, and how promo was started."""

import json
from collections.abc import Iterable, Mapping

from promo.base.canonical import Json
from promo.base.classes import frozen
from promo.ledger.state import Attempt
from promo.report.record import Record
from promo.report.words import listed, plural
from promo.run.values import Facts

MOVING = frozenset({"clock_mhz"})
"""What differs from run to run on one machine."""


@frozen
class EnvironmentView:
    """A machine, its device and its software, and the runs that were made there."""

    number: int
    runs: str
    rows: tuple[tuple[str, str], ...]
    """What it is, and its value."""

    @property
    def fixed(self) -> tuple[tuple[str, str], ...]:
        """The rows that do not differ from run to run on one machine."""
        return tuple(row for row in self.rows if row[0].rpartition(", ")[2] not in MOVING)


@frozen
class StartView:
    """One `promo run`: when, with which words, from which commit, with which packages installed."""

    time: str
    command: str
    commit: str
    promo: str
    packages: str


class Environments:
    """The distinct environments of a study, numbered in the order of its attempts."""

    def __init__(self, record: Record) -> None:
        self._found: dict[str, list[tuple[Attempt, Facts]]] = {}
        self._of: dict[tuple[str, int], str] = {}
        written: dict[int, str] = {}  # of a part that results share
        for attempt in record.attempts():
            result = record.results.get((attempt.run, attempt.number))
            if result is None or result.body is None or not any(part for _, part in result.body.facts.parts):
                continue
            facts = result.body.facts
            key = ""
            for _, part in facts.parts:
                if id(part) not in written:
                    written[id(part)] = json.dumps(_fixed(part), sort_keys=True)
                key += written[id(part)]
            self._found.setdefault(key, []).append((attempt, facts))
            self._of[attempt.run, attempt.number] = key
        self._number = {key: number for number, key in enumerate(self._found, 1)}

    def number(self, attempt: Attempt) -> int | None:
        """Which environment an attempt had; None when it left no word of it."""
        key = self._of.get((attempt.run, attempt.number))
        return None if key is None else self._number[key]

    def views(self) -> Iterable[EnvironmentView]:
        """Every environment, with everything that is known of it."""
        for key, members in self._found.items():
            yield EnvironmentView(self._number[key], _runs([one for one, _ in members]), tuple(_rows(members)))


def _fixed(facts: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in facts.items() if name not in MOVING}


def _runs(attempts: list[Attempt]) -> str:
    hosts = list(dict.fromkeys(attempt.host for attempt in attempts))
    stages = list(dict.fromkeys(attempt.stage for attempt in attempts))
    return f"{plural(len(attempts), 'attempt')} on {listed(hosts)} at {listed(stages)}"


def _rows(members: list[tuple[Attempt, Facts]]) -> Iterable[tuple[str, str]]:
    for place, (group, part) in enumerate(members[0][1].parts):
        for name, value in part.items():
            if name in MOVING:
                every = (one.parts[place][1].get(name) for _, one in members)
                seen = sorted({float(str(now)) for now in every if now})
                if seen:
                    yield f"{group}, {name}", f"{seen[0]:.0f}" if len(seen) == 1 else f"{seen[0]:.0f} to {seen[-1]:.0f}"
            elif flat(value):
                yield f"{group}, {name}", flat(value)


def starts(record: Record) -> Iterable[StartView]:
    """Every start of promo on the study, as the ledger has it."""
    for time, one in record.starts:
        yield StartView(
            time=time,
            command=" ".join(["promo", *one.command]),
            commit=f"commit {one.commit}" if one.commit else "not in version control",
            promo=one.promo,
            packages=" ".join(one.packages),
        )


def flat(value: Json) -> str:
    """A stored value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {flat(inner)}" for name, inner in value.items() if inner not in (None, "", [], {}))
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return str(value)
