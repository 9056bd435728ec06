"""What a run's budget has paid for, whatever it is counted in, and in which shape."""

from collections.abc import Sequence
from typing import assert_never

from promo.base.classes import define, evolve, field
from promo.base.units import is_digits
from promo.run.budgets import TIMED
from promo.run.runners.gpt.checkpoint import Spent
from promo.run.values import Segment
from promo.study.limits import BudgetKind

FREE_STEPS = 11
"""Steps that the upstream clock gives away.  Source: the autoresearch loop, which counts from its twelfth step."""


@define
class Clock:
    """What the budget has paid for so far."""

    kind: BudgetKind
    amount: float
    flops_per_token: int
    """In the shape that is trained now."""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    steps: int = 0
    tokens: int = 0
    flops: int = 0
    before: float = 0.0
    """Amount used before the last step, in the budget's own unit."""
    free_s: float = 0.0
    """Wall-clock seconds of steps that cost nothing; only the upstream clock has such steps."""
    earlier: float = 0.0
    """What the run that is carried on had spent, in the budget's own unit."""
    earlier_s: float = 0.0
    """Its training seconds."""
    ended: list[Segment] = field(factory=list)
    """What was done in each shape that the run has behind it."""

    def used(self) -> float:
        """Amount used, in the budget's unit; whole where it is counted."""
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
                return self.flops
            case _:
                assert_never(self.kind)

    @property
    def last(self) -> float:
        """What the last step added, in the budget's own unit."""
        return self.used() - self.before

    def progress(self) -> float:
        """Share of the budget used; a budget of nothing is used up."""
        return 1.0 if not self.amount else min(self.used() / self.amount, 1.0)

    def charge(self, wall_s: float, cpu_s: float, tokens: int) -> None:
        """Pay for one step."""
        self.before = self.used()
        if self.kind is BudgetKind.UPSTREAM and self.steps < FREE_STEPS:
            self.free_s += wall_s
        else:
            self.wall_s += wall_s
        self.cpu_s += cpu_s
        self.steps += 1
        self.tokens += tokens
        self.flops += tokens * self.flops_per_token

    def spent(self) -> bool:
        """Whether another step of the last one's size would end further from the budget than stopping here."""
        if self.kind is BudgetKind.UPSTREAM:  # that loop ends at the first step behind the budget
            return self.steps >= FREE_STEPS and self.used() >= self.amount
        if not self.amount:  # the lag of a growth may be none
            return True
        return self.is_at(self.amount)

    def is_at(self, amount: float) -> bool:
        """
        Whether no other step would end as near to an amount as the last one did, or nearer.

        A run is at most half a step off at its end, and at the end of its trunk, so a branch is off by one at most.
        """
        return self.steps > 0 and self.used() + self.last / 2 >= amount

    def go_on_for(self, amount: int) -> None:
        """
        So much is to be used from where the run that is carried on stopped; what is counted has its end already.

        That run stopped half a step off at most, but seconds differ from step to step: of one that took long, half may
        be more than a whole step of this run, which is to keep its own budget within one.
        """
        if self.kind in TIMED:
            self.amount = amount + self.earlier

    # --- shapes ------------------------------------------------------------------------------------------------------

    def segment(self) -> Segment:
        """What was done so far in the shape that is trained now."""
        steps, tokens = (sum(getattr(one, name) for one in self.ended) for name in ("steps", "tokens"))
        return Segment(self.steps - steps, self.tokens - tokens, repr(self.used()), repr(self.before))

    def turn(self, flops_per_token: int) -> None:
        """The next shape begins, with so many operations a token."""
        self.ended.append(self.segment())
        self.flops_per_token = flops_per_token

    # --- keeping -----------------------------------------------------------------------------------------------------

    def kept(self) -> Spent:
        """What a state has of it."""
        seconds = {name: repr(getattr(self, name)) for name in ("wall_s", "cpu_s", "free_s", "earlier_s")}
        return Spent(
            **seconds,
            before=repr(self.before),
            earlier=repr(self.earlier),
            steps=self.steps,
            tokens=self.tokens,
            ended=tuple(self.ended),
        )

    def taken_up(self, kept: Spent, flops_per_token: Sequence[int]) -> "Clock":
        """
        The clock of a run that goes on where a state was kept.

        Args:
            kept: what that state has.
            flops_per_token: of each shape of the run, in order.
        """
        rest = kept.tokens - sum(one.tokens for one in kept.ended)
        each = [*(one.tokens for one in kept.ended), rest]
        return evolve(
            self,
            flops_per_token=flops_per_token[len(kept.ended)],
            wall_s=float(kept.wall_s),
            cpu_s=float(kept.cpu_s),
            free_s=float(kept.free_s),
            before=_amount(kept.before),
            earlier=_amount(kept.earlier),
            earlier_s=float(kept.earlier_s),
            steps=kept.steps,
            tokens=kept.tokens,
            flops=sum(tokens * by for tokens, by in zip(each, flops_per_token, strict=False)),
            ended=list(kept.ended),
        )


def _amount(text: str) -> float:
    """An amount as it was kept: whole where it was counted, so that it is written as before."""
    return int(text) if is_digits(text) else float(text)
