"""
Declarations from another file, pinned by what that file means.

The pin is a digest of what the file's resolved study means, so its layout and comments may change and its
meaning may not.  An imported candidate brings the factors that it has levels of.
"""

from promo.base.diagnostics import Confidence, Edit, did_you_mean, errors
from promo.base.source import Span
from promo.study.brought import Imported
from promo.study.expressions import unquoted
from promo.study.meaning import pin_of
from promo.study.names import Scope
from promo.study.values import Study
from promo.syntax.nodes import Node, Token

SHOWN = 12
DEEPEST = 8


def read_imports(scope: Scope, runner: str) -> Imported:
    """Bring in what a text uses of other files."""
    found = Imported()
    for block in scope.tree.declarations:
        if block.kind == "use":
            study = _study(scope, block)
            names = list(block.tokens("NAME"))
            if study is None:
                scope.vague.update(name.text for name in names)
            else:
                for name in names:
                    _bring(scope, study, name, found, runner)
    return found


def _study(scope: Scope, block: Node) -> Study | None:
    """The study that a `use` line names, if it can be read, is sound, and is the one that is pinned."""
    token = block.token("STRING")
    path = unquoted(token)
    loaded = scope.world.load(path)
    if isinstance(loaded, str):
        scope.report("P0219", f"'{path}' cannot be used: {loaded}", token)
        return None
    source, study, found = loaded
    wrong = list(errors(found))
    if study is None or wrong:
        first = wrong[0] if wrong else None
        line = source.position(first.span.start)[0] if first else 0
        notes = (f"{source.name}:{line}: {first.message}",) if first else ()
        scope.report("P0219", f"'{path}' has errors of its own", token, "fix them first", notes=notes)
        return None
    now = pin_of(study)
    pin = block.node("pinned")
    shown = f"sha256:{now[:SHOWN]}"
    if pin is None:
        place = scope.span(token)
        edit = Edit(Span(place.source, place.end, place.end), f" pinned {shown}")
        message = "an import is pinned, so that what it means cannot change unnoticed"
        hint = f"write: use {token.text} pinned {shown} (...)"
        scope.report("P0205", message, token, hint, edits=(edit,), confidence=Confidence.SURE)
        return None
    said = pin.token("DIGEST")
    if not now.startswith(said.text.removeprefix("sha256:")):
        edit = Edit(scope.span(said), shown)
        message = f"'{path}' no longer means what was pinned"
        scope.report("P0204", message, said, f"look at what changed; it is {shown} now", edits=(edit,))
        return None
    return study


def _bring(scope: Scope, study: Study, name: Token, found: Imported, runner: str) -> None:
    text = name.text
    kinds = {
        "host": study.hosts,
        "factor": study.factors,
        "design": {**study.designs, **study.arrays},
        "candidate": study.candidates,
        "cohort": study.cohorts,
        "stage": study.stages,
        "data": {study.data.name: study.data} if study.data else {},
    }
    kind = next((kind for kind, known in kinds.items() if text in known), None)
    if kind is None:
        otherwise = "hosts, factors, designs, candidates, cohorts and stages can be used"
        hint = did_you_mean(text, [one for known in kinds.values() for one in known], otherwise)
        scope.report("P0201", f"the file declares no '{text}' that can be used", name, hint)
        scope.vague.add(text)
        return
    if kind in ("candidate", "cohort") and f"{study.runner.name} {study.runner.version}" != runner:
        message = f"'{text}' is a condition of the runner {study.runner.name} {study.runner.version}"
        scope.report("P0220", message, name, f"this study runs {runner}")
        scope.vague.add(text)
        return
    if kind in ("candidate", "cohort"):
        members = (text,) if kind == "candidate" else study.cohorts[text]
        bound = next((one for one in members if study.candidates[one].follows or study.growth_of(one)), None)
        if bound is not None:
            message = f"what '{bound}' trains rests on other runs of that file, by a schedule or a growth"
            scope.report("P0220", message, name, "declare it here, with what it rests on")
            scope.vague.add(text)
            return
    _declare(scope, kind, name)
    match kind:
        case "host":
            found.hosts[text] = study.hosts[text]
        case "factor":
            found.factors[text] = study.factors[text]
        case "design" if text in study.arrays:
            found.arrays[text] = study.arrays[text]
        case "design":
            found.designs[text] = study.designs[text]
        case "data":
            assert study.data is not None
            found.data[text] = study.data
        case "stage":
            found.stages.add(text)
        case "candidate":
            _candidate(study, text, found)
        case _:
            found.cohorts[text] = study.cohorts[text]
            for member in study.cohorts[text]:
                _candidate(study, member, found)


def _candidate(study: Study, name: str, found: Imported) -> None:
    candidate = study.candidates[name]
    found.candidates[name] = candidate
    for factor, _ in candidate.levels:
        found.factors.setdefault(factor, study.factors[factor])


def _declare(scope: Scope, kind: str, name: Token) -> None:
    """Make an imported name known; declaring it again in the text is a fault like any other."""
    first = scope.declared.get(name.text)
    if first is not None:
        scope.report("P0202", f"'{name.text}' is declared in this file, too", name, "rename one of them")
        return
    scope.declared[name.text] = Node(kind, (name,), name.start, name.end)
