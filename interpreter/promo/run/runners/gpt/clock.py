"""What a run's budget has paid for, whatever it is counted in."""

from typing import assert_never

from attrs import define, field

from promo.study.values import BudgetKind

FREE_STEPS = 11
"""Steps that the upstream clock gives away.  Source: the autoresearch loop, which counts from its twelfth step."""
CLOCK_SECONDS = ("wall_s", "cpu_s", "free_s", "last", "earlier", "earlier_s")


@define
class Clock:
    """What the budget has paid for so far."""

    kind: BudgetKind
    amount: float
    flops_per_token: int
    wall_s: float = 0.0
    cpu_s: float = 0.0
    steps: int = 0
    tokens: int = 0
    last: float = field(default=0.0)
    """What the last step added, in the budget's own unit."""
    free_s: float = 0.0
    """Wall-clock seconds of steps that cost nothing; only the upstream clock has such steps."""
    earlier: float = 0.0
    """What the run that is carried on had spent, in the budget's own unit."""
    earlier_s: float = 0.0
    """Its training seconds."""

    def used(self) -> float:
        """Amount used, in the budget's unit."""
        match self.kind:
            case BudgetKind.WALL | BudgetKind.UPSTREAM:
                return self.wall_s
            case BudgetKind.CPU:
                return self.cpu_s
            case BudgetKind.STEPS:
                return self.steps
            case BudgetKind.TOKENS:
                return self.tokens
            case BudgetKind.FLOPS:
                return self.tokens * self.flops_per_token
            case _:
                assert_never(self.kind)

    def progress(self) -> float:
        """Share of the budget used; a budget of nothing is used up."""
        return 1.0 if not self.amount else min(self.used() / self.amount, 1.0)

    def charge(self, wall_s: float, cpu_s: float, tokens: int) -> None:
        """Pay for one step."""
        before = self.used()
        if self.kind is BudgetKind.UPSTREAM and self.steps < FREE_STEPS:
            self.free_s += wall_s
        else:
            self.wall_s += wall_s
        self.cpu_s += cpu_s
        self.steps += 1
        self.tokens += tokens
        self.last = self.used() - before

    def spent(self) -> bool:
        """Whether another step of the last one's size would end further from the budget than stopping here."""
        if self.kind is BudgetKind.UPSTREAM:  # that loop ends at the first step behind the budget
            return self.steps >= FREE_STEPS and self.used() >= self.amount
        if not self.amount:  # the lag of a growth may be none
            return True
        return self.steps > 0 and self.used() + self.last / 2 >= self.amount
