"""
What the grammar cannot say of the language: the one table of clauses.

`promo.lark` says which words follow each other.  This table adds, by the names of its rules, which clauses a block
needs, which may come more than once, and what names and values may stand where they do.  The checks, the editor's
completion, hover and colours and the reference page's test all read it, so that a clause is described once.  Tests
hold it to the grammar: a rule with a name or a value that has no entry here, or a clause that no block lists, fails.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Literal

from promo.base.classes import frozen
from promo.base.units import Dimension

Kind = Literal[
    "host", "factor", "let", "design", "candidate", "cohort", "stage", "gate", "rule", "data", "schedule", "grow",
    "effects", "reduce", "baseline", "law", "forecast",
]  # fmt: skip
"""Declarations that others can name."""

SPOKEN: Mapping[str, str] = {
    "host": "host",
    "factor": "factor",
    "let": "value",
    "design": "design",
    "candidate": "candidate",
    "cohort": "cohort",
    "stage": "stage",
    "gate": "gate",
    "rule": "rule",
    "data": "data",
    "schedule": "schedule",
    "grow": "growth",
    "effects": "effects",
    "reduce": "reduction",
    "baseline": "baseline",
    "law": "law",
    "forecast": "forecast",
}
"""Declaration -> what it is called in a message."""


# --- what may stand in a clause ------------------------------------------------------------------------------


class Known(Enum):
    """Names that somebody else knows: the study, its runner, or what is installed."""

    METRIC = "the metric of the study"
    UNIT = "a unit"
    RUNNER = "an installed runner"
    EXECUTOR = "an installed executor"
    OPTION = "an option of the host's executor"
    WAY = "a way to grow that the runner has"


@frozen
class Argument:
    """
    What may stand at a place: a name of one of these *kinds*, one of these *words*, a value that measures this.

    For a value, the kinds are those of the names in it.
    """

    kinds: tuple[Kind, ...] = ()
    words: tuple[str, ...] = ()
    """Words that are declared nowhere."""
    dimensions: tuple[Dimension, ...] = ()
    """What a value measures; none for the level of a factor, a text, or anything."""
    example: str = ""
    """A value, without the unit of the measure."""
    declares: Kind | Literal["study", "import", ""] = ""
    """The name is made up here; other files make up what is imported."""
    known: Known | None = None
    stays: bool = False
    """A candidate here has a shape of its own: it follows no schedule."""


@frozen
class Arguments:
    """Names and values of a rule, each in their order; the last holds for all that follow."""

    names: tuple[Argument, ...] = ()
    values: tuple[Argument, ...] = ()
    bound: Argument | None = None
    """What the bound in it (`within`, `at most`, `at least`) is of."""

    def name(self, place: int) -> Argument:
        """What the name at a place is."""
        return self.names[min(place, len(self.names) - 1)]

    def value(self, place: int) -> Argument:
        """What the value at a place is."""
        return self.values[min(place, len(self.values) - 1)]


def _of(*names: Argument) -> Arguments:
    return Arguments(names)


def _is(*values: Argument) -> Arguments:
    return Arguments((), values)


def _to(*kinds: Kind, words: tuple[str, ...] = ()) -> Argument:
    return Argument(kinds, words)


def _new(kind: Kind | Literal["study", "import"]) -> Argument:
    return Argument(declares=kind)


def _measures(example: str, *dimensions: Dimension) -> Argument:
    return Argument(("let",), (), dimensions, example)


LEADER = "leader"
"""Stands for the best candidate before a gate, whoever that is."""
CELL = ("host", "seed")
POOLED = "stage"
"""The block that makes effects of several stages one estimate."""
PROCEDURES = ("benjamini_hochberg", "holm", "hochberg")
"""By which a family shares its rate; the first where nothing is said."""
NOWHERE = "none"
"""Effects without blocks."""
PHASES = ("start", "import", "data", "build", "warmup", "train", "evaluate", "total")
"""Phases of a run whose seconds a guard can watch."""
COLUMNS = ("config", "run", "seed", "host", "attempt", "step", "seconds", "tokens", "value", "status")
"""What a column of a table of curves may say."""
WAYS_TO_GROW = (
    "copy_top", "copy_middle", "copy_bottom", "copy_block", "interleave", "identity", "random_top", "zero_pad",
)  # fmt: skip

_METRIC, _UNIT, _RUNNER, _EXECUTOR, _OPTION, _WAY = (Argument(known=one) for one in Known)
_ANYTHING, _LEVEL, _TEXT = _to("let", "factor"), _to("let"), Argument()
_PRODUCT = _to("factor")
_COUNT, _SHARE = _measures("2", Dimension.NUMBER), _measures("5%", Dimension.NUMBER)
_TIME = _measures("3min", Dimension.TIME)
_TOKENS = _measures("65_536tok", Dimension.TOKENS)
_DEVICE_TIME = _measures("169.2gpu_h", Dimension.DEVICE_TIME)
_SPENT = _measures("5min", Dimension.TIME, Dimension.STEPS, Dimension.TOKENS, Dimension.FLOPS)
_BOUND = Arguments((), (_to("let"),))
_TRAINED = _to("cohort", "candidate", "design")
_FACTOR, _STAGE, _CANDIDATE = _to("factor"), _to("stage"), _to("candidate")
_SHAPE = Argument(("candidate",), stays=True)

ARGUMENTS: Mapping[str, Arguments] = {
    "use": Arguments((_new("import"),), (_TEXT,)),
    "let": Arguments((_new("let"),), (_ANYTHING,)),
    # study
    "study": _of(_new("study")),
    "title": _is(_TEXT),
    "measure": _of(_METRIC, _UNIT),
    "runner": Arguments((_RUNNER,), (_TEXT,)),
    "budget": _is(_measures("170gpu_h", Dimension.DEVICE_TIME, Dimension.MONEY)),
    "attempts": _is(_COUNT),
    "noise": _is(_measures("0.016", Dimension.METRIC)),
    "drawn": _is(_TEXT),
    "run_order": _is(_COUNT),
    # data
    "data": _of(_new("data")),
    "source": _is(_TEXT),
    "tokenizer": _is(_TEXT, _measures("8_192tok", Dimension.TOKENS)),
    "holdout": _is(_SHARE),
    "score": _is(_TOKENS, _TOKENS),
    # host
    "host": _of(_new("host")),
    "device": Arguments((_to(words=("any", "linux", "macos", "windows")),), (_TEXT,)),
    "slots": _is(_COUNT),
    "threads": _is(_COUNT),
    "devices": _is(_COUNT),
    "nodes": _is(_COUNT),
    "price": _is(_measures("2.10usd", Dimension.MONEY)),
    "spot": _is(_measures("0.80usd", Dimension.MONEY)),
    "executor": _of(_EXECUTOR),
    "option": Arguments((_OPTION,), (_LEVEL,)),
    # factors, designs, candidates
    "factor": Arguments((_new("factor"), _UNIT), (_LEVEL,)),
    "default": _is(_LEVEL),
    "design": _of(_new("design")),
    "fraction": _is(_measures("2^(5 - 1)", Dimension.NUMBER)),
    "resolved": _is(_COUNT),
    "array": _is(_COUNT),
    "sampled": _is(_COUNT, _COUNT),
    "neighbours": _of(_to("cohort", "gate")),
    "foldover": _of(_to("design"), _FACTOR),
    "semifold": _of(_to("design"), _FACTOR),
    "completion": _of(_to("design")),
    "at_low": _of(_FACTOR),
    "at_high": _of(_FACTOR),
    "vary": Arguments((_FACTOR,), (_LEVEL,)),
    "centre": _is(_LEVEL),
    "clear": _is(_PRODUCT),
    "alias": Arguments((_FACTOR,), (_PRODUCT,)),
    "expect_resolution": _is(_COUNT),
    "candidate": _of(_new("candidate")),
    "control": _of(_CANDIDATE),
    "like": _of(_CANDIDATE),
    "follows": _of(_to("schedule")),
    "setting": Arguments((_FACTOR,), (_LEVEL,)),
    "cohort": _of(_new("cohort")),
    "rows": Arguments((_to("design"),), (_COUNT,)),
    "members": _of(_CANDIDATE),
    "expect_candidates": _is(_COUNT),
    # stages
    "stage": _of(_new("stage")),
    "after": _of(_to("gate", "reduce")),
    "train": _of(_TRAINED),
    "spend": _is(_SPENT),
    "continue": Arguments((_TRAINED,), (_SPENT,)),
    "branch": Arguments((_TRAINED,), (_SPENT,)),
    "origin": _of(_STAGE),
    "cooldown": _is(_measures("20%", Dimension.NUMBER)),
    "on": _of(_to("host")),
    "blocked": _of(_to(words=CELL[:1])),
    "seeds": _is(_COUNT),
    "cap": _is(_TIME),
    "allowance": _is(_TIME),
    "tolerance": _is(_measures("2%", Dimension.NUMBER)),
    "expect_runs": _is(_COUNT),
    # gates and rules
    "gate": _of(_new("gate")),
    "route": _of(_STAGE, _STAGE),
    "rank": _of(_METRIC, _to(words=CELL)),
    "allow": _is(_measures("0.04", Dimension.METRIC)),
    "always": _of(_CANDIDATE),
    "guard": Arguments(
        (_to(words=("throughput", "contention", *PHASES)),),
        bound=_measures("within 20% of host", Dimension.NUMBER, Dimension.TIME),
    ),
    "sample": _is(_COUNT, _COUNT),
    "rerun": _is(_COUNT),
    "ties": _of(_to(words=("name", "order", "parameters"))),
    "rule": _of(_new("rule")),
    "judge": _of(_CANDIDATE),
    "best_of": _of(_STAGE),
    "judged_at": _of(_STAGE),
    "against": _of(_CANDIDATE),
    "answer": _is(_TEXT),
    # conditions
    "top": _is(_measures("3", Dimension.NUMBER)),
    "best": _is(_measures("25%", Dimension.NUMBER)),
    "per": _of(_to(words=CELL[:1])),
    "level": Arguments((_METRIC,), bound=_measures("at most 1.05", Dimension.METRIC)),
    "difference": Arguments(bound=_measures("at most 0.010", Dimension.METRIC)),
    "to": _of(_to("candidate", words=(LEADER,))),
    "equivalent": Arguments(bound=_measures("within 0.010", Dimension.METRIC)),
    "projected": Arguments((_STAGE,), bound=_measures("at most 2.2", Dimension.METRIC)),
    "by_law_of": _of(_to("law")),
    "agreement": Arguments((_to("host", "stage"),), bound=_measures("at least 0.6", Dimension.NUMBER)),
    "test": _is(_measures("95%", Dimension.NUMBER)),
    "method": _of(_to(words=("t", "sign_flip", "wilcoxon"))),
    "sigma": _is(_measures("0.0013", Dimension.METRIC)),
    "within": _BOUND,
    "at_most": _BOUND,
    "at_least": _BOUND,
    # accounts, curves
    "count": _of(_to(words=("training", "host"))),
    "suppose": Arguments((_to("gate"), _STAGE), (_DEVICE_TIME,)),
    "expect_cost": _is(_DEVICE_TIME),
    "note": _is(_TEXT),
    "from_tool": _of(_to(words=("autoresearch", "wandb", "mlflow", "optuna"))),
    "column": Arguments((_to(words=COLUMNS), _UNIT), (_TEXT,)),
    "label": Arguments((_to("candidate", "host"),), (_TEXT,)),
    "seeds_by": _of(_to(words=("label", "order"))),
    # laws
    "law": _of(_new("law")),
    "fitted_to": _of(_to("candidate", "cohort")),
    "form": _of(_to(words=("compute", "shift", "size", "data"))),
    "held_out": _of(_STAGE),
    "reach": _is(_COUNT),
    "draws": _is(_COUNT, _COUNT),
    "forecast": _of(_new("forecast")),
    "at_stage": _of(_STAGE),
    # screening
    "effects": _of(_new("effects")),
    "stages": _of(_STAGE),
    "model": _of(_to(words=("main", "pairs"))),
    "term": _of(_FACTOR),
    "contrast": _of(_FACTOR),
    "level_against": _is(_LEVEL),
    "block": _of(_to(words=(*CELL, POOLED, NOWHERE))),
    "family": _of(_to(words=("main", "pairs", "all"))),
    "rate": _is(_SHARE),
    "procedure": _of(_to(words=PROCEDURES)),
    "reduce": _of(_new("reduce")),
    "reads": _of(_to("effects")),
    "effect": Arguments(bound=_measures("at least 0.010", Dimension.METRIC)),
    "into": _of(_to("design")),
    "baseline": _of(_new("baseline")),
    "space": _of(_to("design")),
    "matched": _of(_STAGE),
    "draw": _is(_COUNT),
    # growth and schedules
    "grow": _of(_new("grow")),
    "parent": _of(_SHAPE, _STAGE),
    "stack": _is(_WAY),
    "turn": Arguments((_FACTOR,), (_LEVEL, _LEVEL)),
    "choose": Arguments((_METRIC,), (_measures("200steps", Dimension.STEPS),)),
    "stable": _is(_COUNT, _measures("40steps", Dimension.STEPS), _measures("320steps", Dimension.STEPS)),
    "becomes": _of(_new("candidate")),
    "schedule": _of(_new("schedule")),
    "shapes": _of(_SHAPE),
    "by_way": _of(_WAY),
    "by_law": _of(_to("law")),
    "otherwise": _of(_to(words=("hold", "best", "largest"))),
}
"""Rule of the grammar -> the names and values in it."""


# --- which clauses a block has -------------------------------------------------------------------------------


@frozen
class Clause:
    """A clause of a block."""

    needed: str = ""
    """The line to add where it is missing; empty when it may be left out."""
    beside: Mapping[str, str] = {}
    """Other part of the block -> the line to add where that part is there; empty when none is needed then."""
    repeats: bool = False

    def wanted(self, there: Mapping[str, object]) -> str:
        """The line to add to a block that has these parts and not this one."""
        return next((line for part, line in self.beside.items() if part in there), self.needed)


MAY, MAY_REPEAT = Clause(), Clause(repeats=True)


def _must(line: str, beside: Mapping[str, str] | None = None, *, repeats: bool = False) -> Clause:
    return Clause(line, beside or {}, repeats)


_CARRIED_ON = {"continue": "", "branch": ""}
"""A stage that carries runs on has them from the stage that it carries on."""
_OTHER_ROWS = {
    "array": "vary depth in [6, 8, 10]",
    "sampled": "vary depth in 1..8",
    "foldover": "",
    "semifold": "",
    "completion": "",
}


BLOCKS: Mapping[str, Mapping[str, Clause]] = {
    "study": {
        "title": _must('title "..."'),
        "measure": _must("measure val_bpb in bpb, lower is better"),
        "runner": _must("runner gpt"),
        "budget": MAY_REPEAT,
        "attempts": MAY,
        "noise": MAY,
        "anchor": MAY,
        "drawn": MAY,
        "run_order": MAY,
    },
    "data": {
        "source": _must('source "stdlib"'),
        "tokenizer": MAY,
        "holdout": _must("holdout 5%"),
        "score": _must("score 65_536tok in windows of 128tok"),
    },
    "host": {
        "device": _must('device "cpu" on any'),
        "slots": _must("slots 2"),
        "threads": MAY,
        "devices": MAY,
        "nodes": MAY,
        "price": _must("", {"spot": "price 2.10usd"}),
        "spot": MAY,
        "executor": MAY,
        "option": MAY_REPEAT,
    },
    "design": {
        "vary": _must("vary depth low 8 high 10", _OTHER_ROWS, repeats=True),
        "alias": MAY_REPEAT,
        "clear": MAY_REPEAT,
        "without": MAY_REPEAT,
        "expect_resolution": MAY,
    },
    "candidate": {"setting": MAY_REPEAT},
    "cohort": {"rows": MAY_REPEAT, "members": MAY_REPEAT, "expect_candidates": MAY},
    "stage": {
        "after": MAY,
        "train": _must("train ... for 5min", _CARRIED_ON),
        "continue": MAY,
        "branch": MAY,
        "cooldown": MAY,
        "on": _must("on HOST", _CARRIED_ON),
        "blocked": MAY,
        "devices": MAY,
        "seeds": _must("seeds 1, 2", _CARRIED_ON),
        "cap": MAY,
        "allowance": MAY,
        "tolerance": MAY,
        "report": MAY,
        "expect_runs": MAY,
    },
    "gate": {
        "route": _must("from STAGE to STAGE"),
        "rank": _must("rank by mean METRIC over host, seed"),
        "keep": _must("keep top 3"),
        "allow": MAY,
        "always": MAY,
        "demand": MAY_REPEAT,
        "guard": MAY_REPEAT,
        "sample": MAY,
        "missing": _must("missing rerun 1, then drop"),
        "crash": _must("crash as missing"),
        "ties": _must("ties by name"),
    },
    "rule": {
        "judge": _must("judge CANDIDATE against REFERENCE at STAGE"),
        "require": _must("require mean gap at most 0.010bpb"),
        "missing": _must("missing stop"),
        "crash": MAY,
        "absent": MAY,
        "otherwise_do": MAY,
        "answer": MAY_REPEAT,
    },
    "account": {"count": MAY, "suppose": MAY_REPEAT, "expect_cost": MAY, "note": MAY_REPEAT},
    "curves": {
        "from_tool": MAY,
        "column": MAY_REPEAT,
        "label": MAY_REPEAT,
        "seeds_by": MAY,
        "interpolate": MAY,
    },
    "law": {
        "fitted_to": _must("of CANDIDATE, CANDIDATE"),
        "stages": _must("from STAGE, STAGE, STAGE"),
        "form": _must("form compute"),
        "held_out": MAY,
        "reach": _must("reach 4 times"),
        "draws": _must("draws 200 seed 1"),
    },
    "forecast": {
        "fitted_to": _must("of CANDIDATE, CANDIDATE"),
        "at_stage": _must("at STAGE"),
        "by_law": _must("law LAW"),
    },
    "effects": {
        "stages": _must("from STAGE"),
        "model": _must("model main, pairs"),
        "rest": MAY,
        "contrast": MAY_REPEAT,
        "block": MAY,
        "family": _must("family main"),
        "rate": _must("rate 5%"),
    },
    "reduce": {
        "reads": _must("from EFFECTS"),
        "fix": _must("fix factor when discovered"),
        "settle": _must("to better level"),
        "into": _must("into DESIGN"),
        "missing": _must("missing stop"),
    },
    "baseline": {
        "space": _must("space DESIGN"),
        "matched": _must("matched STAGE"),
        "draw": MAY,
        "walk": MAY,
    },
    "grow": {
        "parent": _must("parent CANDIDATE at STAGE"),
        "stack": _must("stack depth 10 -> 16 by [copy_top, interleave]"),
        "choose": _must("choose lowest METRIC after 200steps"),
        "cap": _must("cap 3min"),
        "becomes": _must("becomes NAME"),
    },
    "schedule": {
        "shapes": _must("shapes CANDIDATE -> CANDIDATE by interleave"),
        "by_law": _must("law LAW"),
        "otherwise": _must("else hold"),
    },
}
"""Declaration -> its clauses, in the order in which they are usually written."""


# --- reading the table ---------------------------------------------------------------------------------------


def words(rule: str, place: int = 0) -> tuple[str, ...]:
    """The words that may stand at a place for names, and are declared nowhere."""
    return ARGUMENTS[rule].name(place).words
