"""What a study counts beside its runs, and what it only supposes."""

from promo.base.classes import frozen
from promo.study.places import Where, place


@frozen
class Suppose:
    """A continuation that is priced and never run: all that *gate* promotes go on to *stage*."""

    gate: str
    stage: str
    costs_s: int
    where: Where = place()


@frozen
class Account:
    """What is counted, what is expected to come out, and which continuations are priced beside it."""

    count: tuple[str, ...]
    supposes: tuple[Suppose, ...]
    expected_s: int | None
    notes: tuple[str, ...]
    where: Where = place()
