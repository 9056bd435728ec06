"""
The built-in runner with losses that follow laws: it trains as that one does, and tells what a law says of a run.

Only a run that changes its shape tells its own loss.  So laws of tiny models, which few runs do not tell, leave no
doubt where shapes change, and everything else of a study is real.  The run of an odd seed that changes its shape waits
behind the change in its first attempt, with its state kept, until somebody ends it.
"""

import time

from promo.base.canonical import parse_json
from promo.base.classes import evolve
from promo.run.runners.gpt.declare import RUNNER as GPT
from promo.run.values import Keeping

UNIT = 160_000
"""Operations of which the laws count one."""
LAWS = {"first": (1.0, 30.0, 0.5), "second": (0.5, 90.0, 0.55)}
"""Candidate -> floor, factor and exponent: they fall equally fast at equal loss after 1,150 units of the first."""

RUNNER = evolve(GPT, name="lawful_gpt", trainer="promo_toy.lawful:train")


def train(request, recorder):
    from promo.run.runners.gpt.train import train as really  # whoever reads a spec needs no torch

    if request.changes:
        if request.attempt == 1 and request.run.seed % 2:
            request = evolve(request, checkpoint=Keeping(at_end=False, every_s=0))
            recorder.point = _waiting_behind_the_change(recorder, recorder.point)
        return really(request, recorder)
    floor, factor, exponent = LAWS[request.run.candidate]
    value = floor + factor * (request.budget.amount / UNIT) ** -exponent
    return evolve(really(request, recorder), metrics={"val_bpb": value})


def _waiting_behind_the_change(recorder, report):
    kept = recorder.attempt / "checkpoint.json"

    def point(*counted, **values):
        report(*counted, **values)
        while kept.exists() and parse_json(kept.read_bytes())["state"]["clock"]["ended"]:
            time.sleep(0.05)

    return point
