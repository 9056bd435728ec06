"""Attempts and spending end: a run that is lost again and again, and a budget that is used up, in real studies."""

import json
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace
from fractions import Fraction
from functools import partial

import pytest
from promo.templates import recheck

from promo.base.classes import evolve
from promo.base.errors import ExitCode
from promo.driver.study import StudyFolder
from promo.ledger.losses import Loss
from promo.ledger.state import AttemptState, StudyState
from promo.ledger.values import AttemptStarted, BudgetAmended, RunStatus
from promo.report.money import money_lines, money_to_json
from promo.study.limits import ATTEMPTS
from studies import INLINE, behaving, small
from support import SOUND, promo

NOBODY = Namespace(key=[], authority=[], anchor=[])
PROMO = [sys.executable, "-c", "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"]


def study(*clauses: str) -> str:
    return SOUND["study"].replace("runner toy", "\n  ".join(["runner toy", *clauses]))


def wait_for(condition, patience_s=60.0):
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


@pytest.mark.parametrize(("clauses", "most"), [((), ATTEMPTS), (("attempts 3",), 3)])
def test_a_run_that_is_killed_with_promo_again_and_again_has_no_value_and_its_gate_goes_on(
    workplace, capsys, clauses, most
):
    host = SOUND["host"]
    text = small(host=host, study=study(*clauses), candidate=behaving("good", "hang"))
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    folder = StudyFolder(workplace / "trial.study")
    for times in range(1, most + 1):
        process = subprocess.Popen([*PROMO, "run", "trial.promo", "--quiet"], cwd=workplace)
        try:
            wait_for(partial(_hang, folder, times))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    assert promo("run", "trial.promo", "--plain") == ExitCode.DONE
    said = capsys.readouterr().out

    state = folder.state()
    assert state.study is StudyState.CLOSED
    assert "good" not in state.promoted("pick")
    for seed in (1, 2):
        assert f"on box, seed {seed} has used up its {most} attempts ({most} lost) and has no value" in said
    good = [one for one in state.every_attempt("short") if one.candidate == "good"]
    assert [one.state for one in good] == [AttemptState.LOST] * 2 * most
    assert {one.loss for one in good} == {Loss.GONE}
    assert promo("verify", "trial.promo") == ExitCode.UNANCHORED
    capsys.readouterr()
    assert promo("status", "trial.promo") == ExitCode.DONE
    assert f"short: 6 of 8 runs, {2 * most} lost attempts" in capsys.readouterr().out
    assert promo("status", "trial.promo", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    (short,) = [one for one in told["progress"]["stages"] if one["name"] == "short"]
    assert (short["failed"], short["excluded"], short["lost"]) == (0, 0, 2 * most)
    assert {one["state"] for one in told["attempts"] if one["candidate"] == "good"} == {"lost"}
    report = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "no value for its cell: its attempts are used up" in report


def _hang(folder, times, who="good") -> bool:
    """Whether both runs of the one that hangs are under way for the n-th time, and nothing else is."""
    running = folder.state().running() if folder.exists else ()
    return [(one.candidate, one.number) for one in running] == [(who, times)] * 2


def test_failed_and_lost_attempts_are_told_apart(workplace, capsys):
    text = small(
        host=SOUND["host"], candidate=behaving("good", "nan").replace("{ quality = 3 }", '{\n  behaviour = "hang"\n}')
    )
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    folder = StudyFolder(workplace / "trial.study")
    for times in (1, 2):
        process = subprocess.Popen([*PROMO, "run", "trial.promo", "--quiet"], cwd=workplace)
        try:
            wait_for(partial(_hang, folder, times, "fair"))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert promo("status", "trial.promo") == ExitCode.DONE

    state = folder.state()
    failed = sum(state.failures(run) for run in state.attempts)
    assert failed >= 2
    assert f"{failed} failed, 2 lost attempts" in capsys.readouterr().out


WORSE = {"host": INLINE, "candidate": behaving("good", "worse")}
"""Runs of `good` train three times their budget by their own count, so that they are invalid and made again."""


def test_a_study_whose_budget_is_used_up_starts_nothing_more_and_goes_on_with_a_larger_one(workplace, capsys):
    text = small(study=study("budget 17 / 3600 * 1cpu_h"), **WORSE)
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    folder = StudyFolder(workplace / "trial.study")

    assert promo("run", "trial.promo", "--plain") == ExitCode.SPENT
    said = capsys.readouterr().out
    state = folder.state()
    assert state.study is StudyState.OPEN
    assert not state.running()
    assert (
        "nothing more starts: 16 s of the study's budget of 17 s of slot time are used up, and the next attempt" in said
    )
    assert "at long) may spend 2 s: give the study another budget: promo amend SPEC --budget AMOUNT" in said

    assert promo("status", "trial.promo") == ExitCode.DONE
    said = capsys.readouterr().out
    assert "Of the study's budget of 17 s of slot time, 16 s are used up" in said
    assert "nothing more starts: 16 s of the study's budget of 17 s" in said
    assert promo("status", "trial.promo", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)["budget"]
    assert told == {
        "budget_s": 17,
        "used_s": "16",
        "money": None,
        "used_money": None,
        "exhausted": True,
        "amendments": [],
    }

    events = len(folder.chain().events)
    assert promo("run", "trial.promo", "--quiet") == ExitCode.SPENT
    more = [one.event for one in folder.chain().events[events:]]
    assert not any(isinstance(one, AttemptStarted) for one in more)
    assert promo("verify", "trial.promo") == ExitCode.CANNOT  # unfinished, and nothing differs

    why = ("--by", "Ada", "--reason", "it is nearly done")
    assert promo("amend", "trial.promo", "--budget", "17s", *why) == ExitCode.CANNOT
    assert promo("amend", "trial.promo", "--budget", "soon", *why) == ExitCode.CANNOT
    assert promo("amend", "trial.promo", "--budget", "18s", *why) == ExitCode.DONE
    assert folder.state().budgets == [BudgetAmended(18, "it is nearly done", "Ada")]
    assert promo("run", "trial.promo", "--quiet") == ExitCode.DONE
    assert promo("verify", "trial.promo") == ExitCode.UNANCHORED
    capsys.readouterr()
    report = (folder.path / "report.html").read_text(encoding="utf-8")
    assert "Ada gave the study a budget of 18 s of slot time after it had begun: it is nearly done" in report
    assert promo("amend", "trial.promo", "--budget", "1h", *why) == ExitCode.CANNOT  # it has ended


PRICED = INLINE.replace("slots 2", "slots 2\n  devices 2\n  price 144usd\n  spot 72usd until 9999-12-31")
"""Two devices a run at the spot price: 0.04 dollars a second of a run, 12.48 dollars for the longest at `long`."""


def test_a_budget_of_money_ends_a_study_that_has_time_left_and_a_larger_one_goes_on(workplace, capsys):
    clauses = study("budget 12.47usd\n  budget 1cpu_h")
    text = small(study=clauses, host=PRICED, candidate=behaving("good", "worse"))
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    folder = StudyFolder(workplace / "trial.study")

    assert promo("plan", "trial.promo") == ExitCode.DONE
    planned = " ".join(capsys.readouterr().out.split())
    assert "2 x cpu 2 slots" in planned
    assert "price of the budget: 0.64 usd at the declared hourly prices with spot prices to 9999-12-31; 1.28" in planned
    assert promo("run", "trial.promo", "--plain") == ExitCode.SPENT
    said = capsys.readouterr().out
    assert "of the study's budget of 12.47 usd are used up, and the next attempt" in said
    assert "; paid 0.00 usd of a budget of 12.47 usd; expected end" in said
    assert promo("status", "trial.promo") == ExitCode.DONE
    assert re.search(
        r"Paid .* prices: [\d.]+ usd, [\d.]+ usd of it for attempts that failed or", capsys.readouterr().out
    )
    assert promo("status", "trial.promo", "--json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["budget"]["exhausted"]
    money = told["money"]
    (host,) = money["hosts"]
    (rate,) = host["rates"]
    assert (host["price"], host["spot"], host["spot_until"], rate["price"]) == ("144", "72", "9999-12-31", "72")
    attempts = [one for one in folder.state().every_attempt() if one.device_s is not None]
    seconds = sum(Fraction(one.device_s) * 2 for one in attempts)
    lost = sum(Fraction(one.device_s) * 2 for one in attempts if one.state is AttemptState.FAILED)
    assert Fraction(money["spent"]) == Fraction(rate["spent"]) == seconds * 72 / 3600
    assert Fraction(money["wasted"]) == Fraction(host["wasted"]) == lost * 72 / 3600 > 0
    assert (Fraction(rate["device_s"]), rate["unknown"]) == (seconds, 0)
    assert promo("verify", "trial.promo") == ExitCode.CANNOT  # unfinished, and nothing differs

    why = ("--by", "Ada", "--reason", "it is nearly done")
    assert promo("amend", "trial.promo", "--budget", "12.47usd", *why) == ExitCode.CANNOT
    assert promo("amend", "trial.promo", "--budget", "50eur", *why) == ExitCode.CANNOT
    assert promo("amend", "trial.promo", "--budget", "50usd", *why) == ExitCode.DONE
    assert promo("run", "trial.promo", "--quiet") == ExitCode.DONE
    assert promo("verify", "trial.promo") == ExitCode.UNANCHORED
    assert recheck.check(folder.path, NOBODY, [].append) == ExitCode.UNANCHORED
    for form in ("md", "html", "json"):
        assert promo("report", "trial.promo", "--format", form) == ExitCode.DONE
        report = (folder.path / f"report.{form}").read_text(encoding="utf-8")
        assert "Ada gave the study a budget of 50.00 usd after it had begun: it is nearly done" in report
        assert re.search(r"box: [\d.]+ usd for .{1,30} of devices at 72.00 usd an hour, begun \d{4}-\d\d-\d\d", report)
    assert json.loads(report)["money"]["currency"] == "usd"


def test_attempts_whose_time_nobody_knows_are_named_where_their_money_is(workplace):
    """What the longest attempt costs stands in no known second: the line says of how many it is."""
    text = small(host=PRICED, candidate=behaving("good", "ok"))
    (workplace / "trial.promo").write_text(text, encoding="utf-8")
    promo("run", "trial.promo", "--quiet")
    folder = StudyFolder(workplace / "trial.study")
    state, (frozen, _) = folder.state(), folder.compiled().sound()
    one = next(state.every_attempt())
    known = sum(Fraction(each.device_s) * 2 for each in state.every_attempt() if each is not one)
    state.attempts[one.run] = [evolve(one, device_s=None)]
    (line,) = [line for line in money_lines(frozen, state) if line.startswith("box: ")]
    (rate,) = money_to_json(frozen, state)["hosts"][0]["rates"]

    longest = frozen.stages[one.stage].budget.longest_s * 2
    assert ", and for 1 attempt of unknown time, priced at the longest that one can last" in line
    assert (Fraction(rate["device_s"]), rate["unknown"]) == (known, 1)
    assert Fraction(rate["spent"]) == (known + longest) * 72 / 3600


def test_a_study_that_asks_for_all_of_its_budget_and_keeps_it_is_never_stopped(workplace):
    text = small(host=INLINE, study=study("budget 16 / 3600 * 1cpu_h"))
    (workplace / "trial.promo").write_text(text, encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == ExitCode.DONE


def test_a_study_without_a_budget_has_none_to_amend(workplace, capsys):
    (workplace / "trial.promo").write_text(small(host=INLINE), encoding="utf-8")
    promo("run", "trial.promo", "--freeze-only", "--quiet")

    assert promo("amend", "trial.promo", "--budget", "1h", "--reason", "more", "--by", "Ada") == ExitCode.CANNOT
    assert "the study has no budget of device time that could be amended" in capsys.readouterr().err


HASTY = """
import signal, time
from promo.run.function import runner


class Asked(Exception):
    pass


def asked(number, frame):
    raise Asked


@runner(metrics={"loss": {"unit": "points", "better": "lower"}}, factors={"rate": {"unit": "rate", "default": 1}})
def train(rate, budget, record):
    signal.signal(signal.SIGTERM, asked)
    with record.training():
        record.point(step=1, charged_s=0.0, loss=9.0)
        end = time.monotonic() + budget
        try:
            while time.monotonic() < end:
                time.sleep(0.01)
        except Asked:
            return 0.0
    return 1.0
"""
"""It says at once how far it came when it is asked to end; that is a part of a run, and looks splendid."""

HASTY_STUDY = """
promo 1

study trial {
  title   "what a part of a run left is no measure"
  measure loss in points, lower is better
  runner  "hasty.py"
}

host box {
  device "cpu" on any
  slots  1
}

factor rate: rate in [1] default 1

candidate base

stage short {
  train  base for 3s
  on     box
  seeds  1
  report only
}
"""


def test_what_a_lost_attempt_said_of_its_part_is_spent_nowhere(workplace, capsys):
    (workplace / "hasty.py").write_text(HASTY, encoding="utf-8")
    (workplace / "hasty.promo").write_text(HASTY_STUDY, encoding="utf-8")
    assert promo("check", "--fix", "hasty.promo") == ExitCode.DONE
    folder = StudyFolder(workplace / "hasty.study")
    process = subprocess.Popen([*PROMO, "run", "hasty.promo", "--quiet"], cwd=workplace)
    try:
        wait_for(lambda: any(path.stat().st_size for path in workplace.glob("hasty.study/runs/*/*/*/points.jsonl")))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for(lambda: any(workplace.glob("hasty.study/runs/*/*/attempt-1/exit.json")))
    assert promo("run", "hasty.promo", "--quiet") == ExitCode.DONE

    first, second = next(iter(folder.state().attempts.values()))
    assert (first.state, first.late is not None, second.state) == (AttemptState.LOST, True, AttemptState.ACCEPTED)
    assert second.metrics == {"loss": "1.0"}
    capsys.readouterr()
    said = []
    assert promo("verify", "hasty.study") == recheck.check(folder.path, NOBODY, said.append) == ExitCode.UNANCHORED
    assert round(float(second.train_s)) == 3
    assert "hours: 3 s of slot time spent in training" in capsys.readouterr().out
    assert any(line.startswith("3 s of training; ") for line in said)
    assert promo("status", "hasty.promo") == promo("report", "hasty.study") == ExitCode.DONE
    told = capsys.readouterr().out
    assert "spent 3 s of a budget of 3 s" in told
    assert "1 run spent 3 s in training of a budget of 3 s, and with 1 lost attempt, whose training was not" in told


FALLING = """
import atexit, os, time
from promo.run.function import runner


@runner(metrics={"loss": {"unit": "points", "better": "lower"}}, factors={"rate": {"unit": "rate", "default": 1}})
def train(rate, budget, record):
    with record.training():
        time.sleep(0.2)
    atexit.register(os._exit, 3)
    return 1.0
"""
"""It is content with a part of its budget, as its stage allows, and its process falls over when all is written."""


def test_a_part_whose_process_failed_afterwards_fails_and_both_verifiers_agree(workplace, capsys):
    (workplace / "hasty.py").write_text(FALLING, encoding="utf-8")
    text = HASTY_STUDY.replace("for 3s", "for 1s\n  tolerance 90%")
    (workplace / "hasty.promo").write_text(text, encoding="utf-8")
    assert promo("check", "--fix", "hasty.promo") == ExitCode.DONE
    folder = StudyFolder(workplace / "hasty.study")
    assert promo("run", "hasty.promo", "--quiet") == ExitCode.DONE

    (attempts,) = folder.state().attempts.values()
    assert {(one.state, one.status, one.late_status) for one in attempts} == {
        (AttemptState.FAILED, RunStatus.KILLED, RunStatus.OK)
    }
    capsys.readouterr()
    assert promo("verify", "hasty.study") == recheck.check(folder.path, NOBODY, print) == ExitCode.UNANCHORED
