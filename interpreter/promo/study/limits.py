"""
What one run may spend, how often it may be tried, how long one attempt can take, and how near to its budget it keeps.

What carries runs out obeys these limits and what prices them multiplies them, so a bound cannot say less than what may
happen.  Attempts are counted for a run over every start of promo; seconds are wall-clock seconds of a slot.
"""

from enum import Enum
from fractions import Fraction

from promo.base.classes import frozen
from promo.base.fields import Count, Large

ATTEMPTS = 5
"""How often a run is tried in all, lost attempts included, where a study does not say it."""
MOST_ATTEMPTS = 1000
ALLOWANCE_S = 300
"""Seconds of an attempt outside training, where a stage does not say them: start-up, warm-up, scoring."""
TOLERANCE = Fraction(5, 100)
"""Share of a budget by which a run may miss it, where a stage does not say it and no step is known."""
ENDING_S = 10
"""Seconds around an attempt that reaches its limit, until its worker has begun and until all that it began is gone."""


@frozen
class Allowance:
    """
    How often a run of one stage may be tried.

    The reasons are counted apart and can all befall one run: *missing* reruns of a run without a value, *crash* of one
    that failed by its own fault, *guard* of one that a guard set aside.  A lost attempt counts among the *attempts* and
    nowhere else.
    """

    missing: int
    crash: int
    guard: int
    attempts: int

    @property
    def reruns(self) -> int:
        """How often gates and rules let a run be repeated, for all reasons together."""
        return self.missing + self.crash + self.guard

    @property
    def most(self) -> int:
        """The largest number of attempts of a run; what a gate allows is allowed even where the study says less."""
        return max(self.attempts, 1 + self.reruns)


def limit_s(cap_s: int, allowance_s: int) -> int:
    """Wall-clock seconds after which the supervisor ends an attempt: its training cap, and what it may take besides."""
    return cap_s + allowance_s


def longest_s(cap_s: int, allowance_s: int) -> int:
    """Seconds that one attempt can keep a slot at most."""
    return limit_s(cap_s, allowance_s) + ENDING_S


class BudgetKind(Enum):
    """What a stage pays its runs in."""

    WALL = "wall"
    CPU = "cpu"
    UPSTREAM = "upstream"
    """Wall-clock seconds that leave the first eleven steps free, as the autoresearch loop counts; for comparisons."""
    STEPS = "steps"
    TOKENS = "tokens"
    FLOPS = "flops"


TIMED = frozenset({BudgetKind.WALL, BudgetKind.UPSTREAM})
"""Budgets that whoever shares a machine takes away from a run."""


@frozen
class Budget:
    """
    What one run may spend: *amount* in seconds (wall, cpu) or in steps, tokens or operations.

    *cap_s* bounds its training time in whole wall-clock seconds; a wall budget is its own cap.
    """

    kind: BudgetKind
    amount: Large
    cap_s: int
    allowance_s: Count = ALLOWANCE_S
    """Seconds of an attempt outside its training; after cap and allowance it is ended."""
    tolerance: Fraction | None = None
    """Share of *amount* by which a run may miss it; None: one step, or 5% where no step is known."""

    @property
    def limit_s(self) -> int:
        """Wall-clock seconds after which the supervisor ends an attempt."""
        return limit_s(self.cap_s, self.allowance_s)

    @property
    def longest_s(self) -> int:
        """Seconds that one attempt can keep a slot at most."""
        return longest_s(self.cap_s, self.allowance_s)
