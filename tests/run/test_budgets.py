"""Whether a run kept its budget: by its stage's tolerance, by one step, or by a share of what was only timed."""

from fractions import Fraction

import pytest
from promo.templates import recheck

from made import budget
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.run.budgets import is_kept, missed
from promo.run.values import Counter, Used
from promo.study.values import BudgetKind

HUNDRED = budget(BudgetKind.WALL, 100)


@pytest.mark.parametrize(
    ("tolerance", "used", "last_step", "kept"),
    [
        (None, "104.9", None, True),
        (None, "105.1", None, False),
        (None, "94.9", None, False),
        (None, "107", "7.5", True),  # a step that is known
        (None, "101", "0.5", False),
        ("0.02", "102", None, True),
        ("0.02", "102.1", None, False),
        ("0.02", "97.9", None, False),
        ("0.02", "103", "7.5", False),  # what is declared holds, also where a step is longer
        ("0.02", "101", "0.5", True),
        ("0.5", "149", None, True),
        ("0", "100", None, True),
        ("0", "100.001", "1", False),
    ],
)
def test_a_run_keeps_its_budget_within_the_tolerance_for_promo_and_the_second_verifier(
    tolerance, used, last_step, kept
):
    given = evolve(HUNDRED, tolerance=None if tolerance is None else Fraction(tolerance))
    said = Used(BudgetKind.WALL, used, last_step, Counter.TRAINER)

    assert is_kept(said, given) is kept
    assert recheck.keeps(to_json(said), to_json(given)) is kept


def test_who_missed_a_declared_tolerance_is_told_it():
    given = evolve(HUNDRED, tolerance=Fraction("0.02"))

    words = missed(Used(BudgetKind.WALL, "103", None, Counter.REPORTED), given)

    assert words == "it used 103.000 s of a budget of 100.000 s (tolerance 2%), as it reported"
