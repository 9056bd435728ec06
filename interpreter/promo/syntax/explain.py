"""
A place where reading stopped, to a diagnostic that says what is wrong there and what the line should look like.

Each question below knows one mistake people make; the first that recognises the fault answers.
"""

from collections.abc import Callable
from functools import cache

from attrs import frozen

from promo.base.diagnostics import Confidence, Diagnostic, Edit, Label, suggestion
from promo.base.source import Source, Span
from promo.base.units import RESEMBLING, UNITS, sure_unit
from promo.syntax.lex import NAME, NEWLINE, WRONG, Lexeme, grammar
from promo.syntax.tables import END

NUMBERS = ("INT", "FLOAT")


@frozen(eq=False, repr=False)
class Fault:
    """What the parser knew when it could not go on."""

    lexeme: Lexeme
    before: Lexeme | None
    line: tuple[Lexeme, ...]
    starts_line: bool
    expected: frozenset[str]
    block: tuple[Lexeme, ...]
    """The line that opened the innermost block; empty at the top level."""
    too_deep: bool


Question = Callable[[Source, Fault], Diagnostic | None]


def explain(source: Source, fault: Fault) -> Diagnostic:
    """The diagnostic for a fault; the last question always has an answer."""
    for question in _QUESTIONS:
        answer = question(source, fault)
        if answer is not None:
            return answer
    return _unexpected(source, fault)


def _span(source: Source, lexeme: Lexeme) -> Span:
    return Span(source, lexeme[2], max(lexeme[3], lexeme[2]))


def _nested(source: Source, fault: Fault) -> Diagnostic | None:
    if not fault.too_deep:
        return None
    return Diagnostic("P0110", "this is nested too deep", _span(source, fault.lexeme), "name parts of it with 'let'")


def _no_header(source: Source, fault: Fault) -> Diagnostic | None:
    if fault.expected != {"PROMO", NEWLINE}:
        return None
    what = "the file is empty" if fault.lexeme[0] == END else "the first line is not 'promo 1'"
    edits = (Edit(Span(source, 0, 0), "promo 1\n\n"),)
    hint = "begin the file with the line: promo 1"
    at = _span(source, fault.lexeme)
    return Diagnostic("P0101", what, at, hint, edits=edits, confidence=Confidence.SURE)


def _not_a_symbol(source: Source, fault: Fault) -> Diagnostic | None:
    kind, text, _, _ = fault.lexeme
    if kind != WRONG:
        return None
    span = _span(source, fault.lexeme)
    if text.startswith('"'):
        return Diagnostic("P0112", "this text is not closed", span, 'end it with " on the same line')
    if text[0].isalpha() or text[0] == "_":
        hint = f"write {text.lower()}" if text.lower() != text and text.isascii() else "choose another name"
        return Diagnostic(
            "P0111", f"'{text}' is not a name: names are a-z, 0-9 and _, and begin with a letter", span, hint
        )
    hint = {
        ";": "end a clause with a new line",
        "/": "begin a comment with #",
        "'": 'write texts in double quotes: "..."',
        "%": "write % directly after its number",
        "\r": "end lines with a newline",
    }.get(text, "remove it")
    shown = text if text.isprintable() else f"U+{ord(text[0]):04X}"
    return Diagnostic("P0103", f"'{shown}' has no place in a spec", span, hint)


def _loose_unit(source: Source, fault: Fault) -> Diagnostic | None:
    kind, text, _, end = fault.lexeme
    before = fault.before
    if kind != NAME or before is None or before[0] not in NUMBERS or not (text in UNITS or text in RESEMBLING):
        return None
    unit = RESEMBLING.get(text, text)
    return Diagnostic(
        "P0104",
        f"the unit '{text}' stands apart from its number",
        Span(source, before[2], end),
        f"write {before[1]}{unit}",
        edits=(Edit(Span(source, before[3], end), unit),),
        confidence=Confidence.SURE if sure_unit(text) else Confidence.GUESS,
    )


def _unclosed(source: Source, fault: Fault) -> Diagnostic | None:
    declares = fault.starts_line and fault.block and fault.lexeme[1] in _words_at_top() and _opens(fault.line)
    if not (fault.lexeme[0] == END or declares) or not fault.block:
        return None
    opened = Span(source, fault.block[0][2], fault.block[-1][3])
    title = source.text[fault.block[0][2] : fault.block[-1][2]].strip()
    return Diagnostic(
        "P0106",
        f"the block '{title}' is not closed",
        _span(source, fault.lexeme),
        "close it with } on a line of its own",
        labels=(Label(opened, "opened here"),),
    )


def _stray_brace(source: Source, fault: Fault) -> Diagnostic | None:
    if fault.lexeme[1] != "}" or fault.block:
        return None
    return Diagnostic("P0115", "this } closes nothing", _span(source, fault.lexeme), "remove it")


def _equals_in_clause(source: Source, fault: Fault) -> Diagnostic | None:
    if fault.lexeme[1] != "=" or not fault.block or len(fault.line) < 2 or fault.line[1] is not fault.lexeme:
        return None
    word = fault.line[0][1]
    span = _span(source, fault.lexeme)
    behind = span.end + (source.text[span.end : span.end + 1] == " ")
    return Diagnostic(
        "P0113",
        f"the clause '{word}' takes no =",
        span,
        f"write the value after the word: {_example(word)}",
        edits=(Edit(Span(source, span.start, behind), ""),),
        confidence=Confidence.SURE,
    )


def _unclosed_list(source: Source, fault: Fault) -> Diagnostic | None:
    if "RSQB" not in fault.expected or not (fault.starts_line or fault.lexeme[0] == END):
        return None
    return Diagnostic(
        "P0116", "the list is not closed", _span(source, fault.lexeme), "close it with ] before this line"
    )


def _unknown_word(source: Source, fault: Fault) -> Diagnostic | None:
    if not fault.starts_line or fault.lexeme[0] != NAME:
        return None
    word, span = fault.lexeme[1], _span(source, fault.lexeme)
    known = _spelled(fault.expected)
    near = suggestion(word, known)
    if not fault.block:
        hint = f"did you mean '{near}'?" if near else f"begin a declaration with one of: {', '.join(known)}"
        return Diagnostic("P0109", f"no declaration begins with '{word}'", span, hint)
    block = next((lexeme[1] for lexeme in fault.block if lexeme[1] != "frozen"), "block")
    article = "an" if block[0] in "aeiou" else "a"
    hint = f"did you mean '{near}'?" if near else f"use one of its clauses: {', '.join(known)}"
    return Diagnostic("P0108", f"{article} {block} has no clause '{word}'", span, hint)


def _run_on(source: Source, fault: Fault) -> Diagnostic | None:
    kind, word, start, _ = fault.lexeme
    before = fault.before
    if (
        before is None
        or fault.starts_line
        or kind != NAME
        or NEWLINE not in fault.expected
        or word not in grammar().examples
    ):
        return None
    return Diagnostic(
        "P0107",
        f"'{word}' begins a second clause on this line",
        _span(source, fault.lexeme),
        "put each clause on a line of its own",
        edits=(Edit(Span(source, before[3], start), "\n  "),),
        confidence=Confidence.SURE,
    )


def _unfinished(source: Source, fault: Fault) -> Diagnostic | None:
    if fault.lexeme[0] not in (NEWLINE, END) and fault.lexeme[1] != "}":
        return None
    before = fault.before or fault.lexeme
    word = fault.line[0][1] if fault.line else before[1]
    message = f"this line is not finished: {_wanted(fault)} is missing"
    return Diagnostic("P0114", message, Span(source, before[3], before[3]), _form(fault, word))


def _unexpected(source: Source, fault: Fault) -> Diagnostic:
    word = fault.line[0][1] if fault.line else ""
    message = f"'{fault.lexeme[1]}' cannot stand here: {_wanted(fault)} is expected"
    return Diagnostic("P0105", message, _span(source, fault.lexeme), _form(fault, word))


_QUESTIONS: tuple[Question, ...] = (
    _nested,
    _no_header,
    _not_a_symbol,
    _loose_unit,
    _unclosed_list,
    _unclosed,
    _stray_brace,
    _equals_in_clause,
    _unknown_word,
    _run_on,
    _unfinished,
)

_NAMED = {
    NAME: "a name",
    "INT": "a whole number",
    "FLOAT": "a number",
    "QUANTITY": "a quantity with its unit",
    "STRING": 'a text in "..."',
    "DIGEST": "a digest sha256:...",
    NEWLINE: "the end of the line",
    END: "the end of the file",
}

_VALUE = {"INT", "FLOAT", "QUANTITY", NAME}


def _wanted(fault: Fault) -> str:
    """What could stand at the fault, in words; the operators of a complete expression are not worth naming."""
    expected = set(fault.expected)
    parts: list[str] = []
    if expected >= _VALUE:
        parts.append("a value")
        expected -= {*_VALUE, "STRING", "LSQB", "LPAR", "SUB"}
    elif expected & {"ADD", "MUL"}:
        expected -= {"ADD", "SUB", "MUL", "CIRCUMFLEX"}
    parts += sorted(_NAMED[terminal] for terminal in expected if terminal in _NAMED)
    parts += [f"'{word}'" for word in _spelled(frozenset(expected))]
    shown = parts[:6]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown) or "nothing"


def _spelled(terminals: frozenset[str]) -> list[str]:
    return [word for word, may_be in grammar().words.items() if not terminals.isdisjoint(may_be)]


@cache
def _words_at_top() -> frozenset[str]:
    top = next(moves for moves in grammar().actions if "STUDY" in moves and "STAGE" in moves and NEWLINE in moves)
    return frozenset(_spelled(frozenset(top)))


def _opens(line: tuple[Lexeme, ...]) -> bool:
    return any(lexeme[1] == "{" for lexeme in line)


def _example(word: str) -> str:
    examples = grammar().examples.get(word, ())
    return examples[0] if examples else f"{word} ..."


def _form(fault: Fault, word: str) -> str:
    if fault.block and fault.block[0][1] == "candidate":  # its lines begin with names of factors, not with words
        return f"write: {word} = VALUE" if "EQUAL" in fault.expected else ""
    examples = dict.fromkeys(grammar().examples.get(word, ()))
    return f"follow the form: {'  or  '.join([*examples][:3])}" if examples else ""
