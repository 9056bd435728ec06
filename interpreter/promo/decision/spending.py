"""
State to what a study has spent of its budget, and whether one more attempt still fits into it.

The `budget` of a study is held to while it runs: an attempt begins only if what was spent and what this attempt may
spend stay within it.  Every attempt is counted, whatever came of it:

- one that runs, with its whole cap, since it may spend that;
- one with a sound result, also where a guard set it aside, with what it trained, and no more than its cap.  It kept its
  budget, so what lies beyond is its last step or its tolerance;
- one that failed with a result, with what it trained, all of it;
- one that left nothing to tell by how long it trained, lost or failed, with the time it had its slot, and no more than
  its cap; with its cap where nobody knows that time either.  One that found its device taken never began.

A plan asks for no more than the study's budget, and asks for the caps.  So a study whose runs all keep their budgets is
never stopped, however many there are: only what failed, was lost or was repeated can use up the room.
"""

from fractions import Fraction

from attrs import define, field

from promo.base.canonical import from_exact
from promo.ledger.losses import Loss
from promo.ledger.state import Attempt, AttemptState, State
from promo.study.values import Study


def allowed_s(study: Study, state: State) -> int | None:
    """The budget in force, in seconds: that of the last amendment, or of the spec; None where there is none."""
    return study.budget_s if state.budget_s is None else state.budget_s


def counted_s(attempt: Attempt, cap_s: int) -> Fraction:
    """What an attempt counts for, in seconds, when its training is capped at *cap_s*."""
    cap = Fraction(cap_s)
    if attempt.state is AttemptState.RUNNING:
        return cap
    if attempt.loss is Loss.BUSY:
        return Fraction(0)
    if attempt.envelope is None or attempt.train_s is None:
        return cap if attempt.device_s is None else min(from_exact(attempt.device_s), cap)
    trained = from_exact(attempt.train_s)
    return trained if attempt.state is AttemptState.FAILED else min(trained, cap)


def spent_s(study: Study, state: State) -> Fraction:
    """What all attempts so far count for, in seconds."""
    return sum((_counted(study, one) for one in state.every_attempt()), Fraction(0))


def _counted(study: Study, attempt: Attempt) -> Fraction:
    stage = study.stages.get(attempt.stage)  # a forged ledger may name any
    return Fraction(0) if stage is None else counted_s(attempt, stage.budget.cap_s)


@define
class Spending:
    """The same sum, kept up to date attempt by attempt: a ledger of many would be summed anew for each."""

    study: Study
    spent_s: Fraction = Fraction(0)
    each: dict[tuple[str, int], Fraction] = field(factory=dict)

    def note(self, attempt: Attempt) -> None:
        """An attempt stands otherwise than before."""
        key, counted = (attempt.run, attempt.number), _counted(self.study, attempt)
        self.spent_s += counted - self.each.get(key, Fraction(0))
        self.each[key] = counted
