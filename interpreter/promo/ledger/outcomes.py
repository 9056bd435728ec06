"""What a decision leads to, as the ledger records it: it is settled, it stops the study, or a person has to decide."""

from typing import ClassVar

from attrs import frozen

from promo.base.fields import Count, Large
from promo.base.shown import LEAN, Shown


@frozen(**LEAN)
class Unmet(Shown):
    """A demand is not met; *demand* counts from 0."""

    TAG: ClassVar = "demand"

    demand: Count


@frozen(**LEAN)
class Lacking(Shown):
    """Candidates lack a value at a stage; *crashed*: by their own fault, for which the rule has a clause."""

    TAG: ClassVar = "lacking"

    candidates: tuple[str, ...]
    stage: str
    crashed: bool


@frozen(**LEAN)
class Incomparable(Shown):
    """Candidates have their values and cannot be judged: what they are compared with lacks one."""

    TAG: ClassVar = "incomparable"

    candidates: tuple[str, ...]
    stage: str


@frozen(**LEAN)
class Absent(Shown):
    """Candidates that a rule is about were not promoted to its stage."""

    TAG: ClassVar = "absent"

    candidates: tuple[str, ...]
    stage: str


@frozen(**LEAN)
class NobodyPromoted(Shown):
    """Nobody whom a rule is about was promoted to its stage."""

    TAG: ClassVar = "nobody promoted"

    stage: str


@frozen(**LEAN)
class NoBest(Shown):
    """Nobody has all values at a stage whose best a rule is about."""

    TAG: ClassVar = "no best"

    stage: str


@frozen(**LEAN)
class Failed(Shown):
    """The claim of a rule does not hold."""

    TAG: ClassVar = "failed"


@frozen(**LEAN)
class RunsLacking(Shown):
    """Runs of the rows of a design lack a value."""

    TAG: ClassVar = "runs lacking"

    runs: Count
    stage: str


@frozen(**LEAN)
class Spanned(Shown):
    """A bound lies inside the interval of what a law foretells of candidates."""

    TAG: ClassVar = "spanned"

    candidates: tuple[str, ...]


@frozen(**LEAN)
class NotTold(Shown):
    """The laws do not tell when the shape changes that a schedule is about."""

    TAG: ClassVar = "not told"

    schedule: str


Because = Unmet | Lacking | Incomparable | Absent | NobodyPromoted | NoBest | Failed | RunsLacking | Spanned | NotTold


@frozen(**LEAN)
class Settled(Shown):
    """Nothing stands in the way of what was found."""

    TAG: ClassVar = "settled"


@frozen(**LEAN)
class Stopped(Shown):
    """The study cannot go on."""

    TAG: ClassVar = "stopped"

    because: Because


@frozen(**LEAN)
class Held(Shown):
    """A person has to decide."""

    TAG: ClassVar = "held"

    because: Because


Outcome = Settled | Stopped | Held


@frozen(**LEAN)
class Turn(Shown):
    """A shape that is trained, by the candidate that keeps it, and what has been used of the budget where it begins."""

    candidate: str
    at: Large
