"""A branch uses its budget wherever the trunk and the whole budget fall between two steps."""

import pytest

from promo.run.runners.gpt.clock import Clock
from promo.study.values import BudgetKind

STEP = 1000


def ended(clock: Clock, amount: float) -> int:
    while not clock.is_at(amount):
        clock.charge(0.1, 0.1, STEP)
    return clock.tokens


@pytest.mark.parametrize("whole", [50_000, 50_300, 50_370, 50_500, 50_501, 50_900])
@pytest.mark.parametrize("trunk", [24_000, 24_001, 24_300, 24_305, 24_500, 24_999])
def test_it_is_off_by_one_step_at_most(trunk, whole):
    clock = Clock(BudgetKind.TOKENS, whole, 1)
    earlier = ended(clock, trunk)
    assert abs(earlier - trunk) <= STEP / 2

    assert abs(ended(clock, whole) - earlier - (whole - trunk)) <= STEP
    assert clock.spent()
