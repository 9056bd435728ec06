"""
Tables to a syntax file for Vim: words are coloured by their place, as in the TextMate grammar, and written by nobody.

Vim goes through its patterns from the last to the first, so what stands further down here is tried first.
"""

from collections.abc import Iterator

from promo.syntax.tables import Tables, word_lists

NAME = "[a-z][a-z0-9_]*"
NUMBER = r"\<[0-9][0-9_]*\%(\.[0-9][0-9_]*\)\?\%([eE][+-]\?[0-9]\+\)\?"
GROUPS = {
    "Comment": "Comment",
    "Documentation": "SpecialComment",
    "String": "String",
    "Escape": "SpecialChar",
    "Date": "Number",
    "Digest": "Constant",
    "Edition": "PreProc",
    "Frozen": "StorageClass",
    "Declaration": "Structure",
    "Name": "Type",
    "Setting": "Identifier",
    "Clause": "Statement",
    "Word": "Keyword",
    "Number": "Number",
    "Quantity": "Number",
    "Operator": "Operator",
}
"""Group of promo -> the group of Vim whose colours it has."""


def vim_syntax(tables: Tables) -> str:
    """The whole file."""
    lines = [
        '" Vim syntax file of promo, edition 1.  Written by python -m promo.syntax.tables; edit nothing here.',
        'if exists("b:current_syntax")',
        "  finish",
        "endif",
        "syntax case match",
        *(f"syntax match promo{group} {rest}" for group, rest in _matches(tables)),
        r'syntax match promoEscape /\\["\\nt]/ contained',
        r'syntax region promoString start=/"/ skip=/\\./ end=/"/ oneline contains=promoEscape',
        "syntax match promoComment /#.*$/ contains=@Spell",
        "syntax match promoDocumentation /##.*$/ contains=@Spell",
        *(f"highlight default link promo{group} {link}" for group, link in GROUPS.items()),
        'let b:current_syntax = "promo"',
    ]
    return "\n".join(lines) + "\n"


def _matches(tables: Tables) -> Iterator[tuple[str, str]]:
    """Group and pattern of everything that is one match."""
    words = {place: r"\|".join(found) for place, found in word_lists(tables).items()}
    yield "Operator", r"/->\|\.\.\|[-+*\/^=]/"
    yield "Word", rf"/\<\%({words['word']}\)\>/"
    yield "Number", rf"/{NUMBER}\>/"
    unit = r"\%([eE][+-]\?[0-9]\)\@![a-zA-Z][a-zA-Z0-9_]*"  # what follows the 1 of 1e-4 is none
    yield "Quantity", rf"/{NUMBER}\%(%\|{unit}\)/"
    yield "Clause", rf"/\%(^\s\+\|{{\s*\)\@<=\%({words['clause']}\)\>/"
    yield "Setting", rf"/\%(^\|{{\)\@<=\s*{NAME}\ze\s*=/"
    yield "Name", rf"/{NAME}/ contained"
    block = rf"\%({words['declaration']}\)\>\%(\s*=\)\@!"
    yield "Declaration", rf"/^{block}/ nextgroup=promoName skipwhite"
    yield "Declaration", rf"/\%(^frozen\s\+\)\@<={block}/ nextgroup=promoName skipwhite"
    yield "Frozen", rf"/^frozen\ze\s\+{block}/"
    yield "Edition", r"/^promo\ze\s\+[0-9]/"
    yield "Date", r"/\<[0-9]\{4}-[0-9]\{2}-[0-9]\{2}\>/"
    yield "Digest", r"/sha256:[0-9a-f]\{12,64}/"
