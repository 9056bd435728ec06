"""
Text to lexemes: one pass of one regular expression, nothing left out.

A lexeme is `(terminal, text, start, end)`.  Which keyword a word stands for depends on where it is, so words come
out as NAME and the parser decides; spaces are dropped, comments and line ends are kept, and what no terminal of the
grammar accepts comes out as WRONG.
"""

import re
from collections.abc import Iterator
from functools import cache

from promo.syntax import tables

Lexeme = tuple[str, str, int, int]

NAME, NEWLINE, COMMENT, WRONG, PUNCTUATION = "NAME", "_NL", "COMMENT", "WRONG", "PUNCTUATION"


@cache
def grammar() -> tables.Tables:
    """The installed grammar's tables, loaded once."""
    return tables.load()


@cache
def _pattern() -> re.Pattern[str]:
    signs = sorted((word for word in grammar().words if not word.isalpha()), key=lambda word: (-len(word), word))
    parts = [f"(?P<{name}>{pattern})" for name, pattern in grammar().lexemes]
    parts.append(f"(?P<{PUNCTUATION}>{'|'.join(map(re.escape, signs))})")
    parts.append(rf'(?P<{WRONG}>\w+|"(?:[^\r\n]*[^\r\n \t])?|.)')
    return re.compile("|".join(parts))


def lexemes(text: str) -> Iterator[Lexeme]:
    """Every lexeme of *text* in order, spaces left out."""
    for found in _pattern().finditer(text):
        kind = found.lastgroup or WRONG
        if kind[:2] != "__":  # the grammar's own ignored spaces
            yield kind, found[0], *found.span()
