"""Real training, end to end: the built-in runner on the built-in text, in seconds."""

import base64
import json
import math

import pytest

from support import TWO_MODELS, codes, crashed, promo

torch = pytest.importorskip("torch")

from promo.base.canonical import parse_json
from promo.base.codec import from_json
from promo.driver.study import StudyFolder
from promo.evidence.values import Evidence
from promo.run.values import Continued, Counter

SPEC = (
    """promo 1

study tiny {
  title    "Two tiny models"
  measure  val_bpb in bpb, lower is better
  runner   gpt
}

"""
    + TWO_MODELS.replace("executor warm", "executor inline")
    + """
stage first {
  train    wide, narrow for 30steps
  cap      1min
  on       here
  seeds    1
}

frozen rule width_pays {
  judge    wide against narrow at first
  require  mean gain at least 0bpb
  missing  stop
}
"""
)
"""Its runs are made in the process of the test, which imports torch once for all of them."""


@pytest.fixture(autouse=True)
def denormals_stay_numbers():
    """What training here leaves behind, that denormal floats are zero, must not reach other tests."""
    yield
    torch.set_flush_denormal(False)


def test_a_study_of_the_built_in_runner_trains_and_repeats_bit_for_bit(workplace, capsys):
    """In a process for each run, two at once, and all of them in this one."""
    apart = SPEC.replace("  slots    1\n  executor inline\n", "  slots    2\n")
    assert apart != SPEC
    (workplace / "tiny.promo").write_text(apart, encoding="utf-8")
    (workplace / "again.promo").write_text(SPEC, encoding="utf-8")

    assert promo("run", "tiny.promo", "--quiet") == 0
    assert promo("run", "again.promo", "--quiet", "--study", "again") == 0

    values = []
    for place in (workplace / "tiny.study", workplace / "again"):
        evidence = from_json(Evidence, parse_json((place / "evidence" / "first.json").read_bytes()))
        values.append({row.candidate: [cell.value for cell in row.cells] for row in evidence.rows})
        folder = StudyFolder(place)
        state = folder.state()
        assert {folder.request(one).data.digest for one in state.every_attempt()} == {state.text.digest}
    assert values[0] == values[1]
    assert all(2 < float(cells[0]) < 8 for cells in values[0].values())
    assert promo("verify", "tiny.promo") == 3


def test_a_text_that_changed_is_refused(workplace, capsys):
    for number in range(60):
        (workplace / f"{number}.txt").write_text(f"this is text number {number} " * 30, encoding="utf-8")
    text = SPEC.replace("builtin:synth/1", "*.txt").replace("holdout  5%", "holdout  20%")
    (workplace / "tiny.promo").write_text(text, encoding="utf-8")
    assert promo("run", "tiny.promo", "--quiet") == 0
    # Pretend it was not finished, and lose the prepared text.
    ledger = workplace / "tiny.study" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    crashed(ledger, b"".join(lines[:-3]))
    (workplace / "7.txt").write_text("another text", encoding="utf-8")
    capsys.readouterr()

    assert promo("run", "tiny.promo", "--quiet") == 1  # though the prepared text is still there
    error = capsys.readouterr().err
    assert "is not the one this study was started with" in error
    assert "bytes: " in error
    (workplace / "tiny.study" / "data" / "train.bytes").unlink()
    assert promo("run", "tiny.promo", "--quiet") == 1
    assert "is not the one this study was started with" in capsys.readouterr().err


def test_a_text_that_is_missing_starts_nothing(workplace, capsys):
    (workplace / "tiny.promo").write_text(SPEC.replace("builtin:synth/1", "none.txt"), encoding="utf-8")

    assert promo("run", "tiny.promo", "--quiet") == 2
    assert "no file matches 'none.txt'" in capsys.readouterr().err
    (workplace / "tiny.promo").write_text(SPEC, encoding="utf-8")
    assert promo("status", "tiny.promo") == 2  # nothing was frozen yet, so the path may be mended


def test_a_device_that_is_not_here_starts_nothing(workplace, capsys):
    text = SPEC.replace('device   "cpu" on any', 'device   "NVIDIA Z999" on any')
    (workplace / "tiny.promo").write_text(text, encoding="utf-8")

    assert promo("run", "tiny.promo", "--quiet") == 2
    assert "NVIDIA Z999" in capsys.readouterr().err
    assert not (workplace / "tiny.study" / "ledger.jsonl").exists()


WORDS = (*(bytes([one]) for one in range(256)), b"th", b"the", b" the", b"in", b"ing", b"er", b"es", b" a")


def write_tokens(folder):
    """A small tokenizer beside the spec."""
    tokens = [base64.b64encode(one).decode() for one in WORDS]
    stored = {"promo_tokenizer": 1, "pattern": r" ?\w+|\s+|[^\w\s]+", "tokens": tokens}
    (folder / "bpe.json").write_text(json.dumps(stored), encoding="utf-8")


def test_a_study_of_tokens_has_their_model_and_counts_their_bytes(workplace, capsys):
    pytest.importorskip("tiktoken")
    write_tokens(workplace)
    text = SPEC.replace('"builtin:synth/1"\n', f'"builtin:synth/1"\n  tokenizer "bpe.json" of {len(WORDS) + 1}tok\n')
    (workplace / "tiny.promo").write_text(text, encoding="utf-8")

    assert promo("run", "tiny.promo", "--quiet") == 0
    assert promo("verify", "tiny.promo") == 3
    assert promo("plan", "tiny.promo") == 0
    assert "Largest model wide: 29,250 parameters" in capsys.readouterr().out

    folder = StudyFolder(workplace / "tiny.study")
    results = [folder.result(one).body for one in folder.state().every_attempt()]
    assert {body.details["parameters"] for body in results} == {29_250, 11_554}
    for body in results:
        score = body.details["score"]
        assert score["bytes"] > score["tokens"] > 1900  # of 2,048; special tokens are not scored
        bits = float(score["nats"]) / score["bytes"] / math.log(2)
        assert float(body.metrics["val_bpb"]) == pytest.approx(bits)
        assert 2 < bits < 8
    (workplace / "tiny.study" / "data" / "token_lengths.bytes").write_bytes(b"changed")
    capsys.readouterr()
    assert promo("verify", "tiny.promo") == 1
    assert "token_lengths.bytes: it is not the text that was trained on" in capsys.readouterr().out


CARRIED_ON = """
frozen gate pick {
  from     first to second
  rank     by mean val_bpb over host, seed
  keep     top 1
  missing  stop
  crash    as missing
  ties     by name
}

stage second {
  after    pick
  continue promoted from first to 90steps
}

frozen rule no_worse {
  judge    BEST at second
  require  mean val_bpb at most 8bpb
  missing  stop
  absent   skip
}
"""


def test_a_stage_that_carries_runs_on_starts_from_their_states(workplace, capsys):
    text = SPEC.replace("  report   only\n", "") + CARRIED_ON
    name = next(line.split()[1] for line in SPEC.splitlines() if line.startswith("candidate"))
    (workplace / "tiny.promo").write_text(text.replace("BEST", name), encoding="utf-8")

    assert promo("run", "tiny.promo", "--quiet") == 0

    folder = StudyFolder(workplace / "tiny.study")
    state = folder.state()
    first = {(one.candidate, one.seed): one for one in state.every_attempt("first")}
    second = list(state.every_attempt("second"))
    assert second
    for attempt in second:
        body, before = folder.result(attempt).body, first[attempt.candidate, attempt.seed]
        assert (body.work.steps, body.used.used, body.used.counter) == (90, "60.0", Counter.TRAINER)
        begins = Continued(before.folder, folder.result(before).body.checkpoint, 30, None)
        assert begins.state is not None
        assert folder.request(attempt).continues == begins
    capsys.readouterr()
    assert promo("verify", "tiny.promo") == 3
    assert "requests: 3 requests recomputed from plan and ledger" in capsys.readouterr().out
    assert promo("report", "tiny.promo") == 0


BRANCHED = CARRIED_ON.replace("continue promoted from first to 90steps", "branch   promoted from first to 90steps")


def test_a_stage_that_branches_starts_from_the_trunk_and_says_so(workplace, capsys):
    text = SPEC.replace("  cap      1min\n", "  cooldown 20%\n  cap      1min\n").split("frozen rule")[0]
    (workplace / "tiny.promo").write_text(text + BRANCHED.replace("BEST", "wide"), encoding="utf-8")

    assert promo("run", "tiny.promo", "--quiet") == 0

    folder = StudyFolder(workplace / "tiny.study")
    first = {(one.candidate, one.seed): one for one in folder.state().every_attempt("first")}
    (attempt,) = folder.state().every_attempt("second")
    body, before = folder.result(attempt).body, first[attempt.candidate, attempt.seed]
    assert body.work.steps == 90
    assert body.used.used == "66.0"  # 90 - 24: the trunk is paid for once
    begins = Continued(before.folder, folder.result(before).body.trunk, 24, None)
    assert begins.state is not None
    assert folder.request(attempt).continues == begins
    capsys.readouterr()
    assert promo("verify", "tiny.promo") == 3
    assert "requests: 3 requests recomputed from plan and ledger" in capsys.readouterr().out
    assert promo("report", "tiny.promo") == 0
    page = (workplace / "tiny.study" / "report.html").read_text(encoding="utf-8")
    assert "branches from the trunk of first at 24 steps, constant rate up to 72 steps, then cooling down" in page


LAGS = """promo 1

study grows {
  title    "Looks of a lag"
  measure  val_bpb in bpb, lower is better
  runner   gpt
}

data words {
  source   "builtin:synth/1"
  holdout  5%
  score    2_048tok in windows of 64tok
}

host here {
  device   "cpu" on any
  slots    1
  executor inline
}

factor depth: layers in [1, 2] default 1
factor aspect: ratio in [8, 24] default 8
factor head_size: channels in [8]
factor context: tokens in [64]
factor total_batch: tokens in [512]
factor window: pattern in ["L"]

candidate single as reference

stage singles {
  train    single for 20steps
  cooldown 10%
  cap      1min
  on       here
  seeds    1
  report   only
}

grow second {
  parent   single at singles
  stack    depth 1 -> 2, aspect 8 -> 24 by [copy_top, identity]
  choose   lowest val_bpb CHOICE
  cap      1min
  becomes  of_two
}

stage doubles {
  train    of_two for 10steps
  cap      1min
  on       here
  seeds    1 shared
  report   only
}
"""


def test_no_part_of_a_model_becomes_smaller_when_it_grows():
    """Two layers of 16 channels have more weights than one of 24, and cannot hold what it knows."""
    text = LAGS.replace("CHOICE", "after 12steps").replace("[8, 24] default 8", "[8, 24] default 24")
    text = text.replace("aspect 8 -> 24", "aspect 24 -> 8")

    assert codes(text) == ["P0802"]


def test_looks_that_carry_each_other_on_are_one_lag_bit_for_bit(workplace):
    """Grown in depth and width together; the way that both choose has the same state after looks and after one lag."""
    values = {}
    for name, choice in (("whole", "after 12steps"), ("looks", "once stable for 2 looks of 4steps, at most 12steps")):
        (workplace / f"{name}.promo").write_text(LAGS.replace("CHOICE", choice), encoding="utf-8")
        assert promo("run", f"{name}.promo", "--quiet") == 0
        folder = StudyFolder(workplace / f"{name}.study")
        state = folder.state()
        found = [folder.result(one).body for one in state.every_attempt() if one.stage in ("second", "doubles")]
        asked = [folder.request(one) for one in state.every_attempt() if one.stage in ("second", "doubles")]
        values[name] = {
            (request.run.stage, request.run.candidate): body.metrics["val_bpb"]
            for request, body in zip(asked, found, strict=True)
        }
        assert {request.settings["width"] for request in asked} == {48}
        assert promo("verify", f"{name}.promo") == 3
    same = values["whole"].keys() & values["looks"].keys()
    assert {stage for stage, _ in same} == {"second", "doubles"}
    assert {key: values["whole"][key] for key in same} == {key: values["looks"][key] for key in same}
