"""
Ways to tamper with a finished study, each made so well that every digest and the whole chain fit again.

`KINDS` leads from what was done to the study that it is done to (see `studies`) and to the function that does it; every
one is a mismatch.  `SOUND` are changes that are none, or none that can be seen from inside.  `python tests/tampered`
does all of them and prints which of the two verifiers finds which.
"""

from tampered import attempts, frozen, history, verdicts
from tampered.forger import KINDS, ONLY_BY_VERIFY, SOUND, Forger, both, tampered

__all__ = [
    "KINDS",
    "ONLY_BY_VERIFY",
    "SOUND",
    "Forger",
    "attempts",
    "both",
    "frozen",
    "history",
    "tampered",
    "verdicts",
]
