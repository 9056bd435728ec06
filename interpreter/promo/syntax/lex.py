"""
Text to lexemes: one pass of one regular expression, nothing left out.

A lexeme is `(terminal, text, start, end)`.  Which keyword a word stands for depends on where it is, so words come
out as NAME and the parser decides; spaces are dropped, comments and line ends are kept, and what no terminal of the
grammar accepts comes out as WRONG.
"""

import re
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
    ignored = [pattern for name, pattern in grammar().lexemes if name.startswith("__")]
    parts = [f"(?P<{name}>{pattern})" for name, pattern in grammar().lexemes if not name.startswith("__")]
    parts.append(f"(?P<{PUNCTUATION}>{'|'.join(map(re.escape, signs))})")
    parts.append(rf'(?P<{WRONG}>\w+|"(?:[^\r\n]*[^\r\n \t])?|.)')
    # What is ignored is skipped in front of a lexeme, and never given back: half as many matches as one for each.
    return re.compile(rf"(?:{'|'.join(ignored)})*+(?:{'|'.join(parts)})")


def lexemes(text: str) -> list[Lexeme]:
    """Every lexeme of *text* in order, spaces left out."""
    # What is ignored stands in front, so a match ends where its lexeme does.
    return [
        (found.lastgroup or WRONG, found[group := found.lastindex or 0], found.start(group), found.end())
        for found in _pattern().finditer(text)
    ]
