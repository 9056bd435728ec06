"""A stage with devices of its own: what it costs, how long it takes, and which of its runs are the runs of others."""

import re
from fractions import Fraction

import pytest
from promo.templates import recheck

from promo.base.canonical import canonical, parse_json
from promo.base.codec import to_json
from promo.report.money import money_text
from promo.report.planned import about_s, headline, plan_text
from support import SOUND, codes, compiled, plan_of, spec, study_of

HOUR = 3600
LARGE = """promo 1

study trial {
  title    "Does what leads on one device lead on eight?"
  measure  loss in pt, lower is better
  runner   toy
  budget   400usd
}

host node {
  device   "NVIDIA H100" on linux
  slots    8
  price    2usd
  spot     1.50usd until 2026-12-31
}

factor quality: points in 0..9 default 1

candidate a as reference
candidate b like a { quality = 2 }
candidate c like a { quality = 3 }
candidate d like a { quality = 4 }

cohort four { members a, b, c, d }

stage screen {
  train    four for 30min
  on       node
  seeds    1, 2
}

stage large {
  after    pick
  train    promoted for 2h
  on       node
  devices  8
  seeds    11, 12
}

stage larger {
  after    last
  continue promoted from large to 4h
  report   only
}

gate pick {
  from     screen to large
  rank     by mean loss over host, seed
  keep     top 2
  missing  rerun 1, then drop
  crash    as missing
  ties     by name
}

gate last {
  from     large to larger
  rank     by mean loss over host, seed
  keep     top 1
  missing  drop
  crash    as missing
  ties     by name
}
"""
SUPPOSED = """
account {
  suppose  all pick continue to large costs 64gpu_h
}
"""


def wider(block, many, text=LARGE):
    """The text with so many devices in a block, in place of what it says; None: it says nothing."""
    line = "" if many is None else f"  devices  {many}\n"
    found = re.search(rf"^{block} \{{\n(.*?)^\}}$", text, re.MULTILINE | re.DOTALL)
    body = re.sub(r"  devices +\d+\n", "", found[1])
    return text[: found.start(1)] + body + line + text[found.end(1) :]


def alike(plan):
    """That the second verifier derives the same plan from its study."""
    stored = parse_json(canonical(to_json(plan)))
    recheck.fit(recheck.PLAN, stored, "plan")
    mine = recheck.Plan(stored)
    return [*mine.loose(), *recheck.unlike(mine)] == []


def test_hours_and_money_of_a_stage_on_eight_gpus_are_those_worked_out_by_hand():
    """4 x 2 x 30 min on one, 2 x 2 x 2 h on eight, and 1 x 2 x 2 more hours on eight."""
    text = LARGE + SUPPOSED
    study, plan = study_of(text), plan_of(text)
    screen, large, larger = plan.stages

    assert [one.budget_s for one in plan.stages] == [4 * HOUR, 64 * HOUR, 32 * HOUR]
    assert plan.budget_s == 100 * HOUR
    # Attempts with their cap, 5 min and 10 s: 8 x 5 of 30 min, 4 x 5 of 2 h on eight, 2 x 5 of 2 h on eight.
    assert screen.bound_s == 40 * (1800 + 310)
    assert large.bound_s == 20 * (7200 + 310) * 8
    assert larger.bound_s == 10 * (7200 + 310) * 8
    assert plan.bound_s == 84_400 + 1_201_600 + 600_800
    assert plan.money.budget == 200
    assert plan.money.on("2026-12-31") == 150
    assert plan.money.bound == Fraction(2 * 1_886_800, HOUR)
    # Eight at once for 30 min; then four runs and two runs, one after the other, for each takes all eight devices.
    assert [(one.starts_s, one.ends_s) for one in plan.stages] == [
        (0, 1800), (1800, 1800 + 4 * 7200), (1800 + 4 * 7200, 1800 + 6 * 7200),
    ]  # fmt: skip
    assert plan.suppositions[0].costs_s == 64 * HOUR
    assert alike(plan)
    said = plan_text(study, plan, today="2026-12-31")
    assert "2 h on 8 devices  4 runs  64" in " ".join(said.split("\n")).replace("   ", "  ")
    assert "4 + 64 + 32 = 100 GPU-hours in training" in said
    assert f"price of the budget: {money_text(Fraction(150), 'usd')}" in said
    assert "A run of larger has 8 devices." in said


@pytest.mark.parametrize(("many", "seconds"), [(None, 4 * 2 * 10), (1, 4 * 2 * 10), (2, None)])
def test_how_long_several_devices_train_for_their_processor_time_is_not_known(many, seconds):
    """It is that of all their processes together, so the plan names the caps alone."""
    short = "stage short {\n  train four for 10s cpu\n  cap 1min\n  on box\n  seeds 1, 2\n  report only\n}"
    text = wider("stage short", many, spec("use", "gate", "rule", "stage long", stage_short=short))
    study, plan = compiled(text).sound()

    assert about_s(study, plan) == seconds
    assert ("about" in headline(study, plan)) is (seconds is not None)


def test_a_stage_has_what_its_host_gives_unless_it_says_so_itself():
    text = wider("host node", 4)
    study = study_of(text)

    assert [study.devices(name, "node") for name in study.stages] == [4, 8, 8]
    assert [study.width(name, "node") for name in study.stages] == [4, 8, 8]
    assert [one.budget_s for one in plan_of(text).stages] == [16 * HOUR, 64 * HOUR, 32 * HOUR]
    assert study_of(wider("stage larger", 2)).devices("larger", "node") == 2
    assert alike(plan_of(wider("stage larger", 2)))


def test_a_host_s_slots_and_their_devices_bound_what_goes_on_at_once():
    """Four slots of two: eight devices, and never more than four runs."""
    text = wider("host node", 2, LARGE.replace("slots    8", "slots    4"))
    ends = {many: plan_of(wider("stage large", many, text)).stages[1] for many in (1, 2, 4, 8)}

    assert {many: (one.ends_s - one.starts_s) // 7200 for many, one in ends.items()} == {1: 1, 2: 1, 4: 2, 8: 4}
    assert codes(wider("stage large", 9, text)) == ["P0236"]


def ids(text, stage):
    return {(run.candidate, run.seed): run.id for run in plan_of(text).stage(stage).runs}


def test_the_same_run_on_other_devices_is_another_run():
    assert ids(wider("stage screen", 1), "screen") == ids(LARGE, "screen")  # as its host gives
    assert not set(ids(wider("stage screen", 2), "screen").values()) & set(ids(LARGE, "screen").values())
    assert not set(ids(wider("host node", 2), "screen").values()) & set(ids(LARGE, "screen").values())


def test_what_continues_a_run_on_other_devices_is_another_run():
    first = wider("stage larger", 8)
    assert ids(first, "larger") == ids(LARGE, "larger")
    other = wider("stage large", 4, first)
    assert plan_of(other).stage("larger").added_s == plan_of(LARGE).stage("larger").added_s

    assert not set(ids(other, "larger").values()) & set(ids(LARGE, "larger").values())


AGAIN = """
stage again {
  train    a, b for 30min
  on       node
  seeds    1, 2 shared
  report   only
}
"""


@pytest.mark.parametrize(("many", "shared"), [(None, 4), (1, 4), (8, 0)])
def test_a_run_is_shared_between_stages_that_give_it_equally_many_devices(many, shared):
    plan = plan_of(wider("stage again", many, LARGE + AGAIN))
    again = plan.stage("again")

    assert again.shared == shared
    assert again.added_s == (4 - shared) * 1800 * (many or 1)
    assert plan.budget_s == 100 * HOUR + again.added_s
    assert alike(plan)


GROWN = """
candidate base as reference { quality = 2 }
candidate good like base { quality = 1 }
candidate spare like base { size = 32 }
grow deeper {
  parent base at short
  stack size 8 -> 16 by [copy_top, interleave, identity]
  choose lowest loss after 50steps
  cap 3min
  becomes taller
}
stage grown {
  train taller, spare for 4s
  on box, other
  seeds 1, 2 shared
  report only
}
host other {
  device "cpu" on any
  slots 4
  devices 2
}
"""


def grown(before, after):
    """Growth from a stage with so many devices, into one with so many."""
    short = SOUND["stage short"].replace("seeds 1, 2", "seeds 1, 2\n  report only").replace("four", "two")
    parts = {"cohort": "cohort two { members base, good }", "stage_short": short.replace("on box", "on box, other")}
    text = spec("use", "gate", "rule", "stage long", "candidate", extra=GROWN, **parts)
    return wider("stage grown", after, wider("stage short", before, text.replace("slots 2", "slots 4")))


def test_what_grows_from_a_run_is_another_run_where_that_had_other_devices():
    plans = {given: plan_of(grown(*given)) for given in ((None, None), (1, None), (2, None), (None, 2), (2, 2))}

    assert all(alike(plan) for plan in plans.values())
    taller = {
        given: {run.host: run.id for run in plan.stage("grown").runs if run.candidate == "taller" and run.seed == 1}
        for given, plan in plans.items()
    }
    box, other = ({given: said[host] for given, said in taller.items()} for host in ("box", "other"))
    assert box[1, None] == box[None, None]
    assert len({box[None, None], box[2, None], box[None, 2], box[2, 2]}) == 4
    assert other[2, None] == other[None, 2] == other[2, 2] == other[None, None] != other[1, None]
    lags = {given: plan.stage("deeper").budget_s for given, plan in plans.items()}
    assert lags[2, None] == 2 * (2 + 2) * 3 * 180 and lags[1, None] == 2 * (1 + 1) * 3 * 180
