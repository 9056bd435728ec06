"""
A stage in blocks to plain stages: one for each host, with the rows that this host runs.

`block on host by a * b * c` sets rows apart by the sign of a product, and gives each side a host.  Rows on different
hosts are not compared with each other, so nothing ranks them; effects are, within each host.  Such a stage is therefore
as many plain stages as it has hosts, NAME_HOST each: a host's stage trains the rows for which the products have the
signs of that host's place in `on`, and whatever is no row of a design (runs at the centre, references) on every host.
`effects from NAME` reads all of them together, the host a block.  So plan, price, executors, bundles and both verifiers
meet stages like any other.

What the products are confounded with cannot be estimated: a main effect, or an interaction that has to be clear, must
not be among it.

Source: Montgomery (2013), "Design and analysis of experiments", chapter 7.
"""

from collections.abc import Mapping, Sequence

from promo.base.classes import evolve
from promo.study.design import effects_up_to
from promo.study.estimable import Effect, Information, named
from promo.study.names import LONGEST_NAME, Scope
from promo.study.space import Array, Design
from promo.study.values import Stage, Study
from promo.syntax.clauses import ARGUMENTS, Arguments
from promo.syntax.nodes import Node, names_in

CODE = "P0729"


def split_by_host(
    scope: Scope, block: Node, stage: Stage, designs: Mapping[str, Design], arrays: Mapping[str, Array]
) -> tuple[Stage, ...] | None:
    """
    The stages that a stage in blocks is, in the order of its hosts; None where it is at fault, which is reported.

    Args:
        scope: takes what is wrong.
        block: the declaration, with its clause `blocked`.
        stage: what its other clauses say.
        designs: two-level designs; the rows of these are set apart.
        arrays: other designs, which have no signs.
    """
    clause = block.node("blocked")
    assert clause is not None
    words = _words(scope, clause)
    if words is None or not _possible(scope, clause, stage, words, arrays):
        return None
    there = {name: one for name, one in designs.items() if not one.points.keys().isdisjoint(stage.candidates)}
    if not there:
        scope.report(CODE, "no row of a design is trained here, so there is nothing to divide", clause, "remove it")
        return None
    for design in there.values():
        strange = next((name for word in words for name in word if name not in design.factors), None)
        if strange is not None:
            message = f"'{strange}' is not varied in {design.name}"
            scope.report(CODE, message, clause, f"use: {', '.join(design.factors)}")
            return None
    points = {name: design.points[name] for design in there.values() for name in design.points}
    factors = next(iter(there.values())).factors
    rows = [points[name] for name in stage.candidates if 0 not in points.get(name, (0,))]
    if not _tells(scope, clause, factors, rows, words, list(there.values())):
        return None
    parts = _parts(scope, clause, stage, factors, points, words)
    return parts if parts is not None and _as_expected(scope, stage, parts) else None


def place_of(factors: Sequence[str], row: Sequence[int], words: Sequence[Effect]) -> int:
    """Which block a row is in: a bit for each word, set where the product of its factors is high."""
    found = 0
    for number, word in enumerate(words):
        negative = sum(row[factors.index(name)] < 0 for name in word) % 2
        found |= (0 if negative else 1) << number
    return found


def confounded(factors: Sequence[str], rows: Sequence[tuple[int, ...]], words: Sequence[Effect]) -> tuple[Effect, ...]:
    """
    Effects of up to two factors that the rows cannot separate from the differences between blocks.

    Args:
        factors: the k factors.
        rows: shape (n, k) of -1 and +1.
        words: products by whose signs the rows are set apart.
    """
    every = spanned(factors, words)
    wanted = effects_up_to(factors, 2)
    columns = [*every, *(effect for effect in wanted if effect not in every)]
    lost = {effect for effect in every if len(effect) <= 2}
    for one in Information(factors, rows).dependences(columns):
        if not set(every).isdisjoint(one.effects):
            lost |= set(one.effects)
    return tuple(effect for effect in wanted if effect in lost)


def spanned(factors: Sequence[str], words: Sequence[Effect]) -> tuple[Effect, ...]:
    """All products of words: what differs between blocks, each in the order of the factors."""
    found: list[frozenset[str]] = [frozenset()]
    for word in words:
        found += [other ^ frozenset(word) for other in found]
    return tuple(tuple(sorted(one, key=factors.index)) for one in dict.fromkeys(found) if one)


def stages_of(study: Study, name: str) -> tuple[str, ...]:
    """The stages that a declaration makes: one of that name, or in blocks one for each host."""
    if name in study.stages:
        return (name,)
    return tuple(one for one, stage in study.stages.items() if one == f"{name}_{stage.hosts[0]}")


def _words(scope: Scope, clause: Node) -> list[Effect] | None:
    """The products, each of factors that are there once."""
    known, said = ARGUMENTS[clause.kind].name(0).words, clause.token("NAME")
    if said.text not in known:
        scope.report(
            CODE, f"'{said.text}' is not something that rows can be divided on", said, f"use: {', '.join(known)}"
        )
        return None
    found: list[Effect] = []
    for term in clause.nodes("term"):
        names = tuple(name.text for name in names_in(term))
        scope.used.update(names)
        if any(sign.text != "*" for sign in term.tokens("MUL")) or len(set(names)) < len(names):
            scope.report(CODE, "blocks are given by a product of factors, each once", term, "write it like: a * b * c")
            return None
        found.append(names)
    return found


def _possible(scope: Scope, clause: Node, stage: Stage, words: Sequence[Effect], arrays: Mapping[str, Array]) -> bool:
    """Whether there are as many hosts as blocks, and it is known beforehand who runs, and by which signs."""
    if len(stage.hosts) != 2 ** len(words):
        count = f"{len(words)} product{'s' * (len(words) != 1)} make {2 ** len(words)} blocks"
        message = f"{count}, and the stage has {len(stage.hosts)} host{'s' * (len(stage.hosts) != 1)}"
        scope.report(CODE, message, clause, "a host for each block: 2 for one product, 4 for two, 8 for three")
        return False
    if stage.promoted or stage.around is not None:
        message = "which rows a gate promotes is not known in advance, so they cannot be divided"
        scope.report(CODE, message, clause, "name a cohort, or let every host run all that are promoted")
        return False
    mixed = next((name for name, one in arrays.items() if not one.titles.keys().isdisjoint(stage.candidates)), None)
    if mixed is not None:
        message = f"'{mixed}' has factors with more than two levels, and no signs to divide rows by"
        scope.report(CODE, message, clause, "let every host run all rows")
    return mixed is None


def _tells(
    scope: Scope,
    clause: Node,
    factors: Sequence[str],
    rows: Sequence[tuple[int, ...]],
    words: Sequence[Effect],
    designs: Sequence[Design],
) -> bool:
    """Whether the blocks leave main effects, and what has to be clear."""
    gone = confounded(factors, rows, words)
    wanted = {pair for one in designs for pair in one.clear}
    lost = [effect for effect in gone if len(effect) == 1 or effect in wanted]
    if lost:
        message = f"{named(lost)} could not be distinguished from a difference between the hosts"
        note = f"the products set apart: {named(spanned(factors, words))}"
        hint = f"see what costs least: promo design SPEC {designs[0].name} --split {2 ** len(words)}"
        scope.report(CODE, message, clause, hint, notes=(note,))
    return not lost


def _parts(
    scope: Scope,
    clause: Node,
    stage: Stage,
    factors: Sequence[str],
    points: Mapping[str, tuple[int, ...]],
    words: Sequence[Effect],
) -> tuple[Stage, ...] | None:
    """The stage of every host."""
    found = []
    for number, host in enumerate(stage.hosts):
        name = f"{stage.name}_{host}"
        if name in scope.declared or len(name) > LONGEST_NAME:
            message = f"the stage of {host} is '{name}', which is too long, or declared as something else"
            scope.report(CODE, message, clause, "rename the stage")
            return None
        mine = [
            one
            for one in stage.candidates
            if 0 in points.get(one, (0,)) or place_of(factors, points[one], words) == number
        ]
        if not any(0 not in points.get(one, (0,)) for one in mine):
            message = f"'{host}' would run no row"
            scope.report(CODE, message, clause, "take products that differ, and that are not the same in every row")
            return None
        found.append(evolve(stage, name=name, hosts=(host,), candidates=tuple(mine), expected_runs=None))
    return tuple(found)


def _as_expected(scope: Scope, stage: Stage, parts: Sequence[Stage]) -> bool:
    """Whether all hosts together have as many runs as the stage expects."""
    runs = sum(len(one.candidates) * len(one.seeds) for one in parts)
    if stage.expected_runs in (None, runs):
        return True
    each = " + ".join(str(len(one.candidates)) for one in parts)
    message = f"{stage.expected_runs} runs are expected, and the stage has {runs}"
    note = f"({each}) candidates x {len(stage.seeds)} seeds = {runs}"
    scope.report("P0602", message, stage.where["expect_runs"], notes=(note,))
    return False


def misread(scope: Scope) -> set[str]:
    """
    Stages in blocks that something else than effects reads, each place reported.

    No gate, rule or law compares rows that ran on different hosts.
    """
    found = set()
    for declaration in scope.tree.declarations:
        for node in _within(declaration):
            if declaration.kind == "effects" and node.kind == "stages":
                continue
            table = ARGUMENTS.get(node.kind, Arguments())
            for place, name in enumerate(names_in(node)) if table.names else ():
                if name.text in scope.blocked and "stage" in table.name(place).kinds:
                    message = f"the hosts of '{name.text}' run different rows, and only effects are read from those"
                    scope.report(CODE, message, name, "estimate effects from it, or let every host run all rows")
                    found.add(name.text)
    return found


def _within(node: Node) -> list[Node]:
    """A node and all below it."""
    found = [node]
    for one in found:
        found += [child for child in one.children if isinstance(child, Node)]
    return found
