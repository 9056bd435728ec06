"""
Tree to designs, where a text has factors and designs and nothing else: what rows tell needs no study and no runner.

A text that says more is a study, or is to become one, and goes through `check`.
"""

from collections.abc import Mapping

from promo.base.classes import frozen
from promo.base.diagnostics import Diagnostic
from promo.study.brought import Imported
from promo.study.conditions import Conditions
from promo.study.expressions import Expressions, Value
from promo.study.lets import read_lets
from promo.study.names import Scope
from promo.study.ports import World
from promo.study.space import Array, Design
from promo.study.stand_in import assumed_measure, stand_in
from promo.syntax.nodes import Tree

SPACE = frozenset(("let", "factor", "design"))
"""Declarations of a text that is no study."""


@frozen
class Alone:
    """The designs of such a text, and everything there is to say about it."""

    designs: Mapping[str, Design]
    arrays: Mapping[str, Array]
    diagnostics: tuple[Diagnostic, ...]


def is_alone(tree: Tree) -> bool:
    """Whether a text declares factors and designs, and nothing that makes a study."""
    kinds = {node.kind for node in tree.declarations}
    return "design" in kinds and kinds <= SPACE


def read_alone(tree: Tree, world: World) -> Alone:
    """
    Designs of a text without a study; any unit and any level is taken.

    Args:
        tree: what `parse` read, of which `is_alone` holds.
        world: nothing of it is asked.
    """
    scope, values = Scope(tree, world), dict[str, Value]()
    scope.gather()
    expressions = Expressions(scope, assumed_measure(scope).unit or None, values)
    read_lets(scope, expressions, values)
    conditions = Conditions(scope, expressions, stand_in(scope), Imported())
    conditions.read_factors()
    return Alone(conditions.designs, conditions.arrays, tuple(scope.found))
