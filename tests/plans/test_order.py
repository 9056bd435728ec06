"""Runs come seed by seed, and inside such a block in an order that follows neither the text nor the models."""

from promo.report.describe import describe
from support import SOUND, plan_of, spec


def ordered(seed):
    study = SOUND["study"].replace("runner toy", f"runner toy\n  order seed {seed}") if seed is not None else None
    plan = plan_of(spec(study=study) if study else spec())
    return plan, [[(run.candidate, run.host, run.seed) for run in stage.runs] for stage in plan.stages]


def test_a_seed_draws_another_order_of_the_same_runs_inside_the_same_blocks():
    plans, orders = zip(*(ordered(seed) for seed in (None, 7, 8, 7)), strict=True)

    assert orders[1] == orders[3]
    assert len({str(order) for order in orders}) == 3
    for order in orders:
        assert [sorted(stage) for stage in order] == [sorted(stage) for stage in orders[0]]
        assert [[seed for _, _, seed in stage] for stage in order] == [[s for _, _, s in stage] for stage in orders[0]]
    assert [plan.study.order_seed for plan in plans] == [None, 7, 8, 7]
    assert describe(plans[1].study)["run_order"] == "seed 7"
    assert len({plan.digest for plan in plans}) == 3
