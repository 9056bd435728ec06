"""
Designs to what is wrong with their guarantees: `clear` and a resolution, held against the rows that there are.

What an alias or a row that is left out takes away is said with what depends on what, and in figures.
"""

from collections.abc import Callable, Iterator, Sequence

from promo.study.design import alias_chains, effects_up_to
from promo.study.estimable import Information, dependence_text, named
from promo.study.names import Scope
from promo.study.space import Design
from promo.syntax.nodes import Node


def keeps_clear(scope: Scope, clauses: Sequence[Node], words: Callable[[Node], Sequence[str]], design: Design) -> bool:
    """
    Whether the rows that there are keep the interactions clear that have to be.

    Args:
        scope: takes the finding.
        clauses: those that ask for it.
        words: a clause -> the factors in it.
        design: with its rows.
    """
    if not design.clear:
        return True
    every = effects_up_to(design.factors, 2)
    lost = Information(design.factors, design.rows).lost(every)
    gone = [pair for pair in design.clear if pair in lost]
    if not gone:
        return True
    at = next(one for one in clauses if {*words(one)} == {*gone[0]})
    what, why = dependence_text(lost[gone[0]], gone[0])
    if len(lost[gone[0]].terms) == 2 and design.full_regular:
        others = (other for one in _chain(gone[0], design, every) for other in one)
        message = f"{what} is not clear: it cannot be told from {named(others)}"
        scope.report("P0709", message, at, "leave the aliases out, and promo looks for a fraction")
        return False
    where = f"in {'its' if design.full_regular else 'the'} {len(design.rows)} rows"
    where += "" if design.full_regular else " that remain"
    message = f"{what} is not clear {where}: there {what} = {why}"
    note = f"{where}, {len(lost)} of {len(every)} effects of up to two factors are not clear: {named(lost)}"
    scope.report("P0709", message, at, "leave out other rows, or ask for less", notes=(note,))
    return False


def keeps_resolution(scope: Scope, kind: Node, design: Design) -> bool:
    """Whether rows that were left out leave the resolution that was asked for."""
    if kind.kind != "resolved" or design.full_regular or design.resolution is None:
        return True
    wanted = int(kind.token("INT").text.replace("_", "")[:6])
    if design.resolution >= wanted:
        return True
    where = f"the {len(design.rows)} rows that remain"
    message = f"resolution {wanted} is asked for, and {where} have resolution {design.resolution}"
    scope.report("P0702", message, kind, "leave out other rows, or ask for less", notes=losses(design))
    return False


def losses(design: Design) -> tuple[str, ...]:
    """What rows that were left out cost, in figures."""
    lost = Information(design.factors, design.rows).lost(effects_up_to(design.factors, 2))
    mains = [effect for effect in lost if len(effect) == 1]
    if not mains:
        return ()
    one = " = ".join(dependence_text(lost[mains[0]], mains[0]))
    return (f"{len(mains)} of {len(design.factors)} main effects are not clear: {named(mains)}; there {one}",)


def _chain(pair: tuple[str, ...], design: Design, every: Sequence[tuple[str, ...]]) -> Iterator[list[tuple[str, ...]]]:
    """Effects that share a column with an interaction."""
    for chain in alias_chains(design.factors, design.rows):
        names = [effect for _, effect in chain]
        if pair in names:
            yield [effect for effect in names if effect != pair and effect in every]
