"""
Executors of other packages, as promo asks them: whatever one raises, or answers that none may, is one clear message.

What was under way by then stands in the ledger, so the study goes on once the package is mended.  What the package did
not start, as it says itself or as promo knows, is given up by a mark in its folder: such a package may find it all the
same and have it wait for ever.  Whoever begins it late finds the mark, and touches nothing.
"""

import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast, get_args

from promo.base.errors import PromoError
from promo.run.locks import give_up, give_up_alone, has_begun, is_given_up
from promo.run.ports import Executor
from promo.run.values import AttemptSpec, Stand
from promo.study.given import Options

METHODS = ("name", "start", "prepare", "find", "look", "cancel", "close")
MORE = ("start_all", "news")
"""What an executor may have, too."""
A_JOB = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,255}")
LONGEST = 100


def raised_words(fault: Exception) -> str:
    """What was raised, and where."""
    place = traceback.extract_tb(fault.__traceback__)[-1]
    return f"it raised {type(fault).__name__}: {fault} ({Path(place.filename).name}, line {place.lineno})"


def stands_fault(stands: object, many: int) -> str:
    """Why an answer to a look at so many attempts does not say where each stands; empty if it does."""
    if not isinstance(stands, Sequence) or len(stands) != many:
        given = f"{len(stands)} answers" if isinstance(stands, Sequence) else repr(stands)[:LONGEST]
        return f"a look at {many} attempts gives {given}"
    wrong = [one for one in stands if not isinstance(one, get_args(Stand))]
    return f"{repr(wrong[0])[:LONGEST]} says of no attempt where it stands" if wrong else ""


def _handles_fault(handles: object, many: int) -> str:
    if isinstance(handles, Sequence) and len(handles) == many:
        return ""
    given = f"{len(handles)} handles" if isinstance(handles, Sequence) else repr(handles)[:LONGEST]
    return f"{many} attempts to start give {given}"


def _name_fault(name: object, _: int) -> str:
    known = name is None or (isinstance(name, str) and A_JOB.fullmatch(name))
    return "" if known else f"{repr(name)[:LONGEST]} is no name of a job"


def _left_fault(left: object, _: int) -> str:
    return "" if left is None or isinstance(left, Sequence) else f"{repr(left)[:LONGEST]} names no attempts"


FAULTS: Mapping[str, Callable[[object, int], str]] = {
    "look": stands_fault,
    "start_all": _handles_fault,
    "name": _name_fault,
    "cancel": _left_fault,
    "news": _left_fault,
}
"""Method -> why its answer about so many attempts is none; of the others anything may be an answer."""


class Faulty(PromoError):
    """An executor of another package does what none may."""


class _Plugged:
    def __init__(self, name: str, executor: Executor) -> None:
        self._called, self._executor = name, executor
        self.here = bool(getattr(executor, "here", False))
        self.options = executor.options
        self._unused: set[Path] = set()
        """Folders of attempts that this process has announced, and has asked for no start of."""
        for word in (*METHODS, *(one for one in MORE if hasattr(executor, one))):
            setattr(self, word, getattr(self, f"_{word}", partial(self._ask, word)))

    def _name(self, folder: Path) -> object:
        self._unused.add(folder)
        return self._ask("name", folder)

    def _start(self, attempt: AttemptSpec) -> object:
        """What was not started now is given up, and so is what would have been started after it."""
        try:
            handle = self._ask("start", attempt)
        except BaseException:
            self._give_up(self._unused | {attempt.folder})
            raise
        self._unused.discard(attempt.folder)
        return handle

    def _start_all(self, attempts: Sequence[AttemptSpec]) -> object:
        """As `_start`; where one is refused, others may have been started, and are found by their names."""
        self._unused -= {one.folder for one in attempts}
        try:
            return self._ask("start_all", attempts)
        except PromoError as fault:
            self._give_up(self._unused | ({one.folder for one in attempts} if isinstance(fault, Faulty) else set()))
            raise

    def _find(self, folder: Path, job: str | None, options: Options) -> object:
        """What was given up is not asked for; what does not go on, as the package says, is given up."""
        if folder in self._unused:
            self._give_up([folder])
        found = None if is_given_up(folder) else self._ask("find", folder, job, options)
        if found is None:
            self._give_up([folder])
        return found

    def _give_up(self, folders: Iterable[Path]) -> None:
        """See to it that nobody begins attempts which nobody has begun."""
        for folder in folders:
            if not has_begun(folder):
                (give_up if self.here else give_up_alone)(folder)

    def _ask(self, word: str, *given: object) -> object:
        many = len(given[0]) if given and isinstance(given[0], Sequence) else 0
        try:
            answer: object = getattr(self._executor, word)(*given)
            fault = FAULTS[word](answer, many) if word in FAULTS else ""
        except PromoError:
            raise  # it refuses, and says why
        except Exception as raised:
            raise self._fault(word, raised_words(raised)) from raised
        if fault:
            raise self._fault(word, fault)
        return answer

    def _fault(self, word: str, words: str) -> Faulty:
        hint = f"fix or remove its package (promo executor {self._called} --try checks it), then run again"
        return Faulty(f"the plug-in '{self._called}' of promo.executors failed in '{word}': {words}", hint=hint)


def plugged(name: str, executor: Executor) -> Executor:
    """
    An executor of another package, whose methods raise a `PromoError` that names it, and nothing else.

    Args:
        name: what a host's block calls it.
        executor: as its package made it.
    """
    return cast("Executor", _Plugged(name, executor))
