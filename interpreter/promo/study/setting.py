"""The study block and its data."""

from collections.abc import Mapping

from promo.base.diagnostics import Confidence, Edit, did_you_mean, suggestion
from promo.base.source import Span
from promo.study.data import Data, Tokens
from promo.study.expressions import Expressions, unquoted
from promo.study.names import Clauses, Scope
from promo.study.ports import Runner
from promo.study.space import Factor
from promo.study.values import Draw, Measure, RunnerChoice
from promo.syntax.nodes import Node

BUILT_IN_SOURCES = ("stdlib", "builtin:synth/1")
MOST_TOKENS = 2**24
BYTES = 256
"""A tokenizer has a token for every byte, so it has no fewer."""
SHOWN = 12


def read_measure(scope: Scope, clauses: Clauses) -> Measure | None:
    """The study's measure."""
    clause = clauses.maybe("measure")
    if clause is None:
        return None
    metric, unit = (token.text for token in clause.tokens("NAME"))
    return Measure(metric, unit, clause.token("DIRECTION").text == "lower")


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


OWN_FILES = "name its files in 'files' and start them as '{python} {program}/FILE', or know that they may change"


NO_KEYS = "read it from a variable of the environment, and name that under 'env'"


def _runner_file(scope: Scope, clause: Node) -> tuple[RunnerChoice, Runner] | None:
    """A runner in a file, pinned by the digest of everything it consists of."""
    token = clause.token("STRING")
    path = unquoted(token)
    found = scope.world.runner_file(path)
    if isinstance(found, str):
        scope.report("P0211", f"the runner file '{path}' cannot be used: {found}", token)
        return None
    runner, digest = found.runner, found.digest
    if found.not_frozen:
        words = ", ".join(f"'{word}'" for word in found.not_frozen)
        scope.warn(
            "P0230", f"the runner '{runner.name}' starts {words}, which its digest does not cover", token, OWN_FILES
        )
    for name in found.keyed:
        scope.warn(
            "P0235",
            f"'{name}' contains what looks like a key, and every copy of the study would contain it",
            token,
            NO_KEYS,
        )
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


def agree_on_metric(scope: Scope, clauses: Clauses, measure: Measure, runner: Runner) -> None:
    """The runner must measure what the study judges by, in that unit and direction."""
    clause = clauses.one("measure")
    name = next(clause.tokens("NAME"))
    metric = runner.metrics.get(measure.metric)
    if not runner.metrics:
        return  # it measures whatever the study names: what a recorded table holds is not known here
    if metric is None:
        hint = did_you_mean(measure.metric, runner.metrics, f"it measures: {', '.join(runner.metrics)}")
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
    clauses = scope.clauses(block)
    if not clauses.complete:
        return None
    source = unquoted(clauses.one("source").token("STRING"))
    pin = clauses.one("source").node("pinned")
    if not source:
        scope.report("P0214", "the source is empty", clauses.one("source"), f"name a file or one of {BUILT_IN_SOURCES}")
    elif source.startswith("builtin:") and source not in BUILT_IN_SOURCES:
        hint = f"use one of: {', '.join(BUILT_IN_SOURCES)}, or a path"
        scope.report("P0214", f"there is no built-in text '{source}'", clauses.one("source").token("STRING"), hint)
    part = clauses.one("holdout")
    holdout = expressions.given(part)
    if holdout is not None and not 0 < holdout < 1:
        scope.report("P0302", "the share held out lies between 0% and 100%", part, "write it like this: holdout 5%")
        return None
    score, window = (expressions.given(clauses.one("score"), place) for place in (0, 1))
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
    vocabulary = expressions.given(clause, 1)
    if vocabulary is None:
        return None
    if vocabulary.denominator != 1 or not BYTES <= vocabulary <= MOST_TOKENS:
        message = f"a tokenizer has a whole number of tokens, at least {BYTES}"
        scope.report("P0302", message, part, 'write it like this: tokenizer "bpe.json" of 8_192tok')
        return None
    return Tokens(unquoted(clause.token("STRING")), pin.token("DIGEST").text if pin else None, int(vocabulary))


def for_tokens(scope: Scope, runner: Runner, data: Data | None) -> Runner:
    """The runner as it is for the vocabulary of a text: sizes and operations depend on it."""
    if data is None or data.tokens is None or not runner.name:
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


def for_factors(scope: Scope, runner: Runner, imported: Mapping[str, Factor]) -> Runner:
    """The runner as it is for the factors of a text, where it has none of its own beside those it is told."""
    of_factors = getattr(runner, "of_factors", None)  # a runner that trains says itself what it takes
    if of_factors is None:
        return runner
    from promo.study.stand_in import declared_factors

    told: Runner = of_factors(declared_factors(scope, imported))
    return told
