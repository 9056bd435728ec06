"""
Orthogonal arrays of factors with two levels or more: any two levels of two factors meet in equally many rows.

A catalogue of small arrays is built from three pieces: products over a field, the difference schemes of order 6 and 12
over three elements, and the two-level array of Paley's.  A factor takes a column of as many levels; a column of four or
six levels can also serve as several of fewer.

Source: Hedayat, Sloane & Stufken (1999), "Orthogonal arrays", chapters 3 and 6; Xu & Wu (2001), "Generalized minimum
aberration for asymmetrical fractional factorial designs".
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import product

Column = tuple[int, ...]
Form = tuple[Column, ...]
Slot = tuple[Form, ...]
"""Ways to use one part of an array, each as columns."""

SIX = ("000000", "001122", "010212", "012021", "021201", "022110")
TWELVE = (
    "000000000000", "022100202111", "010201221201", "012112001220", "021002110221", "001121022021",
    "010122210012", "001212212100", "010010122122", "022021011102", "022211120010", "001220101212",
)  # fmt: skip
"""Columns over 0, 1, 2; the differences of any two hold each of them equally often.  Found by search; tested."""


def sizes() -> tuple[int, ...]:
    """Numbers of rows that there is an array of."""
    return tuple(_SLOTS)


def array_of(rows: int, levels: Sequence[int]) -> tuple[tuple[int, ...], ...] | None:
    """
    An array of strength two.

    Args:
        rows: how many.
        levels: how many each factor has, k of them.

    Returns:
        Shape (rows, k) of levels from 0; None where the array of that size has no such columns.
    """
    if rows not in _SLOTS:
        return None
    slots, free = list(_SLOTS[rows]()), list[Column]()
    chosen: dict[int, Column] = {}
    for factor in sorted(range(len(levels)), key=lambda one: -levels[one]):
        options: list[tuple[int, Column, tuple[Slot, Form] | None]] = [(0, column, None) for column in free]
        options += [(len(slot), one, (slot, form)) for slot in slots for form in slot for one in form]
        fitting = [option for option in options if max(option[1]) + 1 == levels[factor]]
        if not fitting:
            return None
        # As many different rows as can be, so that few effects are mixed; then what leaves most choice for the others.
        _, column, opened = max(
            fitting, key=lambda one: (len(set(zip(*chosen.values(), one[1], strict=True))), -one[0])
        )
        if opened is None:
            free.remove(column)
        else:
            slot, form = opened
            slots.remove(slot)
            free += [other for other in form if other is not column]
        chosen[factor] = column
    return tuple(tuple(chosen[factor][row] for factor in range(len(levels))) for row in range(rows))


def full_of(levels: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Every combination; the first factor changes fastest."""
    return tuple(row[::-1] for row in product(*(range(count) for count in reversed(levels))))


def lengths(rows: Sequence[Sequence[int]], levels: Sequence[int]) -> tuple[Fraction, ...]:
    """
    The generalised word-length pattern.

    Args:
        rows: shape (n, k) of levels from 0.
        levels: how many each factor has, k of them.

    Returns:
        Shape (k + 1,): A_0 = 1, A_1, ..., A_k; the first that is not zero behind A_0 gives the strength plus one.

    Source:
        Xu & Wu (2001), equation 2, summed over the contrasts of a factor: n^-2 sum over pairs of rows of the products
        over factors of s [levels equal] - 1, where s is the number of levels.
    """
    total = [0] * (len(levels) + 1)
    for one in rows:
        for other in rows:
            polynomial = [1]
            for count, first, second in zip(levels, one, other, strict=True):
                more = count * (first == second) - 1
                polynomial = [a + more * b for a, b in zip([*polynomial, 0], [0, *polynomial], strict=True)]
            total = [a + b for a, b in zip(total, polynomial, strict=True)]
    return tuple(Fraction(one, len(rows) ** 2) for one in total)


# --- the catalogue -----------------------------------------------------------------------------------------


def _over_a_prime(prime: int, count: int) -> tuple[Slot, ...]:
    """Linear forms over a prime field, one of each direction: OA(p^m, (p^m - 1) / (p - 1), p)."""
    points = list(product(range(prime), repeat=count))
    forms = [form for form in points if next((one for one in form if one), 0) == 1]
    return tuple(
        ((tuple(sum(a * b for a, b in zip(form, point, strict=True)) % prime for point in points),),) for form in forms
    )


def _over_four() -> tuple[Slot, ...]:
    """Five columns of four levels in 16 rows, each of which is also three of two: lines of GF(4)."""
    times = ((0, 0, 0, 0), (0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2))
    points = list(product(range(4), repeat=2))
    columns = [tuple(y for _, y in points), *(tuple(x ^ times[slope][y] for x, y in points) for slope in range(4))]
    return tuple(_of_four(column) for column in columns)


def _of_four(column: Column) -> Slot:
    bits = (
        tuple(one >> 1 for one in column),
        tuple(one & 1 for one in column),
        tuple((one >> 1) ^ one & 1 for one in column),
    )
    return (column,), bits


def _of_eight() -> tuple[Slot, ...]:
    points = list(product(range(2), repeat=3))
    four = tuple(2 * a + b for a, b, _ in points)
    others = [(0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
    return (
        _of_four(four),
        *(((tuple(sum(a * b for a, b in zip(form, one, strict=True)) % 2 for one in points),),) for form in others),
    )


def _of_twelve() -> tuple[Slot, ...]:
    """Paley's array: squares modulo 11."""
    squares = {one * one % 11 for one in range(1, 11)}
    core = [[int((column - row) % 11 in squares) for column in range(11)] for row in range(11)]
    return tuple(((tuple(row[number] for row in [*core, [1] * 11]),),) for number in range(11))


def _by_differences(scheme: Sequence[str], first: Slot) -> tuple[Slot, ...]:
    """A scheme developed over three elements; *first* is of as many levels as the scheme has rows."""
    places = [(number, more) for number in range(len(scheme[0])) for more in range(3)]
    long: Slot = tuple(tuple(tuple(column[number] for number, _ in places) for column in form) for form in first)
    columns = (tuple((int(column[number]) + more) % 3 for number, more in places) for column in scheme)
    return (long, *(((column,),) for column in columns))


def _of_eighteen() -> tuple[Slot, ...]:
    number = tuple(range(6))
    two_and_three = (tuple(one % 2 for one in number), tuple(one // 2 for one in number))
    return _by_differences(SIX, ((number,), two_and_three))


def _of_thirty_six() -> tuple[Slot, ...]:
    return _by_differences(TWELVE, (tuple(column for slot in _of_twelve() for column in slot[0]),))


_SLOTS: Mapping[int, Callable[[], tuple[Slot, ...]]] = {
    8: _of_eight,
    9: lambda: _over_a_prime(3, 2),
    12: _of_twelve,
    16: _over_four,
    18: _of_eighteen,
    25: lambda: _over_a_prime(5, 2),
    27: lambda: _over_a_prime(3, 3),
    36: _of_thirty_six,
}
