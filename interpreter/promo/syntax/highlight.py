"""
Text to coloured tokens for Pygments, which finds this lexer by its entry point; nothing else imports it.

It has no word lists of its own.  The parser says which words of the sound lines are names; elsewhere (in a fragment,
or on a line with a mistake) a word of the grammar is taken for a keyword.
"""

from collections.abc import Iterator

from pygments.lexer import Lexer
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Text, _TokenType

from promo.base.source import Source
from promo.syntax.lex import COMMENT, NAME, NEWLINE, PUNCTUATION, WRONG, grammar, lexemes
from promo.syntax.nodes import Node, Token, Tree
from promo.syntax.parse import parse

OF_LEXEME = {
    COMMENT: Comment.Single,
    NEWLINE: Text,
    PUNCTUATION: Operator,
    WRONG: Error,
    "STRING": String.Double,
    "DIGEST": String.Symbol,
    "DATE": Number,
    "INT": Number.Integer,
    "FLOAT": Number.Float,
    "QUANTITY": Number,
}
BRACKETS = "{}[](),:"


class PromoLexer(Lexer):
    """The promo language."""

    name = "promo"
    aliases = ("promo",)
    filenames = ("*.promo",)
    mimetypes = ("text/x-promo",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """Every character of *text*, as (offset, token type, characters)."""
        names = _names(parse(Source("", text)).tree)
        at = 0
        for kind, word, start, end in lexemes(text):
            if start > at:
                yield at, Text.Whitespace, text[at:start]
            yield start, _type(kind, word, names.get(start)), word
            at = end
        if at < len(text):
            yield at, Text.Whitespace, text[at:]


def _type(kind: str, word: str, declares: bool | None) -> _TokenType:
    if kind == COMMENT and word.startswith("##"):
        return Comment.Special
    if kind != NAME:
        return Punctuation if word in BRACKETS else OF_LEXEME[kind]
    if declares is not None:
        return Name.Class if declares else Name
    if word == "frozen":
        return Keyword.Reserved
    return Keyword if word in grammar().words else Name


def _names(tree: Tree) -> dict[int, bool]:
    """Where the names of the sound lines stand -> whether it is the name of a declaration."""
    found: dict[int, bool] = {}
    for declaration in tree.declarations:
        waiting: list[Node | Token] = [declaration]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Node):
                waiting.extend(part.children)
            elif part.kind == NAME:
                found[part.start] = False
        name = next(declaration.tokens(NAME), None)
        if name is not None and declaration.kind != "use":
            found[name.start] = True
    return found
