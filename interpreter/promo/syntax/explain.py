"""
A place where reading stopped, to a diagnostic that says what is wrong there and what the line should look like.

Each question below knows one mistake people make; the first that recognises the fault answers.
"""

import re
from collections.abc import Callable

from promo.base.diagnostics import Confidence, Diagnostic, Edit, Label, suggestion
from promo.base.edits import line_after
from promo.base.source import Source, Span
from promo.base.units import RESEMBLING, UNITS, sure_unit
from promo.syntax.clauses import BLOCKS
from promo.syntax.fault import Fault, examples, first_word, line_words, listed, options
from promo.syntax.lex import NAME, NEWLINE, PUNCTUATION, WRONG, Lexeme
from promo.syntax.tables import END

NUMBERS = ("INT", "FLOAT")
LISTED = (NAME, *NUMBERS, "QUANTITY")
ASKING = ("keep", "require", "demand")
"""Words of clauses that ask for a condition."""
MEASURED_IN = re.compile(r"^[ \t]*measure[ \t]+[a-z][a-z0-9_]*[ \t]+in[ \t]+([a-z][a-z0-9_]*)", re.MULTILINE)
"""Where a text says the unit of its measure, which belongs to the units that it may use."""


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
    if text == "%" and fault.before is not None and fault.before[1] == "in":
        hint = "a unit is a word: write share for 0.93, or points for 93.0 out of a hundred"
    shown = text if text.isprintable() else f"U+{ord(text[0]):04X}"
    return Diagnostic("P0103", f"'{shown}' has no place in a spec", span, hint)


def _loose_unit(source: Source, fault: Fault) -> Diagnostic | None:
    kind, text, _, end = fault.lexeme
    before = fault.before
    if before is None or before[0] not in NUMBERS or (kind != NAME and text != "%"):
        return None
    own = MEASURED_IN.search(source.text)
    known = text in UNITS or (own is not None and text == own[1])
    if not known and text not in RESEMBLING:
        return None
    unit = text if known else RESEMBLING[text]
    return Diagnostic(
        "P0104",
        f"the unit '{text}' stands apart from its number",
        Span(source, before[2], end),
        f"write {before[1]}{unit}",
        edits=(Edit(Span(source, before[3], end), unit),),
        confidence=Confidence.SURE if known or sure_unit(text) else Confidence.GUESS,
    )


def _parted_quantity(source: Source, fault: Fault) -> Diagnostic | None:
    """`1h 30min`, which is one quantity in two words."""
    from promo.base.unit_slips import proposal

    kind, text, _, end = fault.lexeme
    before = fault.before
    if before is None or before[0] != "QUANTITY" or kind != "QUANTITY":
        return None
    found = proposal(before[1] + text, "", "", None)
    if found is None:
        return None
    return Diagnostic(
        "P0104",
        f"'{before[1]} {text}' is one quantity in two words",
        Span(source, before[2], end),
        f"write {found.text}",
        edits=(Edit(Span(source, before[2], end), found.text),),
        confidence=Confidence.SURE if found.sure else Confidence.GUESS,
    )


def _unclosed(source: Source, fault: Fault) -> Diagnostic | None:
    if not fault.block or not (fault.lexeme[0] == END or fault.brace == "}"):
        return None
    assert fault.before is not None
    opened = Span(source, fault.block[0][2], fault.block[-1][3])
    title = source.text[opened.start : opened.end].partition("{")[0].rstrip()
    ends = Span(source, fault.above[-1][3], fault.above[-1][3]) if fault.starts_line and fault.above else None
    return Diagnostic(
        "P0106",
        f"the block '{title}' is not closed",
        _span(source, fault.lexeme),
        "close it with } on a line of its own",
        labels=(Label(opened, "opened here"),),
        edits=(Edit(ends, "\n}"),) if ends else (),
        confidence=Confidence.SURE,
    )


def _unopened(source: Source, fault: Fault) -> Diagnostic | None:
    """A declaration without its `{`: at the end of this line, of the line above, or on a line of its own."""
    head = fault.line if fault.brace == "{" else fault.above
    # A candidate may do without a block, so that what stands in its block is what first tells of the brace.
    loose = fault.starts_line and not fault.block and [one[1] for one in head[:1]] == ["candidate"]
    inside = loose and "{" not in (one[1] for one in head) and "=" in (one[1] for one in fault.line[1:2])
    brace = fault.next if fault.next[1] == "{" and (fault.brace or loose) else None
    if not (fault.brace == "{" or inside or brace):
        return None
    title = source.text[head[0][2] : head[-1][3]]
    at = Span(source, head[-1][3], head[-1][3])
    edits = (Edit(Span(source, at.start, brace[3] if brace else at.start), " {"),)
    hint = "open it on the same line" if brace else f"open it: {title} {{"
    message = f"the block of '{title}' is not opened where its line ends"
    return Diagnostic("P0114", message, at, hint, edits=edits, confidence=Confidence.SURE)


def _stray_brace(source: Source, fault: Fault) -> Diagnostic | None:
    if fault.lexeme[1] != "}" or fault.block:
        return None
    span = _span(source, fault.lexeme)
    edits = (Edit(span, ""),)
    return Diagnostic("P0115", "this } closes nothing", span, "remove it", edits=edits, confidence=Confidence.SURE)


def _sign_in_clause(source: Source, fault: Fault) -> Diagnostic | None:
    sign = fault.lexeme[1]
    if sign not in ("=", ":") or not fault.block or len(fault.line) < 2 or fault.line[1] is not fault.lexeme:
        return None
    word, span = fault.line[0][1], _span(source, fault.lexeme)
    if fault.kind == "candidate":
        edits = (Edit(span, " ="),)
        message, plain = f"the level of '{word}' is given with =", ((PUNCTUATION, "=", 0, 0), *fault.rest[1:])
    else:
        behind = span.end + (source.text[span.end : span.end + 1] == " " and source.text[span.start - 1] == " ")
        edits = (Edit(Span(source, span.start, behind), ""),)
        message, plain = f"the clause '{word}' takes no {sign}", fault.rest[1:]
    sound = fault.reads(plain)
    hint = f"write: {line_after(edits)}" if sound else _form(fault)
    confidence = Confidence.SURE if sound else Confidence.GUESS
    return Diagnostic("P0113", message, span, hint, edits=edits, confidence=confidence)


def _unclosed_bracket(source: Source, fault: Fault) -> Diagnostic | None:
    """A list or a bracket that the rest of the line, or the next line, shows to be over."""
    over = fault.starts_line or fault.lexeme[0] == END
    for terminal, sign, what, code in (("RSQB", "]", "list", "P0116"), ("RPAR", ")", "bracket", "P0114")):
        closed = fault.reads(((PUNCTUATION, sign, 0, 0), *fault.rest))
        if terminal not in fault.expected or not (closed or (over and sign == "]")):
            continue
        last = fault.above[-1] if over and fault.above else fault.before
        ends = last[3] if last else fault.lexeme[2]
        where = "before this line" if over else f"behind {last[1]}" if last else "here"
        edits = (Edit(Span(source, ends, ends), sign),)
        confidence = Confidence.SURE if over else Confidence.GUESS
        at = _span(source, fault.lexeme)
        message = f"the {what} is not closed"
        return Diagnostic(code, message, at, f"close it with {sign} {where}", edits=edits, confidence=confidence)
    return None


def _unknown_word(source: Source, fault: Fault) -> Diagnostic | None:
    if not fault.starts_line or fault.lexeme[0] != NAME:
        return None
    word, span = fault.lexeme[1], _span(source, fault.lexeme)
    known = line_words(fault)
    near = suggestion(word, known)
    if fault.block:
        article = "an" if fault.kind[0] in "aeiou" else "a"
        hint = f"did you mean '{near}'?" if near else f"use one of its clauses: {listed(known)}"
        message = f"{article} {fault.kind} has no clause '{word}'"
        return Diagnostic("P0108", message, span, hint, expected=known)
    blocks = [kind for kind, clauses in BLOCKS.items() if any(first_word(rule) == word for rule in clauses)]
    if blocks:
        message = f"'{word}' is a clause of {listed(blocks)}, and no block is open here"
        hint = "a } above it closes its block too early, or nothing opens it"
        return Diagnostic("P0109", message, span, hint, expected=known)
    hint = f"did you mean '{near}'?" if near else f"begin a declaration with one of: {listed(known)}"
    return Diagnostic("P0109", f"no declaration begins with '{word}'", span, hint, expected=known)


def _run_on(source: Source, fault: Fault) -> Diagnostic | None:
    """A word behind a finished clause that begins another one of the same block."""
    kind, word, start, _ = fault.lexeme
    if fault.before is None or fault.starts_line or kind != NAME or NEWLINE not in fault.expected:
        return None
    first = ((NEWLINE, "\n", 0, 0), fault.lexeme)
    if not fault.block or not fault.reads(first[:1]) or fault.lexeme[1] not in fault.clauses:
        return None
    whole = fault.reads((*first, *fault.rest[1:]))
    return Diagnostic(
        "P0107",
        f"'{word}' begins a second clause on this line",
        _span(source, fault.lexeme),
        "put each clause on a line of its own",
        edits=(Edit(Span(source, fault.before[3], start), "\n  "),),
        confidence=Confidence.SURE if whole else Confidence.GUESS,
    )


def _bare_bound(source: Source, fault: Fault) -> Diagnostic | None:
    """`keep within 0.01 bpb`: a bound that does not say of what, and perhaps a number and its unit apart."""
    kind, word, start, end = fault.lexeme
    if fault.word not in ASKING or kind != NAME or fault.block == () or fault.starts_line:
        return None
    of_whom = ("to", "leader") if fault.word == "keep" else ()
    said = [one[1] for one in fault.rest]
    if word in ("within", "at"):
        line, edits = (
            [*_words("mean", "gap", *of_whom)],
            [Edit(Span(source, start, start), _spaced("mean gap", of_whom))],
        )
    elif word in ("gap", "gain"):
        whom = of_whom if word == "gap" and said[1:2] != ["to"] else ()
        line = [*_words("mean", word, *whom)]
        edits = [
            Edit(Span(source, start, start), "mean "),
            *([Edit(Span(source, end, end), " to leader")] if whom else []),
        ]
    else:
        return None
    own = MEASURED_IN.search(source.text)
    for lexeme in fault.rest[word in ("gap", "gain") :]:
        if line and line[-1][0] in NUMBERS and lexeme[0] == NAME and (lexeme[1] in UNITS or own is not None):
            unit = lexeme[1] if lexeme[1] in UNITS or own is None else own[1]
            edits.append(Edit(Span(source, line[-1][3], lexeme[3]), unit))
            line[-1] = ("QUANTITY", line[-1][1] + unit, line[-1][2], lexeme[3])
        else:
            line.append(lexeme)
    if not fault.reads(line):
        return None
    lacking = "statistic" if word in ("gap", "gain") else "figure"
    message = f"'{word}' cannot stand here: it does not say of which {lacking}"
    hint = f"write: {line_after(edits)}"
    return Diagnostic("P0105", message, _span(source, fault.lexeme), hint, edits=tuple(edits))


def _words(*words: str) -> list[Lexeme]:
    return [(NAME, word, 0, 0) for word in words]


def _spaced(words: str, more: tuple[str, ...]) -> str:
    return " ".join([words, *more, ""])


def _listed_names(source: Source, fault: Fault) -> Diagnostic | None:
    """`members [a, b]`: names stand behind their word as they are."""
    if fault.lexeme[1] != "[" or not fault.expected >= {NAME} or "]" not in (one[1] for one in fault.rest):
        return None
    ends = next(place for place, lexeme in enumerate(fault.rest) if lexeme[1] == "]")
    plain = (*fault.rest[1:ends], *fault.rest[ends + 1 :])
    if not fault.reads(plain):
        return None
    opening, closing = fault.rest[0], fault.rest[ends]
    edits = tuple(Edit(Span(source, start, end), "") for _, _, start, end in (opening, closing))
    return Diagnostic(
        "P0105",
        "these names are in brackets, and a list of names has none",
        Span(source, opening[2], closing[3]),
        f"write: {line_after(edits)}",
        edits=edits,
        confidence=Confidence.SURE,
    )


def _lost_commas(source: Source, fault: Fault) -> Diagnostic | None:
    """`over host seed`: the rest of the line can be read once commas stand between values that follow each other."""
    before = fault.before
    if before is None or "COMMA" not in fault.expected:
        return None
    line: list[Lexeme] = []
    edits: list[Edit] = []
    for lexeme in fault.rest:
        if before[0] == lexeme[0] and lexeme[0] in LISTED:
            line.append((PUNCTUATION, ",", lexeme[2], lexeme[2]))
            edits.append(Edit(Span(source, before[3], before[3]), ","))
        line.append(lexeme)
        before = lexeme
    if not edits or not fault.reads(line):
        return None
    what = "a comma is missing before it" if len(edits) == 1 else "commas are missing from here on"
    message = f"'{fault.lexeme[1]}' cannot stand here: {what}"
    hint = f"write: {line_after(edits)}"
    return Diagnostic("P0105", message, _span(source, fault.lexeme), hint, edits=tuple(edits))


def _unfinished(source: Source, fault: Fault) -> Diagnostic | None:
    if fault.lexeme[0] not in (NEWLINE, END) and fault.lexeme[1] != "}":
        return None
    before = fault.before or fault.lexeme
    message = f"this line is not finished: {_wanted(fault)} is missing"
    at = Span(source, before[3], before[3])
    return Diagnostic("P0114", message, at, _form(fault), expected=options(fault))


def _unexpected(source: Source, fault: Fault) -> Diagnostic:
    message = f"'{fault.lexeme[1]}' cannot stand here: {_wanted(fault)} is expected"
    return Diagnostic("P0105", message, _span(source, fault.lexeme), _form(fault), expected=options(fault))


_QUESTIONS: tuple[Question, ...] = (
    _nested,
    _no_header,
    _loose_unit,
    _parted_quantity,
    _not_a_symbol,
    _unclosed_bracket,
    _unclosed,
    _unopened,
    _stray_brace,
    _sign_in_clause,
    _unknown_word,
    _run_on,
    _bare_bound,
    _listed_names,
    _lost_commas,
    _unfinished,
)


def _wanted(fault: Fault) -> str:
    return listed(options(fault)) or "nothing"


def _form(fault: Fault) -> str:
    """What the clause or declaration should look like."""
    if fault.kind == "candidate":  # its lines begin with names of factors, not with words
        return f"write: {fault.word} = VALUE" if "EQUAL" in fault.expected else ""
    shown = examples(fault.word, fault.kind)[:3]
    return f"follow the form: {'  or  '.join(shown)}" if shown else ""
