"""
Executors of other packages, as promo asks them: whatever one raises, or answers that none may, is one clear message.

What was under way by then stands in the ledger, so the study goes on once the package is mended.
"""

import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast, get_args

from promo.base.errors import PromoError
from promo.run.ports import Executor
from promo.run.values import Stand

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


class _Plugged:
    def __init__(self, name: str, executor: Executor) -> None:
        self._name, self._executor = name, executor
        self.here = bool(getattr(executor, "here", False))
        self.options = executor.options
        for word in (*METHODS, *(one for one in MORE if hasattr(executor, one))):
            setattr(self, word, partial(self._ask, word))

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

    def _fault(self, word: str, words: str) -> PromoError:
        hint = f"fix or remove its package (promo executor {self._name} --try checks it), then run again"
        return PromoError(f"the plug-in '{self._name}' of promo.executors failed in '{word}': {words}", hint=hint)


def plugged(name: str, executor: Executor) -> Executor:
    """
    An executor of another package, whose methods raise a `PromoError` that names it, and nothing else.

    Args:
        name: what a host's block calls it.
        executor: as its package made it.
    """
    return cast("Executor", _Plugged(name, executor))
