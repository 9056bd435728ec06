"""What gates saved and may have cost, on whole studies with the toy runner."""

import json
import re
import shutil

from promo.driver.study import StudyFolder
from promo.ledger.values import ResultFlagged
from support import INLINE, SOUND, crashed, pin_runner, promo, spec


def small(text):
    return (
        text.replace(SOUND["host"], INLINE)
        .replace('candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}', "")
        .replace("factor size: units in 1..64 step 1 default 8", "")
        .replace("factor ratio: units in [1, 4] default 1", "")
    )


def run(workplace, text):
    path = workplace / "trial.promo"
    path.write_text(small(text), encoding="utf-8")
    assert promo("run", path, "--quiet") == 0
    return StudyFolder(workplace / "trial.study")


def test_a_sample_of_the_dropped_estimates_wrong_drops_and_bounds_regret(workplace, capsys):
    text = spec("use").replace("  ties by name", "  sample 1 dropped seed 9\n  ties by name", 1)
    folder = run(workplace, text)
    capsys.readouterr()

    assert promo("show", "account", folder.path) == 0
    account = json.loads(capsys.readouterr().out)
    (audit,) = account["samples"]
    assert (audit["dropped"], len(audit["drawn"]), audit["wrong"], audit["regret"]) == (2, 1, [], "0")
    assert audit["interval"] == [0, 1]
    (gate,) = account["gates"]
    assert (gate["entered"], gate["went_on"], gate["supposed_s"], gate["branch_s"]) == (4, 3, "16", "12")
    assert gate["saving_like_for_like"] == "0.25"
    html = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "exact 95% interval 0 to 1 of the 2" in html
    assert "Hypothetical: these runs were never made" in html


def test_a_saving_compares_what_was_spent_with_what_was_spent_and_not_with_caps(workplace, capsys):
    """Runs of 2 s under a cap of an hour: 8 x 1 s + 4 x 2 s were spent, and all four would have spent 8 x 2 s."""
    folder = run(workplace, spec("use").replace("promoted for 2s", "promoted for 2steps\n  cap 1h"))
    capsys.readouterr()

    assert promo("show", "account", folder.path) == 0
    (gate,) = json.loads(capsys.readouterr().out)["gates"]
    assert (gate["basis"], gate["run_s"], gate["supposed_s"], gate["branch_s"]) == ("spent", "2", "16", "8")
    assert (gate["saving_like_for_like"], gate["saving_as_published"]) == ("0.5", "0")
    html = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "against that branch alone: 0.0% saved" in html


TIMED = """
from promo.run.contract import Outcome
from promo.run.function import runner
from promo.run.values import Counter, RunStatus, Used

TAKES_S = {"one": 6.0, "three": 2.0}


@runner(
    metrics={"loss": {"unit": "pt", "better": "lower"}},
    factors={"quality": {"unit": "points", "low": 0, "high": 9, "default": 1}},
    budgets=["steps"],
)
def train(quality, record, request, budget):
    record.marked = True
    record.add("train", TAKES_S[request.run.host])
    used = Used(request.budget.kind, str(budget), "1", Counter.SIMULATED)
    return Outcome(RunStatus.OK, {"loss": float(quality)}, used=used)
"""
TWO_WIDTHS = """promo 1

study trial {
  title    "A run takes a third of the time on three devices"
  measure  loss in pt, lower is better
  runner   "timed.py"
}

host one {
  device  "cpu" on any
  slots   2
}

host three {
  device  "cpu" on any
  slots   1
  devices 3
}

factor quality: points in 0..9 default 1

candidate a as reference
candidate b { quality = 2 }

cohort both { members a, b }

stage short {
  train    both for 5steps
  cap      1min
  on       one
  seeds    1
}

stage long {
  after    pick
  train    promoted for 5steps
  cap      1min
  on       one, three
  seeds    2
  report   only
}

gate pick {
  from     short to long
  rank     by mean loss over host, seed
  keep     top 1
  missing  drop
  crash    as missing
  ties     by name
}
"""


def test_a_saving_counts_the_seconds_of_each_device_where_hosts_have_different_numbers_of_them(workplace, capsys):
    """One candidate took 6 s on one device and 2 s on three: 12 s of devices, and both would have taken 24."""
    (workplace / "timed.py").write_text(TIMED, encoding="utf-8")
    (workplace / "trial.promo").write_text(TWO_WIDTHS, encoding="utf-8")
    pin_runner(workplace / "trial.promo")
    assert promo("run", "trial.promo", "--quiet") == 0
    capsys.readouterr()

    assert promo("show", "account", "trial.study") == 0
    account = json.loads(capsys.readouterr().out)
    (gate,) = account["gates"]
    assert account["spent_s"] == "24"
    assert (gate["cells"], gate["run_s"], gate["supposed_s"], gate["branch_s"]) == (2, "3", "24", "12")
    assert gate["saving_as_published"] == "0"
    html = (workplace / "trial.study/report.html").read_text(encoding="utf-8")
    assert "2 devices x 3 s (the mean of the 2 runs there, each weighted by its devices) = 24 s" in html


def test_what_everybody_has_trained_already_would_have_cost_nothing(workplace, capsys):
    """Two go on to three seeds, of which all four had two: one second each, and not three."""
    text = spec("use").replace("seeds 1, 2\n", "seeds 1, 2 shared\n", 1)
    text = text.replace("promoted for 2s\n  on box\n  seeds 3, 4", "promoted for 1s\n  on box\n  seeds 1, 2, 3 shared")
    folder = run(workplace, text)
    capsys.readouterr()

    assert promo("show", "account", folder.path) == 0
    (gate,) = json.loads(capsys.readouterr().out)["gates"]
    assert (gate["cells"], gate["run_s"], gate["supposed_s"], gate["branch_s"]) == (1, "1", "4", "2")
    html = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "4 x 1 cell in which they had no such run x 1 s" in html


def test_where_nothing_was_measured_budgets_are_compared_with_budgets(workplace, capsys):
    failing = spec("use").replace("promoted for 2s", "promoted for 2steps\n  cap 1h")
    folder = run(workplace, failing)
    ledger = folder.path / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    opened = next(place for place, line in enumerate(lines) if b'"stage":"long"' in line and b"stage.opened" in line)
    crashed(ledger, b"".join(lines[: opened + 1]))
    capsys.readouterr()

    assert promo("show", "account", folder.path) == 0
    (gate,) = json.loads(capsys.readouterr().out)["gates"]
    assert (gate["basis"], gate["run_s"], gate["supposed_s"], gate["branch_s"]) == ("budget", "3600", "28800", "14400")
    assert gate["saving_as_published"] is None


def test_without_a_sample_the_report_says_that_nothing_bounds_regret(workplace, capsys):
    folder = run(workplace, spec("use"))

    html = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "the cost of its drops is not known" in html
    assert "50.0% saved, like for like" in html
    capsys.readouterr()
    assert promo("why", "poor", "--study", folder.path) == 0
    told = capsys.readouterr().out
    assert "poor (quality 4) was not promoted to long by pick: below the cut" in told
    assert "Rank 4 of the 4" in told
    assert re.search(r"Margin to the cut: \d\.\d{4} pt, beyond it\.", told)
    assert "no tie-break was used" in told
    assert promo("why", "good", "--study", folder.path, "--json") == 0
    verdicts = json.loads(capsys.readouterr().out)["verdicts"]
    assert [one["name"] for one in verdicts] == ["pick", "close"]
    assert verdicts[0]["standing"]["verdict"] == "promoted"


def test_unknown_names_are_answered_with_near_ones(workplace, capsys):
    folder = run(workplace, spec("use"))
    for words, near in ((("goood",), "good"), (("good", "pik"), "pick")):
        capsys.readouterr()

        assert promo("why", *words, "--study", folder.path) == 2
        assert f"did you mean '{near}'" in capsys.readouterr().err


def test_runs_that_a_guard_set_aside_are_explained(workplace, capsys):
    text = spec("use").replace("  ties by name", "  guard train at most 0.5s, rerun 1, then drop\n  ties by name", 1)
    folder = run(workplace, text)
    capsys.readouterr()

    assert promo("why", "good", "pick", "--study", folder.path) == 0
    told = capsys.readouterr().out
    assert "Attempt 1 on box with seed 1 was excluded by a guard: train at most 0.5s: 1.000 against 0.500." in told
    assert "at short: 4 attempts in 2 cells, 2 reruns." in told
    assert "It has no rank, because a value is missing." in told
    assert "train at most 0.5s: 1.000 against 0.500" in (folder.path / "report.html").read_text(encoding="utf-8")
    assert promo("verify", folder.path) == 3

    # A crash just after the guard spoke: the reruns it asked for are still made, and nothing is decided before.
    ledger = folder.path / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    flagged = [one.seq for one in folder.chain().events if isinstance(one.event, ResultFlagged)]
    crashed(ledger, b"".join(lines[: flagged[7] + 1]))
    for name in folder.unknown_runs(folder.state()):
        shutil.rmtree(folder.path / name)
    assert promo("run", workplace / "trial.promo", "--quiet") == 0
    tried = [one for one in folder.state().attempts.values() if one[0].stage == "short"]
    assert [len(one) for one in tried] == [2] * 8
    assert promo("verify", folder.path) == 3
