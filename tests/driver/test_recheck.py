"""Two verifiers that share no code agree, on sound studies and on damaged ones."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from promo.templates import recheck

from promo.base.errors import Mismatch
from promo.ledger.chain import decode
from promo.ledger.checkpoint import merkle_root
from support import promo, spec

FILE = Path(recheck.__file__)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    place = tmp_path_factory.mktemp("finished")
    (place / "trial.promo").write_text(spec(), encoding="utf-8")
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", "trial.promo", "--quiet") == 0
    finally:
        os.chdir(before)
    return place / "trial.study"


def test_it_is_one_file_that_needs_only_the_standard_library(finished):
    for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)
    done = subprocess.run([sys.executable, "-I", FILE, finished], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert "pick: decided again" in done.stdout
    assert "close: decided again" in done.stdout


def test_both_find_the_same_root(finished):
    lines = (finished / "ledger.jsonl").read_bytes().split(b"\n")[:-1]

    for length in range(len(lines) + 1):
        assert recheck.root(lines[:length]) == merkle_root(lines[:length])


def _reads(content):
    """Whether each of both takes a ledger for sound."""
    answers = []
    for read, refusal in ((decode, Mismatch), (recheck.chain, recheck.DiffersError)):
        try:
            read(content)
            answers.append(True)
        except refusal as fault:
            assert "ledger line" in str(fault)
            answers.append(False)
    return answers


def test_both_find_every_flipped_bit_and_name_its_line(finished):
    content = (finished / "ledger.jsonl").read_bytes()
    last = content[:-1].rfind(b"\n") + 1
    for place in range(0, last, 11):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)

        assert _reads(bytes(changed)) == [False, False], place


def test_both_find_lines_that_were_swapped_deleted_or_doubled(finished):
    lines = (finished / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    for n in range(len(lines) - 1):
        swapped = [*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]]
        for changed in (swapped, lines[:n] + lines[n + 1 :], [*lines[: n + 1], *lines[n:]]):
            assert _reads(b"".join(changed)) == [False, False]


PARTS = [
    "ledger.jsonl",
    "plan.json",
    "spec.promo",
    "evidence/short.json",
    "decisions/pick.json",
    "decisions/close.json",
]
PARTS += ["runs/*/*/attempt-1/result.json", "runs/*/*/attempt-1/request.json", "runs/*/*/attempt-1/points.jsonl"]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_both_find_a_change_in_every_file(finished, tmp_path, capsys, part, share):
    copy = tmp_path / "trial.study"
    shutil.copytree(finished, copy)
    path = sorted(copy.glob(part))[0]
    content = bytearray(path.read_bytes())
    content[int(share * (len(content) - 1))] ^= 1
    path.write_bytes(content)

    assert promo("verify", copy) == 1
    assert recheck.main(copy) == 1


def test_a_verdict_that_does_not_follow_is_found_though_every_digest_fits(finished):
    sound = recheck.Study(finished)
    list(recheck.frozen_files(sound))
    for event in sound.events:
        if event["kind"] == "gate.decided":
            event["data"]["promoted"] = ["base", "poor"]

    with pytest.raises(recheck.DiffersError, match=r"pick: the evidence gives \['base', 'good'\]"):
        list(recheck.decisions(sound))
