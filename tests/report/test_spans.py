"""Lengths of time are said in one way: as people say them, and hours of GPUs in GPU-hours."""

import re
from fractions import Fraction
from operator import mul

import pytest

from promo.base.units import span
from promo.report.change import plan_change
from promo.report.plan import device_words, rounded_up
from promo.report.planned import plan_text
from promo.report.words import span_text
from support import compiled, plan_of, spec, study_of


def hours_long(host='"cpu" on any'):
    """A study whose plan takes more than an hour, and no whole number of them."""
    return spec(stage_short="stage short {\n  train four for 10min\n  on box\n  seeds 1, 2\n}").replace(
        '"cpu" on any', host
    )


@pytest.mark.parametrize(
    ("seconds", "exactly", "about"),
    [
        (0, "0 s", "0 s"),
        (59, "59 s", "59 s"),
        (60, "1 min", "1 min"),
        (133, "2 min 13 s", "2 min 13 s"),
        (3600, "1 h", "1 h"),
        (6600, "1 h 50 min", "1 h 50 min"),
        (7199, "1 h 59 min 59 s", "2 h"),
        (306720, "85 h 12 min", "85 h 12 min"),
    ],
)
def test_a_length_of_time_is_said_with_every_second_or_from_an_hour_on_to_the_nearest_minute(seconds, exactly, about):
    assert (span(seconds), span_text(Fraction(seconds))) == (exactly, about)


def test_time_of_slots_is_a_span_and_time_of_gpus_is_in_gpu_hours_once_it_is_hours():
    cpu, gpu = plan_of(hours_long()), plan_of(hours_long('"NVIDIA L40S" on linux'))

    assert device_words(6600, cpu) == "1 h 50 min of slot time"
    assert device_words(6600, cpu, of_what=False) == "1 h 50 min"
    assert device_words(6600, gpu) == "1.833 GPU-hours"
    assert device_words(3600, gpu) == "1 GPU-hour"
    assert [device_words(one, gpu) for one in (36_000, 37_657)] == ["10 GPU-hours", "10.46 GPU-hours"]
    assert device_words(17, plan_of(spec().replace('"cpu" on any', '"NVIDIA L40S" on linux'))) == "17 s of GPU time"


@pytest.mark.parametrize("device", ["cpu", "NVIDIA L40S"])
def test_no_bound_is_said_to_be_less_than_it_is(device):
    plan = plan_of(hours_long(f'"{device}" on linux'))

    for seconds in (1, Fraction(71, 10), 59, 3599, 3601, 3629, 3660, 20_941, 20_970, Fraction(37_657_001, 1000)):
        said = rounded_up(seconds, plan)
        words = device_words(said, plan, of_what=False)
        numbers = [Fraction(one) for one in re.findall(r"[0-9.]+", words)]
        units = [
            {"GPU-hours": 3600, "GPU-hour": 3600, "h": 3600, "min": 60, "s": 1}[one]
            for one in re.findall(r"[A-Za-z-]+", words)
        ]
        assert seconds <= sum(map(mul, numbers, units)) == said < seconds + 60


def test_no_screen_of_a_plan_of_slots_counts_decimal_hours():
    text = hours_long()
    old, new = plan_of(spec()), plan_of(text)
    screens = [plan_text(study_of(text), new), plan_change(old, new), plan_change(new, old)]

    assert not [found for screen in screens for found in re.findall(r"\S*\d\.\d+ ?(?:h\b|\S*hours)|slot-hours", screen)]
    assert "1 h 20 min + 8 s + 1 s = 1 h 20 min 9 s of slot time in training" in " ".join(screens[0].split())
    assert "together: 13 runs, 17 s -> 13 runs, 1 h 20 min, +1 h 20 min" in screens[1]


def test_a_budget_that_is_too_small_is_said_beside_what_the_stages_ask_for_in_one_way():
    text = hours_long().replace("runner toy", "runner toy\n  budget 1.25cpu_h")
    (said,) = [one.message for one in compiled(text).diagnostics if one.code == "P0601"]

    assert said == "the stages ask for 1 h 20 min 9 s, and the study allows 1 h 15 min"
