"""Statistics over cells, exactly: values are rationals, so no order of adding them changes a digit."""

from collections.abc import Sequence
from fractions import Fraction

from promo.spec.values import Statistic


def summarise(values: Sequence[Fraction], statistic: Statistic, *, lower_is_better: bool) -> Fraction:
    """
    One number for a candidate's cells.

    Args:
        values: shape (cells,), in the measure's unit; at least one.
        statistic: mean, median or worst.
        lower_is_better: direction of the measure; it decides which value is the worst.

    Returns:
        The statistic, exact; the median of an even number of values is the mean of the middle two.

    Raises:
        ValueError: no values, or a statistic that gives no single number.
    """
    if not values:
        raise ValueError("a statistic needs at least one value")
    match statistic:
        case Statistic.MEAN:
            return sum(values, Fraction(0)) / len(values)
        case Statistic.MEDIAN:
            ordered = sorted(values)
            middle = len(ordered) // 2
            if len(ordered) % 2:
                return ordered[middle]
            return (ordered[middle - 1] + ordered[middle]) / 2
        case Statistic.WORST:
            return max(values) if lower_is_better else min(values)
        case Statistic.EVERY:
            raise ValueError("'every' gives one number per cell")
