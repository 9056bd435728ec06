"""What is said of a study whose script is somebody's own, of which promo knows only what it was told."""

from pathlib import Path

import pytest

from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.amounts import budget_text
from promo.report.render import render_markdown
from promo.report.view import build_view
from promo.study.values import Budget, BudgetKind
from support import promo

SCRIPT = """import random
LR, EPOCHS, SEED = 0.1, 5, 1
random.seed(SEED)
print("val_loss:", round(2 - LR + random.random() / 100, 4))
"""


def test_nothing_is_claimed_of_a_script_that_only_its_author_knows(workplace, capsys):
    Path("one.py").write_text(SCRIPT, encoding="utf-8")
    assert promo("new", "--from", "one.py", "--takes", "30s") == promo("plan", "one.promo") == 0
    plan = " ".join(capsys.readouterr().out.split())
    assert promo("run", "one.promo", "--quiet") == promo("why", "base") == promo("why", "lr_0_3") == 0
    said = " ".join(capsys.readouterr().out.split())
    report = render_markdown(build_view(record_of(StudyFolder(Path("one.study")))))

    assert "- Deterministic if the script is: short, long." in plan
    assert "them is no worse than base on the mean over cells" in plan
    assert "Every stage trains from scratch, so a short run is not the start of a long one." in report
    assert "One metric (val_loss): no downstream task" in report
    assert "held-out text" not in report and "commit not in" not in report
    assert "top 1 does not hold (it does not compete for a place)" in said
    assert "(candidate lr_0_3)" not in said + report


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(BudgetKind.CPU, 30, 60), "30 s cpu, cap 1 min"),
        (Budget(BudgetKind.WALL, 5400, 5400), "1 h 30 min"),
        (Budget(BudgetKind.STEPS, 1, 1200), "1 step, cap 20 min"),
        (Budget(BudgetKind.TOKENS, 4 * 10**7, 3600), "4e7 tokens, cap 1 h"),
    ],
)
def test_what_a_run_is_given_is_said_as_other_lengths_of_time_are(budget, said):
    assert budget_text(budget) == said
