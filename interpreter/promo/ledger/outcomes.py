"""What a decision leads to, as the ledger records it: it is settled, it stops the study, or a person has to decide."""

from typing import ClassVar

from promo.base.classes import frozen
from promo.base.fields import Count, Large


@frozen
class Unmet:
    """A demand is not met; *demand* counts from 0."""

    TAG: ClassVar = "demand"

    demand: Count


@frozen
class Lacking:
    """Candidates lack a value at a stage; *crashed*: by their own fault, for which the rule has a clause."""

    TAG: ClassVar = "lacking"

    candidates: tuple[str, ...]
    stage: str
    crashed: bool


@frozen
class Incomparable:
    """Candidates have their values and cannot be judged: what they are compared with lacks one."""

    TAG: ClassVar = "incomparable"

    candidates: tuple[str, ...]
    stage: str


@frozen
class Absent:
    """Candidates that a rule is about were not promoted to its stage."""

    TAG: ClassVar = "absent"

    candidates: tuple[str, ...]
    stage: str


@frozen
class NobodyPromoted:
    """Nobody whom a rule is about was promoted to its stage."""

    TAG: ClassVar = "nobody promoted"

    stage: str


@frozen
class NoBest:
    """Nobody has all values at a stage whose best a rule is about."""

    TAG: ClassVar = "no best"

    stage: str


@frozen
class Failed:
    """The claim of a rule does not hold."""

    TAG: ClassVar = "failed"


@frozen
class RunsLacking:
    """Runs of the rows of a design lack a value."""

    TAG: ClassVar = "runs lacking"

    runs: Count
    stage: str


@frozen
class Spanned:
    """A bound lies inside the interval of what a law foretells of candidates, or their law is not identified."""

    TAG: ClassVar = "spanned"

    candidates: tuple[str, ...]


@frozen
class NotTold:
    """The laws do not tell when the shape changes that a schedule is about."""

    TAG: ClassVar = "not told"

    schedule: str


Because = Unmet | Lacking | Incomparable | Absent | NobodyPromoted | NoBest | Failed | RunsLacking | Spanned | NotTold


@frozen
class Settled:
    """Nothing stands in the way of what was found."""

    TAG: ClassVar = "settled"


@frozen
class Stopped:
    """The study cannot go on."""

    TAG: ClassVar = "stopped"

    because: Because


@frozen
class Held:
    """A person has to decide."""

    TAG: ClassVar = "held"

    because: Because


Outcome = Settled | Stopped | Held


@frozen
class Turn:
    """A shape that is trained, by the candidate that keeps it, and what has been used of the budget where it begins."""

    candidate: str
    at: Large
