"""
Laws of several shapes to where training goes on with the next one, and to the loss that it then comes to.

What matters is what the next bit of loss costs, and that every law prices: the small shape goes on while it is cheaper
at the loss that it has come to.  So a change is where two laws fall equally fast at equal loss, not where their curves
cross, and the changes divide the losses among the shapes.  A model that changes shape is taken to go on along the next
law from the loss that it had; whether that is so, the outcome says.

Source:
    Anagnostidis et al. (2024), "Navigating scaling laws: compute optimality in adaptive model training".
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from promo.evidence.laws import FittedLaw

HALVINGS = 100
"""Of the range in which a change is looked for; more than a float can tell apart."""


def switch(small: FittedLaw, large: FittedLaw, least: float, most: float) -> float:
    """
    The compute at which training should go on with the larger of two shapes.

    Args:
        small: law in compute of the shape that trains.
        large: law of the shape that it may become.
        least: compute from which on a change is looked for.
        most: compute up to which.

    Returns:
        Compute that the small shape has used there; 0 where the larger one is cheaper from the beginning, infinity
        where the small one is cheaper to the end.
    """

    def dearer(compute: float) -> bool:
        loss = small.loss(compute)
        return small.price(loss) >= large.price(loss)

    if dearer(least):
        return 0.0
    if not dearer(most):
        return math.inf
    low, high = math.log(least), math.log(most)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if dearer(math.exp(middle)) else (middle, high)
    return math.exp(high)


def switches(laws: Sequence[FittedLaw], least: float, most: float) -> tuple[float, ...]:
    """
    The compute that training has used at each change of shape, from the first shape on.

    Args:
        laws: of the shapes in order, in compute.
        least: compute of a shape on its own from which on a change is looked for.
        most: compute up to which.

    Returns:
        One for each change; 0 and infinity as for `switch`, also for every change behind an infinite one.
    """
    found: list[float] = []
    used, entered = 0.0, 0.0  # what training has used, and the compute at which the law of its shape says the same loss
    for small, large in pairwise(laws):
        alone = switch(small, large, least, most)
        if math.isinf(alone) or math.isinf(used):
            used = math.inf
        elif alone > entered:
            used += alone - entered
            entered = _same_loss(large, small.loss(alone))
        else:  # the next shape is cheaper from where this one would begin
            entered = _same_loss(large, small.loss(entered)) if entered else 0.0
        found.append(used)
    return tuple(found)


def _same_loss(law: FittedLaw, loss: float) -> float:
    floor = law.parameters[0]
    return law.compute(loss) if loss > floor else math.inf


def loss_along(laws: Sequence[FittedLaw], turns: Sequence[float], compute: float) -> float | None:
    """
    The loss that training comes to which changes shape on its way.

    Args:
        laws: of the shapes that it goes through.
        turns: compute used where each begins, from 0 on.
        compute: used in all.

    Returns:
        None where a law does not come down to the loss at which its shape begins.
    """
    begun, entered = 0.0, 0.0
    for number, law in enumerate(laws):
        last = number + 1 == len(laws) or turns[number + 1] >= compute
        there = entered + (compute if last else turns[number + 1]) - begun
        loss = law.loss(there) if there > 0 else math.inf
        if last:
            return loss
        begun = turns[number + 1]
        after = laws[number + 1]
        if math.isinf(loss) or loss <= after.parameters[0]:
            entered = 0.0 if math.isinf(loss) else math.inf
        else:
            entered = max(after.compute(loss), 0.0)
        if math.isinf(entered):
            return None
    raise AssertionError("there is a last shape")
