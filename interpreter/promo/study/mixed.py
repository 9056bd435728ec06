"""
Designs of factors with more than two levels: an orthogonal array by its size, every combination, or a sample of them.

A sample is drawn with a seed: the levels of row n by hash of seed, name, number of the draw and factor.  A draw that
trains what an earlier one trains, or that cannot be built, is left out, so that there are as many models as rows.

What follows a design, is estimated from one, or is searched by a baseline needs factors of two levels; an array gives
conditions, to be trained, ranked by gates, and let on by reductions.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod

from promo.base.canonical import digest_bytes
from promo.study.expressions import Expressions
from promo.study.given import Level
from promo.study.names import Clauses, Scope
from promo.study.space import Array, Factor
from promo.syntax.nodes import Node, Token

MOST_ROWS = 65_536
MOST_DRAWN = 10_000
DRAWS_A_ROW = 50
"""Draws that a row of a sample may take; a space that gives no new model in so many has hardly another one."""
OTHER = ("alias", "clear", "without", "expect_resolution")
"""Clauses that speak of factors with two levels."""


def is_mixed(block: Node) -> bool:
    """Whether a design is an array or a sample, or has levels as a list or range, or in full those of the factor."""
    kinds = {child.kind for child in block.children if isinstance(child, Node)}
    varied = list(block.nodes("vary"))
    listed = any(levels_of(one) is not None for one in varied)
    whole = "full" in kinds and any(len(one.children) == 1 for one in varied)
    return not kinds.isdisjoint(("array", "sampled")) or ("neighbours" not in kinds and (listed or whole))


def levels_of(vary: Node) -> Node | None:
    """The list or range that a factor is varied in; None where it has a low and a high level, or none of its own."""
    return vary.node("list") or vary.node("range")


class ArrayReader:
    """Reads the designs with more than two levels of one text into *arrays*."""

    def __init__(
        self,
        scope: Scope,
        expressions: Expressions,
        factors: Mapping[str, Factor],
        arrays: dict[str, Array],
        level: Callable[[str, Node | Token], Level | None],
        domain: Callable[[str, Node | None], tuple[Level, ...] | None],
        model: Callable[[Mapping[str, Level]], object | None],
    ) -> None:
        self.scope, self.expressions, self.factors = scope, expressions, factors
        self.arrays, self.level, self.domain, self.model = arrays, level, domain, model

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
        sampled = block.node("sampled")
        counts = [len(levels) for levels in varied.values()]
        rows = self._rows(block, counts) if sampled is None else self._drawn(block, sampled, varied)
        if rows is None:
            return None
        name = block.token("NAME").text
        self.arrays[name] = Array(
            name=name,
            kind="sample" if sampled is not None else "full" if block.node("full") is not None else "array",
            factors=tuple(varied),
            levels=tuple(varied.values()),
            rows=rows,
            where=scope.where(block),
        )
        return self.arrays[name]

    def _fitting(self, block: Node, clauses: Clauses) -> bool:
        """Whether the kind and every clause go with more than two levels."""
        scope = self.scope
        if all(block.node(kind) is None for kind in ("array", "full", "sampled")):
            vary = next(one for one in clauses.all("vary") if levels_of(one) is not None)
            message = (
                "a list of levels is for an array, or for every combination; this design has factors of two levels"
            )
            scope.report("P0727", message, vary, "write: vary NAME low ... high ..., or: design NAME array 18")
            return False
        centre = next((one.node("centre") for one in clauses.all("vary") if one.node("centre") is not None), None)
        extra = next((one for kind in OTHER for one in clauses.all(kind)), centre)
        if extra is not None:
            message = f"'{scope.word(extra)}' is for factors with two levels, and this design has others"
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
            levels = self._levels(name, vary)
            if levels is None:
                return None
            if len(levels) < 2 or len(set(levels)) < len(levels):
                scope.report("P0706", f"'{name}' needs two levels or more, each once", vary, "choose different levels")
                return None
            found[name] = levels
        return found

    def _levels(self, name: str, vary: Node) -> tuple[Level, ...] | None:
        """The levels that a factor has in a design: those of its own where the clause names none."""
        listed = levels_of(vary)
        parts = vary.children[1:3] if listed is None else listed.children
        if not parts or (listed is not None and listed.kind == "range"):
            return self.domain(name, listed)
        levels = [self.level(name, part) for part in parts]
        sound = tuple(level for level in levels if level is not None)
        return sound if len(sound) == len(levels) else None

    def _drawn(
        self, block: Node, sampled: Node, varied: Mapping[str, tuple[Level, ...]]
    ) -> tuple[tuple[int, ...], ...] | None:
        """Rows of a sample, each another model."""
        scope, name = self.scope, block.token("NAME").text
        count = self.expressions.count_given(sampled, 0, most=MOST_DRAWN, what="the size of a sample")
        seed = self.expressions.count_given(sampled, 1, least=0, what="a seed")
        if count is None or seed is None:
            return None
        seen: dict[object, tuple[int, ...]] = {}
        for draw in range(1, DRAWS_A_ROW * count + 1):
            lots = (digest_bytes(f"{seed}/{name}/{draw}/{factor}".encode()) for factor in varied)
            row = tuple(int(lot, 16) % len(levels) for lot, levels in zip(lots, varied.values(), strict=True))
            model = self.model({factor: varied[factor][place] for factor, place in zip(varied, row, strict=True)})
            if model is not None:
                seen.setdefault(model, row)
            if len(seen) == count:
                return tuple(seen.values())
        message = f"{DRAWS_A_ROW * count} draws give {len(seen)} different models, and {count} are wanted"
        scope.report("P0728", message, sampled, "draw fewer, or vary more factors over more levels")
        return None

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
            message = f"an array of {asked} rows for factors of {listed} levels repeats some of its rows"
        fits = next((size for size, those in known.items() if len(set(those)) == len(those)), None)
        hint = f"write: array {fits}" if fits else f"take all {prod(counts)} combinations: full"
        scope.report("P0727", message, kind, hint)
        return None
