"""Whatever somebody does to a finished study, and however well it is made to fit, both verifiers find it."""

import re
import shutil
from pathlib import Path

import pytest

import studies
from tampered import ABOUT, KINDS, ONLY_BY_VERIFY, SOUND, about, both, tampered

SAID = {
    "a stage is left out": "the study was closed: stage aside had not ended",
    "a rule's verdict is left out": "the study was closed: close had not decided",
    "a planned run was never made": "pick decided: fair on box, seed 2, of short has not been run",
    "a rerun that was due was not made": "pick decided: good on box, seed 1, of short is to be run again: 1 of its",
    "a sound result called lost, another accepted": "short/base-box-s1/attempt-1 was called lost, and it left a sound",
    "a gate before its results": "pick decided: base on box, seed 2, of short is under way (and 2 runs more)",
    "a stage closed before its runs": "stage short closed: good on box, seed 2, of short is under way",
    "the study ended in its middle": "the study was closed: stage long had not ended; stage aside had not ended; close",
    "frozen twice": "event 1, the study was frozen: a study is frozen once, before everything else",
    "decided twice": "pick decided: it had decided before",
    "no start is recorded": "event 1, stage short opened: no start of promo is recorded for it",
    "times go back": "s before that of the last, and no jump of the clock is recorded",
    "starts go back": "its number of starts is 0, and that before was 1",
    "asked for another budget": "short/base-box-s1/attempt-1/request.json asks for another budget than was due",
    "asked for other levels": "request.json asks for another settings than was due",
    "asked for another seed": "request.json asks for another run than was due",
    "asked for another text": "request.json asks for another data than was due",
    "asked to continue from another state": "request.json asks for another continues than was due",
    "a start after the end": "event 37, promo started: the study had been closed",
    "an unknown kind": "ledger line 37: event. 'verdict.bought' is none of study.frozen, anchor.received",
    "a file that no event knows": "no event accounts for notes.txt",
    "an attempt beyond the study's budget": "began: the study's budget had no room for it: 1 s were left",
    "a budget of money that is no larger": "a budget was amended: the study had a budget of 3.119 usd already",
    "one amendment of two budgets": "a budget was amended: an amendment is of one budget",
    "a budget that is no larger": "a budget was amended: the study had a budget of 18 s already",
    "an empty ledger": "the ledger is empty",
    "a guard was not applied": "pick decided: guard 0 of pick objects to the result of run",
    "another sixth digit of an effect": "penalties comes out otherwise at fits[0].estimates[0].value",
}
"""What the second verifier says of some of them."""

NAMED = re.compile(
    r"DIFFERS: .*(event \d+|ledger line \d+|ledger is empty|\S+\.(json|promo|jsonl|py|csv|txt)|attempt-\d|"
    r"accounts for|plan: )"
)
"""A difference says where: an event by its number, a line, a file, or a part of the plan."""


@pytest.fixture
def made(tmp_path_factory):
    """Leads to a study, which is made when it is first asked for."""
    return lambda name: studies.made(name, tmp_path_factory) / "trial.study"


@pytest.fixture
def changed(made, tmp_path):
    """A study to which somebody did something."""

    def change(name, table):
        study, how = table[name]
        folder = tmp_path / "trial.study"
        shutil.copytree(made(study), folder, symlinks=True)
        tampered(folder, how)
        return folder

    return change


@pytest.mark.parametrize("name", studies.STUDIES)
def test_both_give_a_real_study_the_same_code(made, name):
    first, second, _, said = both(made(name))

    assert first == second == studies.STUDIES[name][1], said


@pytest.mark.parametrize("name", KINDS)
def test_both_find_what_was_done_and_the_second_says_where(changed, name):
    first, second, theirs, said = both(changed(name, KINDS))

    assert second == 1, said
    assert "hold together" not in said
    assert NAMED.search(said), said
    assert SAID.get(name, "") in said, said
    assert first == 1, theirs


@pytest.mark.parametrize("name", SOUND)
def test_neither_finds_anything_where_nothing_is_wrong(changed, name):
    first, second, _, said = both(changed(name, SOUND))

    assert first == second == 3, said


@pytest.mark.parametrize("name", ONLY_BY_VERIFY)
def test_what_needs_the_language_is_found_by_promo_verify_alone(changed, name):
    assert both(changed(name, ONLY_BY_VERIFY))[:2] == (1, 3)


def test_the_table_of_ways_counts_each_of_them():
    table = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for words in ABOUT.values():
        every = [name for name in {**KINDS, **ONLY_BY_VERIFY} if about(name) == words]
        both_find = sum(name in KINDS for name in every)

        assert f"| {words} | {len(every)} | {len(every)} | {both_find} |" in table
    assert f"| {len(SOUND)} | 0 | 0 |" in table


def test_every_kind_that_is_worded_is_one():
    assert set(SAID) <= set(KINDS)
