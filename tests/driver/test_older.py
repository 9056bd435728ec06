"""A study of the format before this one: every command says so in one sentence, and none calls it damaged."""

import json
import shutil
from pathlib import Path

import pytest

from support import promo

OLDER = Path(__file__).parent / "older"


@pytest.fixture
def older(tmp_path):
    """A finished study of format 1, without its runs, and the spec and lock that it began with."""
    shutil.copytree(OLDER / "study", tmp_path / "trial.study")
    for name in ("trial.promo", "trial.lock.json"):
        shutil.copy(OLDER / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words", ["verify {}", "report {}", "status {}", "why good --study {}", "export {} --to rocrate"]
)
def test_a_study_of_another_format_is_named_and_not_called_damaged(older, words, capsys):
    folder = older / "trial.study"
    before = sorted(folder.iterdir())

    assert promo(*(word.format(folder) for word in words.split())) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"error: the study in {folder} is of format 1, and this promo reads format 2",
        f"  = help: the recheck.py that it carries verifies it: python3 {folder}/recheck.py {folder}",
    ]
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("command", ["run", "check", "plan", "freeze"])
def test_a_lock_of_another_format_is_named_and_not_called_damaged(older, command, capsys):
    assert promo(command, older / "trial.promo") == 2
    assert f"the lock {older}/trial.lock.json is of format 1, and this promo reads format 2" in capsys.readouterr().err


def test_a_ledger_that_is_damaged_is_called_so_whatever_its_lock(older, capsys):
    lock = older / "trial.study" / "lock.json"
    stored = json.loads(lock.read_text(encoding="utf-8"))
    lock.write_text(json.dumps({**stored, "promo_lock": 2}), encoding="utf-8")

    assert promo("verify", older / "trial.study") == 1
    assert "ledger line 1 is damaged" in capsys.readouterr().out
