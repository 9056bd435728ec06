"""
Design declarations to designs: fractions by their aliases, size or resolution, and what follows a design.

Where a text gives no aliases, promo takes the fraction of minimum aberration from its table and says which it took;
interactions that must be clear decide which factor gets which column.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from promo.base.canonical import exact
from promo.base.classes import evolve, frozen
from promo.study.design import (
    Rows,
    Word,
    defining_relation,
    flipped,
    folded,
    other_rows,
    resolution,
    standard_rows,
)
from promo.study.expressions import Expressions
from promo.study.given import Level
from promo.study.mixed import is_mixed
from promo.study.names import Clauses, Scope
from promo.study.space import Design, Factor, lineage
from promo.syntax.nodes import Node, Token

MOST_ROWS = 65_536
MOST_ALIASES = 12
MOST_TABLE_ROWS = 128
MOST_ENDS = 2
"""So many factors may stay at their ends where others are at the centre: there are two to that number of rows."""
FOLLOWING = ("foldover", "semifold", "completion")
"""Kinds of design that follow another one, and take its factors and levels from it."""

Aliases = dict[str, Word]


@frozen
class _Varied:
    """Factors of a design with their levels."""

    low: Mapping[str, Level]
    high: Mapping[str, Level]
    centre: tuple[Level, ...] | None
    middles: tuple[tuple[int, ...], ...]

    @property
    def factors(self) -> tuple[str, ...]:
        return tuple(self.low)


class DesignReader:
    """Reads the designs of one text into *designs*."""

    def __init__(
        self,
        scope: Scope,
        expressions: Expressions,
        factors: Mapping[str, Factor],
        designs: dict[str, Design],
        level: Callable[[str, Node | Token], Level | None],
    ) -> None:
        self.scope, self.expressions, self.factors = scope, expressions, factors
        self.designs, self.level = designs, level

    def read(self, blocks: Sequence[Node]) -> None:
        """Read designs, those that follow another one last."""
        blocks = [block for block in blocks if _kind(block).kind != "neighbours"]  # they rest on cohorts and gates
        following = [block for block in blocks if _kind(block).kind in FOLLOWING]
        for block in (one for one in blocks if one not in following):
            self.scope.guard(block, self._design)
        waiting = {block.token("NAME").text: block for block in following}
        while waiting:
            names = {name: _kind(block).token("NAME").text for name, block in waiting.items()}
            ready = next((name for name, other in names.items() if other not in waiting), next(iter(waiting)))
            self.scope.guard(waiting.pop(ready), self._following)

    # --- designs of their own ------------------------------------------------------------------------------

    def _design(self, block: Node) -> Design | None:
        scope = self.scope
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        varied = self._varied(clauses)
        if varied is None:
            return None
        clear = self._clear(clauses, varied.factors)
        given = self._aliases(clauses, varied.factors)
        if clear is None or given is None:
            return None
        aliases = self._fraction(block, clauses, varied.factors, given, clear)
        if aliases is None:
            return None
        rows = standard_rows(varied.factors, aliases)
        kept = self._constrained(clauses, varied.factors, rows)
        if kept is None:
            return None
        whole, there = len(kept) == len(rows), tuple(rows[number - 1] for number in kept)
        words = defining_relation(varied.factors, aliases) if whole else ()
        design = Design(
            name=block.token("NAME").text,
            factors=varied.factors,
            low=tuple(varied.low.values()),
            high=tuple(varied.high.values()),
            numbers=kept,
            rows=there,
            centre=varied.centre,
            middles=varied.middles,
            words=words,
            generators=tuple(aliases.items()),
            chosen=bool(aliases) and not given,
            clear=clear,
            kind="fraction" if aliases else "full",
            parent=None,
            resolution=resolution(words) if whole else _resolution(varied.factors, there),
            where=scope.where(block),
        )
        if design.clear or not design.full_regular:
            from promo.study.guarantees import keeps_clear, keeps_resolution  # only such a design pays for them

            asked = list(clauses.all("clear"))
            if not keeps_clear(scope, asked, _words, design) or not keeps_resolution(scope, _kind(block), design):
                return None
        self._expected_resolution(clauses, design)
        self.designs[design.name] = design
        return design

    def _varied(self, clauses: Clauses) -> _Varied | None:
        scope = self.scope
        low: dict[str, Level] = {}
        high: dict[str, Level] = {}
        centres: dict[str, Level | None] = {}
        for vary in clauses.all("vary"):
            name = scope.meant(vary)
            if name is None or name in low:
                if name is not None:
                    scope.report("P0210", f"'{name}' is varied twice", vary.token("NAME"), "remove one")
                return None
            if len(vary.children) < 3:
                message = f"'{name}' has no levels here, and a design of two levels needs two"
                scope.report("P0706", message, vary, f"write: vary {name} low ... high ...")
                return None
            first, second = (self.level(name, part) for part in vary.children[1:3])
            if first is None or second is None:
                return None
            if first == second:
                scope.report("P0706", f"the two levels of '{name}' are the same", vary, "choose two different levels")
                return None
            low[name], high[name] = first, second
            centre = vary.node("centre")
            centres[name] = self._centre(name, (first, second), centre) if centre is not None else None
            if centre is not None and centres[name] is None:
                return None
        ends = [name for name, level in centres.items() if level is None]
        if len(ends) == len(low):
            return _Varied(low, high, None, ())
        if len(ends) > MOST_ENDS:
            message = f"{len(ends)} factors have no middle level, and the centre has every combination of those"
            hint = f"leave at most {MOST_ENDS} of them without: vary {ends[0]} low ... high ... centre ..."
            scope.report("P0711", message, clauses.one("vary"), hint)
            return None
        rows = standard_rows(ends, {}) if ends else ((),)
        places = {name: place for place, name in enumerate(ends)}
        middles = tuple(tuple(row[places[name]] if name in places else 0 for name in low) for row in rows)
        return _Varied(low, high, tuple(low[name] if at is None else at for name, at in centres.items()), middles)

    def _centre(self, name: str, ends: tuple[Level, Level], clause: Node) -> Level | None:
        level = self.level(name, clause.children[0])
        if level is None:
            return None
        low, high = ends
        if isinstance(level, str) or isinstance(low, str) or isinstance(high, str):
            message = f"'{name}' takes words, and no word lies between two others"
            self.scope.report("P0711", message, clause, "leave the centre point out")
            return None
        if not min(low, high) < level < max(low, high):
            message = f"{exact(level)} does not lie between the levels of '{name}'"
            self.scope.report("P0711", message, clause, f"choose a level between {exact(low)} and {exact(high)}")
            return None
        return level

    def _clear(self, clauses: Clauses, factors: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
        found: list[tuple[str, str]] = []
        for clause in clauses.all("clear"):
            names = [part.text if part is not None else "-" for part in _product(clause.children[0])]
            if len(names) != 2 or names[0] == names[1] or any(name not in factors for name in names):
                message = "clear takes an interaction of two varied factors"
                self.scope.report("P0707", message, clause, "write it like this: clear a * b")
                return None
            self.scope.used.update(names)
            pair = sorted(names, key=list(factors).index)
            found.append((pair[0], pair[1]))
        return tuple(dict.fromkeys(found))

    def _aliases(self, clauses: Clauses, varied: Sequence[str]) -> Aliases | None:
        aliases: Aliases = {}
        for alias in clauses.all("alias"):
            name = self.scope.meant(alias)
            sign, factors, sound = 1, [], name is not None
            for part in _product(alias.children[1]):
                if part is None:
                    sign = -sign
                elif part.kind != "NAME" or part.text not in varied or part.text in factors:
                    message = "an alias is a product of varied factors, each once, with or without a minus sign"
                    self.scope.report("P0707", message, part, "write it like this: alias e = a * b * c * d")
                    sound = False
                else:
                    factors.append(part.text)
            if not sound or name is None:
                return None
            if name not in varied or name in aliases or not factors:
                self.scope.report("P0707", f"'{name}' is not varied, or has an alias already", alias.token("NAME"))
                return None
            aliases[name] = (sign, tuple(factors))
        circular = [name for name, (_, factors) in aliases.items() if any(factor in aliases for factor in factors)]
        if circular:
            message = f"the alias of '{circular[0]}' uses a factor that has an alias itself"
            self.scope.report("P0707", message, clauses.one("alias"), "write every alias in factors without one")
            return None
        return aliases

    # --- which fraction ------------------------------------------------------------------------------------

    def _fraction(
        self, block: Node, clauses: Clauses, factors: Sequence[str], given: Aliases, clear: tuple[tuple[str, str], ...]
    ) -> Aliases | None:
        """The aliases of the fraction that is meant: those given, or promo's own."""
        kind = _kind(block)
        if given or kind.kind == "full":
            if not self._right_size(block, len(factors), len(given)):
                return None
            return given
        if kind.kind == "resolved":
            return self._by_resolution(kind, factors, clear)
        rows = self._rows(kind)
        if rows is None:
            return None
        if rows >= 2 ** len(factors):
            return {} if self._right_size(block, len(factors), 0) else None
        from promo.study.aberration import known_sizes  # only a design without aliases pays for the search

        if rows not in known_sizes():
            self._right_size(block, len(factors), 0)
            return None
        return self._of_size(kind, factors, rows, clear)

    def _rows(self, kind: Node) -> int | None:
        """The number of rows that a fraction says it has."""
        return self.expressions.count_given(kind, what="the number of rows", most=10**300)

    def _of_size(
        self, at: Node, factors: Sequence[str], rows: int, clear: tuple[tuple[str, str], ...]
    ) -> Aliases | None:
        from promo.study.aberration import known_fractions, placed

        designs = known_fractions(len(factors), rows)
        if not designs:
            message = f"promo knows no fraction of {len(factors)} factors in {rows} rows"
            hint = "take more rows, or give an alias for each further factor"
            self.scope.report("P0710", message, at, hint)
            return None
        found = next((made for one in designs if (made := placed(factors, rows, one, clear)) is not None), None)
        if found is None:
            pairs = ", ".join(" * ".join(pair) for pair in clear)
            message = f"in {rows} rows promo finds no fraction that keeps {pairs} clear"
            self.scope.report("P0709", message, at, f"write: fraction {2 * rows}, or ask for fewer clear interactions")
        return found

    def _by_resolution(self, at: Node, factors: Sequence[str], clear: tuple[tuple[str, str], ...]) -> Aliases | None:
        wanted = int(at.token("INT").text.replace("_", "")[:6])
        if not 3 <= wanted <= 12:
            message = "promo looks for a resolution of 3 or more"
            self.scope.report("P0710", message, at, "write: resolution 4 or resolution 5")
            return None
        from promo.study.aberration import known_fractions, known_sizes, placed

        for rows in known_sizes():
            if rows >= 2 ** len(factors):
                return {}
            for columns in known_fractions(len(factors), rows):
                made = placed(factors, rows, columns, clear)
                if made is not None and (resolution(defining_relation(factors, made)) or 0) >= wanted:
                    return made
        message = f"no fraction of {len(factors)} factors in up to {MOST_TABLE_ROWS} rows has resolution {wanted}"
        message += " and these clear interactions" if clear else ""
        self.scope.report("P0710", message, at, "ask for less, vary fewer factors, or give the aliases yourself")
        return None

    def _right_size(self, block: Node, factors: int, aliases: int) -> bool:
        """Whether the design has as many rows as it says, and few enough to build."""
        scope = self.scope
        kind = _kind(block)
        free = factors - aliases
        if kind.kind != "fraction":
            if aliases:
                scope.report("P0701", "a full design has no aliases", block.token("NAME"), "write: fraction 2^(k - p)")
                return False
            at: Node | Token = block.token("NAME")
        else:
            at = kind.children[0]
            said = self.expressions.given(kind)
            if said is None:
                return False
            if said > MOST_ROWS:
                message = f"the design has {_count(said)} rows, and {MOST_ROWS} is the most"
                scope.report("P0703", message, at, "vary fewer factors or alias more of them")
                return False
            if said != 2**free:
                message = (
                    f"{factors} varied factors and {aliases} aliases give {_count(2**free)} rows, not {_count(said)}"
                )
                hint = (
                    f"write: fraction 2^({factors} - {aliases})"
                    if aliases
                    else "declare an alias or vary fewer factors"
                )
                scope.report("P0701", message, at, hint)
                return False
        if 2**free > MOST_ROWS or (aliases > MOST_ALIASES and 2**free > MOST_TABLE_ROWS):
            message = (
                f"the design has {_count(2**free)} rows and {aliases} aliases; at most {MOST_ROWS} and {MOST_ALIASES}"
            )
            scope.report("P0703", message, at, "vary fewer factors")
            return False
        return True

    def _constrained(
        self, clauses: Clauses, factors: Sequence[str], rows: Sequence[tuple[int, ...]]
    ) -> tuple[int, ...] | None:
        """Numbers of the rows that no `without` leaves out."""
        kept = list(range(1, len(rows) + 1))
        for clause in clauses.all("without"):
            point = self._point(clause, factors)
            if point is None:
                return None
            left = [
                number
                for number in kept
                if any(rows[number - 1][factors.index(factor)] != sign for factor, sign in point.items())
            ]
            if len(left) == len(kept):
                self.scope.report("P0712", "this leaves out no row", clause, "remove it")
                return None
            kept = left
        if not kept:
            self.scope.report("P0712", "no row is left", clauses.all("without")[-1], "leave out fewer")
            return None
        return tuple(kept)

    def _point(self, clause: Node, factors: Sequence[str]) -> dict[str, int] | None:
        found: dict[str, int] = {}
        for part in clause.children:
            if not isinstance(part, Node) or part.kind not in ("at_low", "at_high"):
                continue
            name = part.token("NAME")
            if name.text not in factors or name.text in found:
                self.scope.report("P0707", f"'{name.text}' is not varied here, or named twice", name)
                return None
            self.scope.used.add(name.text)
            found[name.text] = 1 if part.kind == "at_high" else -1
        return found

    # --- designs that follow another -------------------------------------------------------------------------

    def _following(self, block: Node) -> Design | None:
        scope = self.scope
        kind = _kind(block)
        clauses = scope.clauses(block)
        for clause in block.children:
            if isinstance(clause, Node) and clause is not kind and clause.kind != "expect_resolution":
                message = f"a {kind.kind} has the factors and levels of the design that it follows"
                scope.report("P0713", message, clause, "remove this line")
                return None
        name = scope.meant(kind)
        if name is None:
            return None
        if name not in self.designs:
            if is_mixed(scope.declared[name]):
                message = f"'{name}' has factors with more than two levels, and no signs to reverse"
                scope.report("P0727", message, kind, "follow a design of two levels")
            else:
                message = f"'{name}' follows this design itself, and has no rows before it"
                scope.report("P0713", message, kind, "follow a design of its own rows")
            return None
        parent = self.designs[name]
        before = lineage(parent, self.designs)
        there = tuple(row for one in before for row in one.rows)
        held = tuple(word for word in before[0].words if all(word in one.words for one in before))
        rows, words = self._more_rows(kind, evolve(parent, rows=there, words=held)) or ((), ())
        if not rows:
            return None
        together = (*there, *rows)
        design = Design(
            name=block.token("NAME").text,
            factors=parent.factors,
            low=parent.low,
            high=parent.high,
            numbers=tuple(range(1, len(rows) + 1)),
            rows=tuple(rows),
            centre=None,
            middles=(),
            words=tuple(words),
            generators=(),
            chosen=False,
            clear=(),
            kind=kind.kind,
            parent=name,
            resolution=_resolution(parent.factors, together),
            where=scope.where(block),
        )
        self._expected_resolution(clauses, design)
        self.designs[design.name] = design
        return design

    def _more_rows(self, kind: Node, parent: Design) -> tuple[tuple[tuple[int, ...], ...], tuple[Word, ...]] | None:
        scope = self.scope
        if kind.kind == "completion":
            if len(parent.factors) > 16:
                scope.report("P0703", f"all of 2^{len(parent.factors)} rows are too many", kind)
                return None
            rows = other_rows(len(parent.factors), parent.rows)
            if not rows:
                scope.report("P0713", f"'{parent.name}' has every row already", kind, "remove this design")
                return None
            single = len(parent.generators) == 1 and parent.full_regular
            return rows, (flipped(parent.words, [parent.generators[0][0]]) if single else ())
        names = list(kind.tokens("NAME"))[1:]
        on = tuple(name.text for name in names) or parent.factors
        stranger = next((name for name in names if name.text not in parent.factors), None)
        if stranger is not None:
            scope.report("P0713", f"'{parent.name}' does not vary '{stranger.text}'", stranger)
            return None
        scope.used.update(on)
        rows = folded(parent.factors, parent.rows, on)
        if kind.kind == "semifold":
            point = self._point(kind, parent.factors)
            if point is None:
                return None
            factor, sign = next(iter(point.items()))
            rows = tuple(row for row in rows if row[parent.factors.index(factor)] == sign)
        again = set(rows) & set(parent.rows)
        if again:
            message = f"{len(again)} of the reversed rows are rows of '{parent.name}' already"
            scope.report("P0713", message, kind, "reverse other factors: those of a word an odd number of times")
            return None
        return rows, (flipped(parent.words, on) if kind.kind == "foldover" else ())

    def _expected_resolution(self, clauses: Clauses, design: Design) -> None:
        clause = clauses.maybe("expect_resolution")
        if clause is None:
            return
        expected = int(clause.token("INT").text.replace("_", "")[:6])
        if design.resolution != expected:
            shortest = design.words[0] if design.words and design.parent is None else None
            is_now = f"resolution {design.resolution}" if design.resolution else "no aliases at all: a full factorial"
            note = f"shortest word: {'-' if shortest[0] < 0 else ''}{' * '.join(shortest[1])} = I" if shortest else ""
            whose = f"'{design.name}'" + (f" with '{design.parent}'" if design.parent else "")
            message = f"resolution {expected} is expected, and {whose} has {is_now}"
            notes: tuple[str, ...] = (note,) if note else ()
            if not design.full_regular and not design.parent:
                from promo.study.guarantees import losses

                notes += losses(design)
            self.scope.report("P0702", message, clause, notes=notes)


def _resolution(factors: Sequence[str], rows: Rows) -> int | None:
    from promo.study.estimable import webb_resolution  # what is a whole fraction has no need of it

    return webb_resolution(factors, rows)


def _kind(block: Node) -> Node:
    kinds = ("fraction", "resolved", "full", "neighbours", *FOLLOWING)
    return next(child for child in block.children if isinstance(child, Node) and child.kind in kinds)


def _words(clause: Node) -> list[str]:
    return [part.text for part in _product(clause.children[0]) if part is not None]


def _product(part: Node | Token) -> Iterator[Token | None]:
    """Factors of a product; None stands for a minus sign."""
    if isinstance(part, Token):
        if part.kind != "MUL" or part.text != "*":
            yield part
        return
    if part.kind == "neg":
        yield None
    for child in part.children:
        if isinstance(child, Node) or child.kind != "SUB":
            yield from _product(child)


def _count(number: object) -> str:
    text = str(number)
    return text if len(text) <= 16 else f"about 10^{len(text) - 1}"
