"""Stages that cool down from a constant-rate trunk, and stages that branch from it."""

import pytest

from promo.base.errors import SpecError
from promo.report.planned import plan_text
from promo.study.values import Mode
from support import TWO_MODELS, compiled

TRUNK = (
    """promo 1

study trunks {
  title    "Two lengths of one trunk"
  measure  val_bpb in bpb, lower is better
  runner   gpt
}

"""
    + TWO_MODELS
    + """
stage short {
  train    wide, narrow for 30steps
  cooldown 20%
  cap      1min
  on       here
  seeds    1
}

frozen gate pick {
  from     short to twig
  rank     by mean val_bpb over host, seed
  keep     top 1
  missing  stop
  crash    as missing
  ties     by name
}

stage twig {
  after    pick
  branch   promoted from short to 61steps
}

stage leaf {
  branch   wide, narrow from twig to 100steps
  report   only
}
"""
)


ALONE = """
frozen rule width_pays {
  judge    wide against narrow at short
  require  mean gain at least 0bpb
  missing  stop
}
"""


def test_a_branch_pays_for_what_is_newly_trained():
    study, plan = compiled(TRUNK.replace("wide, narrow from twig", "wide from twig")).sound()

    assert [study.stages[name].trunk for name in ("short", "twig", "leaf")] == [24, 49, 80]
    assert [study.earlier(name) for name in ("short", "twig", "leaf")] == [0, 24, 49]
    assert [plan.stage(name).budget.amount for name in ("short", "twig", "leaf")] == [30, 37, 51]
    assert [study.whole(name) for name in ("short", "twig", "leaf")] == [30, 61, 100]
    assert [stage.mode for stage in study.stages.values()] == [Mode.FRESH, Mode.BRANCH, Mode.BRANCH]


def test_the_plan_says_the_modes_what_repeats_and_how_large_the_models_are():
    text = " ".join(plan_text(*compiled(TRUNK.replace("wide, narrow from twig", "wide from twig")).sound()).split())

    assert "short: fresh, constant rate up to 24 steps, then cooling down" in text
    assert "twig: branches from the trunk of short at 24 steps, constant rate up to 49 steps" in text
    assert "Deterministic on one machine with the same threads and versions: short, twig, leaf" in text
    assert "Largest model wide: 28,674 parameters" in text


def test_a_run_with_a_trunk_is_another_run_than_one_without():
    with_trunk = compiled(TRUNK).sound()[1].stage("short").runs
    without = (
        compiled(TRUNK.replace("  cooldown 20%\n", "").split("frozen gate")[0] + ALONE).sound()[1].stage("short").runs
    )

    assert {run.id for run in with_trunk}.isdisjoint(run.id for run in without)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("branch   promoted from short", "continue promoted from short"), "nothing to continue"),
        (("to 61steps", "to 30steps"), "already trains that far"),
        (("  branch   promoted from short to 61steps\n", "  branch   promoted from short to 61steps\n  cap  1min\n"),
         "hosts, seeds, cool-down and kind of budget"),
        (("factor window", "factor warmdown: share in [0.2, 0.5] default 0.5\nfactor window"), "would do nothing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(change, words):
    with pytest.raises(SpecError) as caught:
        compiled(TRUNK.replace(*change)).sound()

    assert any(words in one.message for one in caught.value.diagnostics)
