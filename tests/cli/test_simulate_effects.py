"""`promo simulate` of effects: their power, and what a spread between hosts does, where there is no gate."""

import json
import math
import random

import pytest

from promo.base.tails import adjust, t_tails
from promo.decision.screened import planned
from promo.evidence.spread import false_discoveries
from study.test_blocked import FOUR, study, text
from support import promo


def written(workplace, **more):
    path = workplace / "trial.promo"
    path.write_text(text(FOUR, **more), encoding="utf-8")
    return path


def test_a_study_with_effects_alone_is_told_its_power_as_its_design_is(workplace, capsys):
    path = written(workplace, block="")
    assert promo("simulate", path, "--noise", "0.5", "--size", "0.4", "--json") == 0
    simulated = json.loads(capsys.readouterr().out)["effects"]
    assert promo("design", path, "--power", "--noise", "0.5", "--size", "0.4", "--json") == 0
    designed = json.loads(capsys.readouterr().out)

    assert {key: simulated[key] for key in designed} == designed
    assert simulated["found"][0]["power"][0]["seeds_for_most"] > 0


def test_more_seeds_are_asked_for_a_higher_power(workplace, capsys):
    seeds = []
    for wanted in ("0.6", "0.8", "0.95"):
        assert promo("simulate", written(workplace), "--noise", "1", "--size", "0.5", "--wanted", wanted, "--json") == 0
        found = json.loads(capsys.readouterr().out)["effects"]["found"]
        seeds.append(found[0]["power"][0]["seeds_for_most"])

    assert seeds == sorted(set(seeds))


def test_false_discoveries_are_told_for_the_spread_that_is_declared_or_for_several(workplace, capsys):
    path = written(workplace, block="")
    assert promo("simulate", path, "--noise", "0.5") == 0
    several = capsys.readouterr().out
    assert promo("simulate", path, "--noise", "0.5", "--host-noise", "0.25") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert promo("simulate", path, "--noise", "0.5", "--host-noise", "0.5", "--json") == 0
    declared = json.loads(capsys.readouterr().out)["effects"]["false_discoveries"]

    assert "no condition differs between hosts by more than that" not in said
    assert "a spread of 0.25 u between hosts is not in the power" in said
    assert "where conditions differ between hosts by 0.5 times the noise" in said
    assert "by 0, 0.25, 0.5 and 1 times the noise, " in several
    assert "of studies without any effect discover one (by an integral; asked for: 5%)" in several
    assert [(one["spread"], one["stages"]) for one in declared] == [("1", ["s"])]
    assert f"and {float(declared[0]['share']):.1%} of studies" in several


def test_with_gates_the_power_of_effects_stands_beside_them(workplace, capsys):
    pytest.importorskip("numpy")
    gate = """gate pick {
  from t to u
  rank by mean y over host, seed
  keep top 1
  missing drop
  crash as missing
  ties by name
}
stage t {
  train rowed for 90s
  on h0
  seeds 11
}
stage u {
  after pick
  train promoted for 180s
  on h0
  seeds 12
  report only
}"""
    path = written(workplace, after=gate)
    assert promo("simulate", path, "--noise", "0.5", "--draws", "200") == 0
    said = capsys.readouterr().out

    assert "power of eff at s_h0 and s_h1: 1 host x 2 seeds each, 32 runs" in said
    assert "pick" in said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "nothing says how noisy a run is"),
        (("--noise", "1", "--vary", "seeds", "1..3"), "--vary is about gates"),
        (("--noise", "1", "--gap", "2"), "--gap is about gates"),
        (("--noise", "1", "--wanted", "1"), "--wanted is a power from 0.5 to less than 1"),
        (("--noise", "1", "--size", "0"), "--size is a size from"),
        (("--noise", "0"), "--noise is from"),
    ],
)
def test_what_means_nothing_for_effects_alone_is_refused(workplace, capsys, words, complaint):
    assert promo("simulate", written(workplace), *words) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_the_rate_where_hosts_run_different_rows_is_that_of_draws(spread):
    """
    Sixteen conditions without any effect, eight on each host, two seeds, drawn as sums of squares.

    A condition's mean over seeds has the variance s^2 / 2 + h^2; of the fifteen contrasts one is the hosts', four are
    main effects, and ten are error, beside fourteen between seeds within hosts.
    """
    found = study(FOUR)
    size = planned(found, found.effects["eff"], found.effects["eff"].stages)
    draw, hits, count = random.Random(7), 0, 6000
    for _ in range(count):
        contrasts = [draw.gauss(0, math.sqrt(1 + 2 * spread**2)) for _ in range(14)]
        error = sum(one**2 for one in contrasts[4:]) + sum(draw.gauss(0, 1) ** 2 for _ in range(14))
        tails = [t_tails(one / math.sqrt(error / 24), 24) for one in contrasts[:4]]
        hits += min(adjust(tails)) <= 0.05

    assert (size.conditions, size.hosts, size.seeds, size.model, size.family) == (15, 1, 2, 4, 4)
    share = false_discoveries(size, 0.05, spread)
    assert share == pytest.approx(hits / count, abs=4 * math.sqrt(share * (1 - share) / count))
