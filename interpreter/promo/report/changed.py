"""
Candidates to what changed: the levels by which each differs from the reference, or from the commonest levels.

The words stand beside a candidate's name wherever it is shown.  They are bounded, and empty where the name says the
levels already.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import accumulate

from promo.base.units import is_digits
from promo.plans.values import Plan
from promo.report.declared import describe_level
from promo.report.words import MOST_LISTED, listed
from promo.study.given import Level
from promo.study.space import Factor
from promo.study.values import Role, Study

MOST_FACTORS = 3
"""Factors that are told; of more, how many there are."""
MOST_LETTERS = 24
"""Letters of a level that are told."""
MOST_CALLED, ROOM = 4, 200
"""Candidates that a sentence names however long they are called, and letters of more of them."""

Call = Callable[[str], str]
"""A candidate's name -> the name with what changed in it."""


def changes(study: Study, names: Iterable[str]) -> dict[str, str]:
    """
    Candidate -> what changed, as `depth 1, aspect 64`; empty for the one that others are compared with.

    Args:
        study: where they are declared.
        names: whom to tell of, all of them; levels are the commonest among these where no reference is.
    """
    levels, usual = _levels(study, names)
    return {name: _words(study, name, usual, own) for name, own in levels.items()}


def _levels(study: Study, names: Iterable[str]) -> tuple[dict[str, dict[str, Level]], dict[str, Level]]:
    """The levels of candidates, and those that they differ from."""
    order, asked = {factor: place for place, factor in enumerate(study.factors)}, set(names)
    names = [name for name in study.candidates if name in asked]  # what is commonest hangs on no order
    levels = {name: dict(sorted(study.candidates[name].levels, key=lambda level: order[level[0]])) for name in names}
    return levels, _usual(study, levels)


def planned(study: Study, plan: Plan) -> tuple[str, ...]:
    """Candidates that a plan may train, in the order in which they are declared."""
    asked = {name for stage in plan.stages for name in study.entrants[stage.name].possible}
    return tuple(name for name in study.candidates if name in asked)


def called(study: Study, plan: Plan) -> dict[str, str]:
    """Candidate that a plan may train -> its name with what changed: `shallow (depth 1)`."""
    return {name: beside(name, changed) for name, changed in changes(study, planned(study, plan)).items()}


def caller(study: Study, plan: Plan) -> Call:
    """What calls candidates of a plan so, each when it is asked for; another name stays as it is."""
    levels, usual = _levels(study, planned(study, plan))
    return cache(lambda name: beside(name, _words(study, name, usual, levels[name])) if name in levels else name)


def called_list(names: Sequence[str], call: Call) -> str:
    """`shallow (depth 1) and wide (aspect 21)`: with what changed; of many the first, and how many more there are."""
    called = [call(name) for name in names]
    if fits(called):
        return listed(called)
    shown = max(MOST_CALLED, sum(at <= ROOM for at in accumulate(map(len, called[: MOST_LISTED - 1]))))
    rest = len(called) - shown
    return listed([*called[:shown], f"{rest} more"] if rest > 1 else called)


def fits(called: Sequence[str]) -> bool:
    """Whether a sentence has room for all of a list."""
    return len(called) <= MOST_CALLED or (sum(map(len, called)) <= ROOM and len(called) <= MOST_LISTED)


def beside(name: str, changed: str) -> str:
    """`shallow (depth 1, aspect 64)`."""
    return f"{name} ({changed})" if changed else name


def _usual(study: Study, levels: Mapping[str, Mapping[str, Level]]) -> dict[str, Level]:
    """Factor -> the level that others differ from: the reference's, or the commonest, of equals the first declared."""
    reference = next((name for name in levels if study.candidates[name].role is Role.REFERENCE), None)
    if reference is not None:
        return dict(levels[reference])
    factors = dict.fromkeys(factor for own in levels.values() for factor in own)
    return {factor: _commonest([own[factor] for own in levels.values() if factor in own]) for factor in factors}


def _commonest(levels: Sequence[Level]) -> Level:
    """Of equals the first; counted by what tells them apart and has a cheaper hash than an exact number."""
    told = [one if isinstance(one, str) else one.as_integer_ratio() for one in levels]
    return levels[told.index(Counter(told).most_common(1)[0][0])]


def _words(study: Study, name: str, usual: Mapping[str, Level], own: Mapping[str, Level]) -> str:
    changed = {factor: level for factor, level in own.items() if usual.get(factor) != level}
    if not changed or all(_says(name, study.factors[factor], level) for factor, level in changed.items()):
        return ""
    told = [f"{factor} {_short(describe_level(level))}" for factor, level in changed.items()]
    rest = len(told) - MOST_FACTORS
    if rest > 0:
        told = [*told[:MOST_FACTORS], f"{rest} more"]
    return ", ".join(told)


def _short(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


def _parts(text: str) -> list[str]:
    return re.findall("[0-9]+|[a-z]+", text.lower())


def _says(name: str, factor: Factor, level: Level) -> bool:
    """
    Whether a name has a level in it: `d8_ar48` depth 8 and aspect 48, `lr_0_3` lr 0.3, `prefix` `prefix-1375`.

    A bare number says nothing: `v2` is a second version, and may have two layers.  So what stands before the number
    has to stand for the factor.
    """
    parts, told = _parts(name), _parts(describe_level(level))
    if isinstance(level, str):
        return bool(told) and (_within(told, parts) or _within(parts, told))
    digits = [part for part in told if is_digits(part)]
    places = range(1, len(parts) - len(digits) + 1)
    return any(parts[at : at + len(digits)] == digits and _stands_for(parts[at - 1], factor) for at in places)


def _within(few: Sequence[str], many: Sequence[str]) -> bool:
    return f" {' '.join(few)} " in f" {' '.join(many)} "


def _stands_for(short: str, factor: Factor) -> bool:
    """Whether letters stand for a factor: `d` for depth, `lr` for learning_rate, `ar` for an aspect that is a ratio."""
    words = _parts(factor.name)
    letters = iter("".join((*words, *_parts(factor.unit))))
    return any(word[0] == short[0] for word in words) and all(letter in letters for letter in short)
