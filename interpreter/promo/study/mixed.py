"""
Designs of factors with more than two levels: an orthogonal array by its size, or every combination.

What follows a design, is estimated from one, or is searched by a baseline needs factors of two levels; an array gives
conditions, to be trained, ranked by gates, and let on by reductions.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod

from promo.study.expressions import Expressions
from promo.study.names import Clauses, Scope
from promo.study.space import Array, Factor, Level
from promo.syntax.nodes import Node, Token

MOST_ROWS = 65_536
OTHER = ("alias", "clear", "without", "expect_resolution")
"""Clauses that speak of factors with two levels."""


def is_mixed(block: Node) -> bool:
    """Whether a design is an array, or names levels as a list."""
    kinds = [child.kind for child in block.children if isinstance(child, Node)]
    return "array" in kinds or ("neighbours" not in kinds and any(one.node("list") for one in block.nodes("vary")))


class ArrayReader:
    """Reads the designs with more than two levels of one text into *arrays*."""

    def __init__(
        self,
        scope: Scope,
        expressions: Expressions,
        factors: Mapping[str, Factor],
        arrays: dict[str, Array],
        level: Callable[[str, Node | Token], Level | None],
    ) -> None:
        self.scope, self.expressions, self.factors = scope, expressions, factors
        self.arrays, self.level = arrays, level

    def read(self, blocks: Sequence[Node]) -> None:
        """Read designs for which `is_mixed` holds."""
        for block in blocks:
            self.scope.guard(block, self._array)

    def _array(self, block: Node) -> Array | None:
        scope = self.scope
        clauses = scope.clauses(block)
        if not clauses.complete or not self._fitting(block, clauses):
            return None
        varied = self._varied(clauses)
        if varied is None:
            return None
        rows = self._rows(block, [len(levels) for levels in varied.values()])
        if rows is None:
            return None
        name = block.token("NAME").text
        self.arrays[name] = Array(
            name=name,
            kind="full" if block.node("full") is not None else "array",
            factors=tuple(varied),
            levels=tuple(varied.values()),
            rows=rows,
            where=scope.where(block),
        )
        return self.arrays[name]

    def _fitting(self, block: Node, clauses: Clauses) -> bool:
        """Whether the kind and every clause go with more than two levels."""
        scope = self.scope
        if block.node("array") is None and block.node("full") is None:
            vary = next(one for one in clauses.all("vary") if one.node("list") is not None)
            message = (
                "a list of levels is for an array, or for every combination; this design has factors of two levels"
            )
            scope.report("P0727", message, vary, "write: vary NAME low ... high ..., or: design NAME array 18")
            return False
        centre = next((one.node("centre") for one in clauses.all("vary") if one.node("centre") is not None), None)
        extra = next((one for kind in OTHER for one in clauses.all(kind)), centre)
        if extra is not None:
            message = f"'{scope.word(extra)}' speaks of factors with two levels, and this design has others"
            scope.report("P0727", message, extra, "remove it")
            return False
        return True

    def _varied(self, clauses: Clauses) -> dict[str, tuple[Level, ...]] | None:
        scope = self.scope
        found: dict[str, tuple[Level, ...]] = {}
        for vary in clauses.all("vary"):
            name = scope.meant(vary)
            if name is None or name in found:
                if name is not None:
                    scope.report("P0210", f"'{name}' is varied twice", vary.token("NAME"), "remove one")
                return None
            listed = vary.node("list")
            parts = vary.children[1:3] if listed is None else listed.children
            levels = [self.level(name, part) for part in parts]
            if None in levels:
                return None
            if len(levels) < 2 or len(set(levels)) < len(levels):
                scope.report("P0706", f"'{name}' needs two levels or more, each once", vary, "choose different levels")
                return None
            found[name] = tuple(level for level in levels if level is not None)
        return found

    def _rows(self, block: Node, counts: Sequence[int]) -> tuple[tuple[int, ...], ...] | None:
        from promo.study.arrays import array_of, full_of, sizes  # only a text with such a design pays for them

        scope, kind = self.scope, block.node("array")
        if kind is None:
            if prod(counts) > MOST_ROWS:
                message = f"these levels have {prod(counts)} combinations, and {MOST_ROWS} is the most"
                scope.report("P0703", message, block.token("NAME"), "vary fewer factors, or take an array")
                return None
            return full_of(counts)
        asked = self.expressions.count_given(kind, what="the number of rows", most=10**300)
        if asked is None:
            return None
        known = {size: rows for size in sizes() if (rows := array_of(size, counts)) is not None}
        rows = known.get(asked)
        if rows is not None and len(set(rows)) == len(rows):
            return rows
        listed = " x ".join(map(str, counts))
        message = f"promo knows no array of {asked} rows for factors of {listed} levels"
        if rows is not None:
            message = f"an array of {asked} rows for factors of {listed} levels has some of its rows again"
        fits = next((size for size, those in known.items() if len(set(those)) == len(those)), None)
        hint = f"write: array {fits}" if fits else f"take all {prod(counts)} combinations: full"
        scope.report("P0727", message, kind, hint)
        return None
