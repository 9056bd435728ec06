"""Diagnostics as text for people and as JSON for programs."""

from collections.abc import Iterable

from promo.base.canonical import Json
from promo.base.diagnostics import Diagnostic, Severity
from promo.base.source import Span
from promo.cli.terminal import columns, expanded, styled

SCHEMA = 1
LONGEST_LINE = 160


def as_text(found: Diagnostic, *, colour: bool) -> str:
    """A diagnostic with its line, a caret, and what to do about it."""
    kind = found.severity.value
    head = styled(f"{kind}[{found.code}]", kind, colour=colour) + ": " + styled(found.message, "bold", colour=colour)
    lines = [head, *_excerpt(found.span, "", "^", kind, colour=colour)]
    for label in found.labels:
        lines.extend(_excerpt(label.span, label.text, "-", "dim", colour=colour))
    lines += [f"  = note: {note}" for note in found.notes]
    if found.hint:
        lines.append(f"  = help: {found.hint}")
    return "\n".join(lines)


def _excerpt(span: Span, text: str, mark: str, style: str, *, colour: bool) -> list[str]:
    source = span.source
    line, column = source.position(span.start)
    last, last_column = source.position(max(span.end - 1, span.start))
    content = source.line(line)
    end = last_column if last == line else len(content)
    before, shown = content[: column - 1], content[column - 1 : end]
    if len(content) > LONGEST_LINE:
        first = max(column - 1 - LONGEST_LINE // 2, 0)
        before = ("..." if first else "") + content[first : column - 1]
        shown = shown[: LONGEST_LINE // 2]
        content = before + content[column - 1 : column - 1 + LONGEST_LINE // 2] + "..."
    width = len(str(line))
    pad, margin = " " * columns(expanded(before)), " " * width
    carets = mark * max(columns(expanded(shown)), 1) + (f" {text}" if text else "")
    return [
        f"{margin}--> {source.name}:{line}:{column}",
        f"{margin} |",
        f"{line} | {expanded(content)}",
        f"{margin} | {pad}{styled(carets, style, colour=colour)}",
    ]


def as_json(diagnostics: Iterable[Diagnostic]) -> dict[str, Json]:
    """Diagnostics in promo's own schema, version 1; lines and columns count from 1, columns in code points."""
    return {"promo_diagnostics": SCHEMA, "diagnostics": [_object(found) for found in diagnostics]}


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


def as_github(found: Diagnostic) -> str:
    """A workflow command that GitHub shows as an annotation."""
    line, column = found.span.source.position(found.span.start)
    words = f"{found.message}; {found.hint}" if found.hint else found.message
    escaped = words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    name = found.span.source.name.replace("%", "%25").replace(",", "%2C").replace(":", "%3A")
    return f"::{found.severity.value} file={name},line={line},col={column},title={found.code}::{escaped}"


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty when there is nothing."""
    counts = dict.fromkeys(Severity, 0)
    for found in diagnostics:
        counts[found.severity] += 1
    parts = [f"{count} {kind.value}{'s' if count > 1 else ''}" for kind, count in counts.items() if count]
    return ", ".join(parts)
