"""
Tree to names: which declaration each name of a text may refer to.

The keyword before a name decides: in a stage, `after` is followed by a gate and `on` by hosts.  One table serves
both a finished text (definition, references, rename) and a line that is being written (completion).  A name that
the table does not know stands in an expression, where it can be a named value.
"""

from collections.abc import Iterator, Mapping

from promo.server.values import Declared, Occurrence
from promo.syntax.lex import COMMENT, NAME, NEWLINE, Lexeme, grammar, lexemes
from promo.syntax.nodes import Node, Token, Tree

IMPORT = "import"
VALUES = ("let",)
TRAINED = ("cohort", "candidate", "design")

KINDS_AT: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("use", "use"): (),
    ("use", "pinned"): (),
    ("let", "="): ("let", "factor"),
    ("study", "measure"): (),
    ("study", "in"): (),
    ("study", "runner"): (),
    ("host", "on"): (),
    ("host", "executor"): (),
    ("factor", ":"): (),
    ("design", "of"): ("cohort", "gate", "design"),
    ("design", "vary"): ("factor",),
    ("design", "alias"): ("factor",),
    ("design", "="): ("factor",),
    ("candidate", "like"): ("candidate",),
    ("candidate", "of"): ("candidate",),
    ("candidate", "follows"): ("schedule",),
    ("candidate", ""): ("factor",),
    ("cohort", "rows"): ("design",),
    ("cohort", "members"): ("candidate",),
    ("stage", "after"): ("gate", "reduce"),
    ("stage", "train"): TRAINED,
    ("stage", "continue"): TRAINED,
    ("stage", "branch"): TRAINED,
    ("stage", "from"): ("stage",),
    ("stage", "on"): ("host",),
    ("gate", "from"): ("stage",),
    ("gate", "to"): ("stage", "candidate"),
    ("gate", "always"): ("candidate",),
    ("gate", "of"): ("host", "stage"),
    ("gate", "per"): (),
    ("gate", "mean"): (),
    ("gate", "median"): (),
    ("gate", "worst"): (),
    ("gate", "every"): (),
    ("gate", "over"): (),
    ("gate", "guard"): (),
    ("gate", "by"): (),
    ("rule", "judge"): ("candidate",),
    ("rule", "against"): ("candidate",),
    ("rule", "at"): ("stage", "let"),
    ("rule", "to"): ("candidate",),
    ("rule", "of"): ("host", "stage"),
    ("rule", "per"): (),
    ("rule", "mean"): (),
    ("rule", "median"): (),
    ("rule", "worst"): (),
    ("rule", "every"): (),
    ("rule", "by"): (),
    ("account", "count"): (),
    ("curves", "from"): (),
    ("curves", "column"): (),
    ("curves", "in"): (),
    ("curves", "by"): (),
    ("curves", "label"): ("candidate", "host"),
    ("account", "all"): ("gate",),
    ("account", "to"): ("stage",),
    ("effects", "from"): ("stage",),
    ("effects", "model"): (),
    ("effects", "block"): (),
    ("effects", "family"): (),
    ("reduce", "from"): ("effects",),
    ("reduce", "into"): ("design",),
    ("baseline", "space"): ("design",),
    ("baseline", "matched"): ("stage",),
    ("grow", "parent"): ("candidate",),
    ("grow", "at"): ("stage",),
    ("grow", "stack"): ("factor",),
    ("grow", "by"): (),
    ("grow", "lowest"): (),
    ("grow", "highest"): (),
    ("schedule", "shape"): ("factor",),
    ("schedule", "from"): ("stage",),
    ("schedule", "else"): (),
}
"""Declaration and keyword -> what a name behind the keyword may refer to; () for words that are declared nowhere."""

SIGNS = ("=", ":")
"""Punctuation that leads like a keyword."""


def kinds_at(declaration: str, keyword: str) -> tuple[str, ...]:
    """What a name behind *keyword* in a declaration may refer to."""
    return KINDS_AT.get((declaration, keyword), VALUES)


def occurrences(tree: Tree) -> tuple[Occurrence, ...]:
    """Every name of the sound lines of a text, in order."""
    return tuple(_occurrences(tree))


def _occurrences(tree: Tree) -> Iterator[Occurrence]:
    stream = lexemes(tree.source.text)
    lexeme = next(stream, None)
    for declaration in tree.declarations:
        names = {token.start for token in _names(declaration)}
        keyword, brackets = "", 0
        while lexeme is not None and lexeme[2] < declaration.end:
            _, text, start, end = lexeme
            if start >= declaration.start:
                if start in names:
                    yield _occurrence(declaration, keyword, text, start, end)
                else:
                    keyword, brackets = _after(lexeme, keyword, brackets)
            lexeme = next(stream, None)


def _after(lexeme: Lexeme, keyword: str, brackets: int) -> tuple[str, int]:
    """The leading keyword and the depth of brackets behind a lexeme that is no name."""
    kind, text, _, _ = lexeme
    if (kind == NEWLINE and not brackets) or text in "{}":
        return "", 0
    if text in "[]" and kind != COMMENT:
        return keyword, max(brackets + (1 if text == "[" else -1), 0)
    if text in SIGNS or (kind == NAME and text in grammar().words):
        return text, brackets
    return keyword, brackets


def _occurrence(declaration: Node, keyword: str, text: str, start: int, end: int) -> Occurrence:
    if declaration.kind == "use":
        return Occurrence(text, start, end, (), IMPORT)
    if keyword == declaration.kind:
        return Occurrence(text, start, end, (), declaration.kind)
    if (declaration.kind, keyword) == ("grow", "becomes"):
        return Occurrence(text, start, end, (), "candidate")
    return Occurrence(text, start, end, kinds_at(declaration.kind, keyword))


def _names(declaration: Node) -> Iterator[Token]:
    waiting: list[Node | Token] = [declaration]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Node):
            waiting.extend(part.children)
        elif part.kind == NAME:
            yield part


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


def leading(line: tuple[Lexeme, ...]) -> str:
    """The keyword that leads what comes next on an unfinished line; a word behind a comma is a name."""
    keyword = ""
    for index, (kind, text, _, _) in enumerate(line):
        if text == "{":
            keyword = ""
        elif text in SIGNS or (kind == NAME and text in grammar().words and not (index and line[index - 1][1] == ",")):
            keyword = text
    return keyword
