"""What has to be said beside estimated effects, in words."""

from collections.abc import Iterable
from typing import assert_never

from promo.evidence.statements import (
    AllEqual,
    CellEmpty,
    Constant,
    DiffersBetweenHosts,
    FollowUp,
    HostsAliased,
    LenthError,
    Name,
    NoError,
    NotDistinguished,
    PartOfDesign,
    RunsLost,
    SameCondition,
    Statement,
    Together,
    TooFew,
    TooFewContrasts,
)
from promo.report.design import effect_name
from promo.report.figures import short
from promo.report.words import listed, number

UNTESTED = "effects are given without a test"
GROUNDS = (TooFew, AllEqual, NoError, PartOfDesign, TooFewContrasts)
"""Statements that say why nothing was tested."""


def statement_words(one: Statement) -> str:
    """A statement as a clause that begins small and has no full stop."""
    match one:
        case RunsLost():
            has = "has" if one.lost == 1 else "have"
            return f"{one.lost} of {one.planned} runs on {one.host} {has} no value; estimates rest on the others"
        case CellEmpty():
            return f"the cell of {one.host} and seed {one.seed} has no value at all"
        case SameCondition():
            return f"{' and '.join(one.candidates)} are the same condition, and count as repeated runs of it"
        case TooFew():
            return "fewer than two conditions have a value: nothing is estimated"
        case AllEqual():
            return "every run has the same value: there is nothing to estimate"
        case NoError():
            why = "the model fits every run exactly" if one.perfect else "no run is left over"
            return f"{why}, so there is no error to test against: {UNTESTED}"
        case Constant():
            return f"the same in every run, so not estimable: {_names(one.effects)}"
        case NotDistinguished():
            with_blocks = " and the differences between blocks" if len(one.effects) == 1 else ""
            return f"cannot be distinguished with the runs there are: {_names(one.effects)}{with_blocks}"
        case Together():
            mains = " and ".join(map(effect_name, one.effects))
            return f"one estimate for both, which changed together in every run: {mains}"
        case DiffersBetweenHosts():
            return (
                f"differs between hosts (adjusted p {short(one.p)}), so read it host by host: {effect_name(one.effect)}"
            )
        case HostsAliased():
            mixed = [*map(effect_name, one.effects), *(f"that of {effect_name(other)}" for other in one.others)]
            return f"a difference of {effect_name(one.effect)} between hosts is not separated from {listed(mixed)}"
        case FollowUp():
            names = listed([f"{effect_name(name)} ({number(size, signed=True)})" for name, size in one.contrasts])
            return f"not in the model and beyond the margin for all contrasts at once, so for a follow-up: {names}"
        case PartOfDesign():
            return f"one run of each condition and not the whole design: {UNTESTED}"
        case TooFewContrasts():
            return f"too few contrasts differ from zero for Lenth's error: {UNTESTED}"
        case LenthError():
            return f"one run of each condition: the error is Lenth's, over all {one.contrasts} contrasts within blocks"
        case _:
            assert_never(one)


def untested(statements: Iterable[Statement]) -> str:
    """Why nothing was tested, of the statements of a fit."""
    said = [statement_words(one) for one in statements if isinstance(one, GROUNDS)]
    return "; ".join(said) or "none of them can be estimated"


def _names(effects: tuple[Name, ...]) -> str:
    return ", ".join(map(effect_name, effects))
