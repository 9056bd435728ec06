"""Budget and bounds of single ladders: what each clause does to them, and that keeping more never costs less."""

from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.codec import to_json
from promo.base.source import Source
from promo.base.units import HOUR
from promo.plans.values import Bounds
from promo.study.limits import ATTEMPTS
from promo.syntax.format import format_text
from promo.syntax.parse import parse
from support import plan_of, spec

NAMES = ("base", "good", "fair", "poor")


@st.composite
def ladders(draw):
    """Seeds of two stages, what the gate keeps, whom it always keeps, and reruns."""
    short = draw(st.lists(st.integers(10, 99), min_size=1, max_size=4, unique=True))
    long = draw(st.lists(st.integers(100, 199), min_size=1, max_size=4, unique=True))
    always = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
    top = draw(st.integers(1, 3 - len(always))) if len(always) < 3 else 1
    return short, long, top, always, draw(st.integers(0, 2))


def text(short, long, top, always, reruns) -> str:
    """The ladder as a spec."""
    rerun = f"rerun {reruns}, then " if reruns else ""
    kept = f"  always {', '.join(always)}\n" if always else ""
    return spec(
        "rule",
        stage_short=f"stage short {{\n  train four for 1s\n  on box\n  seeds {', '.join(map(str, short))}\n}}",
        stage_long=(
            f"stage long {{\n  after pick\n  train promoted for 2s\n  on box\n  seeds {', '.join(map(str, long))}\n"
            "  report only\n}"
        ),
        gate=(
            "frozen gate pick {\n  from short to long\n  rank by mean loss over host, seed\n"
            f"  keep top {top}\n{kept}  missing {rerun}drop\n  crash as missing\n  ties by name\n}}"
        ),
    )


@settings(max_examples=60, deadline=None)
@given(ladders())
def test_the_plan_counts_what_a_loop_counts(ladder):
    short, long, top, always, _ = ladder
    runs = 0
    for _ in NAMES:
        for _ in short:
            runs += 1
    for _ in range(top + len(always)):
        for _ in long:
            runs += 1

    plan = plan_of(text(*ladder))

    assert plan.run_count.planned == runs + 1  # and the one run aside
    assert plan.run_count.most >= plan.run_count.planned >= plan.run_count.fewest


@settings(max_examples=60, deadline=None)
@given(ladders(), st.sampled_from(NAMES))
def test_keeping_one_more_never_lowers_the_planned_bound(ladder, name):
    short, long, top, always, reruns = ladder
    before = plan_of(text(*ladder)).run_count.planned
    if top + len(always) < 3:
        assert plan_of(text(short, long, top + 1, always, reruns)).run_count.planned >= before
        if name not in always:
            assert plan_of(text(short, long, top, [*always, name], reruns)).run_count.planned >= before


@settings(max_examples=60, deadline=None)
@given(ladders())
def test_a_generated_spec_is_formatted_once_and_means_the_same(ladder):
    source = Source("x", text(*ladder))
    once = format_text(source)

    assert format_text(Source("x", once)) == once
    assert parse(Source("x", once)).tree.root == parse(source).tree.root


# --- one clause each ---------------------------------------------------------------------------------------------


def ladder(*gates, first="four", hosts=1, last=""):
    """Stages s0, s1, ... with a seed of their own each and a gate of these clauses between each two."""
    boxes = [f"box{number}" for number in range(hosts)]
    parts = [f'host {box} {{\n  device "cpu" on any\n  slots 1\n}}' for box in boxes]
    on = f"  on {', '.join(boxes)}\n"
    parts.append(f"stage s0 {{\n  train {first} for 10s\n{on}  seeds 1\n}}")
    for number, clauses in enumerate(gates):
        only = "  report only\n" if number + 1 == len(gates) and f"from s{number + 1}" not in last else ""
        parts.append(
            f"stage s{number + 1} {{\n  after g{number}\n  train promoted for 10s\n{on}  seeds {number + 2}\n{only}}}"
        )
        lines = {"missing": "drop", "crash": "as missing", **clauses, "ties": "by name"}
        said = "".join(f"  {clause} {words}\n" for clause, words in lines.items())
        parts.append(
            f"gate g{number} {{\n  from s{number} to s{number + 1}\n  rank by mean loss over host, seed\n{said}}}"
        )
    return (
        spec("use", "host", "stage short", "stage long", "gate", "rule", extra="\n\n".join([*parts, last]))
        .replace('candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}', "")
        .replace("factor size: units in 1..64 step 1 default 8", "")
        .replace("factor ratio: units in [1, 4] default 1", "")
    )


def counts(text, stage):
    return plan_of(text).stage(stage).run_count


def test_reruns_for_each_reason_add_up_and_a_guards_come_on_top():
    both = ladder({"keep": "top 1", "missing": "rerun 3, then drop", "crash": "rerun 2, then drop"})
    guarded = both.replace("  ties by name\n", "  guard train at most 9s, rerun 2, then drop\n  ties by name\n", 1)

    assert counts(both, "s0") == Bounds(4, 4, 4 * (1 + 3 + 2))
    assert counts(guarded, "s0") == Bounds(4, 4, 4 * (1 + 3 + 2 + 2))


def test_a_run_without_reruns_can_still_be_lost_as_often_as_a_study_allows():
    assert counts(ladder({"keep": "top 1"}), "s0") == Bounds(4, 4, 4 * ATTEMPTS)


def test_whoever_is_always_kept_and_does_not_come_leaves_a_larger_share_to_others():
    """Five come, of whom `base` may be one: best 25% on each of two hosts is 2 x 1 beside it, and 2 x 2 without it."""
    more = "candidate fifth like base { quality = 5 }\ncandidate sixth like base { quality = 6 }\n"
    text = ladder({"keep": "top 5"}, {"keep": "best 25% per host", "always": "base"}, hosts=2)
    text = text.replace("cohort four", more + "cohort four").replace(
        "good, fair, poor }", "good, fair, poor, fifth, sixth }"
    )

    assert counts(text, "s2").planned == 4 * 2


def test_the_best_on_some_host_may_all_be_others_than_the_best_overall():
    text = ladder({"keep": "top 1 or top 1 per host"}, hosts=2)

    assert plan_of(text).stage("s1").entrants == Bounds(0, 3, 3)


def test_a_person_may_let_on_more_than_the_rule_would():
    text = ladder({"keep": "top 2", "missing": "hold"}, {"keep": "best 50%"})

    assert plan_of(text).stage("s1").entrants == Bounds(0, 2, 4)
    assert plan_of(text).stage("s2").entrants == Bounds(0, 1, 2)


def test_nothing_is_sure_behind_a_gate_that_may_stop_nor_beside_it():
    aside = "stage aside {\n  train base for 10s\n  on box0\n  seeds 9\n  report only\n}"
    first, then = {"keep": "top 2", "always": "base"}, {"keep": "top 1", "always": "base"}
    drops, stops = (ladder(first, {**then, "missing": way}, last=aside) for way in ("drop", "stop"))

    assert [stage.run_count.fewest for stage in plan_of(drops).stages] == [4, 1, 1, 1]
    assert [stage.run_count.fewest for stage in plan_of(stops).stages] == [4, 1, 0, 0]


def test_whoever_is_always_kept_is_sure_to_come_only_where_nothing_before_can_drop_it():
    text = ladder({"keep": "top 3"}, {"keep": "top 1", "always": "poor"})

    assert counts(text, "s2").fewest == 0
    assert counts(text.replace("keep top 3", "keep top 2\n  always poor"), "s2").fewest == 1


def test_a_missing_reference_stops_a_gate_that_otherwise_only_drops():
    text = ladder({"keep": "mean gap to base at most 1pt", "always": "base"})

    assert counts(text, "s1").fewest == 0


def test_who_is_named_to_be_continued_begins_even_if_it_was_not_promoted():
    last = "stage on {\n  continue base, good, fair from s1 to 20s\n  report only\n}"

    assert plan_of(ladder({"keep": "top 1"}, last=last)).stage("on").entrants.planned == 3


def test_a_run_that_two_stages_have_in_common_begins_once():
    last = "stage again {\n  train base, good for 10s\n  on box0\n  seeds 1 shared\n  report only\n}"
    plan = plan_of(ladder({"keep": "top 1"}, last=last))

    assert [plan.stage(name).run_count.fewest for name in ("s0", "again")] == [4, 0]
    assert plan.run_count.fewest == 4


def test_the_least_is_a_number_of_attempts_and_never_an_amount_of_time():
    text = ladder({"keep": "top 1"}).replace("for 10s", "for 100steps\n  cap 1h")
    stored = to_json(plan_of(text))

    assert stored["budget_s"] == 5 * HOUR
    assert stored["run_count"] == {"fewest": 4, "planned": 5, "most": 25}
    assert stored["bound_s"] == 25 * (HOUR + 300 + 10)
    assert {key for key in stored if key.endswith("_s")} == {"budget_s", "bound_s", "wall_s"}
