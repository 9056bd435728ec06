"""Where a run came from, as its record tells it: the card by its own tool, the commit, the code, the packages."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from promo.run import provenance
from promo.run.provenance import commit_of, device_facts, installed_packages, origin_of, own_code

TOOL = """#!/bin/sh
test "$2" = "--format=csv,noheader,nounits" || exit 1
test "$3" = "--id=GPU-77aa" || exit 1
echo "555.42, GPU-77aa, 1755, 1980, 700.00"
"""


@pytest.fixture
def card(tmp_path, monkeypatch):
    """The driver's tool, made up: it knows one card."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(TOOL, encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return monkeypatch


def test_driver_clocks_and_identity_of_the_card_are_asked_of_its_own_tool(card):
    card.setenv("CUDA_VISIBLE_DEVICES", "GPU-77aa")

    facts = {"driver": "555.42", "uuid": "GPU-77aa", "clock_mhz": "1755", "clock_max_mhz": "1980"}
    assert device_facts() == {**facts, "power_limit_w": "700.00"}


def test_a_tool_that_fails_or_is_not_there_is_no_fault_of_the_run(card, tmp_path):
    card.setenv("CUDA_VISIBLE_DEVICES", "GPU-other")
    assert device_facts() == {}
    (tmp_path / "nvidia-smi").unlink()
    assert device_facts() == {}


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_says_when_files_differ_from_it(tmp_path):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", "-C", tmp_path, *who, *words], check=True, capture_output=True)

    assert commit_of(tmp_path / "none", {}) is None
    git("init", "-q")
    (tmp_path / "trial.promo").write_text("promo 1\n", encoding="utf-8")
    git("add", "trial.promo")
    git("commit", "-q", "-m", "first")
    path = {"PATH": os.environ["PATH"]}
    commit = commit_of(tmp_path, path)
    assert len(commit) == 40
    (tmp_path / "trial.promo").write_text("promo 2\n", encoding="utf-8")
    assert commit_of(tmp_path, path) == commit + "+"
    (tmp_path / "deep").mkdir()
    assert commit_of(tmp_path / "deep", path) == commit + "+"
    elsewhere = {"GIT_DIR": str(tmp_path / ".git"), "GIT_WORK_TREE": str(tmp_path)}
    assert commit_of(tmp_path.parent, path) is None
    assert commit_of(tmp_path.parent, path | elsewhere) == commit + "+"
    git("clone", "-q", "--bare", ".", "bare.git")
    assert commit_of(tmp_path / "bare.git", path) == commit


def test_outside_of_git_no_process_is_started(tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.run", None)

    assert commit_of(tmp_path, {}) is None


def test_a_start_records_its_words_without_places_its_packages_and_promos_own_code(tmp_path, monkeypatch):
    stored = origin_of(tmp_path, {}, ["run", "/home/me/trial.promo", "--password=canary7f3a"])

    assert stored.command == ("run", "trial.promo", f"--password={'*' * 10}")
    assert stored.packages == installed_packages()
    assert any(one.startswith("promo_lang-") for one in stored.packages)
    package = shutil.copytree(Path(provenance.__file__).parents[1], tmp_path / "promo")
    monkeypatch.setattr(provenance, "__file__", str(package / "run" / "provenance.py"))
    assert own_code() == stored.code
    decide = package / "decision" / "decide.py"
    decide.write_bytes(decide.read_bytes() + b"#")
    assert own_code() != stored.code
