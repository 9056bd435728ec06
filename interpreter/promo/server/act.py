"""What can be done about a place: the edits of its diagnostics, and freezing a gate or rule."""

from lsprotocol import types

from promo.base.diagnostics import Confidence, Diagnostic
from promo.server.diagnose import published
from promo.server.document import Document
from promo.server.values import Declared

FREEZE = "promo.freeze"
"""The command that runs `promo freeze` on a saved file."""

FREEZABLE = ("gate", "rule", "reduce")


def actions(document: Document, start: int, end: int) -> list[types.CodeAction]:
    """Everything that can be done about the characters from *start* to *end*."""
    found = [
        _fix(document, one)
        for one in document.compiled.diagnostics
        if one.edits and one.span.start <= end and start <= one.span.end
    ]
    for declared in document.declared.values():
        if declared.kind in FREEZABLE and declared.node.start <= end and start <= declared.node.end:
            found += _freeze(document, declared)
    return found


def _fix(document: Document, found: Diagnostic) -> types.CodeAction:
    edits = [types.TextEdit(document.range(edit.span), edit.text) for edit in found.edits]
    hint = found.hint or found.message
    return types.CodeAction(
        title=f"{found.code}: {hint}",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[published(document, found)],
        is_preferred=found.confidence is Confidence.SURE,
        edit=types.WorkspaceEdit({document.uri: edits}),
    )


def _freeze(document: Document, declared: Declared) -> list[types.CodeAction]:
    """First the word `frozen`, then the seal; a seal is written by `promo freeze` only, which keeps the lock."""
    if not declared.frozen:
        edit = types.TextEdit(document.positions.range(declared.node.start, declared.node.start), "frozen ")
        return [
            types.CodeAction(
                title=f"freeze this {declared.kind}",
                kind=types.CodeActionKind.RefactorRewrite,
                edit=types.WorkspaceEdit({document.uri: [edit]}),
            )
        ]
    if declared.sealed or document.compiled.plan is None:
        return []
    title = "seal every frozen gate and rule of this file (promo freeze)"
    command = types.Command(title=title, command=FREEZE, arguments=[document.uri])
    return [types.CodeAction(title=title, kind=types.CodeActionKind.RefactorRewrite, command=command)]
