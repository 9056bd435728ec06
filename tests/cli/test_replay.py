"""`promo replay`: the rules of a spec over recorded curves, marked as that everywhere."""

import json
import shutil
from argparse import Namespace
from pathlib import Path

import pytest
from promo.templates import recheck

from promo.base.canonical import digest_bytes
from promo.base.classes import evolve
from promo.driver.study import StudyFolder
from promo.ledger.state import State, StudyState
from promo.ledger.values import AttemptStarted, Freezing, RunStatus, StageOpened, Work
from promo.report.replay import replay_line
from promo.run.store import REQUEST, RESULT, parse_result, result_bytes
from promo.run.values import Body, Facts, RecordedAs
from promo.study.judgement import Answer
from support import crashed, promo, recorded

ROOT = Path(__file__).parents[2]
REAL = ROOT / "specs" / "replay_prefix.csv"

SPEC = recorded(
    "three",
    """stage short {
  train   three for 10s
  on      box
  seeds   1, 2 shared
}

stage long {
  after   pick
  train   promoted for 30s
  on      box
  seeds   1, 2 shared
}

frozen gate pick {
  from     short to long
  rank     by mean loss over host, seed
  keep     top 1
  always   base
  missing  rerun 1, then drop
  crash    as missing
  ties     by name
}

frozen rule early_holds {
  judge    early against base at long
  require  mean gain at least 0pt
  missing  skip
  absent   skip
}
""",
    base="a",
    early="b",
    poor="c",
)
"""At 10 s `early` leads, at 30 s it does not."""

NOBODY = Namespace(key=[], authority=[], anchor=[])
VALUES = {"a": ("4.0", "3.0", "2.0"), "b": ("3.0", "2.8", "2.6"), "c": ("5.0", "4.5", "4.0")}


def table(*, leave_out: str = "none") -> str:
    lines = ["config,run,seed,step,seconds,loss,status"]
    for config, values in VALUES.items():
        for seed in (1, 2):
            if f"{config}{seed}" != leave_out:
                points = zip((100, 200, 300), ("9.5", "19.5", "29.5"), values, strict=True)
                lines += [f"{config},{config}{seed},{seed},{step},{at},{value},ok" for step, at, value in points]
    return "\n".join(lines) + "\n"


def write(place: Path, text: str = "", spec: str = SPEC) -> tuple[Path, Path]:
    path, curves = place / "trial.promo", place / "t.csv"
    path.write_text(spec, encoding="utf-8")
    curves.write_text(text or table(), encoding="utf-8")
    return path, curves


def replay(path: Path, curves: Path, *words: object) -> int:
    return promo("replay", path, "--curves", curves, "--quiet", *words)


def study(place: Path) -> StudyFolder:
    return StudyFolder(place / "trial.study")


def body_of(folder: StudyFolder, run: str = "short/base-box-s1", attempt: int = 1) -> Body:
    place = folder.path / f"runs/{run}/attempt-{attempt}"
    return parse_result((place / RESULT).read_bytes(), digest_bytes((place / REQUEST).read_bytes())).body


def test_rules_decide_over_recorded_values(workplace, capsys):
    assert replay(*write(workplace)) == 0

    folder = study(workplace)
    state = folder.state()
    assert state.study is StudyState.CLOSED
    assert state.opened["long"] == ("base", "early")
    assert state.decisions["early_holds"].verdict.answer is Answer.FAILS
    said = capsys.readouterr().out
    assert "pick promoted early (config b) and base to long; dropped poor (config c)." in said
    assert "seen -0.6000 pt" in said


def test_a_result_names_its_row_and_charges_what_was_recorded(workplace):
    path, curves = write(workplace)
    replay(path, curves)

    body = body_of(study(workplace), "long/early-box-s2")
    table_digest = digest_bytes(curves.read_bytes())
    assert body.recorded == RecordedAs(0, table_digest, "t.csv", "b", "", "2", "b2", rows=(13,), value="2.6")
    assert body.metrics == {"loss": "2.6"}
    assert body.seconds["train"] == "29.500000"
    assert body.work == Work(steps=300, steps_per_s="10.169492")
    assert body.facts == Facts()


def test_a_replay_is_marked_wherever_it_is_shown(workplace, capsys):
    path, curves = write(workplace)
    replay(path, curves)
    folder = study(workplace)
    capsys.readouterr()

    first = folder.chain().events[0].event
    assert isinstance(first, Freezing)
    assert first.replay.table == "t.csv"
    assert first.replay.digest == digest_bytes(curves.read_bytes())
    assert (folder.path / "curves.csv").read_bytes() == curves.read_bytes()
    assert first.replay.file == "curves.csv"
    assert first.files["curves.csv"] == first.replay.digest
    assert promo("status", path) == 0
    assert "nothing was trained" in capsys.readouterr().out
    assert promo("status", path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["replay"]["table"] == "t.csv"
    assert promo("verify", path) == 3
    said = capsys.readouterr().out
    assert "10 results follow from t.csv" in said
    assert "REPLAY: nothing was trained here" in said
    header = (folder.path / "report.html").read_text().partition("</header>")[0]
    assert "audit report of a replay" in header
    assert "replay of recorded curves (t.csv" in header
    assert promo("report", path, "--format", "md") == 0
    assert "replay of recorded curves (t.csv" in (folder.path / "report.md").read_text()[:400]


def test_a_study_that_trains_is_not_marked():
    assert replay_line(State()) == ""


def test_two_replays_of_the_same_bytes_agree_byte_by_byte(workplace):
    path, curves = write(workplace)
    replay(path, curves, "--study", "one.study")
    replay(path, curves, "--study", "two.study")
    one, two = workplace / "one.study", workplace / "two.study"
    kept = [*one.glob("runs/*/*/*/*"), *one.glob("evidence/*"), *one.glob("decisions/*")]

    assert len(kept) == 10 * 3 + 2 + 2
    for file in kept:
        assert file.read_bytes() == (two / file.relative_to(one)).read_bytes()


def test_a_replay_goes_on_where_it_was_cut_off(workplace):
    path, curves = write(workplace)
    replay(path, curves)
    folder = study(workplace)
    whole = {file.name: file.read_bytes() for file in folder.path.glob("decisions/*")}
    ledger = folder.path / "ledger.jsonl"
    events = ledger.read_bytes().splitlines(keepends=True)
    opened = next(
        one.seq for one in folder.chain().events if isinstance(one.event, StageOpened) and one.event.stage == "long"
    )
    crashed(ledger, b"".join(events[: opened + 1]))
    shutil.rmtree(folder.path / "runs/long")

    assert replay(path, curves) == 0
    assert {file.name: file.read_bytes() for file in folder.path.glob("decisions/*")} == whole
    assert promo("verify", path) == 3


def test_a_cell_that_was_not_recorded_goes_through_the_missing_clause(workplace, capsys):
    path, curves = write(workplace, table(leave_out="b2"))

    assert replay(path, curves, "--seeds", "label") == 0
    state = study(workplace).state()
    assert state.opened["long"] == ("base", "poor")
    tried = next(one for one in state.attempts.values() if (one[0].candidate, one[0].seed) == ("early", 2))
    assert [one.status for one in tried] == [RunStatus.INVALID]  # `rerun 1`, and there is nothing to run again
    assert tried[0].cause == "no run is recorded for this cell, and a replay trains none"
    assert promo("verify", path) == 3
    report = (study(workplace).path / "report.html").read_text()
    assert "For 1 cell of candidate, host and seed no run is recorded." in report
    assert "At short, 1 run would have been tried again, but the table holds no further run" in report


def numbered(*statuses: str) -> str:
    """The table with an attempt in each row; early's second seed ends at 10 s as each of *statuses* says."""
    lines = ["config,seed,attempt,seconds,loss,status"]
    for config, values in VALUES.items():
        for seed in (1, 2):
            if (config, seed) != ("b", 2):
                points = zip(("9.5", "19.5", "29.5"), values, strict=True)
                lines += [f"{config},{seed},1,{at},{value},ok" for at, value in points]
    for number, status in enumerate(statuses, 1):
        value = f"2.{number}" if status == "ok" else ""
        lines += [f"b,2,{number},{at},{value},{status}" for at in ((5,) if status != "ok" else (5, 15, 30))]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("recorded_runs", "tried"),
    [
        (("crash",), ["crash"]),  # one run is recorded: there is none to run again
        (("crash", "ok"), ["crash", "ok"]),
        (("crash", "nan", "ok"), ["crash", "nan"]),  # the gate asks for one rerun, and the third is not looked at
    ],
)
def test_a_rerun_reads_the_next_recorded_run_and_nothing_twice(workplace, recorded_runs, tried):
    path, curves = write(workplace, numbered(*recorded_runs))

    assert replay(path, curves, "--column", "status=status") == 0
    attempts = next(
        one
        for one in study(workplace).state().attempts.values()
        if (one[0].stage, one[0].candidate, one[0].seed) == ("short", "early", 2)
    )
    assert [one.status.value for one in attempts] == tried
    assert ("early" in study(workplace).state().opened["long"]) == (tried[-1] == "ok")
    assert promo("verify", path) == 3


def test_a_rerun_is_read_on_where_it_was_cut_off_and_by_who_carries_it_on(workplace):
    trains = "train   promoted for 30s\n  on      box\n  seeds   1, 2 shared\n"
    carried = SPEC.replace(trains, "continue promoted from short to 30s\n")
    path, curves = write(workplace, numbered("crash", "ok"), carried)
    replay(path, curves, "--column", "status=status")
    folder = study(workplace)
    body = body_of(folder, "long/early-box-s2")

    assert body.recorded.number == 1
    assert body.metrics == {"loss": "2.2"}

    ledger = folder.path / "ledger.jsonl"
    events = ledger.read_bytes().splitlines(keepends=True)
    started = next(
        one.seq
        for one in folder.chain().events
        if isinstance(one.event, AttemptStarted) and one.event.folder == "runs/short/early-box-s2/attempt-2"
    )
    crashed(ledger, b"".join(events[: started + 1]))  # promo was killed before the second run was read
    shutil.rmtree(folder.path / "runs/long")
    shutil.rmtree(folder.path / "runs/short/early-box-s2/attempt-2")

    assert replay(path, curves, "--column", "status=status") == 0
    again = body_of(folder, "short/early-box-s2", attempt=3)
    assert again.recorded.number == 1
    assert again.metrics == {"loss": "2.2"}
    assert promo("verify", path) == 3


def test_a_run_that_failed_counts_up_to_where_it_failed(workplace):
    text = table().replace("b,b2,2,200,19.5,2.8,ok", "b,b2,2,200,19.5,,nan").replace("b,b2,2,300,29.5,2.6,ok\n", "")
    path, curves = write(workplace, text.replace("train   three for 10s", "train   three for 9s"))

    assert replay(path, curves, "--column", "status=status") == 0
    state = study(workplace).state()
    statuses = {
        (one.stage, one.seed): one.status
        for tried in state.attempts.values()
        for one in tried
        if one.candidate == "early"
    }
    assert statuses["short", 1] is RunStatus.OK
    assert statuses["short", 2] is RunStatus.NAN


def test_interpolation_happens_only_when_it_is_declared(workplace, capsys):
    path, curves = write(workplace)
    replay(path, curves, "--study", "exact.study")
    replay(path, curves, "--study", "linear.study", "--interpolate", "linear")

    exact, linear = StudyFolder(workplace / "exact.study"), StudyFolder(workplace / "linear.study")
    assert (body_of(exact).metrics, body_of(exact).recorded.rows) == ({"loss": "4"}, (2,))
    assert body_of(linear).metrics == {"loss": "3.95"}  # half a second of ten behind 4.0, on the way to 3.0
    assert body_of(linear).recorded.rows == (2, 3)
    assert [one.state().frozen.replay.interpolate for one in (exact, linear)] == [False, True]
    assert promo("verify", linear.path) == 3
    assert "interpolated linearly" in (linear.path / "report.html").read_text().partition("</header>")[0]


def test_verify_finds_a_value_that_does_not_follow_from_the_table(workplace, capsys):
    path, curves = write(workplace)
    replay(path, curves)
    folder = study(workplace)
    better = evolve(body_of(folder, "short/poor-box-s1"), metrics={"loss": "1"})
    (folder.path / "runs/short/poor-box-s1/attempt-1/result.json").write_bytes(result_bytes(better))
    capsys.readouterr()

    assert promo("verify", path) == 1
    said = capsys.readouterr().out
    assert "DIFFERS  curves: runs/short/poor-box-s1/attempt-1 does not follow from t.csv" in said


def test_verify_finds_a_table_that_was_changed(workplace, capsys):
    path, curves = write(workplace)
    replay(path, curves)
    kept = study(workplace).path / "curves.csv"
    kept.write_text(kept.read_text().replace("5.0", "1.0"))

    assert promo("verify", path) == 1
    assert "DIFFERS  curves.csv" in capsys.readouterr().out


def test_bad_tables_end_with_exit_code_1_and_every_row(workplace, capsys):
    path, curves = write(workplace, table() + "a,a1,1,250,25,nan,ok\nb,b1,1,400,,2,ok\n")

    assert replay(path, curves) == 1
    said = capsys.readouterr().err
    assert "the table t.csv has 2 faults" in said
    assert "t.csv, row 20: column 'loss' is nan, which is not finite" in said
    assert "t.csv, row 21: column 'seconds' is empty" in said
    assert not study(workplace).exists


def test_a_replay_is_neither_run_nor_read_from_another_table(workplace, capsys):
    path, curves = write(workplace)
    replay(path, curves)

    assert promo("run", path) in (1, 2)
    assert "replay" in capsys.readouterr().err
    assert replay(path, curves, "--interpolate", "linear") == 1
    assert "was started with other curves" in capsys.readouterr().err
    curves.write_text(table().replace("5.0", "5.5"))
    assert replay(path, curves) == 1
    assert "digest" in capsys.readouterr().err


def test_the_runner_recorded_is_not_run_without_a_table(workplace, capsys):
    path, _ = write(workplace)

    assert promo("run", path) == 2
    assert "promo replay SPEC --curves FILE" in capsys.readouterr().err


def test_the_runner_recorded_has_no_training_to_be_held_to_the_contract(capsys):
    assert promo("runner", "recorded", "--try") == 2
    assert "trains nothing" in capsys.readouterr().err


def test_side_by_side_a_replay_is_named_as_one(workplace, capsys):
    path, curves = write(workplace)
    replay(path, curves, "--study", "one.study")
    replay(path, curves, "--study", "two.study", "--interpolate", "linear")
    capsys.readouterr()

    assert promo("report", "one.study", "two.study") == 0
    assert "The second study is a replay of recorded curves (t.csv" in capsys.readouterr().out


def test_a_spec_of_any_runner_is_replayed_when_its_names_are_mapped(workplace):
    from support import spec

    (workplace / "live.promo").write_text(spec("use"), encoding="utf-8")
    lines = ["who,run,seed,seconds,loss"]
    for name, value in {"base": 2, "good": 1, "fair": 3, "poor": 4}.items():
        lines += [f"{name}!,{name}{seed},{seed},{at},{value}" for seed in (1, 2, 3, 4) for at in (1, 2)]
    (workplace / "t.csv").write_text("\n".join(lines) + "\n")
    maps = [word for name in ("base", "good", "fair", "poor") for word in ("--map", f"{name}={name}!")]

    text = (workplace / "live.promo").read_text()
    (workplace / "live.promo").write_text(
        text.partition("candidate spare")[0] + text.partition("candidate spare")[2].partition("}\n")[2]
    )
    code = promo(
        "replay", workplace / "live.promo", "--curves", workplace / "t.csv", "--column", "config=who", *maps, "--quiet"
    )
    assert code == 0
    assert StudyFolder(workplace / "live.study").state().opened["long"] == ("base", "good")


def test_an_import_of_another_tool_is_replayed(workplace):
    rows = ["commit\tval_bpb\tmemory_gb\tstatus\tdescription"]
    rows += ["aaa\t0.99\t44\tkeep\tbase", "bbb\t0.98\t44\tkeep\tbetter", "ccc\t0.000000\t0\tcrash\twider"]
    (workplace / "results.tsv").write_text("\n".join(rows) + "\n")
    text = SPEC.replace("loss", "val_bpb").replace("in pt", "in bpb").replace("0pt", "0bpb")
    text = text.replace('"a"', '"aaa"').replace('"b"', '"bbb"').replace('"c"', '"ccc"')
    text = (
        text.replace("seeds   1, 2 shared", "seeds   1 shared")
        .replace("for 10s", "for 5min")
        .replace("for 30s", "for 6min")
    )
    path, _ = write(workplace, spec=text)

    assert replay(path, workplace / "results.tsv", "--from", "autoresearch") == 0
    assert study(workplace).state().opened["long"] == ("base", "early")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--map", "nobody=x"), "the spec has no candidate, host or seed of that name"),
        (("--map", "base"), "is not of the form NAME=TEXT"),
        (("--column", "colour=x"), "no column of a table is called 'colour'"),
        (("--mapping", "none.toml"), "there is no file none.toml"),
        (("--curves", "none.csv"), "there is no file none.csv"),
    ],
)
def test_wrong_options_are_exit_code_2(workplace, capsys, words, message):
    assert replay(*write(workplace), *words) == 2
    assert message in capsys.readouterr().err


def test_a_mapping_file_says_the_same_as_options(workplace):
    path, curves = write(workplace, table().replace("loss", "score"))
    (workplace / "map.toml").write_text('[columns]\nvalue = "score"\n')

    assert replay(path, curves, "--mapping", workplace / "map.toml") == 0


def test_a_spec_says_how_its_table_is_read_and_options_go_before_it(workplace):
    said = """
curves {
  column   value "score"
  column   seconds "minutes" in min
  label    base "A"
  label    box "rack 7"
  label    2 "two"
  seeds    by label
  interpolate linear
}
"""
    rows = ["config,seed,host,minutes,score"]
    for config, values in VALUES.items():
        for seed in ("1", "two"):
            points = zip(("0.16", "0.33", "0.5"), values, strict=True)
            rows += [f"{config},{seed},rack 7,{at},{value}" for at, value in points]
    text = "\n".join(rows).replace("\na,", "\nA,") + "\n"
    path, curves = write(workplace, text, SPEC + said)

    assert replay(path, curves) == 0
    frozen = study(workplace).state().frozen.replay
    assert (frozen.interpolate, frozen.seeds_by) == (True, "label")
    assert study(workplace).state().opened["long"] == ("base", "early")
    assert promo("verify", path) == 3
    assert replay(path, curves, "--study", "other.study", "--map", "base=b", "--map", "early=A") == 0
    swapped = StudyFolder(workplace / "other.study")
    assert body_of(swapped).recorded.config == "b"


def test_words_of_a_spec_about_tables_are_those_that_tables_are_read_by():
    from promo.curves.layouts import LAYOUTS
    from promo.curves.values import Column
    from promo.syntax.clauses import COLUMNS, words

    assert set(COLUMNS) == {column.value for column in Column}
    assert set(words("from_tool")) == set(LAYOUTS)


def test_the_early_leader_of_the_real_curves_loses_in_the_end(workplace, capsys):
    for name in ("replay_prefix.promo", "replay_prefix.lock.json"):
        shutil.copy(ROOT / "specs" / name, workplace)

    assert replay(workplace / "replay_prefix.promo", REAL) == 0
    state = StudyFolder(workplace / "replay_prefix.study").state()
    names = [f"ahead_at_{at}" for at in (250, 500, 750, 1000, 1250, "the_end")]
    assert [state.decisions[name].verdict.answer for name in names] == [Answer.FAILS] * 3 + [Answer.HOLDS] * 3
    assert state.opened["after_250"] == ("baseline",)
    assert state.opened["after_1000"] == ("prefix",)


def test_a_value_that_was_read_before_its_budget_is_no_kept_budget(workplace, capsys):
    path, curves = write(workplace, table().replace("9.5,", "9.0,"))
    assert replay(path, curves) == 0
    folder, said = study(workplace), []
    capsys.readouterr()

    words = "kept for 4 of 10 accepted runs, not known for 0, read from the table before it was used for 6"
    assert promo("verify", folder.path) == recheck.check(folder.path, NOBODY, said.append) == 3
    assert f"ok       budgets: {words}\n" in capsys.readouterr().out
    assert any(line.startswith(f"budgets {words}") for line in said)
    assert promo("report", folder.path, "--format", "md") == 0
    report = (folder.path / "report.md").read_text(encoding="utf-8")
    assert "6 of 10 values were read from the table short of their budget" in report


def test_a_table_without_a_clock_stands_for_no_seconds(workplace, capsys):
    spec = SPEC.replace("for 10s", "for 100steps\n  cap 1min").replace("for 30s", "for 300steps\n  cap 1min")
    rows = [line.split(",") for line in table().splitlines()]
    path, curves = write(workplace, "\n".join(",".join(row[:4] + row[5:]) for row in rows) + "\n", spec)
    assert promo("replay", path, "--curves", curves, "--plain") == 0

    said = capsys.readouterr().out
    assert "10 runs were read from a table without a clock, so how long they trained is not known" in said
    assert "short: base on box, seed 1: 4.0000 pt (" in said
    assert "of training (" not in said
    assert promo("report", path, "--format", "md") == 0
    report = (study(workplace).path / "report.md").read_text(encoding="utf-8")
    assert "seconds of training were not recorded" in report
    assert "spent in training" not in report.split("## Stages")[1].split("## ")[0]
    costs = report.split("## Cost")[1].split("## ")[0]
    assert "| stage | runs | budget | recorded |" in costs
    assert costs.count("| not known |") == 3
    assert "bound |" not in costs
