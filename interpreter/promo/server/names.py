"""
Tree to names: which declaration each name of a text may refer to.

The table of clauses decides: in a stage, `after` is followed by a gate and `on` by hosts.  A name in an expression is
a named value unless its clause says otherwise, such as an alias, which multiplies factors.
"""

from collections.abc import Iterator

from promo.server.values import Declared, Occurrence
from promo.syntax.clauses import Argument
from promo.syntax.nodes import Tree
from promo.syntax.place import argument, named

IMPORT = "import"


def occurrences(tree: Tree) -> tuple[Occurrence, ...]:
    """Every name of the sound lines of a text, in order."""
    return tuple(_occurrences(tree))


def _occurrences(tree: Tree) -> Iterator[Occurrence]:
    for declaration in tree.declarations:
        for name, path in named(declaration):
            meant = argument(path) or Argument()
            yield Occurrence(name.text, name.start, name.end, meant.kinds, meant.declares or None)


def declared(tree: Tree, found: tuple[Occurrence, ...]) -> dict[str, Declared]:
    """
    The declarations of a text by name, the first where a name is declared twice.

    The study is left out: nothing refers to it, and its name may be another thing's name, too.
    """
    known: dict[str, Declared] = {}
    declaring = iter(one for one in found if one.declares is not None)
    waiting = next(declaring, None)
    for node in tree.declarations:
        while waiting is not None and waiting.start < node.end:
            if waiting.declares not in (None, "study"):
                place = Declared(waiting.name, str(waiting.declares), node, waiting.start, waiting.end)
                known.setdefault(waiting.name, place)
            waiting = next(declaring, None)
    return known
