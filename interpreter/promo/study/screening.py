"""What `effects` declarations mean: which stages and designs they read, and what they estimate."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from promo.study.coding import coding_of, of_two
from promo.study.comparing import Comparisons
from promo.study.conditions import Conditions
from promo.study.design import effects_up_to
from promo.study.estimable import Information, dependence_text
from promo.study.estimable import named as listed
from promo.study.expressions import Expressions
from promo.study.families import Procedure, Rest
from promo.study.guarantees import given_up, keeps_model
from promo.study.modelled import modelled, rank_of
from promo.study.names import Scope
from promo.study.space import Array, Comparing, Design
from promo.study.values import Effects, Entrants, Stage
from promo.syntax.clauses import CELL, NOWHERE, POOLED, words
from promo.syntax.nodes import Node

MOST_FACTORS = 3
"""Of an interaction in a model."""


class Screening:
    """Reads the effects of one text."""

    def __init__(
        self,
        scope: Scope,
        expressions: Expressions,
        conditions: Conditions,
        comparisons: Comparisons,
        stages: Mapping[str, Stage],
        reach: Mapping[str, Entrants],
    ) -> None:
        """*reach*: who can enter the stages."""
        self.scope, self.expressions, self.comparisons = scope, expressions, comparisons
        self.designs: Mapping[str, Design | Array] = {**conditions.designs, **conditions.arrays}
        self.stages, self.reach = stages, reach
        self.effects: dict[str, Effects] = {}

    def read(self) -> dict[str, Effects]:
        """All effects that are sound, by name."""
        for block in self.scope.of_kind("effects"):
            self.scope.used.add(block.token("NAME").text)
            self.scope.guard(block, self._effects)
        return self.effects

    def _effects(self, block: Node) -> Effects | None:
        scope = self.scope
        clauses = scope.clauses(block)
        if not clauses.complete:
            return None
        named = scope.all_meant(clauses.one("stages"))
        model = self._words(clauses.one("model"))
        terms = self._terms(clauses.one("model"))
        family = self._words(clauses.one("family"))
        blocks = clauses.maybe("block")
        block_by = CELL if blocks is None else self._blocks(blocks)
        if named is not None and block_by is not None and not scope.blocked.keys().isdisjoint(named):
            named, block_by = self._by_host(block, named, block_by)
        at = clauses.one("rate")
        procedure, rate = self._procedure(at), self.expressions.given(at)
        if rate is not None and not 0 < rate < 1:
            scope.report("P0302", "a rate lies between 0% and 100%", at, "write: rate 5%")
            return None
        if named is None or model is None or terms is None or family is None or block_by is None or rate is None:
            return None
        if procedure is None or not self._has_its_family(clauses.one("model"), model, terms, family[0]):
            return None
        if any(name not in self.stages or name not in self.reach for name in named):
            return None
        designs = self._designs(block, named)
        if designs is None:
            return None
        pooled = POOLED in block_by
        if pooled and not self._apart(blocks or clauses.one("stages"), named, designs):
            return None
        groups = [named] if pooled else [(stage,) for stage in named]
        if not all(self._keeps_clear(block, group, designs) for group in groups):
            return None
        factors = self.designs[designs[0]].factors
        if not self._varied(clauses.one("model"), terms, designs):
            return None
        contrasts = self._contrasts(block, list(clauses.all("contrast")), self.designs[designs[0]])
        if contrasts is None:
            return None
        found = Effects(
            name=block.token("NAME").text,
            stages=named,
            designs=designs,
            pairs="pairs" in model,
            terms=_ordered(terms, factors, pairs="pairs" in model),
            block=block_by,
            family=family[0],
            rate=rate,
            documentation=scope.tree.documentation(block),
            where=scope.where(block),
            procedure=procedure,
            contrasts=contrasts,
            rest=_rest(clauses.maybe("rest")),
        )
        if not self._estimable(block, found):
            return None
        self.effects[found.name] = found
        return found

    def _varied(self, clause: Node, terms: Sequence[tuple[str, ...]], designs: Sequence[str]) -> bool:
        """Whether every factor of a term is one of the designs'."""
        factors = self.designs[designs[0]].factors
        strange = next((name for term in terms for name in term if name not in factors), None)
        if strange is not None:
            message = f"'{strange}' is not varied in {' and '.join(designs)}"
            self.scope.report("P0721", message, clause, f"use: {', '.join(factors)}")
        return strange is None

    def _has_its_family(
        self, clause: Node, model: tuple[str, ...], terms: tuple[tuple[str, ...], ...], family: str
    ) -> bool:
        """Whether a model has main effects, and what its family tests."""
        sizes = {2 for word in model if word == "pairs"} | {len(term) for term in terms}
        if "main" in model and (family == "main" or (2 in sizes if family == "pairs" else sizes)):
            return True
        message = "the family has effects that the model leaves out" if "main" in model else "a model has main effects"
        self.scope.report("P0722", message, clause, "write: model main, pairs")
        return False

    def _procedure(self, clause: Node) -> Procedure | None:
        """By which a family shares its rate."""
        said = clause.node("procedure")
        if said is None:
            return Procedure.BENJAMINI_HOCHBERG
        found = self._words(said)
        return None if found is None else Procedure(found[0])

    def _contrasts(self, block: Node, clauses: Sequence[Node], design: Design | Array) -> tuple[Comparing, ...] | None:
        """What the effects of factors of more than two levels are; a design of two levels has none."""
        if isinstance(design, Array):
            return self.comparisons.read(clauses, block, design)
        if clauses:
            message = f"every factor of '{design.name}' has two levels, and its effect is high less low"
            self.scope.report("P0721", message, clauses[0], "remove it")
            return None
        return ()

    def _blocks(self, clause: Node) -> tuple[str, ...] | None:
        """What runs are compared within; nothing for `none`."""
        found = self._words(clause)
        if found is not None and NOWHERE in found and len(found) > 1:
            message = f"'{NOWHERE}' stands alone: there are blocks or there are none"
            self.scope.report("P0721", message, clause, f"write: block {NOWHERE}")
            return None
        return () if found == (NOWHERE,) else found

    def _by_host(
        self, block: Node, named: tuple[str, ...], block_by: tuple[str, ...]
    ) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """The stages of every host of those in blocks, and the blocks that they are estimated in together."""
        from promo.study.blocked import CODE

        clauses = self.scope.clauses(block)
        if not block_by:
            message = "hosts that run different rows are blocks of their own"
            self.scope.report(CODE, message, clauses.one("block"), "write: block host")
            return None, block_by
        if len(named) > 1 and POOLED not in block_by:
            message = "the hosts of a stage in blocks are estimated together, and other stages apart from those"
            hint = "declare effects for each stage, or estimate all together: block host, seed, stage"
            self.scope.report(CODE, message, clauses.one("stages"), hint)
            return None, block_by
        parts = tuple(one for name in named for one in self.scope.blocked.get(name, (name,)))
        return parts, tuple(word for word in (*CELL, POOLED) if word in (*block_by, CELL[0], POOLED))

    def _estimable(self, block: Node, found: Effects) -> bool:
        """Whether the rows that enter can estimate the model; what hosts with their own rows give up is warned of."""
        clause, first = self.scope.clauses(block).one("model"), self.designs[found.designs[0]]
        coding = of_two(first.factors) if isinstance(first, Design) else coding_of(first, found.contrasts)
        terms = modelled(found, first.factors)
        points = {name: row for one in found.designs for name, row in self.designs[one].points.items()}
        for group in [found.stages] if found.pooled else [(stage,) for stage in found.stages]:
            parts = [[points[name] for name in self.reach[stage].possible if name in points] for stage in group]
            hosts = [name for name, some in self.scope.blocked.items() if not set(some).isdisjoint(group)]
            if hosts and (lost := given_up(coding, terms, parts)):
                are = f"{_quoted(hosts)} cannot tell {listed(lost)} from a difference between its hosts"
                hint = "set rows apart by another product, let every host run all rows, or expect no estimate"
                self.scope.warn("P0729", are, clause, hint)
            elif not keeps_model(self.scope, clause, coding, terms, parts, _quoted(group)):
                return False
            if found.rest is Rest.ERROR and all(parts):
                left = _runs_beside_blocks(found, [self.stages[name] for name in group], parts)
                self._has_an_error(block, left - rank_of(coding, terms, parts), _quoted(group))
        return True

    def _has_an_error(self, block: Node, degrees: int, named_stages: str) -> None:
        """Warns where all else is declared to be the error, and the model leaves nothing over."""
        if degrees <= 0:
            are = f"the model takes every degree of freedom at {named_stages}, so nothing is left for an error"
            hint = "leave terms out of the model, repeat runs, or remove this clause: then the error may be Lenth's"
            self.scope.warn("P0730", are, self.scope.clauses(block).one("rest"), hint)

    def _apart(self, clause: Node, named: tuple[str, ...], designs: tuple[str, ...]) -> bool:
        """Whether stages can be estimated together: there are two or more, and no run of one is a run of another."""
        if len(named) < 2:
            message = f"'{named[0]}' is the only stage, so it cannot be a block"
            self.scope.report("P0721", message, clause, "remove it, or name the other stages: from ..., ...")
            return False
        points = {name for one in designs for name in self.designs[one].points}
        stages, reach = self.stages, self.reach
        for one, other in combinations(named, 2):
            same = [name for name in reach[one].possible if name in points and name in reach[other].possible]
            cells = [cell for cell in stages[one].cells if cell in stages[other].cells]
            if same and cells:
                host, seed = cells[0]
                where = f"'{same[0]}' has seed {seed} on {host} at '{one}' and at '{other}'"
                message = f"{where}, and runs that share their seed are not independent"
                hint = "train only new rows at the later stage, give it seeds of its own, or leave stage out"
                self.scope.report("P0721", message, clause, hint)
                return False
        return True

    def _keeps_clear(self, block: Node, group: tuple[str, ...], designs: tuple[str, ...]) -> bool:
        """Whether the rows that enter stages, which are estimated together, keep clear what is said to be clear."""
        points = {name: row for one in designs for name, row in self.designs[one].points.items()}
        entered = [name for stage in group for name in self.reach[stage].possible]
        rows = [points[name] for name in entered if 0 not in points.get(name, (0,))]
        factors = self.designs[designs[0]].factors
        two = [one for one in map(self.designs.__getitem__, designs) if isinstance(one, Design)]
        wanted = dict.fromkeys(pair for one in two for pair in one.clear)
        lost = Information(factors, rows).lost(effects_up_to(factors, 2)) if wanted and rows else {}
        gone = next((pair for pair in wanted if pair in lost), None)
        if gone is not None:
            what, why = dependence_text(lost[gone], gone)
            where = f"the {len(rows)} rows that enter {_quoted(group)}"
            message = f"{what} must be clear, but is not in {where}: {what} = {why}"
            self.scope.report("P0709", message, self.scope.where(block)["stages"], "train the rows that tell it")
        return gone is None

    def _terms(self, clause: Node) -> tuple[tuple[str, ...], ...] | None:
        """Interactions that a model names, of two factors or three."""
        found: list[tuple[str, ...]] = []
        for term in clause.nodes("term"):
            names = tuple(name.text for name in term.tokens("NAME"))
            self.scope.used.update(names)
            plain = all(sign.text == "*" for sign in term.tokens("MUL"))
            if not plain or len(set(names)) < len(names) or len(names) > MOST_FACTORS:
                message = f"a term is a product of two factors or {MOST_FACTORS}, each once"
                self.scope.report("P0721", message, term, "write it like this: a * b * c")
                return None
            found.append(names)
        return tuple(found)

    def _words(self, clause: Node) -> tuple[str, ...] | None:
        known, said = words(clause.kind), list(clause.tokens("NAME"))
        strange = next((word for word in said if word.text not in known), None)
        if strange is not None:
            message = f"'{strange.text}' is nothing that '{clause.kind}' knows"
            self.scope.report("P0721", message, strange, f"use: {', '.join(known)}")
            return None
        return tuple(dict.fromkeys(word.text for word in said))

    def _designs(self, block: Node, named: Iterable[str]) -> tuple[str, ...] | None:
        """The designs whose rows enter the stages; one set of factors and levels for all."""
        scope = self.scope
        found: dict[str, None] = {}
        for stage in named:
            there = set(self.reach[stage].possible)
            here = [name for name, design in self.designs.items() if there & set(design.points)]
            if not here:
                message = f"no row of a design enters '{stage}', so it shows no effects"
                hint = "train rows there: cohort NAME { rows DESIGN all }"
                scope.report("P0720", message, scope.where(block)["stages"], hint)
                return None
            found |= dict.fromkeys(here)
        if len({_levels(self.designs[name]) for name in found}) > 1:
            message = f"{' and '.join(found)} have other factors or levels, so their effects do not compare"
            scope.report("P0720", message, scope.where(block)["stages"], "estimate them apart")
            return None
        return tuple(found)


RESTS = {"in_error": Rest.ERROR, "as_listed": Rest.LISTED}


def _rest(clause: Node | None) -> Rest:
    """What becomes of that which the model leaves out."""
    if clause is None:
        return Rest.USUAL
    return next(rest for kind, rest in RESTS.items() if clause.node(kind) is not None)


def _runs_beside_blocks(found: Effects, stages: Sequence[Stage], parts: Sequence[Sequence[object]]) -> int:
    """Planned runs of some stages, less the blocks that they are compared within."""
    cells = [(len(stage.hosts), len(stage.seeds)) for stage in stages]
    runs = sum(len(part) * hosts * seeds for part, (hosts, seeds) in zip(parts, cells, strict=True))
    by_host, by_seed = ("host" in found.block, "seed" in found.block)
    return runs - sum((hosts if by_host else 1) * (seeds if by_seed else 1) for hosts, seeds in cells)


def _quoted(names: Iterable[str]) -> str:
    return " and ".join(f"'{name}'" for name in names)


def _levels(design: Design | Array) -> tuple[object, ...]:
    """Factors with their levels, in the order in which rows speak of them."""
    levels = design.levels if isinstance(design, Array) else (design.low, design.high)
    return isinstance(design, Array), design.factors, levels


def _ordered(terms: Iterable[tuple[str, ...]], factors: tuple[str, ...], *, pairs: bool) -> tuple[tuple[str, ...], ...]:
    """Terms in the order of the factors, smaller ones first, each once; without those that are in the model anyway."""
    named = {tuple(sorted(term, key=factors.index)) for term in terms}
    wanted = [term for term in named if len(term) > 2 or not pairs]
    return tuple(sorted(wanted, key=lambda term: (len(term), [factors.index(name) for name in term])))
