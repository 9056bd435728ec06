"""What a run says that it did in each shape, against the changes it was asked for; both verifiers hold it alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promo.templates import recheck
from promo_toy.shapes import pretended

from made import body, budget, request
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.run.budgets import is_kept
from promo.run.segments import Done, misfit
from promo.run.values import Change, Continued, Counter, Segment, Used, Work
from promo.study.values import BudgetKind

PER_TOKEN = (10, 30, 20)
STEP_TOKENS = (4, 8, 2)
COUNTED = (BudgetKind.STEPS, BudgetKind.TOKENS, BudgetKind.FLOPS)


def asked(kind, places, amount=10_000):
    """A request that names so many changes."""
    changes = [Change(at, None, {}, 0, each) for at, each in zip(places, PER_TOKEN[1:], strict=False)]
    return request(budget=budget(kind, amount), flops_per_token=PER_TOKEN[0], changes=tuple(changes))


def carried_out(kind, places, steps):
    """What an honest run of that budget does in so many steps."""
    used, before, shape, total = 0, 0, 0, [0, 0, 0]
    done = [[0, 0, 0, 0]]
    for _ in range(steps):
        while shape < len(places) and used >= places[shape]:
            shape += 1
            done.append([0, 0, used, before])
        tokens = STEP_TOKENS[shape]
        step = {BudgetKind.STEPS: 1, BudgetKind.TOKENS: tokens}.get(kind, tokens * PER_TOKEN[shape])
        used, before = used + step, used
        done[-1] = [done[-1][0] + 1, done[-1][1] + tokens, used, before]
        total = [total[0] + 1, total[1] + tokens, total[2] + tokens * PER_TOKEN[shape]]
    segments = tuple(Segment(count, tokens, str(until), str(at)) for count, tokens, until, at in done)
    last = Used(kind, repr(float(used)), repr(float(used - before)), Counter.TRAINER)
    return Done(segments, Work(*total, "1.0"), last)


def by_recheck(request, done):
    found = body(segments=done.segments, work=done.work, used=done.used)
    return recheck.in_shape(to_json(request), to_json(found))


RUNS = st.tuples(
    st.sampled_from(COUNTED),
    st.lists(st.integers(1, 60), min_size=1, max_size=2, unique=True).map(sorted),
    st.integers(1, 30),
)


@given(RUNS)
def test_an_honest_run_fits_for_both_verifiers(run):
    kind, places, steps = run
    done = carried_out(kind, places, steps)

    assert misfit(asked(kind, places), done) == ""
    assert by_recheck(asked(kind, places), done)


FIELDS = ("steps", "tokens", "until", "before")


@given(RUNS, st.integers(0, 2), st.sampled_from(FIELDS), st.sampled_from((-7, -1, 1, 3)))
def test_a_segment_that_was_changed_fits_for_neither(run, place, name, by):
    kind, places, steps = run
    done = carried_out(kind, places, steps)
    segments = list(done.segments)
    place %= len(segments)
    before = getattr(segments[place], name)
    after = before + by if isinstance(before, int) else str(int(before) + by)
    if isinstance(after, int) and after < 0:
        return
    segments[place] = evolve(segments[place], **{name: after})
    lied = evolve(done, segments=tuple(segments))

    assert by_recheck(asked(kind, places), lied) == (misfit(asked(kind, places), lied) == "")
    assert misfit(asked(kind, places), lied) or (name == "before" and place < len(segments) - 1)


@given(RUNS, RUNS)
def test_both_verifiers_say_the_same_of_what_another_run_did(one, other):
    request, done = asked(*one[:2]), carried_out(*other)

    assert by_recheck(request, done) == (misfit(request, done) == "")


@pytest.mark.parametrize("kind", BudgetKind)
@pytest.mark.parametrize("earlier", [0, 50])
def test_what_the_toy_runner_pretends_fits_for_both(kind, earlier):
    whole = asked(kind, [40, 90], 100 if kind is not BudgetKind.FLOPS else 1234)
    continues = Continued("runs/a/b-c-s1/attempt-1", "0" * 64, earlier, None) if earlier else None
    request = evolve(whole, continues=continues)
    found = pretended(request, Counter.TRAINER)
    done = Done(found.segments, found.work, found.used)

    assert len(found.segments) == 3
    assert misfit(request, done) == ""
    assert by_recheck(request, done)
    assert is_kept(done.used, request.budget)


def test_each_misfit_has_its_words():
    honest = carried_out(BudgetKind.STEPS, [4], 9)
    late = carried_out(BudgetKind.STEPS, [6], 9)
    never = carried_out(BudgetKind.STEPS, [], 9)
    said = {
        "no change": (asked(BudgetKind.STEPS, []), honest),
        "too many": (asked(BudgetKind.STEPS, [4]), carried_out(BudgetKind.STEPS, [4, 5], 9)),
        "late": (asked(BudgetKind.STEPS, [4]), late),
        "never": (asked(BudgetKind.STEPS, [4]), never),
        "work": (asked(BudgetKind.STEPS, [4]), evolve(honest, work=evolve(honest.work, flops=1))),
        "untold": (asked(BudgetKind.STEPS, [4]), evolve(honest, used=None)),
    }

    assert {name: misfit(*one) for name, one in said.items()} == {
        "no change": "it reports segments, but no change of shape was requested",
        "too many": "it reports 3 segments, but 1 changes of shape were requested",
        "late": "change 1 was requested at 4, and was made at 6",
        "never": "change 1 was requested at 4, and was not made",
        "work": "its segments do not add up to the work that it reports",
        "untold": "it does not report what it used",
    }


def test_seconds_are_what_the_run_wrote_down_and_an_earlier_run_counts_to_the_places():
    change = Change(5, None, {}, 0, 30)
    wall = request(budget=budget(BudgetKind.WALL, 4), flops_per_token=10, changes=(change,))
    later = evolve(wall, continues=Continued("runs/a/b-c-s1/attempt-1", "0" * 64, 4, None))
    segments = (Segment(5, 20, "5.25", "4.5"), Segment(3, 24, "8.5", "7.5"))
    done = Done(segments, Work(8, 44, 200 + 720), Used(BudgetKind.WALL, "4.25", "1.0", Counter.TRAINER))

    assert misfit(later, done) == ""
    assert by_recheck(later, done)
    assert misfit(wall, done) == "its last segment ends elsewhere than the run"
    assert not by_recheck(wall, done)
    huge = evolve(done, segments=(segments[0], evolve(segments[1], until="9e999")))
    assert misfit(later, huge) == "its last segment ends elsewhere than the run"
    assert not by_recheck(later, huge)
