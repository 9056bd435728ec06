"""`promo executor`: what can start runs, and the port that anyone's executor can be held to."""

import pytest

from promo.cli.executor import _value
from promo.plugins import executor_names, executor_options
from promo.run.executors.local import LocalExecutor
from promo.run.values import Exit
from support import promo


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_installed_executors_are_listed_with_their_options(capsys):
    assert promo("executor") == 0
    said = capsys.readouterr().out
    assert "local: no options" in said
    assert "slurm: account, constraint, container, cpus" in said
    assert promo("executor", "slurm") == 0
    assert 'option partition = "gpu"' in capsys.readouterr().out
    assert promo("executor", "lokal") == 2


@pytest.mark.parametrize("words", [("local",), ("outside",), ("queue", "--option", "waits=1")])
def test_an_executor_that_keeps_to_its_port(here, capsys, words):
    assert promo("executor", *words, "--try") == 0
    said = capsys.readouterr().out
    assert "WRONG" not in said
    assert said.rstrip().endswith("all conformance checks passed")
    assert not list(here.iterdir())


class Forgetful(LocalExecutor):
    """Says of everything that it has ended well, and finds nothing again."""

    def look(self, handles):
        super().look(handles)
        return [Exit(0) for _ in handles]


def test_an_executor_that_lies_is_found_out(monkeypatch, capsys):
    monkeypatch.setattr("promo.plugins.EXECUTORS", {"local": f"{__name__}:Forgetful"})
    monkeypatch.setattr("promo.plugins._load", lambda place: Forgetful)

    assert promo("executor", "local", "--try") == 1
    assert "WRONG  run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in executor_names() for option in executor_options(name)]
)
def test_what_is_shown_as_an_example_of_an_option_is_taken(name, option):
    declared = executor_options(name)[option]

    assert _value(declared, declared.example.strip('"'), option) is not None


def test_what_an_executor_needs_and_a_pattern_that_cannot_work_are_named(capsys):
    assert promo("executor", "submit", "--try", "--option", "queued=r") == 2
    assert "starts nothing without the options 'cancel', 'number'" in capsys.readouterr().err
    assert promo("executor", "submit", "--try", "--option", "queued=(") == 2
    assert "'queued=(' is no regular expression" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["waits", "waits=x", "colour=red", "grace=3"])
def test_an_option_that_means_nothing_is_named(capsys, given):
    assert promo("executor", "queue", "--try", "--option", given) == 2
    assert given in capsys.readouterr().err
