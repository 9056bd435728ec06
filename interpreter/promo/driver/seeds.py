"""
Seeds that nobody knew when the study was frozen.

A seed is drawn from the plan, a value from after the freeze, and the label that the spec gives it, so that a run made
earlier has another seed and cannot stand for one of these.  Hosts that never meet draw the same seeds from the same
published value.
"""

import hashlib

from promo.base.errors import Mismatch, PromoError
from promo.driver.study import LEDGER, StudyFolder
from promo.ledger.journal import Journal
from promo.ledger.ports import Clock
from promo.ledger.state import State
from promo.ledger.values import Publication
from promo.run.locks import lock_study
from promo.study.values import Study

TAG = "promo/seed/1"
BITS = 31
"""Every generator takes a seed of so many bits."""
LONGEST_VALUE = 4096


def drawn_seed(plan: str, value: str, label: int) -> int:
    """
    The seed of a label.

    Args:
        plan: digest of the plan that was frozen.
        value: what came after the freeze.
        label: the seed as the spec and the plan call it.

    Returns:
        31 bits of SHA-256 over all of them, a line each.
    """
    drawn = hashlib.sha256(f"{TAG}\n{plan}\n{value}\n{label}".encode()).digest()
    return int.from_bytes(drawn[:4], "big") >> (32 - BITS)


def value_of(study: Study, state: State) -> str | None:
    """The value that seeds are drawn from: the published one, or the digest of the first receipt."""
    if study.draw is None:
        return None
    if study.draw.published is not None:
        return state.published
    return state.receipts[0].digest if state.receipts else None


def seed_of(study: Study, state: State, label: int) -> tuple[int, int | None]:
    """What a request says of the seed: the number, and its label where it was drawn."""
    if study.draw is None or state.replay:
        return label, None
    value = value_of(study, state)
    assert value is not None  # nothing runs without one
    return drawn_seed(state.plan, value, label), label


def record_value(folder: StudyFolder, value: str, clock: Clock) -> str:
    """
    Write down the value that was published after the freeze; where it was published.

    Raises:
        PromoError: the study draws no seeds from such a value, or has one.
        Mismatch: something has run already.
        Busy: a promo works on the study.
    """
    if not value.strip() or len(value) > LONGEST_VALUE or not value.isprintable():
        raise PromoError("the value is empty, too long or not one line of text")
    with lock_study(folder.path, folder.disk):
        state = folder.state()
        study, _ = folder.compiled().sound()
        if study.draw is None or study.draw.published is None:
            hint = 'write in the study: draw seeds from "WHERE IT IS PUBLISHED"'
            raise PromoError("this study draws no seeds from a published value", hint=hint)
        if state.published is not None:
            raise PromoError(f"the seeds are drawn from a value already: {state.published}")
        if state.attempts:
            raise Mismatch("something has run already, so no seed can be drawn any more")
        published = Publication(study.draw.published, value.strip())
        Journal(folder.path / LEDGER, folder.disk, clock).append(published)
    return study.draw.published
