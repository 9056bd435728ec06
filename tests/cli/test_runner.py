"""`promo runner`: what can be trained, and the contract that anyone's runner can be held to."""

import json

import pytest

from support import promo


def test_installed_runners_are_listed_and_told(capsys):
    assert promo("runner") == 1  # one of the plug-ins of these tests is broken on purpose
    said = capsys.readouterr().out
    assert "gpt, version" in said
    assert "broken: the plug-in 'broken' of promo.runners cannot be loaded" in said
    assert promo("runner", "gpt") == 0
    said = capsys.readouterr().out
    assert "val_bpb in bpb, lower is better" in said
    assert "width per layer" in said
    assert "changes aspect during a run by: zero_pad" in said
    assert "changes context during a run\n" in said
    assert promo("runner", "gpt", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["factors"]["depth"]["default"] == "8"
    assert told["shapes"]["aspect"] == ["zero_pad"]
    assert told["shapes"]["total_batch"] == []


def test_a_runner_that_keeps_to_the_contract(capsys):
    assert promo("runner", "toy", "--try", "--set", "quality=3") == 0
    said = capsys.readouterr().out
    assert "ok     run" in said
    assert "two runs gave the same bits" in said
    assert said.rstrip().endswith("all conformance checks passed")


def test_how_fast_it_trains_by_threads(capsys):
    assert promo("runner", "toy", "--threads", "2,1") == 0
    said = capsys.readouterr().out
    assert "tokens/s a thread" in said
    assert "with every processor of this machine busy: slots" in said


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("nan", "WRONG  run"), ("forged", "WRONG  run"), ("worse", "invalid it used 60 steps of a budget of 20 steps")],
)
def test_a_runner_that_does_not(capsys, behaviour, words):
    assert promo("runner", "toy", "--try", "--set", f"behaviour={behaviour}") == 1
    assert words in capsys.readouterr().out


def test_the_built_in_runner_keeps_to_the_contract(capsys):
    pytest.importorskip("torch")
    small = {"depth": 1, "aspect": 32, "head_size": 16, "context": 32, "total_batch": 256, "window": "L"}
    words = [word for name, level in small.items() for word in ("--set", f"{name}={level}")]

    assert promo("runner", "gpt", "--try", *words) == 0
    said = capsys.readouterr().out
    assert "two runs gave the same bits" in said
    assert "ok     change: depth 1 -> 2 at 10: ok" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nobody",), "no runner 'nobody'"),
        (("none.toml",), "there is no file"),
        (("toy", "--try", "--set", "size"), "sets nothing"),
        (("toy", "--threads", "1,x"), "is not a list of numbers of threads"),
        (("toy", "--threads", "1,1"), "is not a list of numbers of threads"),
        (("toy", "--threads", "1", "--set", "behaviour=nan"), "the run with threads 1 ended as nan"),
        (("toy", "--try", "--set", "colour=1"), "no factor 'colour'"),
        (("toy", "--try", "--set", "size=large"), "not a level of 'size'"),
        (("toy", "--try", "--set", "size=13"), "13 is unlucky"),
    ],
)
def test_what_cannot_be_tried_is_one_clear_message(workplace, capsys, words, said):
    assert promo("runner", *words) == 2
    assert said in capsys.readouterr().err
