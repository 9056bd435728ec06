"""Breaches of the protocol in words: which event, what it says happened, and why that was not allowed there."""

from promo.decision.protocol import Breach, Wrong

HAPPENED = {
    "study.frozen": "the study was frozen",
    "anchor.received": "a receipt from outside was recorded",
    "value.published": "a published value was recorded",
    "orchestrator.started": "promo started",
    "data.prepared": "the text was prepared",
    "stage.opened": "{} opened",
    "stage.closed": "{} closed",
    "effects.estimated": "the effects {} were estimated",
    "study.stopped": "the study was stopped by {}",
    "study.closed": "the study was closed",
    "clock.jumped": "the clock jumped",
    "attempt.started": "{} began",
    "attempt.failed": "an attempt of run {} failed",
    "attempt.lost": "an attempt of run {} was lost",
    "attempt.late": "a late result of run {} came",
    "result.accepted": "a result of run {} was accepted",
    "result.flagged": "a result of run {} was excluded by a guard",
    "decided": "{} decided",
    "person.decided": "a person decided about {}",
    "rule.amended": "{} was amended",
    "budget.amended": "the study was given another budget",
    "bundle.imported": "a bundle was imported",
}
"""What an event says, by its tag."""

WHY = {
    Wrong.NOT_FROZEN: "the study had not been frozen",
    Wrong.FROZEN_TWICE: "a study is frozen once, first of all",
    Wrong.AFTER_END: "the study had ended",
    Wrong.AFTER_STOP: "a rule had stopped the study, so nothing more begins",
    Wrong.NO_START: "no start of promo is recorded for it",
    Wrong.STARTED_TWICE: "a promo starts once",
    Wrong.INPUTS: "what its runs rest on, and was not frozen, is not what it was at the first start",
    Wrong.INCARNATION: "the number of starts goes back, or leaves some out",
    Wrong.TIME: "its time goes back, and no jump of the clock is recorded",
    Wrong.UNKNOWN: "the plan has no such name",
    Wrong.TWICE: "it had happened before",
    Wrong.NOT_DUE: "it was not due: something that comes before it had not happened",
    Wrong.ENTRANTS: "others enter there",
    Wrong.RUN: "the plan has no such run",
    Wrong.FOLDER: "its folder is not that of its run and number",
    Wrong.NUMBER: "its number is not higher than that of the attempt before",
    Wrong.UNDER_WAY: "another attempt of the run was under way",
    Wrong.NO_SLOT: "every slot of its host was taken, or too many of their devices",
    Wrong.RUN_OVER: "nothing more was due for its run",
    Wrong.STAGE_SHUT: "its stage was not open to it",
    Wrong.NO_BUDGET: "the study's budget had no room for another attempt",
    Wrong.NO_TEXT: "the text that it needs had not been prepared",
    Wrong.NEVER_STARTED: "that attempt had not been started, or had ended",
    Wrong.COUNTED_TWICE: "the run was counted twice: it had a result that counts",
    Wrong.NOT_GIVEN_UP: "that attempt had not been given up",
    Wrong.GUARD: "no guard excludes this result in this way",
    Wrong.NOT_ASKED: "no decision by a person was due there",
    Wrong.NO_REASON: "what a person decides or amends has an author and a reason",
    Wrong.NO_BUNDLE: "no imported bundle holds it",
    Wrong.AHEAD: "it is about events that come later",
}


def breach_words(breach: Breach) -> str:
    """A breach in one clause: `event 12, pick decided: it was not due: ...`."""
    return f"event {breach.seq}, {HAPPENED[breach.kind].format(breach.about)}: {WHY[breach.wrong]}"
