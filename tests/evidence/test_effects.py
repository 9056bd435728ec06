"""Effects against published worked examples; sources stand beside the numbers."""

import math
import random
from fractions import Fraction
from itertools import combinations

import pytest
from scipy import stats as reference

from fitted import fit_stage
from promo.base.classes import evolve
from promo.base.tails import adjust
from promo.evidence.estimates import Method
from promo.evidence.spread import Screened, below, false_discoveries
from promo.evidence.statements import (
    AllEqual,
    Constant,
    DiffersBetweenHosts,
    FollowUp,
    HostsAliased,
    LenthError,
    RunsLost,
)
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from promo.report.statements import statement_words
from promo.study.design import standard_rows
from promo.study.values import Effects

FACTORS = ("a", "b", "c", "d")
# Montgomery (2013), example 6.2: filtration rate, 2^4 without replication, standard order.
FILTRATION = (45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96)
POINTS = {f"r_{number:02d}": row for number, row in enumerate(standard_rows(FACTORS, {}), start=1)}
ASKED = Effects("all", ("s",), ("d",), True, (), ("host", "seed"), "all", Fraction(5, 100), "", where={})


def evidence(values, cells=(("box", 1),)):
    rows = (Row(name, tuple(measured(cell, v) for cell in cells)) for name, v in zip(POINTS, values, strict=True))
    return Evidence("s", "y", cells, tuple(rows))


def measured(cell, value):
    """A cell with its value, or one that was not run."""
    status = CellStatus.NOT_RUN if value is None else CellStatus.OK
    return Cell(*cell, "x", status, None if value is None else str(value), 1, "e")


def test_the_filtration_experiment_has_its_published_effects_and_lenth_error():
    """Effects of Montgomery's table 6.12; PSE 2.625, margin 6.748 and 13.699 as in section 6.5."""
    fit = fit_stage(ASKED, FACTORS, POINTS, evidence(FILTRATION))
    values = {one.effect: one.value for one in fit.estimates}

    assert (fit.method, fit.statements) == (Method.LENTH, (LenthError(15),))
    assert (fit.pse, fit.margin, fit.simultaneous) == ("2.625", "6.74778", "13.699")
    assert (values["a",], values["c",], values["d",]) == ("21.625", "9.875", "14.625")
    assert (values["a", "c"], values["a", "d"]) == ("-18.125", "16.625")


def test_a_constant_response_is_said_to_show_nothing():
    fit = fit_stage(ASKED, FACTORS, POINTS, evidence([7] * 16))

    assert fit.statements == (AllEqual(),)
    assert statement_words(AllEqual()) == "every run has the same value: there is nothing to estimate"


def test_lost_runs_name_the_effects_that_cannot_be_distinguished():
    fit = fit_stage(ASKED, FACTORS, POINTS, evidence([*FILTRATION[:8], *[None] * 8]))

    lost, constant, error = fit.statements
    assert (lost, constant, error) == (RunsLost("box", 8, 16), Constant((("d",),)), LenthError(7))
    assert statement_words(lost) == "8 of 16 runs on box have no value; estimates rest on the others"
    assert statement_words(RunsLost("box", 1, 16)) == "1 of 16 runs on box has no value; estimates rest on the others"
    assert statement_words(constant) == "the same in every run, so not estimable: d"


def test_a_discovery_on_few_hosts_has_the_rate_that_was_measured():
    """16 conditions, 2 hosts, 4 seeds, a family of 5: of 20,000 simulated null studies 10, 24 and 56% discovered an
    effect where conditions differ between hosts by 0.25, 0.5 and 1 standard deviation of seeds."""
    size = Screened(conditions=16, hosts=2, seeds=4, model=15, family=5)

    shares = [false_discoveries(size, 0.05, spread) for spread in (0, 0.25, 0.5, 1)]

    assert shares == pytest.approx([0.05, 0.10, 0.24, 0.56], abs=0.01)


def test_sorted_uniforms_below_bounds_by_counting():
    """Two numbers: both below 0.9 less both between 0.4 and 0.9; three below one bound are its cube."""
    assert below([0.4, 0.9]) == pytest.approx(0.9**2 - 0.5**2)
    assert below([0.7] * 3) == pytest.approx(0.7**3)


# Montgomery (2013), example 6.7: a 2^4 with four runs at its centre, 73, 75, 66 and 69.
CENTRE = (73, 75, 66, 69)


def test_the_centre_of_the_filtration_experiment_shows_no_curvature():
    """Montgomery (2013), example 6.7: mean of the corners 70.06, of the centre 70.75, and a pure error of 16.25 with 3
    degrees of freedom; the sum of squares for curvature is 1.51.  Interactions of three factors are in the model here,
    and that of four, 1.375 with a sum of squares of 7.56, joins the error."""
    pure = evolve(ASKED, terms=tuple(combinations(FACTORS, 3)), block=())
    points = POINTS | {f"z_{number}": (0, 0, 0, 0) for number in range(4)}
    rows = (
        Row(name, (measured(("box", 1), value),)) for name, value in zip(points, (*FILTRATION, *CENTRE), strict=True)
    )

    fit = fit_stage(pure, FACTORS, points, Evidence("s", "y", (("box", 1),), tuple(rows)))
    bent = fit.curvature

    assert (fit.runs, fit.planned, fit.degrees) == (20, 20, 4)
    assert (bent.value, bent.runs) == ("-0.6875", 4)
    left = (3 * 16.25 + 4 * 1.375**2) / 4
    assert float(fit.sigma) ** 2 == pytest.approx(left, rel=1e-5)
    assert float(bent.error) == pytest.approx((left * (1 / 16 + 1 / 4)) ** 0.5, rel=1e-5)
    assert float(bent.p) == pytest.approx(2 * reference.t.sf(0.6875 / float(bent.error), 4), rel=1e-4)


def halves(kind, values=FILTRATION, cells=(("left", 1), ("right", 1))):
    """Rows in which a * b * c * d, or another product, is high on the one host, and the others on the other."""
    rows = []
    for (name, row), value in zip(POINTS.items(), values, strict=True):
        high = math.prod(row[FACTORS.index(factor)] for factor in kind) > 0
        rows.append(Row(name, tuple(measured(cell, value if high == (cell[0] == "left") else None) for cell in cells)))
    return Evidence("s", "y", cells, tuple(rows))


def test_a_difference_between_hosts_that_ran_different_rows_is_not_tested_and_is_named():
    """Where the hosts run the halves of a * b * c, a between hosts is b * c, and so on; d is a * b * c * d."""
    fit = fit_stage(evolve(ASKED, pairs=False), FACTORS, POINTS, halves("abc"))
    told = {one.effect: one for one in fit.statements if isinstance(one, HostsAliased)}

    assert {name: one.effects for name, one in told.items()} == {
        ("a",): (("b", "c"),),
        ("b",): (("a", "c"),),
        ("c",): (("a", "b"),),
    }
    assert [one.host_p is not None for one in fit.estimates] == [False, False, False, True]


@pytest.mark.parametrize("block", [("host", "seed"), ("host",), ("seed",), ()])
def test_an_effect_without_an_estimate_of_its_own_on_a_host_is_not_said_to_differ(block):
    """On g, a is never high: whatever sets g apart, its level or its a * b, is no difference of a or of b."""
    draw, cells = random.Random(6), tuple((host, seed) for seed in (1, 2) for host in ("h", "g"))
    rows = []
    for name, row in POINTS.items():
        line = []
        for host, seed in cells:
            value = 10 * (host == "g") + row[0] + 3 * row[1] * (host == "g") + draw.gauss(0, 0.1)
            line.append(measured((host, seed), None if host == "g" and row[0] > 0 else f"{value:.3f}"))
        rows.append(Row(name, tuple(line)))
    table = Evidence("s", "y", cells, tuple(rows))
    fit = fit_stage(evolve(ASKED, block=block), FACTORS, POINTS, table)
    alone = fit_stage(evolve(ASKED, block=block, pairs=False, family="main"), FACTORS, POINTS, table)

    told = {one.effect: one.host_p for one in fit.estimates if len(one.effect) == 1}
    assert dict(fit.estimates[0].hosts)["g"] is None
    assert told == dict.fromkeys(told)
    said = [one for one in fit.statements if isinstance(one, HostsAliased | DiffersBetweenHosts)]
    assert all(isinstance(one, HostsAliased) and ("a", *one.effect) in one.others for one in said)
    differing = [one.effect for one in alone.statements if isinstance(one, DiffersBetweenHosts)]
    assert differing == ([("b",)] if "host" in block else [])
    assert alone.estimates[0].host_p is None
    words = [statement_words(one) for one in alone.statements if isinstance(one, DiffersBetweenHosts)]
    assert words == ["differs between hosts (adjusted p <0.0001), so read it host by host: b"] * ("host" in block)


def test_lenth_takes_over_in_two_blocks_when_no_degree_of_freedom_is_left():
    """14 contrasts stay within the blocks of a * b * c * d; all terms of up to three factors are in the model.  Ten of
    the sizes are below 2.5 times 1.5 (2.625 + 3.125) / 2."""
    full = evolve(ASKED, terms=tuple(combinations(FACTORS, 3)))

    fit = fit_stage(full, FACTORS, POINTS, halves("abcd"))

    assert (fit.degrees, fit.method, len(fit.contrasts)) == (0, Method.LENTH, 14)
    assert fit.freedom == "4.66667"
    assert float(fit.pse) == pytest.approx(1.5 * (1.875 + 2.375) / 2, rel=1e-6)
    assert {one.effect for one in fit.estimates if one.discovered} >= {("a",), ("a", "c"), ("a", "d"), ("d",)}


def test_active_contrasts_that_the_model_leaves_out_are_named_for_a_follow_up():
    fit = fit_stage(evolve(ASKED, pairs=False), FACTORS, POINTS, evidence(FILTRATION))
    (left_out,) = (one for one in fit.statements if isinstance(one, FollowUp))

    assert [name for name, _ in left_out.contrasts] == [("a", "d"), ("a", "c")]
    assert statement_words(left_out).startswith("not in the model and beyond the margin for all contrasts at once")


def test_with_repeated_runs_the_follow_up_rests_on_what_they_differ():
    cells = (("box", 1), ("box", 2))
    twice = [
        Row(name, (measured(cells[0], value + 1), measured(cells[1], value - (number % 3))))
        for number, (name, value) in enumerate(zip(POINTS, FILTRATION, strict=True))
    ]
    fit = fit_stage(evolve(ASKED, pairs=False), FACTORS, POINTS, Evidence("s", "y", cells, tuple(twice)))
    (left_out,) = (one for one in fit.statements if isinstance(one, FollowUp))

    assert {("a", "c"), ("a", "d")} <= {name for name, _ in left_out.contrasts}
    assert fit.method is Method.LEAST_SQUARES


def test_estimates_keep_one_place_more_than_the_runs_have():
    large = [f"{1_000_000 + value}.25" for value in FILTRATION]
    fit = fit_stage(evolve(ASKED, pairs=False), FACTORS, POINTS, evidence([f"{value}0000.25" for value in FILTRATION]))

    assert fit.estimates[0].value == "216250"
    assert fit_stage(ASKED, FACTORS, POINTS, evidence(large)).estimates[0].value == "21.625"
    places = [f"{value}0000.{number:02d}" for number, value in enumerate(FILTRATION)]
    odd = fit_stage(ASKED, FACTORS, POINTS, evidence(places))
    assert odd.estimates[0].value == "216250.01"


@pytest.mark.parametrize("power", [-320, -300, 250, 300, 306])
def test_values_at_the_ends_of_floats_have_the_same_effects(power):
    plain = fit_stage(ASKED, FACTORS, POINTS, evidence(FILTRATION))

    found = fit_stage(ASKED, FACTORS, POINTS, evidence([f"{value}e{power}" for value in FILTRATION]))

    assert [one.p for one in found.estimates] == [one.p for one in plain.estimates]
    assert [Fraction(one.value) for one in found.estimates] == [
        Fraction(one.value) * Fraction(10) ** power for one in plain.estimates
    ]


# Benjamini & Hochberg (1995), section 3.2: fifteen p-values of a study of myocardial infarction.
THROMBOLYSIS = (
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
)  # fmt: skip


def test_adjusted_p_values_are_those_of_the_published_procedure():
    """At a rate of 5% the paper rejects the four smallest, where Bonferroni rejects three."""
    adjusted = adjust(THROMBOLYSIS)

    assert sum(p <= 0.05 for p in adjusted) == 4
    assert sum(p * 15 <= 0.05 for p in THROMBOLYSIS) == 3
    assert adjusted == pytest.approx(reference.false_discovery_control(THROMBOLYSIS))


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_p_values_are_those_of_scipy_in_any_order_and_with_ties(seed):
    draw = random.Random(seed)
    values = [round(draw.random() ** 3, 2) for _ in range(draw.randint(1, 12))]

    assert adjust(values) == pytest.approx(reference.false_discovery_control(values))
