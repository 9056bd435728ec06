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

All seconds are those of devices: an attempt's, times the devices that its stage, or else its host, gives to a run.

A study may have a budget of money as well, and whichever is used up first ends it.  Money is counted as it is paid:
every second that an attempt held its devices, at the price of the day on which it began, lost and failed ones included.
One that runs counts with the longest that it can last, and so does one whose time nobody knows; so the sum is never
less than the bill, and no attempt begins that could go beyond the budget.

A plan asks for no more than the study's budget of time, and asks for the caps.  So a study whose runs all keep their
budgets is never stopped for want of time, however many there are: only what failed, was lost or was repeated can use up
the room.
"""

from fractions import Fraction

from promo.base.canonical import from_exact
from promo.base.classes import define, field, frozen
from promo.ledger.losses import Loss
from promo.ledger.state import Attempt, AttemptState, State
from promo.study.money import of_devices
from promo.study.values import Study


@frozen
class Amount:
    """Seconds of devices, and money; where nothing has a price, that is none."""

    seconds: Fraction = Fraction(0)
    money: Fraction = Fraction(0)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.seconds + other.seconds, self.money + other.money)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.seconds - other.seconds, self.money - other.money)


@frozen
class Allowed:
    """The budgets in force, or what is left of them; None where there is none."""

    seconds: Fraction | None = None
    money: Fraction | None = None

    def fits(self, amount: Amount) -> bool:
        """Whether an amount is within both."""
        in_time = self.seconds is None or amount.seconds <= self.seconds
        return in_time and (self.money is None or amount.money <= self.money)

    def without(self, spent: Amount) -> "Allowed":
        """What is left of both."""
        seconds = None if self.seconds is None else self.seconds - spent.seconds
        return Allowed(seconds, None if self.money is None else self.money - spent.money)

    def __bool__(self) -> bool:
        return self.seconds is not None or self.money is not None


def allowed(study: Study, state: State) -> Allowed:
    """The budgets in force: those of the last amendments, or of the spec."""
    seconds = study.budget_s if state.budget_s is None else state.budget_s
    money = state.money if state.money is not None or study.money is None else study.money.amount
    return Allowed(None if seconds is None else Fraction(seconds), money)


def needed(study: Study, stage: str, host: str, moment: str) -> Amount:
    """
    What an attempt may use up.

    Args:
        study: the study.
        stage: where it runs.
        host: on what.
        moment: when it begins, in UTC; empty where that is not known, which takes the price without spot.
    """
    budget, width, price = study.stages[stage].budget, study.width(stage, host), study.hosts[host].price
    cost = Fraction(0) if price is None else of_devices(budget.longest_s * width, price.on(moment))
    return Amount(Fraction(budget.cap_s * width), cost)


def counted(study: Study, attempt: Attempt) -> Amount:
    """What an attempt counts for; nothing where a forged ledger names a stage or host that is not there."""
    if attempt.stage not in study.stages or attempt.host not in study.hosts:
        return Amount()
    cap_s, width = study.stages[attempt.stage].budget.cap_s, study.width(attempt.stage, attempt.host)
    return Amount(counted_s(attempt, cap_s) * width, paid(study, attempt))


def counted_s(attempt: Attempt, cap_s: int) -> Fraction:
    """What an attempt counts for, in seconds of its own, when its training is capped at *cap_s*."""
    cap = Fraction(cap_s)
    if attempt.state is AttemptState.RUNNING:
        return cap
    if attempt.loss is Loss.BUSY:
        return Fraction(0)
    if attempt.envelope is None or attempt.train_s is None:
        return cap if attempt.device_s is None else min(from_exact(attempt.device_s), cap)
    trained = from_exact(attempt.train_s)
    return trained if attempt.state is AttemptState.FAILED else min(trained, cap)


def paid(study: Study, attempt: Attempt) -> Fraction:
    """What an attempt cost, or what it may cost while nobody knows; in the study's currency."""
    host, stage = study.hosts[attempt.host], study.stages[attempt.stage]
    if host.price is None or attempt.loss is Loss.BUSY:
        return Fraction(0)
    seconds = Fraction(stage.budget.longest_s) if attempt.device_s is None else from_exact(attempt.device_s)
    return of_devices(seconds * study.width(stage.name, host.name), host.price.on(attempt.started))


def spent(study: Study, state: State) -> Amount:
    """What all attempts so far count for."""
    return sum((counted(study, one) for one in state.every_attempt()), Amount())


@define
class Spending:
    """The same sum, kept up to date attempt by attempt: a ledger of many would be summed anew for each."""

    study: Study
    spent: Amount = Amount()
    each: dict[tuple[str, int], Amount] = field(factory=dict)

    def note(self, attempt: Attempt) -> None:
        """An attempt stands otherwise than before."""
        key, now = (attempt.run, attempt.number), counted(self.study, attempt)
        before = self.each.get(key)
        if now != before:
            self.spent += now if before is None else now - before
            self.each[key] = now
