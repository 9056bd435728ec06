"""Properties of the planned bound over generated ladders: keeping more never makes a plan cheaper."""

from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.source import Source
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
