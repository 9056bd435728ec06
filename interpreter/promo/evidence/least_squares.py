"""Columns and values to coefficients: least squares exact, so that rank deficiency is found, not guessed."""

from collections.abc import Sequence
from fractions import Fraction

from attrs import frozen


@frozen
class Solved:
    """Normal equations, solved exactly."""

    coefficients: tuple[Fraction, ...]
    variances: tuple[Fraction, ...]
    """Diagonal of the inverse; zero for columns left out."""
    rank: int
    residual: Fraction
    """Sum of squares."""
    null: tuple[tuple[Fraction, ...], ...]
    """Combinations of columns that are zero in every run."""


def solve(columns: Sequence[Sequence[int]], values: Sequence[Fraction], *, variances: bool = True) -> Solved:
    """
    Least squares of *values*, shape (n,), on *columns*, shape (p, n).

    Columns that depend on earlier ones are left out, and what they depend on is kept.
    """
    size = len(columns)
    wide = [[(place, one) for place, one in enumerate(column) if one] for column in columns]
    table: list[dict[int, Fraction]] = []
    for number, entries in enumerate(wide):
        line = {other: Fraction(sum(one * columns[other][place] for place, one in entries)) for other in range(size)}
        line[size] = sum((one * values[place] for place, one in entries), Fraction(0))
        if variances:
            line[size + 1 + number] = Fraction(1)
        table.append({key: amount for key, amount in line.items() if amount})
    right = [line.get(size, Fraction(0)) for line in table]
    kept = []
    for number in range(size):
        pivot = table[number].get(number)
        if pivot is None:
            continue  # the column depends on earlier ones; its whole line has become zero
        kept.append(number)
        scaled = {key: amount / pivot for key, amount in table[number].items()}
        table[number] = scaled
        for other in range(size):
            factor = table[other].get(number) if other != number else None
            if factor is None:
                continue
            line = table[other]
            for key, amount in scaled.items():
                left = line.get(key, Fraction(0)) - factor * amount
                if left:
                    line[key] = left
                else:
                    line.pop(key, None)
    zero = Fraction(0)
    coefficients = tuple(table[n].get(size, zero) if n in kept else zero for n in range(size))
    residual = sum((one * one for one in values), zero)
    residual -= sum((a * b for a, b in zip(coefficients, right, strict=True)), zero)
    null = [
        tuple(Fraction(1) if n == free else (-table[n].get(free, zero) if n in kept else zero) for n in range(size))
        for free in range(size)
        if free not in kept
    ]
    diagonal = tuple(table[n].get(size + 1 + n, zero) if n in kept else zero for n in range(size))
    return Solved(coefficients, diagonal, len(kept), residual, tuple(null))
