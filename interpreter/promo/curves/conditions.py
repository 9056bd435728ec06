"""
A sheet whose columns are factors to one with a column of conditions, as the runner `recorded` has them.

A condition is called by the levels of its factors in the order of their names, `a=-1 b=relu`.  A number is the same
however it is written, so both a table's texts and a spec's levels are brought to one text first.
"""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import evolve
from promo.base.diagnostics import did_you_mean
from promo.curves.values import Fault, Sheet
from promo.study.values import Study

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
LONGEST = 64
CONDITION = "condition"
"""The column that is made; with a star for each column of the table that has such a name."""
OWN = "config"
"""The factor that is the name of a condition in a table, so that no other one is looked for."""


def tabled(study: Study) -> tuple[str, ...]:
    """Factors of a study that are columns of its recorded table, in the order of their names; none where a label is."""
    if study.runner.name != "recorded" or OWN in study.factors:
        return ()
    return tuple(sorted(study.factors))


def condition_of(study: Study, candidate: str) -> str:
    """The name of a candidate's condition."""
    levels = dict(study.candidates[candidate].levels)
    texts = {name: level if isinstance(level, str) else exact(level) for name, level in levels.items()}
    return _condition((name, texts[name]) for name in tabled(study))


def by_factors(sheet: Sheet, factors: tuple[str, ...]) -> tuple[Sheet, str, tuple[Fault, ...]]:
    """
    A sheet with a column of conditions.

    Returns:
        (sheet, the column's name, faults); rows that leave a level open are told and left out.
    """
    faults = [_absent(name, sheet.header) for name in factors if name not in sheet.header]
    if faults:
        return sheet, "", tuple(faults)
    column = CONDITION
    while column in sheet.header:
        column += "*"
    rows: list[tuple[int, Mapping[str, str]]] = []
    for row, cells in sheet.rows:
        empty = next((name for name in factors if not cells[name]), None)
        if empty is None:
            rows.append((row, {**cells, column: _condition((name, cells[name]) for name in factors)}))
        else:
            faults.append(Fault(row, f"column '{empty}' is empty"))
    return evolve(sheet, header=(*sheet.header, column), rows=tuple(rows)), column, tuple(faults)


def _absent(name: str, header: tuple[str, ...]) -> Fault:
    hint = did_you_mean(name, header, "a table names its conditions by a column for every factor, or by config")
    return Fault(0, f"there is no column '{name}' for the factor '{name}'; {hint}")


def _condition(levels: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{name}={_plain(text)}" for name, text in levels)


def _plain(text: str) -> str:
    """A number as the exact text that it has everywhere; any other text as it is, but for what parts levels."""
    if len(text) <= LONGEST and NUMBER.fullmatch(text):
        return exact(Fraction(text))
    return text.replace("%", "%25").replace(" ", "%20")
