"""The study block, its data and its hosts."""

from collections.abc import Mapping
from fractions import Fraction

from attrs import frozen

from promo.base.diagnostics import Confidence, Edit, suggestion
from promo.base.source import Span
from promo.base.units import RESEMBLING, UNITS, Dimension
from promo.study.expressions import Expressions, split_unit, unquoted
from promo.study.names import Clauses, Scope
from promo.study.ports import Runner, RunnerFactor, RunnerMetric
from promo.study.space import Level
from promo.study.values import BudgetKind, Data, Draw, Effective, Host, Measure, RunnerChoice, Tokens
from promo.syntax.nodes import Node, Token

BUILT_IN_SOURCES = ("stdlib", "builtin:synth/1")
SYSTEMS = ("any", "linux", "macos", "windows")
MOST_SLOTS = 1024
MOST_TOKENS = 2**24
BYTES = 256
"""A tokenizer has a token for every byte, so it has no fewer."""
SHOWN = 12

STUDY_NEEDS = {
    "title": 'title "..."',
    "measure": "measure val_bpb in bpb, lower is better",
    "runner": "runner gpt",
}


def read_measure(scope: Scope, clauses: Clauses) -> Measure | None:
    """The study's measure."""
    clause = clauses.maybe("measure")
    if clause is None:
        return None
    metric, unit = (token.text for token in clause.tokens("NAME"))
    return Measure(metric, unit, clause.token("DIRECTION").text == "lower")


def assumed_measure(scope: Scope) -> Measure:
    """Stands for a measure that is not there: the metric and the unit that the rest of the text speaks of."""
    metric, unit, waiting = "", "", list(reversed(scope.tree.declarations))
    while waiting and not (metric and unit):
        node = waiting.pop()
        if node.kind in ("rank", "level"):
            metric = metric or node.token("NAME").text
        for token in node.tokens("QUANTITY"):
            own = split_unit(token.text)[1]
            unit = unit or ("" if own in UNITS or own in RESEMBLING else own)
        waiting.extend(child for child in reversed(node.children) if isinstance(child, Node))
    return Measure(metric, unit, True)


def read_runner(scope: Scope, clauses: Clauses) -> tuple[RunnerChoice, Runner] | None:
    """The runner a study names, and what it declares of itself."""
    clause = clauses.maybe("runner")
    if clause is None:
        return None
    name = clause.children[0]
    if name.kind == "STRING":
        return _runner_file(scope, clause)
    name = clause.token("NAME")
    runner = scope.world.runner(name.text)
    if runner is None:
        known = scope.world.runner_names()
        near = suggestion(name.text, known)
        hint = f"did you mean '{near}'?" if near else f"installed runners: {', '.join(known) or 'none'}"
        edits = (Edit(scope.span(name), near),) if near else ()
        scope.report("P0211", f"no runner '{name.text}' is installed", name, hint, edits=edits)
        return None
    if clause.node("pinned") is not None:
        scope.report("P0212", "an installed runner is known by its version, not by a digest", clause, "remove 'pinned'")
    return RunnerChoice(runner.name, runner.version), runner


def _runner_file(scope: Scope, clause: Node) -> tuple[RunnerChoice, Runner] | None:
    """A runner in a file, pinned by the digest of everything it consists of."""
    token = clause.token("STRING")
    path = unquoted(token)
    found = scope.world.runner_file(path)
    if isinstance(found, str):
        scope.report("P0211", f"the runner file '{path}' cannot be used: {found}", token)
        return None
    runner, digest = found
    shown = f"sha256:{digest[:SHOWN]}"
    pin = clause.node("pinned")
    if pin is None:
        end = scope.span(token).end
        edits = (Edit(Span(scope.tree.source, end, end), f" pinned {shown}"),)
        message = "a runner in a file is pinned, so that what it does cannot change unnoticed"
        hint = f"write: runner {token.text} pinned {shown}"
        scope.report("P0205", message, token, hint, edits=edits, confidence=Confidence.SURE)
    elif not digest.startswith(pin.token("DIGEST").text.removeprefix("sha256:")):
        edits = (Edit(scope.span(pin.token("DIGEST")), shown),)
        message = f"the runner file '{path}' is not the one that was pinned"
        scope.report("P0204", message, pin.token("DIGEST"), f"look at what changed; it is {shown} now", edits=edits)
    return RunnerChoice(runner.name, runner.version, digest, path), runner


@frozen(eq=False, repr=False, slots=False)
class _StandIn:
    """A runner that accepts whatever a text declares, so that the rest of the text can be checked."""

    factors: Mapping[str, RunnerFactor]
    name: str = ""
    version: int = 0
    metrics: Mapping[str, RunnerMetric] = {}
    trainer: str = ""
    needs_modules: tuple[str, ...] = ()
    budgets: tuple[BudgetKind, ...] = tuple(BudgetKind)
    can_continue: bool = True
    cooldown_factor: str = "-"
    """It cools down, and no factor is in the way of that: no name has a hyphen."""
    needs_data: bool = False

    def resolve(self, levels: Mapping[str, Level]) -> Effective:
        """The condition itself."""
        settings = tuple(sorted((name, f"{type(level).__name__} {level}") for name, level in levels.items()))
        return Effective(settings, 0, 0)


def stand_in(scope: Scope) -> Runner:
    """Stands for a runner that is not there: its factors and their words are those the text declares."""
    factors = {}
    for block in scope.of_kind("factor"):
        name, unit = block.tokens("NAME")
        words = tuple(unquoted(token) for listed in block.nodes("list") for token in listed.tokens("STRING"))
        factors[name.text] = RunnerFactor(unit.text, words[0] if words else Fraction(0), choices=words)
    return _StandIn(factors)


def agree_on_metric(scope: Scope, clauses: Clauses, measure: Measure, runner: Runner) -> None:
    """The runner must measure what the study judges by, in that unit and direction."""
    clause = clauses.one("measure")
    name = next(clause.tokens("NAME"))
    metric = runner.metrics.get(measure.metric)
    if not runner.metrics:
        return  # it measures whatever the study names: what a recorded table holds is not known here
    if metric is None:
        near = suggestion(measure.metric, runner.metrics)
        hint = f"did you mean '{near}'?" if near else f"it measures: {', '.join(runner.metrics)}"
        scope.report("P0213", f"the runner '{runner.name}' does not measure '{measure.metric}'", name, hint)
        return
    if (metric.unit, metric.lower_is_better) != (measure.unit, measure.lower_is_better):
        way = "lower" if metric.lower_is_better else "higher"
        hint = f"write: measure {measure.metric} in {metric.unit}, {way} is better"
        message = f"the runner '{runner.name}' gives {measure.metric} in {metric.unit}, {way} is better"
        scope.report("P0213", message, clause, hint)


def read_draw(scope: Scope, clauses: Clauses) -> Draw | None:
    """What the seeds are drawn from, if they are."""
    clause = clauses.maybe("drawn")
    if clause is None:
        return None
    if clause.node("receipt") is not None:
        return Draw(None)
    source = unquoted(clause.token("STRING"))
    if not source.strip():
        hint = 'say where, and which value: draw seeds from "drand quicknet, first round of the day after the freeze"'
        scope.report("P0226", "seeds are drawn from a value that is published nowhere", clause.token("STRING"), hint)
    return Draw(source)


def read_data(scope: Scope, expressions: Expressions, block: Node) -> Data | None:
    """A data block."""
    clauses = scope.clauses(
        block,
        {"source": 'source "stdlib"', "holdout": "holdout 5%", "score": "score 65_536tok in windows of 128tok"},
    )
    if not clauses.complete:
        return None
    source = unquoted(clauses.one("source").token("STRING"))
    pin = clauses.one("source").node("pinned")
    if not source:
        scope.report("P0214", "the source is empty", clauses.one("source"), f"name a file or one of {BUILT_IN_SOURCES}")
    elif source.startswith("builtin:") and source not in BUILT_IN_SOURCES:
        hint = f"use one of: {', '.join(BUILT_IN_SOURCES)}, or a path"
        scope.report("P0214", f"there is no built-in text '{source}'", clauses.one("source").token("STRING"), hint)
    part = clauses.one("holdout").children[0]
    holdout = expressions.amount(part, Dimension.NUMBER, example="5%")
    if holdout is not None and not 0 < holdout < 1:
        scope.report("P0302", "the share held out lies between 0% and 100%", part, "write it like this: 5%")
        return None
    score, window = (
        expressions.amount(child, Dimension.TOKENS, example="65_536tok") for child in clauses.one("score").children
    )
    tokens = _read_tokens(scope, expressions, clauses)
    if holdout is None or score is None or window is None or (tokens is None and clauses.maybe("tokenizer")):
        return None
    if score.denominator != 1 or window.denominator != 1 or window < 2 or score < window or score % window:
        message = "the scored tokens are a whole number of windows of at least 2tok"
        scope.report("P0302", message, clauses.one("score"), "write it like this: score 65_536tok in windows of 128tok")
        return None
    return Data(
        name=block.token("NAME").text,
        source=source,
        pinned=pin.token("DIGEST").text if pin else None,
        holdout=holdout,
        score_tokens=int(score),
        window=int(window),
        tokens=tokens,
        where=scope.where(block),
    )


def _read_tokens(scope: Scope, expressions: Expressions, clauses: Clauses) -> Tokens | None:
    """The tokenizer that a data block names, if it names one."""
    clause = clauses.maybe("tokenizer")
    if clause is None:
        return None
    part, pin = clause.children[-1], clause.node("pinned")
    vocabulary = expressions.amount(part, Dimension.TOKENS, example="8_192tok")
    if vocabulary is None:
        return None
    if vocabulary.denominator != 1 or not BYTES <= vocabulary <= MOST_TOKENS:
        message = f"a tokenizer has a whole number of tokens, at least {BYTES}"
        scope.report("P0302", message, part, 'write it like this: tokenizer "bpe.json" of 8_192tok')
        return None
    return Tokens(unquoted(clause.token("STRING")), pin.token("DIGEST").text if pin else None, int(vocabulary))


def for_tokens(scope: Scope, runner: Runner, data: Data | None) -> Runner:
    """The runner as it is for the vocabulary of a text: sizes and operations depend on it."""
    if data is None or data.tokens is None or isinstance(runner, _StandIn):
        return runner
    of_vocabulary = getattr(runner, "of_vocabulary", None)  # a runner that trains on bytes alone has none
    if of_vocabulary is None:
        declared = {node.kind: node for node in reversed(scope.tree.declarations)}
        own = declared["data"].node("tokenizer") if "data" in declared else None  # else it is imported
        message = f"the runner '{runner.name}' takes no tokenizer: it trains on bytes"
        hint = "remove the tokenizer, or choose another runner"
        scope.report("P0228", message, own or declared["study"].token("NAME"), hint)
        return runner
    fitted: Runner = of_vocabulary(data.tokens.vocabulary)
    return fitted


def read_host(scope: Scope, expressions: Expressions, block: Node) -> Host | None:
    """A host block."""
    clauses = scope.clauses(block, {"device": 'device "cpu" on any', "slots": "slots 2"})
    if not clauses.complete:
        return None
    device = clauses.one("device")
    system = device.token("NAME")
    if system.text not in SYSTEMS:
        near = suggestion(system.text, SYSTEMS)
        hint = f"did you mean '{near}'?" if near else f"use one of: {', '.join(SYSTEMS)}"
        scope.report("P0215", f"no operating system is called '{system.text}'", system, hint)
    slots = expressions.count(clauses.one("slots").children[0], most=MOST_SLOTS, what="the number of slots")
    thread_clause, price_clause, executor = (clauses.maybe(kind) for kind in ("threads", "price", "executor"))
    threads: int | None = 1
    if thread_clause is not None:
        threads = expressions.count(thread_clause.children[0], most=MOST_SLOTS, what="the number of threads")
    price: Fraction | None = None
    if price_clause is not None:
        price = expressions.amount(price_clause.children[0], Dimension.MONEY, example="1.80usd")
        if price is not None and price < 0:
            scope.report("P0302", "a price is not negative", price_clause.children[0])
    if executor is not None:
        _check_executor(scope, executor.token("NAME"))
    if slots is None or threads is None:
        return None
    return Host(
        name=block.token("NAME").text,
        device=unquoted(device.token("STRING")),
        system=system.text,
        slots=slots,
        threads=threads,
        price=price,
        executor=executor.token("NAME").text if executor else "local",
        documentation=scope.tree.documentation(block),
        where=scope.where(block),
    )


def _check_executor(scope: Scope, name: Token) -> None:
    """Most likely a slip; no more than that, because the host may be another machine with other plug-ins."""
    if scope.world.knows_executor(name.text):
        return
    known = scope.world.executor_names()
    near = suggestion(name.text, known)
    hint = f"did you mean '{near}'?" if near else f"installed here: {', '.join(known)}"
    scope.warn("P0229", f"no executor '{name.text}' is installed here", name, hint)
