"""
A name to what it means: its documentation, its kind, and what the passes made of it.

Values are shown for a text without errors only; a value from an earlier version would look as if it were of this one.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from lsprotocol import types

from promo import plugins
from promo.base.canonical import Json, exact
from promo.base.units import Quantity, duration
from promo.plans.values import Plan
from promo.report.aloud import read_gate, read_reduction, read_rule
from promo.report.declared import describe_forecast, describe_grow, describe_law, describe_level, describe_schedule
from promo.report.describe import describe_budget, describe_factor, describe_host
from promo.report.seal import sealed_words
from promo.report.words import plural
from promo.server.document import Document
from promo.server.hints import bounds_text, runs_text
from promo.server.navigate import BROKEN_SEAL
from promo.server.values import Declared
from promo.study.blocked import stages_of
from promo.study.lock import SHOWN
from promo.study.values import Candidate, Study
from promo.syntax.clauses import ARGUMENTS, BLOCKS, SPOKEN
from promo.syntax.fault import examples, first_word
from promo.syntax.lex import COMMENT, NAME, NEWLINE, lexemes

MOST_NAMES = 16
NOT_SOUND = "What it comes to is shown once the errors of this file are fixed."


def hover(document: Document, offset: int) -> types.Hover | None:
    """What there is to say about the name or word at an offset."""
    occurrence = document.occurrence(offset)
    declared = document.meant(occurrence) if occurrence else None
    if occurrence is None or declared is None:
        return _word(document, offset)
    paragraphs = [_title(declared), document.compiled.tree.documentation(declared.node), *_meaning(document, declared)]
    if occurrence.name != declared.name:
        paragraphs = [f"**row of a design** `{occurrence.name}`", *_row(document, occurrence.name)]
    shown = types.MarkupContent(types.MarkupKind.Markdown, "\n\n".join(part for part in paragraphs if part))
    return types.Hover(shown, document.positions.range(occurrence.start, occurrence.end))


def _title(declared: Declared) -> str:
    frozen = "frozen " if declared.frozen else ""
    return f"**{frozen}{SPOKEN.get(declared.kind, 'imported')}** `{declared.name}`"


def _word(document: Document, offset: int) -> types.Hover | None:
    """What a keyword is and the grammar's examples of it; the declaration is lexed up to it."""
    node = document.declaration_at(offset)
    if node is None:
        return None
    fresh = False
    for kind, text, start, end in lexemes(document.text[node.start : node.end]):
        if node.start + start <= offset <= node.start + end and kind == NAME:
            shown = examples(text, node.kind if fresh else "")
            said = [
                f"**{text}**",
                *([_clause(node.kind, text)] if fresh else []),
                "```promo\n" + "\n".join(shown) + "\n```",
            ]
            content = types.MarkupContent(types.MarkupKind.Markdown, "\n\n".join(part for part in said if part))
            return (
                types.Hover(content, document.positions.range(node.start + start, node.start + end)) if shown else None
            )
        fresh = text == "{" or kind == NEWLINE or (fresh and kind == COMMENT)
    return None


def _clause(block: str, word: str) -> str:
    """What the table of clauses says of a clause: whether its block needs it, and what may stand in it."""
    rule = next((rule for rule in BLOCKS.get(block, {}) if first_word(rule) == word), "")
    if not rule:
        return ""
    clause, arguments = BLOCKS[block][rule], ARGUMENTS.get(rule)
    parts = ["needed" if clause.needed else "may be left out", *(["as often as you like"] if clause.repeats else [])]
    for name in arguments.names if arguments else ():
        spoken = ", ".join([*(SPOKEN[kind] for kind in name.kinds), *name.words])
        parts.append("a new name" if name.declares else name.known.value if name.known else f"names: {spoken}")
    parts += [" or ".join(one.value for one in value.dimensions) for value in (arguments.values if arguments else ())]
    return f"clause of {block}: " + "; ".join(part for part in parts if part)


def _meaning(document: Document, declared: Declared) -> Iterator[str]:
    study, plan = document.compiled.study, document.compiled.plan
    if declared.kind in ("gate", "rule", "reduce"):
        yield _seal(document, declared)
    if declared.kind == "let":
        yield _value(document, declared)
    elif declared.kind == "import":
        yield f"from {declared.node.token('STRING').text}"
    elif study is None or plan is None:
        yield NOT_SOUND
    else:
        yield from _resolved(study, plan, declared)


def _row(document: Document, name: str) -> Iterator[str]:
    study = document.compiled.study
    if study is None:
        yield NOT_SOUND
    elif name in study.candidates:
        yield study.candidates[name].origin
        yield from _candidate(study.candidates[name], study)


def _resolved(study: Study, plan: Plan, declared: Declared) -> Iterator[str]:
    name = declared.name
    match declared.kind:
        case "factor":
            yield from _factor(study, name)
        case "candidate" if name in study.candidates:
            yield from _candidate(study.candidates[name], study)
        case "cohort":
            members = study.cohorts[name]
            yield f"{len(members)} candidates: {_listed(members)}"
        case "host":
            yield _said(describe_host(study.hosts[name]))
        case "design" if name in study.neighbourhoods:
            near = study.neighbourhoods[name]
            yield f"neighbours of {near.of} in {_listed(tuple(factor for factor, _ in near.levels))}"
        case "design" if name in study.arrays:
            array = study.arrays[name]
            counts = " x ".join(str(len(levels)) for levels in array.levels)
            yield f"{len(array.rows)} rows over {_listed(array.factors)} of {counts} levels"
        case "design":
            design = study.designs[name]
            resolution = "none" if design.resolution is None else str(design.resolution)
            yield f"{len(design.rows)} rows over {_listed(design.factors)}; resolution {resolution}"
        case "stage":
            yield from (line for one in stages_of(study, name) for line in _stage(study, plan, one))
        case "gate":
            yield read_gate(study.gates[name], study)
        case "rule":
            yield read_rule(study.rules[name], study)
        case "reduce":
            yield read_reduction(study.reductions[name], study)
        case "law":
            yield _said(describe_law(study.laws[name]))
        case "forecast":
            yield _said(describe_forecast(study.forecasts[name]))
        case "schedule":
            followers = _listed(study.followers(name)) or None
            yield _said({**describe_schedule(study.schedules[name]), "followed by": followers})
        case "grow":
            yield _said(describe_grow(study.grows[name]))


def _said(clauses: Mapping[str, Json]) -> str:
    return _rows({key: str(value) for key, value in clauses.items() if value is not None})


def _factor(study: Study, name: str) -> Iterator[str]:
    if name not in study.factors:
        return
    runner = plugins.runner(study.runner.name)
    known = runner.factors.get(name) if runner else None
    if known is not None and known.meaning:
        yield known.meaning
    yield _rows({key: str(value) for key, value in describe_factor(study.factors[name]).items()})


def _candidate(candidate: Candidate, study: Study) -> Iterator[str]:
    yield f"role: {candidate.role.value}"
    yield "levels: " + ", ".join(f"{name} = {describe_level(level)}" for name, level in candidate.levels)
    first = "" if candidate.follows is None else f" at first, until {candidate.follows} changes it"
    yield f"what the runner {study.runner.name} trains{first}:"
    effective = candidate.effective
    sizes = {"parameters": f"{effective.parameters:,}", "operations a token": f"{effective.flops_per_token:,}"}
    yield _rows({**{name: str(value) for name, value in effective.settings}, **sizes})


def _stage(study: Study, plan: Plan, name: str) -> Iterator[str]:
    stage, there = plan.stage(name), study.entrants[name]
    devices = study.stages[name].devices
    wide = "" if devices is None else f", {plural(devices, 'device')} each"
    yield f"{describe_budget(stage.budget)} a run on {_listed(stage.hosts)}{wide}, seeds {_listed(stage.seeds)}"
    who = f"{there.planned} of {len(there.possible)}" if len(there.possible) != there.planned else str(there.planned)
    yield f"{who} candidates may enter: {_listed(there.possible)}"
    formula = f"{there.planned} x {len(stage.hosts)} hosts x {len(stage.seeds)} seeds"
    yield f"{formula} = {runs_text(stage.run_count.planned)}; {bounds_text(stage, plan)}"


def _seal(document: Document, declared: Declared) -> str:
    """Whether a gate or rule is frozen, sealed, and still what was sealed."""
    if not declared.frozen:
        return "not frozen: it may still change"
    if not declared.sealed:
        return "frozen, not sealed yet: run `promo freeze`"
    compiled = document.compiled
    if compiled.plan is None or compiled.study is None:
        return "sealed; whether the seal holds is checked once the errors of this file are fixed"
    place = compiled.study.deciding[declared.name].where["sealed"]
    for found in compiled.diagnostics:
        if found.code == BROKEN_SEAL and found.span.start == place.start:
            return "**the seal is broken**: " + "; ".join((found.message, *found.notes))
    seal = compiled.lock.seals.get(declared.name) if compiled.lock else None
    if seal is None:
        return "sealed, and the seal holds; no lock file says since when"
    return f"sealed as sha256:{seal.digest[:SHOWN]} at {sealed_words(seal)}"


def _value(document: Document, declared: Declared) -> str:
    """A named value; one that factors enter has a value for each candidate only."""
    expression = declared.node.children[-1]
    written = document.text[expression.start : expression.end]
    value = document.compiled.values.get(declared.name)
    if value is None:
        return f"`{written}`: known for each candidate only" if document.compiled.study else f"`{written}`"
    if isinstance(value, Quantity):
        return f"`{written}` = {_quantity(value)}"
    return f'"{value}"'


def _quantity(value: Quantity) -> str:
    base = {"a duration": "s", "device time": "s"}.get(value.dimension.value)
    if base:
        return f"{duration(value.value)} ({value.dimension.value})"
    return f"{exact(Fraction(value.value))} ({value.dimension.value})"


def _listed(names: tuple[object, ...]) -> str:
    shown = ", ".join(map(str, names[:MOST_NAMES]))
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def _rows(rows: dict[str, str]) -> str:
    lines = [f"| {key} | {value} |" for key, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])
