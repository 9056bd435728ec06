"""
States that somebody's program keeps while it trains: found as it writes them, kept by a rule, and given back.

promo opens no state: it is a file with a size and a digest.  One counts as whole when it has not changed for a while,
so nothing is asked of how a program writes it.  What is kept lies in the attempt's folder under its digest, and
`checkpoint.json` names it together with what had been spent when it was written; that file's own digest is what the
next attempt, or the next stage, is asked to begin from.  Older states are removed, the program's own files among them.
"""

import contextlib
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, ClassVar

from promo.base.canonical import canonical, digest_bytes, exact, parse_canonical
from promo.base.classes import define, evolve, field, frozen
from promo.base.codec import from_json, to_json
from promo.base.fields import Count, Digest, Form, Measured, Name
from promo.base.reading import LINK, not_plain, read_plain
from promo.run.disk import DISK
from promo.run.program import STEP, States
from promo.run.runners.files.figures import points_of
from promo.run.store import CHECKPOINT, STATES

STILL_S = 1.0
"""How long a file has not changed that is taken for whole."""
LOOK_S, SHARE = 0.25, 20
"""Between two looks, and at least so many times as long as the last one took."""
LARGEST_NOTE = 1_000_000


@frozen
class Amounts:
    """What a run had spent and done at some point, from its very beginning; what nobody knows is absent."""

    known: Mapping[str, Measured]
    """`wall_s` and `cpu_s` of its processes, and `train_s`, `steps` and `tokens` as it reports them."""

    def get(self, name: str) -> Fraction | None:
        """One of them."""
        return Fraction(self.known[name]) if name in self.known else None


NOTHING = Amounts({})


@frozen
class KeptState:
    """A state: what the program calls it, where it is kept, and what had been spent by then."""

    ROW: ClassVar = True

    name: Annotated[str, Form("name of a file", r"[!-~ ]{1,512}")]
    file: Annotated[str, Form("name of a kept state", r"checkpoint-[0-9a-f]{16}\.state")]
    digest: Digest
    step: Count | None
    at: Amounts


@frozen
class KeptStates:
    """States of an attempt, the newest first, and what its run had spent where its stage began."""

    FORM: ClassVar = ("promo_states", 2)

    run: Name
    begun: Amounts
    base: Amounts
    """What its run had spent where this attempt began."""
    states: tuple[KeptState, ...]


class StateError(RuntimeError):
    """A state that is not the one that was asked for."""


def pattern_of(states: States) -> re.Pattern[str]:
    """What the names of states match, below the folder that the program runs in; `step` is the number in them."""
    before, _, after = states.path.partition(STEP)
    number = r"(?P<step>[0-9]{1,15})" if STEP in states.path else ""
    return re.compile(re.escape(before) + number + re.escape(after))


def take_up(study: Path, folder: str, digest: str, place: Path) -> tuple[KeptStates, KeptState]:
    """
    Put the newest sound state of an attempt where its program would have written it.

    Raises:
        StateError: what is there is not what was asked for, or no state there is whole.
    """
    try:
        content = read_plain(study / folder / CHECKPOINT, LARGEST_NOTE)
        if digest_bytes(content) != digest:
            raise StateError(f"{folder}/{CHECKPOINT} is not the state that was asked for")
        kept = from_json(KeptStates, parse_canonical(content))
    except OSError as fault:  # without where it lay, which is nobody's business
        raise StateError(f"{folder}/{CHECKPOINT} cannot be read: {fault.strerror or type(fault).__name__}") from fault
    except ValueError as fault:
        raise StateError(f"{folder}/{CHECKPOINT} cannot be read: {fault}") from fault
    for state in kept.states:
        source, target = study / folder / state.file, place / state.name
        if DISK.digest(source) == state.digest and target.resolve().is_relative_to(place.resolve()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            return kept, state
    raise StateError(f"no state that {folder}/{CHECKPOINT} names is whole")


@define
class Keeper:
    """Watches the folder of a program for its states, in a thread of its own while the program runs."""

    states: States
    place: Path
    """The folder that the program runs in."""
    attempt: Path
    run: str
    begun: Amounts = NOTHING
    """What its run had spent where its stage began."""
    base: Amounts = NOTHING
    """What its run had spent where this attempt began."""
    refused: str = ""
    """Why a state was not kept: it is larger than any may be, or no plain file."""
    kept: list[KeptState] = field(factory=list)
    """The newest first."""
    _began: float = field(factory=time.monotonic)
    _seen: dict[str, tuple[tuple[int, int], float]] = field(factory=dict)
    """Name -> size and time of its last change, and since when it is so."""
    _done: dict[str, tuple[int, int]] = field(factory=dict)
    _end: threading.Event = field(factory=threading.Event)
    _thread: threading.Thread | None = None
    _cpu: "Cpu | None" = None

    def adopt(self, state: KeptState) -> None:
        """A state that this attempt begins from: it is its own from now on, until it has a newer one."""
        self._done[state.name] = _stamp(self.place / state.name)
        shutil.copyfile(self.place / state.name, self.attempt / state.file)
        self.kept = [state]
        self._note()

    def start(self, cpu: "Cpu") -> None:
        """Begin to watch; *cpu* tells processor seconds of the program."""
        self._began, self._cpu = time.monotonic(), cpu
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self, *, by_itself: bool = True) -> None:
        """The program has ended; if it did so by itself, what lies there is whole, and otherwise it may not be."""
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        self.look(ended=by_itself)
        self.refused = self.refused or self._not_plain()

    def _watch(self) -> None:
        pause = LOOK_S
        while not self._end.wait(pause):
            before = time.monotonic()
            self.look()
            pause = max(LOOK_S, SHARE * (time.monotonic() - before))

    def look(self, *, ended: bool = False) -> None:
        """Look once, and keep what is new and whole."""
        now = time.monotonic()
        for name, step in self._found():
            stamp = _stamp(self.place / name)
            before, since = self._seen.get(name, (None, now))
            since = since if before == stamp else now
            self._seen[name] = (stamp, since)
            if stamp[0] and stamp != self._done.get(name) and (ended or now - since >= STILL_S):
                self._keep(name, step, stamp, since)

    def _found(self) -> list[tuple[str, int | None]]:
        """Names of states that lie there, the oldest first."""
        pattern, found = pattern_of(self.states), list[tuple[int, str, int | None]]()
        for name in DISK.files(self.place):
            match = pattern.fullmatch(name)
            if match is not None:
                step = int(match["step"]) if STEP in self.states.path else None
                found.append((_stamp(self.place / name)[1] if step is None else step, name, step))
        return [(name, step) for _, name, step in sorted(found)]

    def _not_plain(self) -> str:
        """What stands in the place of a state, or of a folder with states, and is not looked at; empty if nothing."""
        folders = [pattern_of(evolve(self.states, path=str(one))) for one in Path(self.states.path).parents[:-1]]
        for name, kind in not_plain(self.place):
            if pattern_of(self.states).fullmatch(name):
                return f"{name} is {kind}, and a state is a file"
            if kind == LINK and any(one.fullmatch(name) for one in folders):
                return f"{name} is {kind}, and states are looked for in the program's own folder"
        return ""

    def _keep(self, name: str, step: int | None, stamp: tuple[int, int], since: float) -> None:
        source, spent = self.place / name, self._spent(step, since)
        self._done[name] = stamp
        if stamp[0] > self.states.largest:
            self.refused = f"{name} has {stamp[0]:,} bytes, and a state has {self.states.largest:,} at most"
            source.unlink(missing_ok=True)
            return
        beside = self.attempt / "checkpoint-0.state.part"
        beside.unlink(missing_ok=True)
        try:
            if step is None:  # it may be written over, in its place
                shutil.copyfile(source, beside, follow_symlinks=False)
            else:
                _link(source, beside)
            digest = None if beside.is_symlink() else DISK.digest(beside)
            if not digest or _stamp(source) != stamp:
                beside.unlink(missing_ok=True)
                del self._done[name]
                return
        except (FileNotFoundError, IsADirectoryError, shutil.SpecialFileError):  # the program removed it meanwhile
            return
        state = KeptState(name, f"checkpoint-{digest[:16]}.state", digest, step, spent)
        beside.replace(self.attempt / state.file)
        replaced = [one for one in self.kept if one.name == name and step is not None]
        self.kept = [state, *(one for one in self.kept if one not in replaced)]
        if step is not None:  # by how far the run had come in all, for a program may count anew when it goes on
            self.kept.sort(key=lambda one: one.at.get("steps") or 0, reverse=True)
        self._prune(self.states.keep, replaced)

    def _prune(self, keep: int, replaced: Sequence[KeptState]) -> None:
        """Remove what is older than those that are kept, or was written over, once they are on record."""
        old, self.kept = self.kept[keep:], self.kept[:keep]
        self._note()
        files = {one.file for one in self.kept}
        for one in (*old, *replaced):
            if one.file not in files:
                (self.attempt / one.file).unlink(missing_ok=True)
        for one in old:
            if one.step is not None:
                (self.place / one.name).unlink(missing_ok=True)

    def _note(self) -> None:
        DISK.draft(
            self.attempt / CHECKPOINT, canonical(to_json(KeptStates(self.run, self.begun, self.base, tuple(self.kept))))
        )

    def _spent(self, step: int | None, since: float) -> Amounts:
        """
        What its run had spent when a state was written, from its very beginning.

        *since*: when it was first seen so, on the monotonic clock; a file's own time is that of another clock.
        """
        wall_s = max(since - self._began, 0.0)
        cpu_s = 0.0 if self._cpu is None else self._cpu()
        found = {"wall_s": self._total("wall_s", wall_s), "cpu_s": self._total("cpu_s", cpu_s)}
        trained = self._before("train_s")
        if trained:  # by the count of who trained before: since then nobody knows more than the time of its processes
            found["train_s"] = trained + Fraction(f"{wall_s:.6f}")
        if step is not None:
            found["steps"] = Fraction(step) + self._before("steps")
        return Amounts({name: exact(value) for name, value in found.items()})

    def _total(self, name: str, here: float) -> Fraction:
        return Fraction(f"{here:.6f}") + (self.base.get(name) or 0)

    def _before(self, name: str) -> Fraction:
        """What a figure that starts again with each attempt had come to before."""
        return (self.base.get(name) or Fraction(0)) if name in self.states.restarts else Fraction(0)

    # --- the end -----------------------------------------------------------------------------------------------

    def leave(self, total: Amounts | None) -> str | None:
        """
        The run has come to its own end: keep its last state, as the one at *total*, or none at all.

        Returns:
            The digest of what is kept; None where nothing is.
        """
        newest = self.kept[0] if self.kept else None
        for name, _ in self._found():
            (self.place / name).unlink(missing_ok=True)
        self.kept = [] if newest is None or total is None else [evolve(newest, at=total)]
        for name in DISK.files(self.attempt):
            if STATES.fullmatch(name) and name not in {one.file for one in self.kept}:
                (self.attempt / name).unlink(missing_ok=True)
        if not self.kept:
            return None
        self._note()
        return DISK.digest(self.attempt / CHECKPOINT)


class Cpu:
    """Processor seconds of a process and all that it started, as far as they can be seen."""

    def __init__(self, number: int) -> None:
        self._number, self._last = number, 0.0

    def __call__(self) -> float:
        """So far."""
        import psutil

        with contextlib.suppress(psutil.Error):
            whole = psutil.Process(self._number)
            family = [whole, *whole.children(recursive=True)]
            self._last = max(self._last, sum(self._of(one) for one in family))
        return self._last

    @staticmethod
    def _of(process: object) -> float:
        import psutil

        assert isinstance(process, psutil.Process)
        with contextlib.suppress(psutil.Error):
            spent = process.cpu_times()
            return float(spent.user + spent.system + spent.children_user + spent.children_system)
        return 0.0


def _stamp(path: Path) -> tuple[int, int]:
    """Size, and time of the last change; zeros where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_size, found.st_mtime_ns)


def _link(source: Path, target: Path) -> None:
    """The same bytes under another name; a copy where the file system has no such thing."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except (OSError, NotImplementedError):
        shutil.copyfile(source, target, follow_symlinks=False)


def before_s(spent: Amounts) -> Fraction:
    """Seconds that a run had trained at some point, or that its processes had lived, if it never said."""
    trained = spent.get("train_s")
    return (spent.get("wall_s") if trained is None else trained) or Fraction(0)


def ahead_of(states: States, base: Amounts) -> dict[str, float]:
    """What a point of an attempt that began at *base* lacks of the run's own count, by its figures."""
    found = {"steps": ("step", base.get("steps") or 0), "train_s": ("charged_s", before_s(base))}
    return {figure: float(more) for name, (figure, more) in found.items() if name in states.restarts}


def moved(point: Mapping[str, float], by: Mapping[str, float]) -> dict[str, float]:
    """A point whose figures count from elsewhere."""
    return {name: round(value + by[name], 9) if by.get(name) else value for name, value in point.items()}


def earlier_points(path: Path, states: States, before: Amounts, state: KeptState) -> Iterator[bytes]:
    """
    Lines of points that an attempt, which began at *before*, had written by a state of its.

    They count from where the state is: a program that starts at nothing again has them below it.
    """
    import json

    last, here = ahead_of(states, before), ahead_of(states, state.at)
    steps = state.at.get("steps")
    for point in points_of(path):
        whole = moved(point, last)
        if "step" in whole and steps is not None and whole["step"] <= steps:
            line = moved(whole, {name: -more for name, more in here.items()})
            yield json.dumps(line).encode() + b"\n"
