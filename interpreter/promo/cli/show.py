"""`promo show`: every value along the arrow, as JSON."""

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from promo.base.canonical import Json
from promo.base.codec import to_json
from promo.base.errors import ExitCode, PromoError
from promo.base.source import Source
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.syntax.nodes import Node, Token, Tree

if TYPE_CHECKING:  # what a study folder holds is imported for study folders
    from promo.driver.pipeline import Compiled
    from promo.driver.study import StudyFolder


def show(options: Namespace) -> int:
    """Print a value."""
    content: Json
    if options.what in ("syntax", "spec", "plan"):
        content = _of_spec(options.what, options.place)
    else:
        from promo.cli.places import study_of

        content = _of_study(options.what, study_of(options.place, options.study), options.name)
    put(json.dumps(content, indent=1, ensure_ascii=False))
    return ExitCode.DONE


def _of_spec(what: str, place: str) -> Json:
    compiled = _compiled(place)
    if what == "syntax":
        return _tree(compiled.tree)
    _, plan = compiled.priced()  # what cannot be carried out yet means something all the same
    return cast("Json", to_json(plan.study if what == "spec" else plan))


def _compiled(place: str) -> "Compiled":
    if not Path(place).is_dir():
        return compile_file(place)
    from promo.driver.study import SPEC, StudyFolder

    path = Path(place)
    return StudyFolder(path).compiled() if (path / SPEC).exists() else compile_file(place)


def _tree(tree: Tree) -> dict[str, Json]:
    return {"promo_syntax": 1, "declarations": [_node(tree.source, node) for node in tree.declarations]}


def _node(source: Source, part: Node | Token) -> Json:
    line, column = source.position(part.start)
    if isinstance(part, Token):
        return {"token": part.kind, "text": part.text, "line": line, "column": column}
    return {
        "node": part.kind,
        "line": line,
        "column": column,
        "children": [_node(source, child) for child in part.children],
    }


def _of_study(what: str, folder: "StudyFolder", name: str | None) -> Json:
    if what == "account":
        from promo.driver.report import record_of
        from promo.report.account import account_to_json

        return account_to_json(record_of(folder))
    compiled, state = folder.compiled(), folder.state()
    study, _ = compiled.sound()
    if what == "evidence":
        known = [stage for stage in study.stages if stage in state.opened]
        chosen = _chosen(name, known, "stage")
        return {stage: to_json(folder.evidence(compiled, state, stage)) for stage in chosen}
    if what == "effects":
        chosen = _chosen(name, list(state.effects), "estimated effects")
        return {one: to_json(folder.effects(compiled, state, one)) for one in chosen}
    chosen = _chosen(name, list(state.decisions), "decided gate or rule")
    return {one: to_json(folder.decision(compiled, state, one)) for one in chosen}


def _chosen(name: str | None, known: list[str], what: str) -> list[str]:
    if name is None:
        return known
    if name not in known:
        raise PromoError(f"there is no {what} '{name}' yet", hint=f"there are: {', '.join(known) or 'none'}")
    return [name]
