"""A run that several stages ask for is planned, priced and bounded once, where it is made first."""

from pathlib import Path

from promo.plans.values import Plan
from promo.report.plan import savings
from promo.report.planned import about_s, headline, plan_text
from support import compiled, plan_of, spec

FOUR = 4
SPECS = Path(__file__).parents[2] / "specs"


def plan(long: str, aside: str = "", short: str = "  train four for 1s\n  on box\n  seeds 3\n") -> Plan:
    """Four candidates for a second with one seed, then two of them in a stage of its own text."""
    text = spec(
        "rule",
        "use",
        stage_short=f"stage short {{\n{short}}}",
        stage_long=f"stage long {{\n  after pick\n{long}{'' if aside else '  report only'}\n}}",
        gate=(
            "frozen gate pick {\n  from short to long\n  rank by mean loss over host, seed\n  keep top 2\n"
            "  missing drop\n  crash as missing\n  ties by name\n}"
        ),
        extra=aside,
    )
    return plan_of(text)


def test_whoever_goes_on_brings_the_runs_it_has():
    found = plan("  train promoted for 1s\n  on box\n  seeds 3, 4, 5 shared\n")
    long = found.stage("long")

    assert (long.run_count.planned, long.run_count.most, long.budget_s) == (6, 30, 6)
    assert (long.shared, long.added_s_by_host) == (2, {"box": 4})
    assert (found.run_count.planned, found.budget_s) == (FOUR + 4, FOUR + 4)
    assert found.run_count.most == 5 * (FOUR + 4)
    assert found.bound_s == found.run_count.most * (1 + 300 + 10)


def test_the_headline_says_no_more_training_than_the_budget_asks_for():
    """Eight runs of a second, for which two stages ask, and two of two."""
    text = spec(
        "rule",
        "use",
        stage_long="stage long {\n  after pick\n  train promoted for 2s\n  on box\n  seeds 3\n  report only\n}",
    )
    twin = "stage twin {\n  train four for 1s\n  on box\n  seeds 1, 2 shared\n  report only\n}"
    study, planned = compiled(
        text.replace("frozen gate", f"{twin}\n\nfrozen gate", 1).replace("seeds 1, 2\n", "seeds 1, 2 shared\n")
    ).sound()

    assert planned.budget_s == about_s(study, planned) == 8 + 2 * 2
    assert "about" not in headline(study, planned)


def test_another_budget_is_another_run():
    found = plan("  train promoted for 2s\n  on box\n  seeds 3, 4 shared\n")

    assert found.stage("long").shared == 0
    assert found.budget_s == FOUR + 4 * 2


def test_a_stage_that_adds_nothing_costs_nothing():
    found = plan("  train promoted for 1s\n  on box\n  seeds 3 shared\n")

    assert (found.stage("long").shared, found.stage("long").added_s) == (2, 0)
    assert (found.run_count.planned, found.run_count.most, found.budget_s) == (FOUR, 5 * FOUR, FOUR)
    assert found.wall_s == 2  # four runs of a second in two slots


def test_reruns_that_a_later_stage_allows_beyond_the_earlier_ones_are_in_the_bound():
    aside = (
        "stage last {\n  after again\n  train promoted for 2s\n  on box\n  seeds 9\n  report only\n}\n"
        "frozen gate again {\n  from long to last\n  rank by mean loss over host, seed\n  keep top 1\n"
        "  missing rerun 7, then drop\n  crash as missing\n  ties by name\n}"
    )
    found = plan("  train promoted for 1s\n  on box\n  seeds 3 shared\n", aside)

    more = found.stage("long").allowance.most - 5
    assert more > 0
    assert found.run_count.most == FOUR * 5 + 2 * more + 5
    assert found.bound_s == (FOUR * 5 + 2 * more) * 311 + 5 * 312


def test_a_run_of_somebody_who_may_not_have_been_there_is_counted():
    """`poor` is not at the first stage, and at the second in any case."""
    short = "  train base, good, fair for 1s\n  on box\n  seeds 3\n"
    found = plan("  train promoted, poor for 1s\n  on box\n  seeds 3, 4 shared\n", short=short)

    assert (found.stage("long").run_count.planned, found.stage("long").shared) == (6, 2)
    assert found.run_count.planned == 3 + 4


def test_the_screen_says_which_runs_are_trained_once():
    path = SPECS / "staged_screening.promo"
    study, planned = compiled(path.read_text(encoding="utf-8"), path.parent).sound()

    assert "runs of earlier stages, trained and paid there: 14 of 32 at matched_random and 4 of 32 at" in " ".join(
        plan_text(study, planned, path.name).split()
    )


def test_a_supposed_continuation_does_not_pay_again_for_runs_of_stages_that_it_keeps():
    long = "  train promoted for 36s\n  on box\n  seeds 3, 4 shared\n"
    text = spec(
        "rule",
        "use",
        stage_short="stage short {\n  train four for 36s\n  on box\n  seeds 3\n}",
        stage_long=f"stage long {{\n  after pick\n{long}  report only\n}}",
        gate=(
            "frozen gate pick {\n  from short to long\n  rank by mean loss over host, seed\n  keep top 2\n"
            "  missing drop\n  crash as missing\n  ties by name\n}"
        ),
        extra="account {\n  count training, host\n  suppose all pick continue to long costs 0.04cpu_h\n}",
    )
    (found,) = plan_of(text).suppositions

    assert (found.costs_s, found.kept_s, found.shared_s) == (144, 144, 72)
    assert "(2 min 24 s + 2 min 24 s - 1 min 12 s)" in savings(found, plan_of(text))[2][1]
