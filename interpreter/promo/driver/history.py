"""
Ledger and requests to checks of how the study went: each event was due where it stands, each attempt asked as due.

The request of each attempt is derived again, as a whole, from the plan and from what the ledger added up to when the
attempt began.
"""

from collections.abc import Iterator

from promo.base.canonical import digest_bytes
from promo.base.classes import define, evolve, field
from promo.base.errors import Mismatch, PromoError
from promo.decision.protocol import breaches
from promo.driver.left import listed
from promo.driver.requests import Requests, recorded_runs, shaped
from promo.driver.study import Sight, StudyFolder
from promo.driver.values import Check, Outcome
from promo.ledger.state import AttemptState, State
from promo.ledger.values import AttemptStarted, Event
from promo.plans.values import PlannedRun
from promo.report.protocol import breach_words
from promo.report.words import plural
from promo.run.store import CHECKPOINT, REQUEST
from promo.run.values import Request, Resumed

SHOWN = 5


def check_history(sight: Sight) -> Iterator[Check]:
    """Whether the ledger keeps to the protocol, and whether each request is the one that was due."""
    folder, study, state = sight.folder, sight.study, sight.state
    try:
        replay = sight.replay if state.replay else None
    except PromoError:
        replay = None  # said among the curves
    asking = _Asking(folder, Requests(sight.compiled, folder, replay), state)
    recorded = recorded_runs(replay) if state.replay else None
    found = list(breaches(study, sight.plan, sight.chain.events, recorded, asking.look))
    words = "; ".join(breach_words(one) for one in found[:SHOWN])
    words += f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    runs = plural(len(state.attempts), "run")
    good = f"{len(sight.chain.events)} events, each due where it stands; {runs}, all of the plan"
    yield Check("history", Outcome.DIFFERS if found else Outcome.MATCHES, words or good)
    words = listed(asking.wrong) or f"{plural(asking.good, 'request')} recomputed from plan and ledger"
    yield Check("requests", Outcome.DIFFERS if asking.wrong else Outcome.MATCHES, words)


@define
class _Asking:
    """Looks at the request of each attempt, with the state in which it began."""

    folder: StudyFolder
    requests: Requests
    whole: State
    """What the whole ledger adds up to."""
    good: int = 0
    wrong: list[str] = field(factory=list)

    def look(self, event: Event, state: State) -> None:
        """Take note of one event, before it is taken in."""
        one = event.event
        if not isinstance(one, AttemptStarted):
            return
        if self.folder.asked(one.folder).digest is None:
            return  # said among the results
        same = self._is_due(one, state)
        self.good += same
        self.wrong += [] if same else [f"{one.folder}/{REQUEST}"]

    def _is_due(self, one: AttemptStarted, state: State) -> bool:
        lies = self.folder.asked(one.folder)
        run = self.requests.agenda.cells.get((one.stage, one.candidate, one.host, one.seed))
        if lies.digest != one.request or run is None:
            return False
        try:
            asked = lies.sound()
            return asked == self._derived(asked, run, one, state)
        except (Mismatch, AssertionError):
            return False

    def _derived(self, asked: Request, run: PlannedRun, one: AttemptStarted, state: State) -> Request:
        brought = one.bundle is not None
        drawn = (asked.run.seed, asked.run.label) if brought and self.requests.study.draw is not None else None
        due = evolve(self.requests.of(run, state, drawn), attempt=one.attempt, resume=self._resumed(asked, run, state))
        if self.requests.replay is not None:
            due = evolve(due, recorded=(due.recorded or 0) + state.ended_badly(run.id))
        if brought and self.requests.is_untold(run.candidate, state):  # its schedule had settled there, and here later
            untold = self.requests.is_untold(run.candidate, self.whole)
            due = shaped(due, asked if untold else self.requests.of(run, self.whole, drawn))
        # What a run on another machine began from lies there; its ledger was looked at when it was brought in.
        return evolve(due, continues=asked.continues, grow=asked.grow, data=asked.data) if brought else due

    def _resumed(self, asked: Request, run: PlannedRun, state: State) -> Resumed | None:
        """The state that an attempt may take up: that of the attempt before, if nobody saw that one's end."""
        tried = state.attempts.get(run.id, ())
        if asked.resume is None or not tried or tried[-1].state is not AttemptState.LOST:
            return None
        kept = self.folder.read(tried[-1].folder, CHECKPOINT)
        digest = asked.resume.state if kept is None else digest_bytes(kept)
        return Resumed(tried[-1].folder, digest)
