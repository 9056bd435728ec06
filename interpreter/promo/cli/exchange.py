"""
Diagnostics for programs: promo's own JSON, SARIF 2.1.0, and GitHub's workflow commands.

Fingerprints name a fault by its code, the declaration it stands in and the clause, so that a fault keeps its identity
when lines above it come and go.

Source:
    OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0, sections 3.14 to 3.58.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from urllib.parse import quote

from promo import __version__
from promo.base import pages
from promo.base.canonical import Json, digest
from promo.base.diagnostics import Confidence, Diagnostic, Severity
from promo.base.source import Source, Span

SCHEMA = 1
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "promoFault/v1"


def as_json(diagnostics: Iterable[Diagnostic], fixed: Iterable[Diagnostic] = ()) -> dict[str, Json]:
    """
    Diagnostics in promo's own schema, version 1; lines and columns count from 1, columns in code points.

    `diagnostics` and `fixed` hold objects of one shape: code, severity, message, help, notes, place, labels, edits,
    confidence (`sure`: the text has no more errors with the edits, and `promo check --fix` carries them out), and all
    that was expected where reading stopped, the likeliest first.  Fields may be added within a version; one
    that changes or goes raises it.
    """
    return {
        "promo_diagnostics": SCHEMA,
        "diagnostics": [_object(found) for found in diagnostics],
        "fixed": [_object(found) for found in fixed],
    }


def _object(found: Diagnostic) -> dict[str, Json]:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "help": found.hint,
        "notes": list(found.notes),
        "place": _place(found.span),
        "labels": [{"place": _place(label.span), "text": label.text} for label in found.labels],
        "edits": [{"place": _place(edit.span), "text": edit.text} for edit in found.edits],
        "confidence": found.confidence.value if found.edits else None,
        "expected": list(found.expected),
    }


def _place(span: Span) -> dict[str, Json]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "offset": span.start,
        "end_offset": span.end,
    }


def as_github(found: Diagnostic, folder: Path) -> str:
    """A workflow command that GitHub shows as an annotation."""
    source = found.span.source
    line, column = source.position(found.span.start)
    end_line, end_column = source.position(found.span.end)
    fields = {"file": relative(source.name, folder), "line": str(line), "endLine": str(end_line), "col": str(column)}
    if end_line == line and end_column > column:
        fields["endColumn"] = str(end_column)
    fields["title"] = found.code
    shown = ",".join(f"{name}={_property(value)}" for name, value in fields.items())
    return f"::{found.severity.value} {shown}::{_data(_words(found))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _words(found: Diagnostic) -> str:
    """Message, notes and way out on lines of their own."""
    return "\n".join([found.message, *found.notes, *([found.hint] if found.hint else [])])


def relative(name: str, folder: Path) -> str:
    """The path of a source from *folder*, with forward slashes; unchanged if it lies elsewhere."""
    path = Path(name)
    if path.is_absolute() and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return path.as_posix()


def as_sarif(diagnostics: Iterable[Diagnostic], folder: Path) -> dict[str, Json]:
    """
    A SARIF log of one run.

    Args:
        diagnostics: what was found.
        folder: where the command runs; paths inside it are given from here.

    Returns:
        The log; rules are those that occur, in order of their codes, each described by its page.
    """
    found = tuple(diagnostics)
    rules = sorted({one.code for one in found})
    prints = _fingerprints(found)
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "promo", "version": __version__, "rules": [_rule(code) for code in rules]},
                },
                "columnKind": "utf16CodeUnits",
                "invocations": [{"executionSuccessful": True}],
                "results": [
                    _result(one, rules.index(one.code), fingerprint, folder)
                    for one, fingerprint in zip(found, prints, strict=True)
                ],
            }
        ],
    }


def _rule(code: str) -> dict[str, Json]:
    page = pages.page(code)
    return {
        "id": code,
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": " ".join(page.meaning.split())},
        "help": {"text": f"promo explain {code}"},
    }


def _result(found: Diagnostic, rule: int, fingerprint: str, folder: Path) -> dict[str, Json]:
    result: dict[str, Json] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": "error" if found.severity is Severity.ERROR else "warning",
        "message": {"text": _words(found)},
        "locations": [{"physicalLocation": _location(found.span, folder)}],
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    if found.labels:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": label.text}, "physicalLocation": _location(label.span, folder)}
            for number, label in enumerate(found.labels, 1)
        ]
    if found.edits and found.confidence is Confidence.SURE:
        result["fixes"] = [_fix(found, folder)]
    return result


def _fix(found: Diagnostic, folder: Path) -> dict[str, Json]:
    changes: list[Json] = [
        {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        for edit in sorted(found.edits, key=lambda one: one.span.start)
    ]
    artifact = _artifact(found.edits[0].span.source, folder)
    return {"artifactChanges": [{"artifactLocation": artifact, "replacements": changes}]}


def _location(span: Span, folder: Path) -> dict[str, Json]:
    return {"artifactLocation": _artifact(span.source, folder), "region": _region(span)}


def _artifact(source: Source, folder: Path) -> dict[str, Json]:
    name = relative(source.name, folder)
    if Path(name).is_absolute():
        return {"uri": Path(name).as_uri()}
    return {"uri": quote(name), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, Json]:
    """Lines and columns from 1, columns in UTF-16 code units, the end just behind the last character."""
    (line, column), (end_line, end_column) = (
        utf16_position(span.source, span.start),
        utf16_position(span.source, span.end),
    )
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def utf16_position(source: Source, offset: int) -> tuple[int, int]:
    """Line and column of *offset*, both counted from 1, the column in UTF-16 code units."""
    line, column = source.position(offset)
    before = source.text[offset - column + 1 : offset]
    return line, len(before.encode("utf-16-le", errors="surrogatepass")) // 2 + 1


def _fingerprints(diagnostics: tuple[Diagnostic, ...]) -> list[str]:
    """One digest each; of several faults that would have the same, the later ones are numbered."""
    count: Counter[tuple[str, str, str, str]] = Counter()
    found = []
    for one in diagnostics:
        where = one.code, one.span.source.name, *standing_in(one.span)
        count[where] += 1
        code, _, declaration, clause = where
        found.append(digest({"code": code, "in": declaration, "clause": clause, "number": count[where]})[:32])
    return found


def standing_in(span: Span) -> tuple[str, str]:
    """The declaration and the clause that a span stands in: `("gate pick", "keep")`; empty where there is none."""
    starts, places = _outline(span.source)
    at = bisect_right(starts, span.start) - 1
    return places[at] if at >= 0 else ("", "")


@cache
def _outline(source: Source) -> tuple[list[int], list[tuple[str, str]]]:
    """Where each line that holds something begins, and what it belongs to; works in texts with errors, too."""
    from promo.syntax.lex import COMMENT, NEWLINE, lexemes

    starts: list[int] = []
    places: list[tuple[str, str]] = []
    declaration: list[str] = []
    depth, new = 0, True
    for kind, word, start, _ in lexemes(source.text):
        if kind == COMMENT:
            continue
        if kind == NEWLINE:
            new = True
            continue
        if new:
            starts.append(start)
            declaration = [] if depth == 0 else declaration
            places.append((" ".join(declaration), word if depth else ""))
        if depth == 0 and len(declaration) < 2 and word not in ("frozen", "{", "}"):
            declaration.append(word)
            places[-1] = (" ".join(declaration), "")
        depth = max(depth + (word == "{") - (word == "}"), 0)
        new = False
    return starts, places
