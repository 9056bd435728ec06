"""A document's declarations as an outline."""

from lsprotocol import types

from promo.server.document import Document
from promo.syntax.nodes import Node, Token

SYMBOLS = {
    "study": types.SymbolKind.Module,
    "data": types.SymbolKind.File,
    "host": types.SymbolKind.Object,
    "factor": types.SymbolKind.Field,
    "let": types.SymbolKind.Constant,
    "design": types.SymbolKind.Array,
    "candidate": types.SymbolKind.Variable,
    "cohort": types.SymbolKind.Enum,
    "stage": types.SymbolKind.Namespace,
    "gate": types.SymbolKind.Function,
    "rule": types.SymbolKind.Boolean,
    "reduce": types.SymbolKind.Function,
    "account": types.SymbolKind.Number,
    "curves": types.SymbolKind.Number,
    "use": types.SymbolKind.Package,
}


def outline(document: Document) -> list[types.DocumentSymbol]:
    """Every declaration, in the order of the text."""
    return [_symbol(document, node) for node in document.compiled.tree.declarations]


def _symbol(document: Document, node: Node) -> types.DocumentSymbol:
    naming: Node | Token = next(iter([*node.tokens("STRING"), *node.tokens("NAME")]), node)
    named = isinstance(naming, Token)
    words = ("frozen " if node.node("frozen") else "") + node.kind
    return types.DocumentSymbol(
        name=naming.text if isinstance(naming, Token) else node.kind,
        kind=SYMBOLS.get(node.kind, types.SymbolKind.Class),
        range=document.positions.range(node.start, node.end),
        selection_range=document.positions.range(naming.start, naming.end if named else node.start + len(node.kind)),
        detail=words if named else None,
    )
