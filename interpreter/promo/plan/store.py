"""
A plan as a file, and a stored plan against the one that the spec gives now.

The file holds the study in canonical words, the seals, every possible run and the costs; it has no time in it, so
the same spec gives the same bytes.
"""

from collections.abc import Iterator, Mapping

from promo.base.canonical import Json
from promo.base.differences import differences
from promo.plan.values import Bounds, Plan, StagePlan, Supposition

PLAN_VERSION = 2


def plan_to_json(plan: Plan) -> dict[str, Json]:
    """A plan as stored and as `promo plan --json` prints it; times are whole seconds."""
    return {
        "promo_plan": PLAN_VERSION,
        "digest": plan.digest,
        "study": plan.study,
        "device_unit": plan.device_unit,
        "runs": _bounds(plan.run_count),
        "budget_s": plan.budget_s,
        "bound_s": plan.bound_s,
        "wall_s": plan.wall_s,
        "price_usd": plan.price,
        "stages": [_stage(stage) for stage in plan.stages],
        "supposed": [_supposition(plan, one) for one in plan.suppositions],
        "seals": dict(plan.seals),
        "parts": plan.parts,
    }


def _bounds(bounds: Bounds) -> dict[str, Json]:
    return {"fewest": bounds.fewest, "planned": bounds.planned, "most": bounds.most}


def _stage(stage: StagePlan) -> dict[str, Json]:
    allowed = stage.allowance
    return {
        "name": stage.name,
        "after": stage.after,
        "continues": stage.continues,
        "budget": {"kind": stage.budget.kind.value, "amount": str(stage.budget.amount), "cap_s": stage.budget.cap_s},
        "hosts": list(stage.hosts),
        "seeds": list(stage.seeds),
        "reruns": {"missing": allowed.missing, "crash": allowed.crash, "guard": allowed.guard},
        "attempts": allowed.most,
        "report_only": stage.report_only,
        "entrants": _bounds(stage.entrants),
        "runs": _bounds(stage.run_count),
        "budget_s": stage.budget_s,
        "bound_s": stage.bound_s,
        "budget_s_by_host": dict(stage.budget_s_by_host),
        "starts_s": stage.starts_s,
        "ends_s": stage.ends_s,
        "possible_runs": [[run.id, run.candidate, run.host, run.seed] for run in stage.runs],
    }


def _supposition(plan: Plan, one: Supposition) -> dict[str, Json]:
    return {
        "gate": one.gate,
        "stage": one.stage,
        "candidates": one.candidates,
        "cells": one.cells,
        "costs_s": one.costs_s,
        "branch_s": one.branch_s,
        "kept_s": one.kept_s,
        "budget_s": plan.budget_s,
    }


def stale(stored: Json, plan: Plan) -> Iterator[str]:
    """
    What makes a stored plan another one than *plan*, in words; nothing when they agree.

    Args:
        stored: a plan file's content.
        plan: what the spec gives now.
    """
    if not isinstance(stored, Mapping) or stored.get("promo_plan") != PLAN_VERSION:
        yield f"the stored file is no plan of version {PLAN_VERSION}"
        return
    if stored.get("digest") == plan.digest:
        return
    found = list(differences(stored.get("parts"), plan.parts))
    found += list(differences(stored.get("seals"), dict(plan.seals), ("seal",))) if not found else []
    yield from found or ["the runs it lists are not those that the spec gives"]
