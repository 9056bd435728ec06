"""
An unfinished text to what could come next, and names to what they may be.

What a word at the end of a text would be, the parser itself tells: a name or a number is put there, the line is ended
in the shortest way that the grammar takes, and then it stands in the tree like any other.
"""

from collections import deque
from collections.abc import Iterator

from promo.base.classes import frozen
from promo.syntax.accept import accepted
from promo.syntax.clauses import ARGUMENTS, Argument
from promo.syntax.lex import COMMENT, NAME, NEWLINE, Lexeme, grammar, lexemes
from promo.syntax.nodes import Node, Token, names_in, values_in
from promo.syntax.parse import Machine
from promo.syntax.tables import END

Path = tuple[tuple[str, int], ...]
"""Rule and place of a name or value, and of every node around it, from the innermost on."""

MOST_TRIED = 400
"""Stacks that are looked at for an end of a line."""

_ONE_VALUE = frozenset({"FLOAT", "INT", "STRING", NAME, "LSQB", "LPAR", "SUB"})
"""What stands where a quantity can, too: one of them is enough to end a line."""


@frozen
class Place:
    """What could come next at the end of a text, the line so far, and the line that opened the block."""

    terminals: frozenset[str]
    line: tuple[Lexeme, ...]
    block: tuple[Lexeme, ...]
    name: Argument | None
    """What a name would be."""
    number: Argument | None
    """What a number would be."""


def place_at_end(text: str) -> Place:
    """What the grammar takes at the very end of a text; lines with mistakes are passed over as in `parse`."""
    stream = [lexeme for lexeme in lexemes(text) if lexeme[0] != COMMENT]
    stream.append((END, "", len(text), len(text)))
    machine = Machine(stream)
    terminals, line, block = machine.stop_before(len(stream) - 1)
    at = len(text) + 1  # behind everything
    name = argument(_path(machine, (NAME, "", at, at))) if NAME in terminals else None
    number = measured(_path(machine, ("QUANTITY", "", at, at))) if "QUANTITY" in terminals else None
    return Place(terminals, line, block, name, number)


def argument(path: Path) -> Argument | None:
    """What the table of clauses says of a name; of one in an expression, what its value is."""
    known = ARGUMENTS.get(path[0][0]) if path else None
    return known.name(path[0][1]) if known is not None and known.names else measured(path)


def measured(path: Path) -> Argument | None:
    """What the table of clauses says of a value."""
    for depth, (rule, place) in enumerate(path):
        known = ARGUMENTS.get(rule)
        if known is None or not known.values or place < 0:
            continue
        around = ARGUMENTS.get(path[depth + 1][0]) if depth + 1 < len(path) else None
        return around.bound if around is not None and around.bound is not None else known.value(place)
    return None


def named(declaration: Node) -> Iterator[tuple[Token, Path]]:
    """Every name of a declaration with its path, in the order of the text."""
    yield from _named(declaration, ())


def _named(node: Node, around: Path) -> Iterator[tuple[Token, Path]]:
    names = values = 0
    expressions = {id(value) for value in values_in(node)}
    for child in node.children:
        if isinstance(child, Node):
            place = values if id(child) in expressions else -1
            yield from _named(child, ((node.kind, place), *around))
        elif child.kind == NAME:
            yield child, ((node.kind, names), *around)
            names += 1
        values += id(child) in expressions


def _path(machine: Machine, probe: Lexeme) -> Path:
    """The path of a lexeme that is put at the end of what a machine has read; empty when no line ends behind it."""
    trial = machine.copy()
    base = list(trial.states)
    if accepted(base, (probe,)) != 1:
        return ()
    end = _end_of_line(tuple(base), probe[3])
    trial.read((probe, *end))
    for value, _, _ in reversed(trial.parts):
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, Node) and part.start <= probe[2] <= part.end:
                return _found(part, probe[2], ())
    return ()


def _found(node: Node, at: int, around: Path) -> Path:
    names, values = list(names_in(node)), values_in(node)
    for child in node.children:
        parts = values if any(child is value for value in values) else names
        place = next((index for index, one in enumerate(parts) if one is child), -1)
        if isinstance(child, Token) and child.start == at:
            return ((node.kind, place), *around)
        if isinstance(child, Node) and child.start <= at <= child.end:
            path = _found(child, at, ((node.kind, place), *around))
            if path:
                return path
    return ()


def _end_of_line(states: tuple[int, ...], at: int) -> tuple[Lexeme, ...]:
    """The fewest lexemes that end the line, with the blocks that it opens closed; empty when none were found."""
    waiting: deque[tuple[tuple[int, ...], tuple[Lexeme, ...], int]] = deque([(states, (), 0)])
    seen = {(states, 0)}
    line_end = (NEWLINE, "\n", at, at)
    while waiting and len(seen) < MOST_TRIED:
        here, read, depth = waiting.popleft()
        # Inside brackets a line end is only space; behind a clause or a declaration the block or the text may end.
        if not depth and any(accepted(list(here), (line_end, (end, "", at, at))) == 2 for end in ("RBRACE", END)):
            return (*read, line_end)
        moves = grammar().actions[here[-1]].keys() - {NEWLINE, END}
        for terminal in sorted(moves - _ONE_VALUE if "QUANTITY" in moves else moves):
            after, lexeme = list(here), (terminal, "", at, at)
            if accepted(after, (lexeme,)) != 1:
                continue
            deeper = depth + (terminal == "LBRACE") - (terminal == "RBRACE")
            if (tuple(after), deeper) not in seen:
                seen.add((tuple(after), deeper))
                waiting.append((tuple(after), (*read, lexeme), deeper))
    return ()
