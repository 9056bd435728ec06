"""Days of the calendar, and what is said of those that it does not have."""

import pytest

from promo.study.money import is_day, why_no_day


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("2027-02-29", "the last day of that month is 2027-02-28"),
        ("2028-02-30", "the last day of that month is 2028-02-29"),
        ("2026-04-31", "the last day of that month is 2026-04-30"),
        ("2026-31-12", "write year, month and day in this order: 2026-12-31"),
        ("2026-00-10", "write year, month and day in this order: 2026-12-31"),
        ("2026-10-00", "write year, month and day in this order: 2026-12-31"),
        ("0000-01-01", "write year, month and day in this order: 2026-12-31"),
    ],
)
def test_a_day_that_is_none_is_told_why(said, why):
    assert not is_day(said)
    assert why_no_day(said) == why
