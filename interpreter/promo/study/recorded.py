"""The curves block: how a table of recorded curves is read, for `promo replay` and `promo compare`."""

from collections.abc import Iterable

from promo.base.diagnostics import Edit, suggestion
from promo.study.data import Curves
from promo.study.expressions import unquoted
from promo.study.names import Scope
from promo.syntax.clauses import words
from promo.syntax.nodes import Node, Token


def read_curves(scope: Scope) -> Curves | None:
    """The curves block of a text; a second one is a fault."""
    blocks = [node for node in scope.tree.declarations if node.kind == "curves"]
    for block in blocks[1:]:
        scope.report("P0202", "there are two curves blocks", block, "join them")
    return _read(scope, blocks[0]) if blocks else None


def _read(scope: Scope, block: Node) -> Curves:
    clauses = scope.clauses(block)
    columns: dict[str, str] = {}
    units: dict[str, str] = {}
    labels: dict[str, str] = {}
    for clause in clauses.all("column"):
        word, *unit = clause.tokens("NAME")
        if _known(scope, clause, "column of a table") and _once(scope, word, columns):
            columns[word.text] = unquoted(clause.token("STRING"))
            if unit:
                units[word.text] = unit[0].text
    for clause in clauses.all("label"):
        name = next(iter([*clause.tokens("NAME"), *clause.tokens("INT")]))
        if name.kind == "NAME" and scope.meant(clause) is None:
            continue
        if _once(scope, name, labels):
            labels[name.text] = unquoted(clause.token("STRING"))
    tool, way = clauses.maybe("from_tool"), clauses.maybe("seeds_by")
    return Curves(
        layout=_word(scope, tool, "tool whose exports promo reads", "table"),
        columns=columns,
        units=units,
        labels=labels,
        seeds_by=_word(scope, way, "way to match seeds", "auto"),
        interpolate=clauses.maybe("interpolate") is not None,
        where=scope.where(block),
    )


def _word(scope: Scope, clause: Node | None, what: str, otherwise: str) -> str:
    if clause is None:
        return otherwise
    return clause.token("NAME").text if _known(scope, clause, what) else otherwise


def _known(scope: Scope, clause: Node, what: str) -> bool:
    word, known = clause.token("NAME"), words(clause.kind)
    if word.text in known:
        return True
    near = suggestion(word.text, known)
    hint = f"did you mean '{near}'?" if near else f"use one of: {', '.join(known)}"
    scope.report(
        "P0227", f"'{word.text}' is no {what}", word, hint, edits=(Edit(scope.span(word), near),) if near else ()
    )
    return False


def _once(scope: Scope, name: Token, there: Iterable[str]) -> bool:
    if name.text not in there:
        return True
    scope.report("P0202", f"'{name.text}' is said twice", name, "remove one of them")
    return False
