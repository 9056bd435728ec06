"""What a stage asks for, behind the line that opens it, and its bound when pointed at."""

from lsprotocol import types

from promo.plans.values import Plan, StagePlan
from promo.report.plan import device_words
from promo.report.words import plural
from promo.server.document import Document


def hints(document: Document, start: int, end: int) -> list[types.InlayHint]:
    """Budget of every stage whose first line lies between two offsets; none for a text with errors."""
    plan = document.compiled.plan
    if plan is None:
        return []
    found = []
    for stage in plan.stages:
        own = stage.name if stage.name in document.declared else stage.name.removesuffix(f"_{stage.hosts[0]}")
        declared = document.declared.get(own)
        if declared is None or not start <= declared.start <= end:
            continue
        ends = document.text.find("\n", declared.end)
        at = document.positions.at(ends if ends >= 0 else len(document.text))
        where = "" if own == stage.name else f" on {stage.hosts[0]}"
        label = f"budget{where} {budget_text(stage, plan)}"
        found.append(types.InlayHint(at, label, tooltip=bounds_text(stage, plan), padding_left=True))
    return found


def runs_text(count: int) -> str:
    """`36 runs`."""
    return f"{count} run" if count == 1 else f"{count} runs"


def budget_text(stage: StagePlan, plan: Plan) -> str:
    """What a stage asks for: runs, and their time up to the caps."""
    return f"{runs_text(stage.run_count.planned)}, {device_words(stage.budget_s, plan)}"


def bounds_text(stage: StagePlan, plan: Plan) -> str:
    """Budget and bound of a stage in words."""
    count = stage.run_count
    return (
        f"budget {budget_text(stage, plan)}, if no run fails; bound {plural(count.most, 'attempt')}, "
        f"{device_words(stage.bound_s, plan)}, with everything outside training, every rerun and every lost attempt; "
        f"at least {plural(count.fewest, 'attempt')}"
    )
