"""
Ways to tamper with a finished study, each made so well that every digest and the whole chain fit again.

`KINDS` leads from what was done to the study that it is done to (see `studies`) and to the function that does it; every
one is a mismatch.  `SOUND` are changes that are none, or none that can be seen from inside.  `python tests/tampered`
does all of them and prints which of the two verifiers finds which.
"""

from pathlib import Path

from tampered import attempts, frozen, history, verdicts
from tampered.forger import KINDS, ONLY_BY_VERIFY, SOUND, Forger, both, tampered

ABOUT = {
    frozen: "what was frozen, and files",
    history: "the order of events, what is left out of it, times and starts",
    attempts: "attempts, what they were asked, how they ended, guards, replays",
    verdicts: "evidence, effects, verdicts, people, amendments, receipts, bundles",
}
"""Modules of ways to tamper, and what those of each are about."""


def about(name: str) -> str:
    """What a way to tamper is about, by the module that names it."""
    bare = name.removeprefix("asked ")
    return next(words for module, words in ABOUT.items() if f'"{bare}"' in Path(module.__file__).read_text("utf-8"))


__all__ = [
    "ABOUT",
    "KINDS",
    "ONLY_BY_VERIFY",
    "SOUND",
    "Forger",
    "about",
    "attempts",
    "both",
    "frozen",
    "history",
    "tampered",
    "verdicts",
]
