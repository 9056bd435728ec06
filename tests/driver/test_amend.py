"""Amendments: on the record, side by side, and never backwards."""

import re
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.canonical import parse_json
from promo.driver.study import StudyFolder
from promo.ledger.chain import GENESIS
from promo.ledger.outcomes import Settled
from promo.ledger.state import state_of
from promo.ledger.values import Amendment, AttemptStarted, Decided, Event, Happening, Verdict
from promo.report.describe import closure_changes
from promo.study.closure import closure
from promo.study.judgement import Top
from promo.study.lock import lock_from_json
from support import INLINE, SOUND, crashed, promo, spec, study_of

WHY = ("--reason", "two are cheap enough", "--by", "Ada")


def small(**parts) -> str:
    """The sound spec, without what nobody reads."""
    return (
        spec("use", **{"host": INLINE, **parts})
        .replace('candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}', "")
        .replace("factor size: units in 1..64 step 1 default 8", "")
        .replace("factor ratio: units in [1, 4] default 1", "")
    )


def write(place: Path, text: str) -> Path:
    path = place / "trial.promo"
    path.write_text(text, encoding="utf-8")
    return path


def decisions(folder: StudyFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder.path / "decisions").glob("*.json"))}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    place = tmp_path_factory.mktemp("finished")
    assert promo("run", write(place, small()), "--quiet") == 0
    return place


@pytest.fixture
def copy(finished, workplace):
    shutil.copytree(finished, workplace, dirs_exist_ok=True)
    return StudyFolder(workplace / "trial.study")


def amend(path, *more, gate="pick"):
    return promo("amend", path, "--gate", gate, *WHY, *more)


def cut_before(folder: StudyFolder, kind: type[Happening]) -> None:
    """Take a study back to the moment before its first event of a kind."""
    ledger = folder.path / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    crashed(ledger, b"".join(lines[: next(one.seq for one in folder.chain().events if isinstance(one.event, kind))]))
    for name in folder.unknown_runs(folder.state()):
        shutil.rmtree(folder.path / name)
    shutil.rmtree(folder.path / "decisions")


def test_an_amendment_after_the_decision_changes_nothing_that_happened(copy, capsys):
    before = decisions(copy)
    old = copy.state()
    path = write(copy.path.parent, small(gate=small_gate("keep top 2")))

    assert amend(path) == 0

    state = copy.state()
    assert "post hoc" in capsys.readouterr().out
    assert {name: (copy.path / "decisions" / name).read_bytes() for name in before} == before
    assert (state.decisions, state.opened) == (old.decisions, old.opened)
    assert {name: one.verdict.wording for name, one in state.decisions.items()} == {"pick": 0, "close": 0}
    (amendment,) = state.amendments
    assert (amendment.verdict.wording, amendment.verdict.promoted) == (1, ("base", "fair", "good"))
    assert [one.rule.keep for one in (amendment.old, amendment.new)] == [Top(1), Top(2)]
    assert list(closure_changes(amendment.old, amendment.new)) == ["gate pick, keep: top 1 -> top 2"]
    assert len(amendment.seen) == 8
    assert promo("verify", copy.path) == 3
    assert "pick, by amendment 1: decided again; it decides nothing" in capsys.readouterr().out
    page = (copy.path / "report.html").read_text(encoding="utf-8")  # written again by the amendment itself
    assert "by amendment 1 (decides nothing): promotes base, fair (quality 3) and good (quality 1)." in page
    assert "by amendment 1, fair (quality 3) would be promoted: among the top 2" in page
    assert promo("report", copy.path, "--format", "md") == 0
    assert "by amendment 1, fair (quality 3) would be promoted" in (copy.path / "report.md").read_text(encoding="utf-8")
    assert promo("run", path, "--quiet") == 0
    assert "amendment 1" in (copy.path / "report.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert promo("status", copy.path) == 0
    assert (
        "by amendment 1 (decides nothing): promotes base, fair (quality 3) and good (quality 1)"
        in capsys.readouterr().out
    )


def small_gate(keep: str) -> str:
    return SOUND["gate"].replace("keep top 1", keep)


def test_an_amendment_before_the_decision_decides_and_both_verdicts_are_kept(copy, capsys):
    cut_before(copy, Decided)
    path = write(copy.path.parent, small(gate=small_gate("keep top 2")))

    assert amend(path) == 0
    assert promo("check", path) == 0
    assert promo("run", path, "--quiet") == 0

    state = copy.state()
    assert state.decisions["pick"].verdict.wording == 1
    assert state.amendments[0].post_hoc
    assert state.amendments[0].verdict is None
    assert state.opened["long"] == ("base", "fair", "good")
    assert [(one.wording, one.promoted) for one in state.decisions["pick"].others] == [(0, ("base", "good"))]
    assert (copy.path / "decisions" / "pick.frozen.json").exists()
    assert promo("verify", copy.path) == 3
    capsys.readouterr()
    assert promo("why", "fair", "pick", "--study", copy.path) == 0
    told = capsys.readouterr().out
    assert "fair (quality 3) was promoted to long by pick" in told
    assert "As frozen, fair (quality 3) would be dropped: below the cut" in told
    assert "two are cheap enough" in told


def test_a_wording_that_looks_at_fewer_does_not_say_that_they_are_gone(copy, capsys):
    path = write(
        copy.path.parent, small(rule=SOUND["rule"].replace("at most 0.5pt", "at most 0.5pt or first in every cell"))
    )

    assert amend(path, gate="close") == 0
    said = capsys.readouterr().out
    assert "Changed: rule close, require: mean gap at most 0.5 pt -> mean gap at most 0.5 pt or first" in said
    assert "Now read as well: candidate fair (" in said
    assert re.search(r"Amendment 1 of rule close by Ada on 20\S+Z: two are cheap enough", said)


def test_an_amendment_before_any_result_is_not_post_hoc(copy):
    cut_before(copy, AttemptStarted)
    path = write(copy.path.parent, small(gate=small_gate("keep top 2")))

    assert amend(path) == 0
    assert copy.state().amendments[0].seen == ()
    assert not copy.state().amendments[0].post_hoc


def test_a_second_amendment_builds_on_the_first(copy):
    cut_before(copy, Decided)
    path = write(copy.path.parent, small(gate=small_gate("keep top 2")))
    assert amend(path) == 0
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("mean gap at most 0.5pt", "mean gap at most 0.25pt"), encoding="utf-8")

    assert amend(path, gate="close") == 0
    assert promo("run", path, "--quiet") == 0
    state = copy.state()
    assert {name: one.verdict.wording for name, one in state.decisions.items()} == {"pick": 1, "close": 2}
    assert [one.verdict for one in state.amendments] == [None, None]
    assert promo("verify", copy.path) == 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("for 2s", "for 3s", "stage long, for"),
        ("seeds 3, 4", "seeds 3, 5", "stage long, seeds"),
        ("quality = 4", "quality = 5", "candidate poor"),
        ("mean gap at most 0.5pt", "mean gap at most 0.6pt", "rule close"),
    ],
)
def test_nothing_but_the_gate_may_be_amended(copy, capsys, old, new, said):
    path = write(copy.path.parent, small(gate=small_gate("keep top 2")).replace(old, new))
    before = (copy.path / "ledger.jsonl").read_bytes()

    assert amend(path) == 2
    error = capsys.readouterr().err
    assert "only its own clauses" in error
    assert said in error
    assert (copy.path / "ledger.jsonl").read_bytes() == before


def test_an_amendment_says_why_and_changes_something(copy, capsys):
    path = write(copy.path.parent, small())

    assert amend(path) == 2
    assert "nothing to amend" in capsys.readouterr().err
    assert promo("amend", path, "--gate", "pick", "--reason", " ", "--by", "Ada") == 2
    assert amend(path, gate="pik") == 2
    assert "did you mean 'pick'" in capsys.readouterr().err
    assert promo("amend", path, "--gate", "pick") == 2


@pytest.mark.parametrize("frozen", [True, False], ids=["sealed", "not sealed"])
def test_words_about_a_gate_and_a_seal_that_was_taken_out_are_nothing_to_amend(copy, capsys, frozen):
    """What an amendment compares is what a gate means; neither its documentation nor its seal is part of that."""
    path = copy.path.parent / "trial.promo"
    assert not frozen or promo("freeze", path) == 0
    text = path.read_text(encoding="utf-8").replace("frozen gate pick", "## Words.\nfrozen gate pick")
    path.write_text(text, encoding="utf-8")
    before = (copy.path / "ledger.jsonl").read_bytes()

    assert amend(path) == 2
    assert "nothing to amend" in capsys.readouterr().err
    assert (copy.path / "ledger.jsonl").read_bytes() == before


def test_an_amended_spec_is_refused_until_it_is_amended(copy, capsys):
    path = write(copy.path.parent, small(gate=small_gate("keep top 2")))

    assert promo("run", path, "--quiet") == 1
    assert "keep: top 1 -> top 2" in capsys.readouterr().err


def test_a_seal_that_a_crash_kept_from_the_spec_is_written_again(copy, capsys):
    assert promo("freeze", copy.path.parent / "trial.promo") == 0
    path = copy.path.parent / "trial.promo"
    text = path.read_text(encoding="utf-8").replace("keep top 1", "keep top 2")
    path.write_text(text, encoding="utf-8")
    assert amend(path) == 0
    sealed = path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")

    assert amend(path) == 0
    assert path.read_text(encoding="utf-8") == sealed
    assert len(copy.state().amendments) == 1
    lock = lock_from_json(parse_json((copy.path.parent / "trial.lock.json").read_bytes()))
    assert lock.seals["pick"].amendment.reason == "two are cheap enough"
    assert lock.seals["pick"].results_then == 8


@pytest.mark.parametrize("damage", ["text", "decision"])
def test_a_changed_amendment_is_found(copy, damage, capsys):
    path = write(copy.path.parent, small(gate=small_gate("keep top 2")))
    amend(path)
    place = "amendments/1.promo" if damage == "text" else "decisions/pick.amendment-1.json"
    content = (copy.path / place).read_text(encoding="utf-8")
    (copy.path / place).write_text(content.replace("A trial", "A trail") + " ", encoding="utf-8")

    assert promo("verify", copy.path) == 1
    assert "DIFFERS" in capsys.readouterr().out


names = st.sampled_from(["pick", "close"])
steps = st.lists(st.tuples(st.sampled_from(["amend", "decide"]), names), max_size=12)


STUDY = study_of(spec())


def happened(seq: int, happening: Happening) -> Event:
    return Event(seq, "2026-01-01T00:00:00Z", 1, happening, GENESIS)


def amended(name: str, number: int) -> Amendment:
    """An amendment that says of a gate or rule what it said before."""
    same = closure(STUDY, STUDY.deciding[name])
    return Amendment(name, number, same, same, "why", "Ada", GENESIS, (), GENESIS, None)


@settings(max_examples=200, deadline=None)
@given(steps, names)
def test_appending_an_amendment_never_changes_what_was_decided(history, name):
    """Whatever happened before, one more amendment leaves every decision, and the wording it was made by, alone."""
    events = []
    for kind, who in history:
        known = state_of(events)
        if kind == "decide" and who not in known.decisions:
            verdict = Verdict(known.in_force(who), f"{len(events):064x}", Settled(), ("good",), None, (), ())
            events.append(happened(len(events), Decided(who, None, verdict, ())))
        elif kind == "amend":
            events.append(happened(len(events), amended(who, len(known.amendments) + 1)))
    before = state_of(events)
    after = state_of([*events, happened(len(events), amended(name, len(before.amendments) + 1))])

    assert after.decisions == before.decisions
    assert after.amendments[:-1] == before.amendments
    assert all(after.in_force(one) == before.in_force(one) for one in before.decisions)
    assert name in before.decisions or after.in_force(name) == len(after.amendments)


def test_whom_an_amended_gate_promotes_is_trained_on_the_devices_of_the_next_stage(workplace, capsys):
    host = SOUND["host"].replace("slots 2", "slots 4\n  price 36usd")
    study = SOUND["study"].replace("runner toy", "runner toy\n  budget 300usd")
    long = SOUND["stage long"].replace("on box", "on box\n  devices 2")
    path = write(workplace, text := small(study=study, host=host, **{"stage long": long}))
    assert promo("run", path, "--freeze-only", "--quiet") == 0
    write(workplace, text.replace("keep top 1", "keep top 2"))
    assert amend(path) == 0
    assert promo("amend", path, "--budget", "400usd", *WHY) == 0
    assert promo("run", path, "--quiet") == 0

    folder = StudyFolder(workplace / "trial.study")
    attempts = list(folder.state().every_attempt())
    assert folder.state().promoted("pick") == ("base", "fair", "good")
    assert {(one.stage, folder.request(one).devices) for one in attempts} == {("short", 1), ("long", 2)}
    capsys.readouterr()
    assert promo("status", path, "--json") == 0
    held = sum(Fraction(one.device_s) * folder.request(one).devices for one in attempts)
    assert Fraction(parse_json(capsys.readouterr().out.encode())["money"]["spent"]) == held * 36 / 3600
    assert promo("verify", folder.path) == 3
    done = subprocess.run([sys.executable, folder.path / "recheck.py", folder.path], capture_output=True, check=False)
    assert done.returncode == 3, done.stdout
    assert "2 s on 2 devices" in (folder.path / "report.html").read_text(encoding="utf-8")
