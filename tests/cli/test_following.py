"""Every command ends with the next sensible one, where a person sees it; watching waits for a study to begin."""

import subprocess
import sys
import threading
import time
from argparse import Namespace

import pytest

from promo.base.errors import ExitCode
from promo.cli.following import NEXT, OWN, say_next
from promo.cli.main import COMMANDS
from support import SOUND, promo, spec, trivial

HOST = 'host box {\n  device "cpu" on any\n  slots 2\n  executor inline\n}'


def test_every_command_says_what_follows_or_is_known_to_say_it_itself():
    assert {*NEXT} | {*OWN} == {*COMMANDS}
    assert not {*NEXT} & {*OWN}


def last(got):
    return got.replace("\r", "").strip().splitlines()[-1]


@pytest.fixture
def seen(workplace, monkeypatch, on_a_terminal):
    """The last line of a command on a terminal, without colours."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    (workplace / "trial.promo").write_text(spec(host=HOST), encoding="utf-8")
    return lambda *words: last(on_a_terminal(*words)[1])


def test_a_study_is_led_from_its_text_to_what_vouches_for_it(seen):
    assert seen("fmt", "trial.promo") == "next: promo check trial.promo"
    assert seen("check", "trial.promo") == "next: promo plan trial.promo"
    assert seen("read", "trial.promo") == "next: promo plan trial.promo"
    assert seen("freeze", "trial.promo") == "next: promo run trial.promo"
    assert seen("run", "trial.promo") == "next: promo verify trial.promo"
    assert seen("verify", "trial.promo") == "next: promo checkpoint trial.promo"
    assert seen("status", "trial.promo") == "next: promo report trial.promo"
    assert seen("report", "trial.promo") == "next: promo verify trial.promo"
    assert seen("why", "good") == "next: promo report"
    assert seen("report") == "next: promo verify"  # in a folder with one study, which nobody needs to name
    assert seen("verify") == "next: promo checkpoint"


def test_what_does_not_match_leads_to_what_can_still_be_read(seen, workplace):
    assert promo("run", "trial.promo", "--quiet") == 0
    [result] = workplace.glob("trial.study/runs/short/base-*-s1/attempt-1/result.json")
    result.write_bytes(result.read_bytes() + b" ")

    assert seen("verify", "trial.promo") == "next: promo report trial.promo"
    assert seen("report", "trial.promo") == "next: promo verify trial.promo"


def test_the_status_of_a_study_leads_to_what_carries_it_on(seen, workplace):
    code = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", code, "run", "trial.promo", "--freeze-only"], check=True)
    assert seen("status", "trial.promo") == "next: promo run trial.promo"
    assert seen("status", "trial.study") == "next: promo run trial.promo"
    (workplace / "trial.study").rename(workplace / "my studies.study")
    assert seen("status", "my studies.study") == "next: promo run SPEC --study 'my studies.study'"

    rule = SOUND["rule"].replace("  absent skip", "  absent skip\n  else hold").replace("at most 0.5pt", "at most -5pt")
    (workplace / "held.promo").write_text(spec(host=HOST, rule=rule), encoding="utf-8")
    assert promo("run", "held.promo", "--quiet") == 5
    assert seen("status", "held.promo").endswith("--reason TEXT.")


def test_a_study_folder_alone_is_carried_on_by_its_spec(seen, workplace):
    rule = SOUND["rule"].replace("  absent skip", "  absent skip\n  else hold").replace("at most 0.5pt", "at most -5pt")
    (workplace / "held.promo").write_text(spec(host=HOST, rule=rule), encoding="utf-8")
    code = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    assert subprocess.run([sys.executable, "-c", code, "run", "held.promo", "--quiet"]).returncode == 5

    assert seen("decide", "held.study", "close", "--continue", "--by", "Ada", "--reason", "noted") == (
        "next: promo run held.promo"
    )


def test_what_goes_to_another_machine_says_what_follows_there(seen):
    assert promo("run", "trial.promo", "--quiet") == 0

    there = "on the machine that it is for"
    assert seen("bundle", "trial.promo") == f"next: promo import trial.bundle trial.promo, {there}"
    assert seen("bundle", "trial.promo", "--out", "b") == f"next: promo import b trial.promo, {there}"
    assert seen("bundle") == f"next: promo import trial.bundle SPEC, {there}"
    assert seen("ask", "trial.promo") == "next: promo status trial.promo"


def test_requests_that_are_written_for_somebody_else_are_answered(capsys):
    say_next(Namespace(command="ask", place="a.promo", out="asked"), 0)

    assert capsys.readouterr().out == "next: promo accept a.promo RESULTS --by WHO\n"


def test_executors_lead_to_one_of_them_and_that_to_its_conformance_checks(seen):
    assert seen("executor") == "next: promo executor slurm"
    assert seen("executor", "local") == "next: promo executor local --try"
    assert seen("executor", "local", "--try") == "next: promo check SPEC"


def test_what_follows_names_the_spec_that_was_given(seen, capsys):
    for command in ("status", "report", "verify"):
        assert promo(command, "trial.promo") == 2
        assert capsys.readouterr().err.endswith("= help: start one with: promo run trial.promo\n")
    assert seen("explain", "seal", "pick", "trial.promo") == "next: promo check trial.promo"
    assert promo("run", "trial.promo", "--quiet") == 0
    assert "record it with: promo anchor trial.promo RECEIPT" in seen("checkpoint", "trial.promo")
    announced = seen("export", "trial.promo", "--to", "registration", "--gate", "pick", "--out", "a b.json")
    assert announced.endswith("check it with: promo verify trial.promo --registration 'a b.json'")


def test_what_follows_a_fault_is_its_fix(seen, workplace):
    (workplace / "trial.promo").write_text(spec().replace("always base", "always bsae"), encoding="utf-8")

    assert seen("check", "trial.promo") == "next: promo check --fix trial.promo"


def test_pipes_and_machines_get_nothing_more(seen, workplace, capsys):
    assert promo("check", "trial.promo") == 0
    assert "next:" not in capsys.readouterr().out
    assert "next:" not in seen("check", "trial.promo", "--format", "json")
    assert "next:" not in seen("simulate", "--help")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ExitCode.STOPPED, "status a.promo"),
        (ExitCode.HELD, "decide a.promo NAME --by WHO --reason TEXT, with --promote NAMES, --continue or --stop"),
        (ExitCode.ELSEWHERE, "bundle a.promo"),
        (ExitCode.SPENT, "amend a.promo --budget AMOUNT --reason TEXT"),
        (ExitCode.ASKED, "ask a.promo --out FOLDER"),
    ],
)
def test_every_end_of_a_run_has_its_own(capsys, code, words):
    say_next(Namespace(command="run", spec="a.promo", study=None, quiet=False), code)

    assert capsys.readouterr().out == f"next: promo {words}\n"


def test_names_are_as_a_shell_takes_them(capsys):
    say_next(Namespace(command="fmt", specs=["a b.promo"]), 0)

    assert capsys.readouterr().out == "next: promo check 'a b.promo'\n"


@pytest.mark.parametrize("words", [("trial.promo",), ("trial.study",), (), ("--study", "trial.study")])
def test_watching_waits_for_a_study_that_is_not_there_yet(workplace, words):
    (workplace / "trial.promo").write_text(trivial("inline"), encoding="utf-8")
    (workplace / "trial.study").mkdir()  # the folder comes before the ledger
    code = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    watching = subprocess.Popen(
        [sys.executable, "-c", code, "status", *words, "--watch"], stdout=subprocess.PIPE, text=True
    )
    timer = threading.Timer(120, watching.kill)
    timer.start()
    try:
        assert watching.stdout.readline().startswith("waiting for ")
        time.sleep(0.2)
        assert watching.poll() is None
        assert promo("run", "trial.promo", "--quiet") == 0
        said = watching.communicate(timeout=60)[0]
    finally:
        timer.cancel()
        watching.kill()

    assert "trial is finished" in said
    assert watching.returncode == 0


def test_watching_a_spec_that_is_not_there_is_one_message(workplace, capsys):
    assert promo("status", "none.promo", "--watch") == 2
    assert "there is no spec and no study none.promo" in capsys.readouterr().err


def test_what_is_read_on_a_terminal_fits_80_columns(workplace, monkeypatch, on_a_terminal):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    (workplace / "trial.promo").write_text(spec(host=HOST), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0
    commands = [("read", "trial.promo"), ("why", "good"), ("verify", "trial.promo"), ("status", "trial.promo")]
    commands += [("runner", "gpt"), ("runner", "toy"), ("executor", "slurm"), ("executor", "submit")]
    shown = {words: on_a_terminal(*words)[1].replace("\r", "").splitlines() for words in commands}

    assert {words: [line for line in lines if len(line) > 80] for words, lines in shown.items()} == {
        words: [] for words in commands
    }
    assert all(len(lines) > 3 for lines in shown.values())
    table = [line for line in shown["runner", "toy"] if line.startswith("behaviour")]
    assert table and table[0].split()[:2] == ["behaviour", "kind"] and table[0].rstrip().endswith('"ok"')


def test_a_plan_is_as_wide_as_the_terminal(workplace, monkeypatch, on_a_terminal):
    (workplace / "x.promo").write_text(spec(), encoding="utf-8")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    lines = on_a_terminal("plan", "x.promo")[1].replace("\r", "").splitlines()

    assert max(map(len, lines)) <= 40
