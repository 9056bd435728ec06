"""Simulated studies: the arrays decide as `decide` does, and figures agree with formulas where there are any."""

import math
from fractions import Fraction
from statistics import NormalDist

import pytest

np = pytest.importorskip("numpy")

from ladders import sound_ladder
from promo.base.canonical import exact
from promo.decision.agenda import Agenda
from promo.decision.arrays import apply_gate, apply_rule, evidence_of, fast_gate
from promo.decision.decide import decide_gate, decide_rule
from promo.decision.exactly import slippage
from promo.decision.rehearse import Rehearsal
from promo.decision.simulate import World, _Luck, _Tally, simulate
from promo.decision.values import Ground
from promo.ledger.chain import GENESIS
from promo.ledger.outcomes import Held, Stopped
from promo.ledger.state import StudyState
from promo.ledger.values import ResultAccepted, Work
from promo.study.judgement import Answer
from support import compiled, spec

HOSTS = 'host box {\n  device "cpu" on any\n  slots 2\n}\n\nhost crate {\n  device "cpu" on any\n  slots 2\n}'


def study(keep="top 1", rank="mean", more="", ties="name", always="  always base\n", **parts):
    gate = (
        f"frozen gate pick {{\n  from short to long\n  rank by {rank} loss over host, seed\n"
        f"  keep {keep}\n{more}{always}"
        f"  missing rerun 1, then drop\n  crash as missing\n  ties by {ties}\n}}"
    )
    text = spec("use", gate=gate, host=HOSTS, **parts).replace("on box", "on box, crate")
    return compiled(text).sound()


def test_a_run_that_several_stages_ask_for_is_paid_once_and_has_one_value():
    repeats = "stage long {\n  after pick\n  train promoted for 1s\n  on box\n  seeds 1, 2, 3 shared\n}"
    short = "stage short {\n  train four for 1s\n  on box\n  seeds 1, 2 shared\n}"
    supposed, plan = study(stage_short=short, stage_long=repeats)
    figures = simulate(supposed, plan, World(noise=0.1, gap=0.2), 50, 1)
    tally = _Tally(supposed, plan, World(noise=0.1, gap=0.2), "good", None)
    values = tally.courses(5, _Luck(1, 5)).values

    assert plan.stage("long").shared == 2 * 4
    assert figures.expected_s.value == plan.budget_s == 4 * 4 + 2 * 2
    assert np.array_equal(values["long"][:, :, :4], values["short"])
    assert not np.isin(values["long"][:, :, 4:], values["short"]).any()


KEEPS = [
    "top 1",
    "top 2",
    "best 50%",
    "top 1 per host",
    "best 25% per host",
    "mean gap to base at most 0.5pt",
    "every gap to base at most 0.5pt",
    "worst gap to leader at most 1pt",
    "median gain to base at least 0.25pt",
    "mean gap to leader within 0.5pt",
    "mean loss at most 1pt",
    "every loss at most 2pt",
    "first in every cell",
    "not first in every cell",
    "top 2 and mean gap to base at most 0.5pt",
    "top 1 or mean loss at most 0pt",
    "not (top 1 or every gap to leader at most 1pt)",
]
TESTED = [
    ("mean gap to base at most 0.5pt at 90% over cells", "mean"),
    ("mean gain to base at least 0.25pt at 80% over cells by sign_flip", "mean"),
    ("median gap to leader at most 2pt at 90% over cells by wilcoxon", "median"),
    ("median gain to base at least 0pt at 80% over cells by wilcoxon", "mean"),
    ("mean gap to base at most 1pt at 95% over cells with sigma 0.5pt", "worst"),
    ("equivalent to leader within 2.5pt at 90% over cells", "mean"),
    ("equivalent to base within 1pt at 90% over cells with sigma 0.5pt", "mean"),
    ("rank agreement of box, crate at least 0.5 and top 2", "median"),
]
"""Conditions with tests or rankings, and what candidates are ranked by."""
DEMANDS = {
    "agreement": "  demand rank agreement of box, crate at least 0.2 else keep top 3\n",
    "hold": "  demand every loss at most 1.75pt else hold\n",
    "first of two": (
        "  demand rank agreement of box, crate at least -0.5 else keep top 2\n"
        "  demand mean loss at most 1pt else stop\n"
    ),
    "sample": "  sample 1 dropped seed 9\n",
}


def drawn(names, stages, count=40):
    """Values on a coarse grid, so that ties and values on a bound are common."""
    rng = np.random.default_rng(7)
    values = {stage: rng.integers(-8, 9, (count, len(names), 4)) / 4 for stage in stages}
    return values, {stage: np.ones((count, len(names)), dtype=bool) for stage in stages}


@pytest.mark.parametrize(
    ("keep", "rank"), [*((keep, rank) for keep in KEEPS for rank in ("mean", "median", "worst")), *TESTED]
)
def test_the_arrays_promote_whom_decide_promotes(keep, rank):
    one, _ = study(keep=keep, rank=rank)
    gate, names = one.gates["pick"], sorted(one.candidates)
    names = [name for name in names if name in one.entrants["short"].possible]
    values, alive = drawn(names, ["short"])

    kept, _, stopped = apply_gate(one, gate, names, values, alive)

    assert fast_gate(gate, 4)
    assert not stopped.any()
    for at in range(len(kept)):
        decision = decide_gate(one, gate, evidence_of(one, "short", names, values["short"][at], alive["short"][at]), {})
        assert {name for place, name in enumerate(names) if kept[at, place]} == set(decision.promoted), at


@pytest.mark.parametrize("more", DEMANDS)
def test_demands_and_samples_are_the_same_both_ways(more):
    one, _ = study(keep="top 1", more=DEMANDS[more])
    gate = one.gates["pick"]
    names = [name for name in sorted(one.candidates) if name in one.entrants["short"].possible]
    values, alive = drawn(names, ["short"])

    kept, sampled, stopped = apply_gate(one, gate, names, values, alive)

    ends = 0
    for at in range(len(kept)):
        decision = decide_gate(one, gate, evidence_of(one, "short", names, values["short"][at], alive["short"][at]), {})
        ends += decision.stopped or decision.held
        by_lot = {one.candidate for one in decision.ranking.standings if one.ground is Ground.SAMPLE}
        assert {name for place, name in enumerate(names) if kept[at, place]} == set(decision.promoted), at
        assert {name for place, name in enumerate(names) if sampled[at, place]} == by_lot, at
        assert stopped[at] == (decision.stopped or decision.held), at
    assert sampled.any() == (more == "sample")
    assert (0 < ends < len(kept)) == (more in ("hold", "first of two"))


@pytest.mark.parametrize("ties", ["name", "order", "parameters, name"])
def test_ties_are_broken_as_the_gate_says(ties):
    one, _ = study(keep="top 2", ties=ties)
    names = [name for name in sorted(one.candidates) if name in one.entrants["short"].possible]
    values = {"short": np.zeros((3, len(names), 4))}
    alive = {"short": np.ones((3, len(names)), dtype=bool)}

    kept, _, _ = apply_gate(one, one.gates["pick"], names, values, alive)

    decision = decide_gate(
        one, one.gates["pick"], evidence_of(one, "short", names, values["short"][0], alive["short"][0]), {}
    )
    assert {name for place, name in enumerate(names) if kept[0, place]} == set(decision.promoted)


@pytest.mark.parametrize("allow", ["", "  allow 0.5pt\n"])
def test_an_allowance_widens_margins_in_both_ways(allow):
    one, _ = study(keep="mean gap to base at most 0.25pt", more=allow)
    names = [name for name in sorted(one.candidates) if name in one.entrants["short"].possible]
    values, alive = drawn(names, ["short"])

    kept, _, _ = apply_gate(one, one.gates["pick"], names, values, alive)

    for at in range(len(kept)):
        evidence = evidence_of(one, "short", names, values["short"][at], alive["short"][at])
        assert {n for p, n in enumerate(names) if kept[at, p]} == set(
            decide_gate(one, one.gates["pick"], evidence, {}).promoted
        )


RULES = [
    "mean gap at most 0.5pt",
    "every gap at most 1pt",
    "mean gap within 0.25pt",
    "worst gain at least 0pt",
    "mean loss at most 0pt",
    "first in every cell",
    "mean gap at most 0.5pt and not every gain at least 0pt",
    "mean gap at most 0.5pt at 90% over cells",
    "mean gain at least 0.5pt at 80% over cells by sign_flip",
    "median gap at most 0.5pt at 90% over cells by wilcoxon",
    "equivalent within 2pt at 90% over cells",
    "rank agreement of box, crate at least 0.4",
]


@pytest.mark.parametrize("require", RULES)
def test_the_arrays_answer_as_decide_answers(require):
    rule = (
        f"frozen rule close {{\n  judge good against base at long\n"
        f"  require {require}\n  missing stop\n  absent skip\n}}"
    )
    one, _ = study(keep="top 2", rule=rule)
    names = [name for name in sorted(one.candidates) if name in one.entrants["long"].possible]
    values, alive = drawn(names, ["long"])
    alive["long"][::3, names.index("good")] = False

    holds, known = apply_rule(one, one.rules["close"], names, values, alive)

    for at in range(len(holds)):
        evidence = evidence_of(one, "long", names, values["long"][at], alive["long"][at])
        answer = decide_rule(one, one.rules["close"], evidence, {}).judgement.answer
        seen = Answer.UNDECIDED if not known[at] else Answer.HOLDS if holds[at] else Answer.FAILS
        assert seen is answer, at


def test_the_arrays_answer_as_decide_answers_of_those_who_were_promoted():
    rule = (
        "frozen rule close {\n  judge promoted against base at long\n"
        "  require mean gap at most 0.5pt\n  missing stop\n  absent skip\n}"
    )
    one, _ = study(keep="top 2", rule=rule)
    names = [name for name in sorted(one.candidates) if name in one.entrants["long"].possible]
    values, alive = drawn(names, ["long"])
    alive["long"][:, names.index("base")] = True
    alive["long"][::3, names.index("good")] = False

    holds, known = apply_rule(one, one.rules["close"], names, values, alive)

    seen = []
    for at in range(len(holds)):
        evidence = evidence_of(one, "long", names, values["long"][at], alive["long"][at])
        seen.append(decide_rule(one, one.rules["close"], evidence, {}).judgement.answer)
    assert [
        Answer.UNDECIDED if not k else Answer.HOLDS if h else Answer.FAILS for h, k in zip(holds, known, strict=True)
    ] == seen
    assert len(set(seen)) > 1


def test_stages_agree_by_whoever_is_at_both():
    rule = (
        "frozen rule close {\n  judge good at long\n  require rank agreement of short, long at least 0.3\n"
        "  missing stop\n  absent skip\n}"
    )
    one, _ = study(keep="top 2", rule=rule)
    names = [name for name in sorted(one.candidates) if name in one.entrants["short"].possible]
    values, alive = drawn(names, ["short", "long"])
    alive["long"] &= values["short"].mean(axis=2) < 0.5
    alive["long"][:, names.index("good")] = True

    holds, known = apply_rule(one, one.rules["close"], names, values, alive)

    assert known.all()
    assert 0 < holds.sum() < len(holds)
    for at in range(len(holds)):
        there = {
            stage: evidence_of(one, stage, names, values[stage][at], alive[stage][at]) for stage in ("short", "long")
        }
        answer = decide_rule(one, one.rules["close"], there["long"], there).judgement.answer
        assert holds[at] == (answer is Answer.HOLDS), at


def test_what_the_arrays_cannot_answer_is_decided_by_decide_itself():
    short = "stage short {\n  train four for 1s\n  on box\n  seeds 1, 2, 5, 6, 7, 8, 9\n}"
    one, plan = study(keep="mean gap to base at most 0.5pt at 90% over cells by sign_flip", stage_short=short)

    figures = simulate(one, plan, World(noise=0.5, gap=0.5), 3000, 1)

    assert not figures.by_arrays
    assert (figures.draws, figures.asked) == (500, 3000)
    assert 0.5 < figures.gates[0].best_kept.value <= 1


def test_the_better_of_two_wins_as_often_as_the_formula_says():
    """P = Phi(gap / (noise x sqrt(2 / n))) for two candidates over n cells."""
    cohort = "cohort four { members base, good, fair }"
    one, plan = study(keep="top 1", cohort=cohort, always="  always base\n")
    gap, noise = 0.3, 0.5

    figures = simulate(one, plan, World(noise=noise, gap=gap), 40_000, 3)

    expected = NormalDist().cdf(gap / (noise * math.sqrt(2 / 4)))
    found = figures.gates[0].best_kept
    assert abs(found.value - expected) < 4 * found.error
    assert figures.gates[0].best_kept_exactly == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("k", "bias"), [(4, 1.03), (9, 1.48), (12, 1.63), (16, 1.77), (32, 2.07)])
def test_the_integral_gives_the_known_chances_among_equals(k, bias):
    """Among k equals each is first with 1 / k; the mean of the best of k normals is the winner's curse."""
    assert slippage(k, 1, 0.0) == pytest.approx(1 / k, abs=1e-6)
    assert slippage(k, k, 0.0) == 1.0
    normal = NormalDist()
    mean = sum(z * k * normal.pdf(z) * normal.cdf(z) ** (k - 1) / 64 for z in (n / 64 for n in range(-576, 577)))
    assert mean == pytest.approx(bias, abs=0.006)


def test_the_same_seed_gives_the_same_figures_and_another_one_others():
    one, plan = study(keep="top 2")
    world = World(noise=0.5, gap=0.2, relax=0.4)

    assert simulate(one, plan, world, 500, 1) == simulate(one, plan, world, 500, 1)
    assert simulate(one, plan, world, 500, 1) != simulate(one, plan, world, 500, 2)


def test_more_places_never_keep_the_best_less_often():
    world = World(noise=0.5, gap=0.1, relax=0.5)
    kept = [simulate(*study(keep=f"top {k}"), world, 2_000, 5).gates[0].best_kept.value for k in (1, 2)]

    assert kept == sorted(kept)
    assert kept[0] < kept[1]


def test_a_stage_that_carries_runs_on_has_their_whole_budget():
    carried = "stage long {\n  after pick\n  continue promoted from short to 4s\n  report only\n}"
    fresh = carried.replace("continue promoted from short to 4s", "train promoted for 4s\n  on box\n  seeds 3, 4")
    third = "stage last {\n  after final\n  train promoted for 8s\n  on box\n  seeds 7\n  report only\n}"
    final = (
        "gate final {\n  from long to last\n  rank by mean loss over host, seed\n  keep top 1\n  missing drop\n"
        "  crash as missing\n  ties by name\n}"
    )
    found = []
    for long in (carried, fresh):
        long = long.replace("  report only\n", "")
        one, plan = study(keep="top 2", stage_long=long, rule=f"{final}\n\n{third}")
        found.append(simulate(one, plan, World(0.3, 0.3, relax=1.0), 2000, 5).gates[1].best_kept)

    assert found[0] == found[1]


def test_what_is_lost_is_the_gap_as_often_as_the_best_is():
    one, plan = study()
    far, close = (simulate(one, plan, World(0.5, 0.25), 4000, 3, near=near) for near in (0.3, 0.2))

    assert 0 < far.best_at_end.value < 1
    assert far.regret.value == pytest.approx(0.25 * (1 - far.best_at_end.value))
    assert far.regret.error == pytest.approx(0.25 * far.best_at_end.error)
    assert (far.near.value, close.near.value) == (1.0, close.best_at_end.value)


def test_penalties_that_relax_mislead_short_stages():
    one, plan = study(keep="top 1")
    plain = simulate(one, plan, World(noise=0.2, gap=0.2), 4_000, 1).gates[0].best_kept.value
    misled = simulate(one, plan, World(noise=0.2, gap=0.2, relax=3.0), 4_000, 1).gates[0].best_kept.value

    assert misled < plain - 0.1


def test_values_keep_their_bits_on_the_way_into_evidence():
    one, _ = study()
    row = evidence_of(one, "short", ["base"], np.array([[0.1, 0.2, 0.3, 0.4]]), np.array([True])).rows[0]

    assert [Fraction(cell.value) for cell in row.cells] == [Fraction(v) for v in (0.1, 0.2, 0.3, 0.4)]


def test_an_invented_study_goes_as_the_agenda_has_it():
    """The order of a study is the agenda's: with the values of the arrays it does what the arrays say."""
    ended, world = {"to its end": 0, "stopped": 0, "held": 0}, World(noise=1.0, gap=0.5, spread=1.0, level=1.5)
    for seed in range(150):
        study, plan = sound_ladder(seed).sound()
        ids = [run.id for stage in plan.stages for run in stage.runs]
        named = any(one.continues and one.candidates for one in study.stages.values())
        if named or len(set(ids)) < len(ids):
            continue  # what carries on a run that is not there fails, and runs in common have values of their own
        courses = _Tally(study, plan, world, next(iter(study.candidates)), None).courses(8, _Luck(seed, 0))
        for at in range(8):
            state = carried_out(study, plan, courses, at).state
            over = state.study is StudyState.CLOSED
            ended["to its end" if over else "stopped" if state.study is StudyState.STOPPED else "held"] += 1
            reached = {name for name, there in courses.reached.items() if there[at]}
            assert not over or reached == state.opened.keys(), (seed, at)
            for name in reached & state.opened.keys():  # two stages beside each other may end in any order
                assert state.opened[name] == there(courses, courses.alive[name], at), (seed, at, name)
            for name, decided in state.decisions.items():
                if reached >= {*study.deciding[name].sources}:
                    as_decided(study, courses, at, name, decided.verdict)

    assert min(ended.values()) > 20, ended


def as_decided(study, courses, at, name, verdict):
    """The arrays say of a gate or rule what it decided."""
    if name in study.gates:
        kept, _, ends = courses.gates[name]
        assert ends[at] == isinstance(verdict.outcome, Stopped | Held), name
        assert ends[at] or verdict.promoted == there(courses, kept, at), name
    else:
        holds, known = courses.rules[name]
        answer = Answer.UNDECIDED if not known[at] else Answer.HOLDS if holds[at] else Answer.FAILS
        assert verdict.answer is answer, name


def there(courses, alive, at):
    """Candidates that an array has, sorted."""
    return tuple(sorted(name for place, name in enumerate(courses.names) if alive[at, place]))


def carried_out(study, plan, courses, at):
    """One invented study by the agenda; what a run measures stands in the arrays."""

    def answer(run, number):
        cells = study.stages[run.stage].cells
        value = courses.values[run.stage][at, courses.names.index(run.candidate), cells.index((run.host, run.seed))]
        metrics = {study.measure.metric: exact(Fraction(float(value)))}
        return ResultAccepted(run.id, number, GENESIS, metrics, {"train": "1"}, Work(), "0", "1", {}, None)

    return Rehearsal(Agenda(study, plan), answer).carry_out()
