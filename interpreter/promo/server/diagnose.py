"""Diagnostics of the passes to diagnostics of the protocol."""

from lsprotocol import types

from promo.base.diagnostics import Diagnostic, Severity
from promo.base.source import Span
from promo.server.document import Document
from promo.server.values import Positions

SOURCE = "promo"
UNUSED = "P0203"

SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
}


def diagnose(document: Document) -> list[types.Diagnostic]:
    """Everything there is to say about a document, in the order of the text."""
    found = [published(document, one) for one in document.compiled.diagnostics]
    if document.trouble:
        start = document.positions.range(0, 0)
        found.insert(0, types.Diagnostic(start, document.trouble, types.DiagnosticSeverity.Error, source=SOURCE))
    return found


def published(document: Document, found: Diagnostic) -> types.Diagnostic:
    """One diagnostic: the fact, the arithmetic behind it, and what to do, on lines of their own."""
    parts = [found.message, *found.notes]
    if found.hint:
        parts.append(f"help: {found.hint}")
    related = [
        types.DiagnosticRelatedInformation(types.Location(document.uri, _range(document, label.span)), label.text)
        for label in found.labels
    ]
    return types.Diagnostic(
        range=_range(document, found.span),
        message="\n".join(parts),
        severity=SEVERITIES[found.severity],
        code=found.code,
        source=SOURCE,
        related_information=related or None,
        tags=[types.DiagnosticTag.Unnecessary] if found.code == UNUSED else None,
    )


def _range(document: Document, span: Span) -> types.Range:
    if span.source.text == document.text:
        return document.range(span)
    return Positions(span.source.text, document.positions.encoding).range(span.start, span.end)
