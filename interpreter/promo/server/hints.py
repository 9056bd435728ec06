"""What a stage costs, behind the line that opens it."""

from fractions import Fraction

from lsprotocol import types

from promo.base.canonical import exact, rounded
from promo.base.units import HOUR
from promo.plan.values import Plan, StagePlan
from promo.report.words import span_text
from promo.server.document import Document


def hints(document: Document, start: int, end: int) -> list[types.InlayHint]:
    """Runs and device time of every stage whose first line lies between two offsets; none for a text with errors."""
    plan = document.compiled.plan
    if plan is None:
        return []
    found = []
    for stage in plan.stages:
        declared = document.declared.get(stage.name)
        if declared is None or not start <= declared.start <= end:
            continue
        ends = document.text.find("\n", declared.end)
        at = document.positions.at(ends if ends >= 0 else len(document.text))
        label = f"<= {runs_text(stage.run_count.planned)}, {device_text(stage.device_s.planned, plan)}"
        found.append(types.InlayHint(at, label, tooltip=bounds_text(stage, plan), padding_left=True))
    return found


def runs_text(count: int) -> str:
    """`36 runs`."""
    return f"{count} run" if count == 1 else f"{count} runs"


def device_text(seconds: int, plan: Plan) -> str:
    """Device time: `6.0 GPU-h`, or minutes and seconds where a whole plan takes less than an hour."""
    kind = plan.device_unit.partition("-")[0]
    if plan.device_s.planned < HOUR:
        return f"{span_text(seconds)} {kind}"
    hours = Fraction(seconds, HOUR)
    text = exact(hours)
    short = "/" not in text and len(text.partition(".")[2]) <= 3
    return f"{text if short and '.' in text else rounded(hours, 1 if short else 3)} {kind}-h"


def bounds_text(stage: StagePlan, plan: Plan) -> str:
    """The bounds of a stage in words."""
    most = f"with every allowed rerun at most {runs_text(stage.run_count.most)}"
    fewest = f"if runs fail and are dropped at least {runs_text(stage.run_count.fewest)}"
    planned = f"{runs_text(stage.run_count.planned)} when no run fails"
    return f"{planned}; {most} ({device_text(stage.device_s.most, plan)}); {fewest}"
