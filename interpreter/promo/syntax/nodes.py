"""
The syntax tree: tokens and nodes named after the rules of `promo.lark`.

A keyword leaves no token behind; what is left are names, numbers, texts and the words that carry a choice
(`mean`, `drop`).  Rules that begin with an underscore leave no node.  Positions do not take part in equality.
"""

from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

from promo.base.classes import field, frozen
from promo.base.source import Source, Span


@frozen
class Token:
    """A word of the text; *kind* is its terminal in the grammar."""

    kind: str
    text: str
    start: int = field(eq=False, repr=False)
    end: int = field(eq=False, repr=False)


@frozen
class Node:
    """What one grammar rule matched; its characters include the keywords it left out."""

    kind: str
    children: tuple["Node | Token", ...]
    start: int = field(eq=False, repr=False)
    end: int = field(eq=False, repr=False)

    def nodes(self, kind: str) -> Iterator["Node"]:
        """Child nodes of that kind, in order."""
        return (child for child in self.children if isinstance(child, Node) and child.kind == kind)

    def node(self, kind: str) -> "Node | None":
        """The first child node of that kind."""
        for child in self.children:
            if child.kind == kind and isinstance(child, Node):
                return child
        return None

    def tokens(self, kind: str) -> Iterator[Token]:
        """Child tokens of that kind, in order."""
        return (child for child in self.children if isinstance(child, Token) and child.kind == kind)

    def token(self, kind: str) -> Token:
        """The first child token of that kind; the grammar promises there is one."""
        for child in self.children:
            if child.kind == kind and isinstance(child, Token):
                return child
        raise AssertionError(f"{self.kind} has no {kind}")


@frozen
class Tree:
    """A parsed text: its edition and declarations in order, and the comments around them."""

    source: Source
    root: Node
    comments: tuple[Token, ...] = field(eq=False, repr=False)

    @cached_property
    def declarations(self) -> tuple[Node, ...]:
        """Everything after the header, in the order of the text."""
        return tuple(child for child in self.root.children if isinstance(child, Node) and child.kind != "header")

    def span(self, part: Node | Token) -> Span:
        """Where *part* stands."""
        return Span(self.source, part.start, part.end)

    def documentation(self, declaration: Node) -> str:
        """Text of the `##` comment lines directly above a declaration, joined by newlines."""
        at = bisect_left(self.comments, declaration.start, key=lambda comment: comment.start)
        if not at:
            return ""
        wanted = self.source.position(declaration.start)[0] - 1
        lines: list[str] = []
        while at and wanted:
            at -= 1
            comment = self.comments[at]
            line, column = self.source.position(comment.start)
            if line == wanted and column != 1:
                continue
            if line < wanted or not comment.text.startswith("##"):
                break
            lines.append(comment.text[2:].strip())
            wanted -= 1
        return "\n".join(reversed(lines))


_EXPRESSIONS = frozenset({"sum", "product", "pow", "neg", "named", "list", "range"})
_LITERALS = frozenset({"INT", "FLOAT", "QUANTITY", "STRING"})


def names_in(node: Node) -> Iterator[Token]:
    """The names of a clause itself, without those that its expressions mention."""
    return node.tokens("NAME")


def values_in(node: Node) -> list[Node | Token]:
    """The values of a clause."""
    return [child for child in node.children if child.kind in (_EXPRESSIONS if isinstance(child, Node) else _LITERALS)]
