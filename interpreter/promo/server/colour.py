"""
A document as coloured tokens.

A pattern cannot know that `seed` is a keyword here and a name there; the tree does.  Everything inside a frozen gate
or rule carries the modifier `frozen`, so that an editor can show what must not be touched.
"""

from collections.abc import Iterator

from lsprotocol import types

from promo.server.document import Document
from promo.server.values import Declared, Occurrence
from promo.syntax.lex import COMMENT, NAME, NEWLINE, PUNCTUATION, WRONG, grammar, lexemes

TYPES = (
    "keyword",
    "comment",
    "string",
    "number",
    "operator",
    "namespace",
    "class",
    "enum",
    "struct",
    "type",
    "parameter",
    "variable",
    "function",
    "property",
)
MODIFIERS = ("declaration", "documentation", "frozen")
LEGEND = types.SemanticTokensLegend(list(TYPES), list(MODIFIERS))

OF_KIND = {
    "study": "class",
    "data": "struct",
    "host": "struct",
    "factor": "parameter",
    "let": "variable",
    "design": "class",
    "candidate": "variable",
    "cohort": "enum",
    "stage": "namespace",
    "gate": "function",
    "rule": "function",
    "reduce": "function",
}
"""Declaration -> the type of its name; others are `type`."""

OF_LEXEME = {
    COMMENT: "comment",
    "STRING": "string",
    "INT": "number",
    "FLOAT": "number",
    "QUANTITY": "number",
    "DIGEST": "string",
    "DATE": "number",
}

DECLARATION, DOCUMENTATION, FROZEN = (1 << MODIFIERS.index(name) for name in MODIFIERS)


def colour(document: Document) -> list[int]:
    """
    The tokens of a document.

    Returns:
        Five numbers for each token: lines from the token before, columns from it or from the line's start, length,
        type, modifiers.

    Source:
        Language Server Protocol 3.17, "Semantic Tokens", relative encoding.
    """
    numbers: list[int] = []
    positions, text = document.positions, document.text
    before_line = before_column = 0
    for start, end, kind, modifiers in _tokens(document):
        at = positions.at(start)
        column = at.character - (before_column if at.line == before_line else 0)
        numbers += (at.line - before_line, column, positions.units(text[start:end]), TYPES.index(kind), modifiers)
        before_line, before_column = at.line, at.character
    return numbers


def _tokens(document: Document) -> Iterator[tuple[int, int, str, int]]:
    named = {one.start: one for one in document.occurrences}
    words = grammar().words
    frozen = [(one.node.start, one.node.end) for one in document.declared.values() if one.frozen]
    frozen.sort(reverse=True)
    for kind, text, start, end in lexemes(document.text):
        while frozen and frozen[-1][1] <= start:
            frozen.pop()
        modifiers = FROZEN if frozen and frozen[-1][0] <= start else 0
        if start in named:
            one = named[start]
            yield start, end, _type(document.meant(one), one), modifiers | (DECLARATION if one.declares else 0)
        elif kind in OF_LEXEME:
            documents = kind == COMMENT and text.startswith("##")
            yield start, end, OF_LEXEME[kind], modifiers | (DOCUMENTATION if documents else 0)
        elif kind == NAME and text in words:
            yield start, end, "keyword", modifiers
        elif kind == PUNCTUATION and text not in "{}[](),:":
            yield start, end, "operator", modifiers
        else:
            assert kind in (NAME, NEWLINE, PUNCTUATION, WRONG)


def _type(meant: Declared | None, occurrence: Occurrence) -> str:
    kind = meant.kind if meant else occurrence.declares
    if kind is None or kind == "import":
        return "property" if kind is None else "variable"
    return OF_KIND.get(kind, "type")
