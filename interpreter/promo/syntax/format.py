"""
Layout: a walk over the lexemes, so that it also works in files with errors.

There are no options.  A block is indented by two spaces; the word of a clause takes eight columns, so that a change
never moves its neighbours; one space stands between two lexemes, with the exceptions below; comments stay where they
are; a line with characters that have no place in a spec keeps its spacing.
"""

from attrs import frozen

from promo.base.diagnostics import Confidence, Diagnostic, Edit, Severity
from promo.base.source import Source, Span
from promo.syntax.lex import COMMENT, NAME, NEWLINE, WRONG, Lexeme, grammar, lexemes

INDENT = 2
CLAUSE_WORD = 8
WIDEST = 100
DEEPEST = 8
"""Blocks of a sound text nest once; beyond this a wrong one moves no further in, or its spaces would outgrow it."""

TIGHT_BEFORE = frozenset({",", "]", ")", "^", "..", ":"})
TIGHT_AFTER = frozenset({"[", "(", "^", ".."})
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


def format_text(source: Source) -> str:
    """
    The text in its one layout.

    Args:
        source: any text, with or without errors.

    Returns:
        The same lexemes and comments in canonical layout; formatting it again changes nothing.
    """
    written: list[str] = []
    depth = 0
    for line in _lines(source.text):
        closing = bool(line.lexemes) and line.lexemes[0][1] == "}"
        depth = max(depth - closing, 0)
        if line.blank_before and written and not closing and not written[-1].endswith("{"):
            written.append("")
        written.append(_written(source.text, line, min(depth, DEEPEST)).rstrip(" \t"))
        depth += _opens(line)
    return "\n".join(written) + "\n" if written else ""


def unformatted(source: Source) -> Diagnostic | None:
    """
    That a text is not in its one layout; nothing when it is.

    The one edit replaces the lines from the first that differs to the last, and leaves the text as `format_text`
    gives it.
    """
    before, after = source.text.splitlines(keepends=True), format_text(source).splitlines(keepends=True)
    if before == after:
        return None
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


def _opens(line: _Line) -> int:
    """How many blocks a line leaves open."""
    texts = [text for _, text, _, _ in line.lexemes]
    closed = texts.count("}") - (bool(texts) and texts[0] == "}")
    return max(texts.count("{") - closed, 0)


def _lines(text: str) -> list[_Line]:
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

    for lexeme in lexemes(text):
        kind, word, _, _ = lexeme
        if kind == NEWLINE:
            if not brackets or comment or any(one[0] == WRONG for one in current):
                end()
            if not current:
                newlines += 1
            continue
        if kind == COMMENT:
            comment = word.rstrip()
            continue
        if current and _breaks(current[-1], word):
            end()
        current.append(lexeme)
        brackets = max(brackets + (word in "[(") - (word in "])"), 0) if len(word) == 1 else brackets
        if word in ("{", "}"):
            brackets = 0
    end()
    return lines


def _breaks(before: Lexeme, word: str) -> bool:
    """Whether a lexeme begins a line of its own: what follows `{`, and a `}` that ends something."""
    return (before[1] == "{" and word != "}") or (word == "}" and before[1] != "{")


def _written(text: str, line: _Line, depth: int) -> str:
    clause = depth > 0 and not line.continued
    deeper = line.continued and line.lexemes[:1] != () and line.lexemes[0][1] != "]"
    indent = " " * INDENT * (depth + deeper)
    if any(kind == WRONG for kind, _, _, _ in line.lexemes):
        body = text[line.lexemes[0][2] : line.lexemes[-1][3]]
    else:
        body = _joined(line.lexemes, clause=clause)
        if len(indent) + len(body) > WIDEST and (items := _list(line.lexemes)):
            body = _wrapped(line.lexemes, items, indent, clause=clause)
    comment = f"  {line.comment}" if body and line.comment else line.comment
    return indent + body + comment


def _joined(parts: tuple[Lexeme, ...], *, clause: bool) -> str:
    written = ""
    for index, (_, word, _, _) in enumerate(parts):
        if index == 1 and clause and parts[0][0] == NAME and word not in ("=", ",", "{"):
            written = written.ljust(CLAUSE_WORD) + " "
        elif index and _spaced(parts, index):
            written += " "
        written += word
    return written


def _spaced(parts: tuple[Lexeme, ...], index: int) -> bool:
    word, before = parts[index][1], parts[index - 1][1]
    if word in TIGHT_BEFORE or before in TIGHT_AFTER:
        return False
    if before == "-" and (index < 2 or parts[index - 2][1] in OPERATORS or _is_keyword_place(parts, index - 2)):
        return False
    return not (before == "{" and word == "}")


def _is_keyword_place(parts: tuple[Lexeme, ...], index: int) -> bool:
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
