"""
Layout: a walk over the lexemes of a text that can be read.

There are no options.  A block is indented by two spaces; the word of a clause takes eight columns, so that a change
never moves its neighbours; one space stands between two lexemes, with the exceptions below; comments stay where they
are.  A text with a syntax error has no layout: where its lines end is what the error leaves open (an unclosed `[`
would take in the declarations behind it), so it stays as it is.
"""

from collections.abc import Sequence

from promo.base.classes import frozen
from promo.base.diagnostics import Confidence, Diagnostic, Edit, Severity
from promo.base.source import Source, Span
from promo.syntax.accept import readable
from promo.syntax.lex import COMMENT, NAME, NEWLINE, Lexeme, grammar, lexemes

INDENT = 2
CLAUSE_WORD = 8
WIDEST = 100
TIGHT_BEFORE = frozenset({",", "]", ")", "^", "..", ":"})
TIGHT_AFTER = frozenset({"[", "(", "^", ".."})
BRACKETS = {"[": 1, "(": 1, "]": -1, ")": -1}
OPERATORS = frozenset({"+", "-", "*", "/", "=", "->", "^", ",", "(", "[", "..", ""})
"""After these a minus sign belongs to the number behind it."""


@frozen
class _Line:
    """One line of the result: its lexemes and the comment behind them."""

    lexemes: tuple[Lexeme, ...]
    comment: str
    blank_before: bool
    continued: bool
    """It goes on inside a bracket of the line before."""


def format_text(source: Source) -> str | None:
    """
    The text in its one layout; None for a text that cannot be read, which has none.

    Returns:
        The same lexemes and comments in canonical layout; formatting it again changes nothing.
    """
    found = lexemes(source.text)
    if not readable([lexeme for lexeme in found if lexeme[0] != COMMENT]):
        return None
    written: list[str] = []
    inside = False
    for line in _lines(found):
        closing = bool(line.lexemes) and line.lexemes[0][1] == "}"
        inside = inside and not closing
        if line.blank_before and written and not closing and not written[-1].endswith("{"):
            written.append("")
        written.append(_written(line, inside=inside))
        inside = inside or (bool(line.lexemes) and line.lexemes[-1][1] == "{")
    return "\n".join(written) + "\n"


def unformatted(source: Source) -> Diagnostic | None:
    """
    That a text is not in its one layout; nothing when it is, or has none.

    The one edit replaces the lines from the first that differs to the last, and leaves the text as `format_text`
    gives it.
    """
    laid_out = format_text(source)
    if laid_out is None or laid_out == source.text:
        return None
    before, after = source.text.splitlines(keepends=True), laid_out.splitlines(keepends=True)
    first = _same(before, after)
    most = min(len(before), len(after)) - first
    last = min(_same(before[::-1], after[::-1]), most)
    start = sum(map(len, before[:first]))
    end = len(source.text) - sum(map(len, before[len(before) - last :]))
    written = "".join(after[first : len(after) - last])
    guilty = before[first].rstrip() if first < len(before) else ""
    at = start + len(guilty) - len(guilty.lstrip())
    line = written.partition("\n")[0]
    return Diagnostic(
        "P0901",
        "the file is not formatted",
        Span(source, at, max(start + len(guilty), at)),
        f"run: promo fmt, which writes here: {line.strip()}" if line.strip() else "run: promo fmt",
        severity=Severity.WARNING,
        edits=(Edit(Span(source, start, end), written),),
        confidence=Confidence.SURE,
    )


def _same(one: list[str], other: list[str]) -> int:
    """How many lines two lists have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _lines(found: Sequence[Lexeme]) -> list[_Line]:
    """Split lexemes into lines: at line ends outside brackets, behind `{` and before `}`."""
    lines: list[_Line] = []
    current: list[Lexeme] = []
    comment = ""
    newlines = 0
    brackets = 0
    inside = False

    def end() -> None:
        nonlocal comment, newlines, inside
        if current or comment:
            lines.append(_Line(tuple(current), comment, newlines > 1, inside))
            newlines = 0
            inside = brackets > 0
        current.clear()
        comment = ""

    for lexeme in found:
        kind, word, _, _ = lexeme
        if kind == NEWLINE:
            if not brackets or comment:
                end()
            if not current:
                newlines += 1
            continue
        if kind == COMMENT:
            comment = word.rstrip()
            continue
        if current and ((word == "}") is not (current[-1][1] == "{")):  # behind `{`, and before a `}` that ends lines
            end()
        current.append(lexeme)
        if word in BRACKETS:
            brackets += BRACKETS[word]
    end()
    return lines


def _written(line: _Line, *, inside: bool) -> str:
    clause = inside and not line.continued
    deeper = line.continued and line.lexemes[:1] != () and line.lexemes[0][1] != "]"
    indent = " " * INDENT * (inside + deeper)
    body = _joined(line.lexemes, clause=clause)
    if len(indent) + len(body) > WIDEST and (items := _list(line.lexemes)):
        body = _wrapped(line.lexemes, items, indent, clause=clause)
    comment = f"  {line.comment}" if body and line.comment else line.comment
    return indent + body + comment


def _joined(parts: Sequence[Lexeme], *, clause: bool) -> str:
    written: list[str] = []  # a text that grows by each word would be copied as often on a line of megabytes
    before = ""
    for index, (_, word, _, _) in enumerate(parts):
        if index == 1 and clause and parts[0][0] == NAME and word not in ("=", ",", "{"):
            written.append(" " * max(CLAUSE_WORD - len(before), 0) + " ")
        elif not index or word in TIGHT_BEFORE or before in TIGHT_AFTER:
            pass
        elif not (before == "-" and _is_sign(parts, index - 1)) and not (before == "{" and word == "}"):
            written.append(" ")
        written.append(word)
        before = word
    return "".join(written)


def _is_sign(parts: Sequence[Lexeme], index: int) -> bool:
    """Whether a minus belongs to the number behind it: at the beginning, or behind an operator or a word."""
    return index < 1 or parts[index - 1][1] in OPERATORS or _is_keyword_place(parts, index - 1)


def _is_keyword_place(parts: Sequence[Lexeme], index: int) -> bool:
    """A minus sign behind a word, as in `low -3`, is a sign; behind a value it is an operator."""
    return parts[index][0] == NAME and parts[index][1] in grammar().words


def _list(parts: tuple[Lexeme, ...]) -> tuple[tuple[Lexeme, ...], ...]:
    """The items of the first list that is closed on its own line, each with the comma behind it; none without one."""
    opening = next((index for index, part in enumerate(parts) if part[1] == "["), len(parts))
    items: list[tuple[Lexeme, ...]] = []
    item: list[Lexeme] = []
    depth = 1
    for part in parts[opening + 1 :]:
        word = part[1]
        depth += (word in ("[", "(")) - (word in ("]", ")"))
        if word in ("{", "}"):
            return ()
        if not depth:
            return (*items, tuple(item)) if item else tuple(items)
        item.append(part)
        if word == "," and depth == 1:
            items.append(tuple(item))
            item = []
    return ()


def _wrapped(parts: tuple[Lexeme, ...], items: tuple[tuple[Lexeme, ...], ...], indent: str, *, clause: bool) -> str:
    """A long list over several lines, as full as they can be."""
    opening = next(index for index, part in enumerate(parts) if part[1] == "[")
    closing = opening + 1 + sum(map(len, items))
    inner = indent + " " * INDENT
    lines, line = [], inner
    for item in items:
        piece = _joined(item, clause=False)
        if len(line) + len(piece) + 1 > WIDEST and line != inner:
            lines.append(line.rstrip())
            line = inner
        line += piece + " "
    lines.append(line.rstrip())
    head = _joined(parts[: opening + 1], clause=clause)
    return "\n".join([head, *lines, indent + _joined(parts[closing:], clause=False)])
