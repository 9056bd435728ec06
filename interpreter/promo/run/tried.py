"""
A trainer that trains nothing: it takes the seconds that it is asked for, so that an executor can be tried.

It prints now and then, so that who was asked to end it is seen to have done that.  It ends when its request is gone,
for then nobody tries anything any more.
"""

import sys
import time

from promo.run.contract import Outcome, Recorder
from promo.run.store import REQUEST
from promo.run.values import Counter, Request, RunStatus, Used

STEP_S = 0.05
PRINT_S = 0.5


def train(request: Request, recorder: Recorder) -> Outcome:
    """Wait for the budget to pass, in seconds of the clock."""
    wanted_s = float(request.budget.amount)
    began = time.monotonic()
    printed = 0.0
    with recorder.phase("train"):
        while (passed := time.monotonic() - began) < wanted_s:
            if passed - printed >= PRINT_S:
                printed = passed
                if not (recorder.attempt / REQUEST).exists():
                    raise FileNotFoundError("who tries this executor has ended")
                sys.stdout.write(f"{passed:.0f} s\n")
                sys.stdout.flush()
            time.sleep(min(STEP_S, wanted_s - passed))
    used = Used(request.budget.kind, repr(passed), repr(STEP_S), Counter.TRAINER)
    return Outcome(RunStatus.OK, {request.metric: passed}, used=used)
