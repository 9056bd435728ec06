"""
Designs and models to what is wrong with them: `clear`, a resolution and a model, held against the rows that there are.

What an alias or a row that is left out takes away is said with what depends on what, and in figures.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from promo.study.coding import MARK, Coding
from promo.study.design import alias_chains, effects_up_to
from promo.study.estimable import Dependence, Effect, Information, dependence_text, named
from promo.study.modelled import Bound, Rows, not_estimable
from promo.study.names import Scope
from promo.study.space import Design
from promo.syntax.nodes import Node

MOST_NAMED = 8
"""Effects that a message about a model names."""


def keeps_clear(scope: Scope, clauses: Sequence[Node], words: Callable[[Node], Sequence[str]], design: Design) -> bool:
    """Whether the rows that there are keep the interactions clear that have to be."""
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
        message = f"{what} is not clear: it cannot be distinguished from {named(others)}"
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
    message = f"resolution {wanted} is required, and {where} have resolution {design.resolution}"
    scope.report("P0702", message, kind, "leave out other rows, or ask for less", notes=losses(design))
    return False


def keeps_model(
    scope: Scope, clause: Node, coding: Coding, terms: Sequence[Effect], parts: Sequence[Rows], named_stages: str
) -> bool:
    """
    Whether the rows that enter can estimate every effect of a model, or the sum of those that have one column.

    Args:
        scope: takes the finding.
        clause: the model.
        coding: the columns.
        terms: of the model, smaller ones first.
        parts: the rows that are estimated together, block by block.
        named_stages: the stages that they enter, as words.
    """
    together = [row for part in parts for row in part]
    found = not_estimable(coding, terms, [together]) if together else ()
    inside = ""
    if together and not found and len(parts) > 1:
        found, inside = not_estimable(coding, terms, parts), " within blocks"
    if not found:
        return True
    gone = {effect for one in found for effect in one.effects[-1:]}
    among = {effect for one in found for effect in one.effects}
    lost = [effect for term in terms for effect in coding.named(term) if effect in among]
    left_out = [term for term in terms if not gone.isdisjoint(coding.named(term))]
    count = f"{len(lost)} effect{'s' * (len(lost) != 1)} of this model"
    message = f"the {len(together)} rows that enter {named_stages} cannot estimate {count}{inside}: {_several(lost)}"
    scope.report("P0730", message, clause, _instead(terms, left_out), notes=(_why(found[0], coding),))
    return False


def given_up(coding: Coding, terms: Sequence[Effect], parts: Sequence[Rows]) -> tuple[Effect, ...]:
    """Effects of a model that rows could tell, if they ran in one block, and that these blocks cannot."""
    together = [row for part in parts for row in part]
    if not together or not_estimable(coding, terms, [together]):
        return ()
    found = not_estimable(coding, terms, parts)
    return tuple(dict.fromkeys(effect for one in found for effect in one.effects))


def _several(effects: Sequence[Effect]) -> str:
    """Effects in a row, the first of many."""
    shown = effects if len(effects) <= MOST_NAMED else effects[: MOST_NAMED - 1]
    more = len(effects) - len(shown)
    return named(shown).replace(MARK, " ") + (f" and {more} more" if more else "")


def _why(one: Bound, coding: Coding) -> str:
    """What the last effect of a combination depends on."""
    *others, last = one.effects
    what = " * ".join(last).replace(MARK, " ")
    if not others:
        return f"{what} is the same in every row{'' if one.constant is not None else ' of a block'}"
    if not coding.plain or one.constant is None:
        inside = "" if one.constant is not None else "within blocks "
        return f"{inside}{what} depends on {_several(others)}"
    left, right = dependence_text(Dependence(one.terms, one.constant), last)
    return f"there {left} = {right}"


def _instead(terms: Sequence[Effect], gone: Sequence[Effect]) -> str:
    """A model that the rows can estimate."""
    if any(len(term) == 1 for term in gone):
        return "train rows that distinguish them, or vary fewer factors"
    factors = [name for term in terms if len(term) == 1 for name in term]
    kept = [term for term in terms if len(term) > 1 and term not in gone]
    pairs = len(kept) > 1 and set(combinations(factors, 2)) <= set(kept)
    said = [*(["pairs"] if pairs else []), *(named([term]) for term in kept if len(term) > 2 or not pairs)]
    return f"write: model {', '.join(['main', *said])}"


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
