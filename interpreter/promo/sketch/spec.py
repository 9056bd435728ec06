"""A draft to its spec: two stages, a gate between them, a rule behind them, and comments that say what to edit."""

import re
from collections.abc import Iterator
from decimal import Decimal

from promo.base.classes import frozen
from promo.sketch.runner import unit_of
from promo.sketch.values import Draft, Value

LONG_SEEDS = "11, 12, 13"
MOST = 60
"""Characters of a name that is made of two."""


@frozen
class _Called:
    """What everything in the spec is called; no two are called alike."""

    study: str
    host: str
    takes: str
    base: str
    others: tuple[str, ...]
    short: str
    long: str
    gate: str
    rule: str


def spec_text(draft: Draft, pin: str) -> str:
    """
    The spec, as `promo fmt` lays it out.

    Args:
        draft: what it says.
        pin: digest of the runner file and all that it names, as a spec writes it.
    """
    called = _called(draft)
    blocks = [*_setting(draft, pin, called), *_candidates(draft, called)]
    blocks += [*_stages(draft, called), *_decisions(draft, called)]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _called(draft: Draft) -> _Called:
    names = _Names({draft.metric, *(knob.name for knob in draft.factors)})
    return _Called(
        study=names.new(draft.name),
        host=names.new("here"),
        takes=names.new("one_run"),
        base=names.new("base"),
        others=tuple(names.new(f"{draft.varied.name}_{_said(level)}") for level in draft.levels[1:]),
        short=names.new("short"),
        long=names.new("long"),
        gate=names.new("pick"),
        rule=names.new("better"),
    )


def _setting(draft: Draft, pin: str, called: _Called) -> Iterator[list[str]]:
    better = "lower" if draft.lower_is_better else "higher"
    yield ["promo 1"]
    yield [
        f"# Drafted by promo new.  Comments with one # say what to look at; then: promo plan {draft.name}.promo",
        *_block(
            f"study {called.study}",
            title=f'"Which {draft.varied.name} gives the best {draft.metric}?"',
            measure=f"{draft.metric} in {draft.unit}, {better} is better",
            runner=f'"{draft.name}.toml" pinned {pin}',
        ),
    ]
    if not draft.seconds:
        yield [
            "# About how long the unchanged script takes.  promo has not run it: caps and budget come from here.",
            f"let {called.takes} = {draft.takes}",
        ]
    yield ["# slots is how many runs train at once.", *_block(f"host {called.host}", device='"cpu" on any', slots="1")]


def _candidates(draft: Draft, called: _Called) -> Iterator[list[str]]:
    yield list(_factor(draft))
    yield ["## The unchanged script.", f"candidate {called.base} as reference"]
    for name, level in zip(called.others, draft.levels[1:], strict=True):
        yield [f"candidate {name} like {called.base} {{", f"  {draft.varied.name} = {_level(level)}", "}"]


def _stages(draft: Draft, called: _Called) -> Iterator[list[str]]:
    unit = "s" if draft.seconds else "steps"
    # With one alternative, a gate that always promotes the base would drop nobody: there the stage adds it instead.
    entrants = "promoted" if len(called.others) > 1 else f"promoted, {called.base}"
    yield [
        *_of_short(draft),
        *_block(
            f"stage {called.short}",
            train=f"{', '.join((called.base, *called.others))} for {_counted(draft.short)}{unit}",
            **_limits(draft, draft.short, called.takes),
            on=called.host,
            seeds="1, 2",
            expect=f"{2 * len(draft.levels)} runs",
        ),
    ]
    yield [
        "## New seeds, so that luck in the short stage does not carry over.",
        *_of_long(draft),
        *_block(
            f"stage {called.long}",
            after=called.gate,
            train=f"{entrants} for {_counted(draft.whole)}{unit}",
            **_limits(draft, draft.whole, called.takes),
            on=called.host,
            seeds=LONG_SEEDS,
        ),
    ]


def _limits(draft: Draft, amount: int, takes: str) -> dict[str, str]:
    """What ends a run: its own seconds, or a cap of twice what it should take."""
    times = -(-2 * amount // draft.own)
    cap = takes if times == 1 else f"{times} * {takes}"
    return {"tolerance": "90%"} if draft.seconds else {"cap": cap}


def _decisions(draft: Draft, called: _Called) -> Iterator[list[str]]:
    yield [
        "## The best one is promoted, and the unchanged script always is.",
        "# Frozen when the study starts: make your changes before.",
        *_block(
            f"frozen gate {called.gate}",
            **{"from": f"{called.short} to {called.long}"},
            rank=f"by mean {draft.metric} over host, seed",
            keep="top 1",
            **({"always": called.base} if len(called.others) > 1 else {}),
            missing="rerun 1, then drop",
            crash="as missing",
            ties="by name",
        ),
    ]
    yield [
        "## Whether it is really better than the unchanged script.",
        f"# 0{draft.unit} accepts any gain at all, even none: write the smallest one that you would act on.",
        *_block(
            f"frozen rule {called.rule}",
            judge=f"promoted against {called.base} at {called.long}",
            require=f"mean gain at least 0{draft.unit}",
            missing="stop",
            absent="skip",
        ),
    ]


def _block(head: str, **clauses: str) -> list[str]:
    return [f"{head} {{", *(f"  {word:8} {rest}" for word, rest in clauses.items()), "}"]


def _factor(draft: Draft) -> Iterator[str]:
    varied = draft.varied
    if len(draft.factors) > 1:
        yield f"# The script has more settings to vary: promo runner {draft.name}.toml lists all {len(draft.factors)}."
    levels = sorted(draft.levels, key=lambda one: (isinstance(one, str), one if isinstance(one, int | float) else 0))
    values = ", ".join(map(_level, levels))
    assert varied.default is not None
    yield f"factor {varied.name}: {unit_of(varied)} in [{values}] default {_level(varied.default)}"


def _of_short(draft: Draft) -> list[str]:
    if draft.duration is None:
        return [
            "## Every candidate, in full: the script has no setting for how long it trains, so a step is a whole run."
        ]
    word = draft.duration.shown
    lines = [f"## A short look at every candidate: {_counted(draft.short)} of its {_counted(draft.whole)} {word}."]
    if draft.short == draft.own:
        lines = [f"## Every candidate for as long as the script trains by itself: {word} is {_counted(draft.own)}."]
    if draft.seconds:
        lines.append("# The script does not report its training time, so loading counts too: hence the wide tolerance.")
    return lines


def _of_long(draft: Draft) -> list[str]:
    """What to look at where the script as it is would make the second stage as long as the first."""
    if draft.duration is None:
        return [
            "# As long as the first stage.  For a shorter first stage, give the script a setting for how long",
            "# it trains, EPOCHS = 5 at its top, and draft again.",
        ]
    word = draft.duration.shown
    if draft.whole > draft.own:
        return [f"# {word} is {_counted(draft.own)} in the script: write how long a final run should train."]
    return [f"# As long as the first stage, since {word} can be no more."] if draft.short == draft.whole else []


def _counted(number: int) -> str:
    return f"{number:_}" if number >= 1_000 else str(number)


def _level(level: Value) -> str:
    """A level as a spec writes it."""
    if isinstance(level, str):
        return '"' + level.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(level, int):
        return str(level)
    number = Decimal(repr(level)).normalize()
    return f"{number:f}" if -7 < number.adjusted() < 16 else f"{number:e}".replace("e+", "e")


def _said(level: Value) -> str:
    """A level as a part of a name."""
    return re.sub(r"[^a-z0-9]+", "_", _level(level).lower().replace("-", "minus_")).strip("_") or "other"


class _Names:
    """Names that nothing else has."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken

    def new(self, wanted: str) -> str:
        """A name like the one that is wanted."""
        name = re.sub(r"[^a-z0-9]+", "_", wanted.lower()).strip("_")[:MOST] or "study"
        name = name if name[0].isalpha() else f"s_{name}"
        found, number = name, 2
        while found in self._taken:
            found, number = f"{name}_{number}", number + 1
        self._taken.add(found)
        return found
