"""What has to be said beside estimated effects, as values: lost runs, effects that are not estimable, errors."""

from typing import ClassVar

from promo.base.classes import frozen
from promo.base.fields import Count, Measured

Name = tuple[str, ...]
"""Factors of an effect."""


@frozen
class RunsLost:
    """Runs on a host that have no value; the estimates rest on the others."""

    TAG: ClassVar = "runs lost"

    host: str
    lost: Count
    planned: Count


@frozen
class CellEmpty:
    """A cell without any value."""

    TAG: ClassVar = "cell empty"

    host: str
    seed: int


@frozen
class SameCondition:
    """Candidates that are one condition, and count as repeated runs of it."""

    TAG: ClassVar = "same condition"

    candidates: tuple[str, ...]


@frozen
class TooFew:
    """Fewer than two conditions have a value, so nothing is estimated."""

    TAG: ClassVar = "too few"


@frozen
class AllEqual:
    """Every run has the same value, so there is nothing to estimate."""

    TAG: ClassVar = "all equal"


@frozen
class NoError:
    """Effects are given without a test: the model fits every run exactly (*perfect*), or no run is left over."""

    TAG: ClassVar = "no error"

    perfect: bool


@frozen
class Constant:
    """Effects whose column is the same in every run, so that they are not estimable."""

    TAG: ClassVar = "constant"

    effects: tuple[Name, ...]


@frozen
class NotDistinguished:
    """Effects that the runs cannot distinguish from each other, or one from the differences between blocks."""

    TAG: ClassVar = "not distinguished"

    effects: tuple[Name, ...]


@frozen
class Together:
    """Main effects that changed together in every run, and have one estimate."""

    TAG: ClassVar = "together"

    effects: tuple[Name, ...]


@frozen
class DiffersBetweenHosts:
    """A main effect that differs between hosts, by an F test; p is adjusted over all effects that are tested so."""

    TAG: ClassVar = "differs between hosts"

    effect: Name
    p: Measured


@frozen
class HostsAliased:
    """
    A main effect of which the runs cannot tell whether it differs between hosts.

    That difference cannot be distinguished from *effects* and from how *others* differ between hosts.
    """

    TAG: ClassVar = "hosts aliased"

    effect: Name
    effects: tuple[Name, ...]
    others: tuple[Name, ...]


@frozen
class FollowUp:
    """Contrasts that the model leaves out, with their sizes, each beyond the margin of all of them at once."""

    TAG: ClassVar = "follow up"

    contrasts: tuple[tuple[Name, Measured], ...]


@frozen
class PartOfDesign:
    """One run of each condition and not the whole design, so that effects are given without a test."""

    TAG: ClassVar = "part of design"


@frozen
class TooFewContrasts:
    """Too few contrasts differ from zero for Lenth's error, so that effects are given without a test."""

    TAG: ClassVar = "too few contrasts"


@frozen
class LenthError:
    """One run of each condition: the error is Lenth's, over so many contrasts."""

    TAG: ClassVar = "lenth"

    contrasts: Count


Statement = (
    RunsLost
    | CellEmpty
    | SameCondition
    | TooFew
    | AllEqual
    | NoError
    | Constant
    | NotDistinguished
    | Together
    | DiffersBetweenHosts
    | HostsAliased
    | FollowUp
    | PartOfDesign
    | TooFewContrasts
    | LenthError
)
