"""What the driver shows while a study runs, how a run ended, and what an audit found."""

from enum import Enum
from typing import Protocol

from promo.base.classes import frozen
from promo.base.errors import ExitCode
from promo.decision.values import Decision
from promo.ledger.state import State, StudyState
from promo.plans.values import Plan
from promo.report.changed import caller
from promo.report.decided import stop_words
from promo.report.spending import budget_words, short_of_budget
from promo.run.execute import Progress
from promo.run.outside import EXECUTOR as OUTSIDE
from promo.study.values import Study

REPLAY_WORDS = "REPLAY: nothing was trained here, and no check of this folder shows who recorded the curves, or how"


class Display(Protocol):
    """What a user sees while a study runs."""

    def begin(self, study: Study, plan: Plan, state: State) -> None:
        """The study starts or goes on."""

    def say(self, words: str) -> None:
        """Something happened that is worth a line."""

    def progress(self, progress: Progress, state: State) -> None:
        """An attempt began or ended."""

    def tick(self, state: State) -> None:
        """Time has passed."""

    def decided(self, decision: Decision) -> None:
        """A gate or rule has decided."""

    def end(self, state: State) -> None:
        """Nothing more will happen."""


@frozen
class Ending:
    """How a call of `run_study` ended."""

    exit_code: ExitCode
    why: str = ""
    asked: int = 0
    """Runs that somebody else's system was asked to train, and that have not come."""


def ending_of(study: Study, plan: Plan, state: State) -> Ending:
    """How a call ends that leaves a study in this state."""
    if state.study is StudyState.STOPPED:
        return Ending(ExitCode.STOPPED, stop_words(study, state, caller(study, plan)))
    short = short_of_budget(study, plan, state)
    if short is not None:
        return Ending(ExitCode.SPENT, budget_words(short, study, plan, caller(study, plan)))
    if state.waiting():
        return Ending(ExitCode.HELD, f"{', '.join(state.waiting())} waits for a person")
    asked = sum(study.hosts[one.host].executor == OUTSIDE for one in state.running())
    if asked:
        return Ending(ExitCode.ASKED, "", asked)
    if state.study is StudyState.OPEN:
        return Ending(ExitCode.ELSEWHERE, "the remaining runs belong to other hosts")
    return Ending(ExitCode.DONE)


class Outcome(Enum):
    """What a check found."""

    MATCHES = "ok"
    DIFFERS = "DIFFERS"
    MISSING = "missing"


@frozen
class Check:
    """One thing that was looked at."""

    name: str
    outcome: Outcome
    words: str


@frozen
class Reach:
    """What receipts from outside cover, of those whose makers the reader trusts."""

    freeze: bool = False
    """What was frozen, before the first run."""
    end: bool = False
    """The ledger to its last event."""


@frozen
class Audit:
    """All checks of a study."""

    checks: tuple[Check, ...]
    finished: bool
    reach: Reach = Reach()
    replay: bool = False
    """Whether nothing was trained: the values were read from recorded curves."""

    @property
    def exit_code(self) -> ExitCode:
        """Mismatch before incompleteness before the lack of an anchor."""
        outcomes = {check.outcome for check in self.checks}
        if Outcome.DIFFERS in outcomes:
            return ExitCode.FINDINGS
        if Outcome.MISSING in outcomes or not self.finished:
            return ExitCode.CANNOT
        return ExitCode.DONE if self.reach.freeze else ExitCode.UNANCHORED

    @property
    def verdict(self) -> str:
        """The audit in one sentence, and in another one that a replay is none of a training."""
        return self._found + (f"\n{REPLAY_WORDS}" if self.replay else "")

    @property
    def _found(self) -> str:
        match self.exit_code:
            case ExitCode.FINDINGS:
                return "MISMATCH: what is stored is not what was recorded, or does not follow from it"
            case ExitCode.CANNOT:
                return "INCOMPLETE: what is there matches, but the study is not finished or parts are missing"
            case ExitCode.DONE if self.reach.end:
                return (
                    "VERIFIED: everything follows from the stored bytes; receipts from outside cover what was frozen "
                    "before any run, and the ledger to its last event"
                )
            case ExitCode.DONE:
                return (
                    "VERIFIED FROM THE FREEZE: everything follows from the stored bytes, and a receipt from outside "
                    "covers what was frozen and no run; nothing outside attests to the end"
                )
            case _ if self.reach.end:
                return (
                    "CONSISTENT, NOT ANCHORED: everything follows from the stored bytes, and a receipt from outside "
                    "covers the ledger to its last event; nothing outside attests that it was frozen before the runs"
                )
            case _:
                return (
                    "CONSISTENT, NOT ANCHORED: everything follows from the stored bytes; nothing outside this folder "
                    "attests to when they were written"
                )
