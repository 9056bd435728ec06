"""Runs that stages have in common, such as the rows of a design and those of its fold-over: trained once, paid once."""

import pytest

from promo.report.planned import plan_text
from support import compiled, promo, rechecked

SPEC = """promo 1

study s {{
  title "Rows that two stages share"
  measure y in u, lower is better
  runner recorded
}}

host lab {{
  device "cpu" on any
  slots 1
  price 3.60usd
}}

factor a: level in [-1, 1]
factor b: level in [-1, 1]
factor c: level in [-1, 1]

design screen fraction 2^(3 - 1) {{
  vary a low -1 high 1
  vary b low -1 high 1
  vary c low -1 high 1
}}

design again {follows} {{
}}

cohort one {{
  rows screen all
}}

cohort two {{
  rows screen all
  rows again all
}}

stage first {{
  train one for 10s
  on lab
  seeds 1, 2
  report only
}}

stage second {{
  train two for {budget}
  on lab
  seeds {seeds} shared
  report only
}}

effects e {{
  from second
  model {model}
  family main
  rate 5%
}}
"""
FOLDED, HALF = "foldover of screen on a, b, c", "semifold of screen on a with b high"


def priced(follows=FOLDED, budget="10s", seeds="1, 2"):
    model = "main" if follows == HALF else "main, pairs"  # six rows have no room for both
    return compiled(SPEC.format(follows=follows, budget=budget, seeds=seeds, model=model)).priced()


@pytest.mark.parametrize(("follows", "rows"), [(FOLDED, 4), (HALF, 2)])
def test_shared_rows_of_a_design_and_what_follows_it_are_paid_once(follows, rows):
    study, plan = priced(follows)
    first, second = plan.stages
    unique = {run.id for stage in plan.stages for run in stage.runs}

    assert (second.run_count.planned, second.shared) == (2 * (4 + rows), 8)
    assert (second.added_s, second.added_s_by_host) == (20 * rows, {"lab": 20 * rows})
    assert plan.run_count.planned == plan.run_count.fewest == len(unique) == 8 + 2 * rows
    assert (plan.budget_s, plan.wall_s) == (10 * len(unique), 10 * len(unique))
    assert plan.money.budget * 1000 == plan.budget_s
    assert plan.run_count.most == 5 * len(unique)
    assert plan.bound_s == first.bound_s * len(unique) // 8
    assert "runs of earlier stages, trained and paid there: 8 of" in plan_text(study, plan)


@pytest.mark.parametrize(("budget", "seeds", "again"), [("20s", "1, 2", 0), ("10s", "3, 4", 0), ("10s", "2, 3", 4)])
def test_runs_of_another_budget_or_seed_are_paid_for_themselves(budget, seeds, again):
    _, plan = priced(budget=budget, seeds=seeds)

    assert plan.stages[1].shared == again
    assert plan.run_count.planned == 24 - again


def test_what_is_trained_is_what_was_priced(workplace, capsys):
    """Sixteen recorded runs stand for the twenty-four of both stages, and both verifiers derive the plan."""
    (workplace / "s.promo").write_text(
        SPEC.format(follows=FOLDED, budget="10s", seeds="1, 2", model="main, pairs"), encoding="utf-8"
    )
    lines = ["a,b,c,seed,seconds,y"]
    for number in range(16):
        a, b, c = (1 if number >> place & 1 else -1 for place in range(3))
        lines.append(f"{a},{b},{c},{1 + number // 8},10,{5 + a + b / 2 + number % 5 / 10}")
    (workplace / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert promo("replay", "s.promo", "--curves", "t.csv", "--quiet") == 0
    assert "16 runs stand for 2 min 40 s of recorded training (budget: 2 min 40 s)" in capsys.readouterr().out
    assert promo("verify", "s.study") == 3
    finished = rechecked(workplace / "s.study")
    assert finished.returncode == 3, finished.stdout
