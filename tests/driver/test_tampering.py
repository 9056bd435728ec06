"""Nothing that a study rests on can be changed, swapped, doubled, cut or taken away without being found and named."""

import os
import random
import shutil
from argparse import Namespace
from pathlib import Path

import pytest
from promo.templates import recheck

from promo.base.errors import Mismatch
from promo.driver.study import StudyFolder
from promo.driver.values import Outcome
from promo.driver.verify import verify_study
from promo.ledger.chain import decode
from support import SOUND, promo, spec

INLINE = SOUND["host"].replace("any\n", "any\n  executor inline\n")
NOT_VOUCHED = ("supervisor.txt", "report.html", "lock")
"""What no decision rests on; and the operating system's lock."""
NOBODY = Namespace(key=[], authority=[], anchor=[])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    place = tmp_path_factory.mktemp("finished")
    before = Path.cwd()
    os.chdir(place)
    try:
        (place / "trial.promo").write_text(spec("use", host=INLINE, stage_short=SHORT), encoding="utf-8")
        assert promo("run", "trial.promo", "--quiet") == 0
    finally:
        os.chdir(before)
    return place / "trial.study"


SHORT = SOUND["stage short"].replace("seeds 1, 2", "seeds 1")


def vouched(folder):
    """Files that verifying reads, as paths inside the study."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in NOT_VOUCHED)
    return [path.relative_to(folder).as_posix() for path in files]


def flipped(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def by_both(content):
    """Whether each verifier takes the bytes of a ledger for a sound chain; the line that it names, if not."""
    answers = []
    for read, refusal in ((decode, Mismatch), (recheck.chain, recheck.DiffersError)):
        try:
            read(content)
        except refusal as fault:
            answers.append(int(str(fault).partition("ledger line ")[2].split()[0].rstrip(":")))
        else:
            answers.append(None)
    return answers


def assert_every_flip_is_found(content, bits):
    """Flips before the last line: the chain names the line or the one behind it."""
    for bit in bits:
        line = content.count(b"\n", 0, bit // 8) + 1
        named = by_both(flipped(content, bit))

        assert all(one in (line, line + 1) for one in named), (bit, line, named)


def test_flipped_bits_of_the_ledger_are_found_and_their_line_named(finished):
    content = (finished / "ledger.jsonl").read_bytes()
    last = content[:-1].rfind(b"\n") + 1
    assert_every_flip_is_found(content, random.Random(5).sample(range(8 * last), 400))


@pytest.mark.slow
def test_every_single_flipped_bit_of_the_ledger_is_found_and_its_line_named(finished):
    content = (finished / "ledger.jsonl").read_bytes()
    assert_every_flip_is_found(content, range(8 * (content[:-1].rfind(b"\n") + 1)))


def test_lines_that_were_swapped_deleted_doubled_or_cut_are_found(finished, tmp_path):
    lines = (finished / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    for n in range(len(lines) - 1):
        swapped = [*lines[:n], lines[n + 1], lines[n], *lines[n + 2 :]]
        for changed in (swapped, lines[:n] + lines[n + 1 :], [*lines[: n + 1], *lines[n:]]):
            assert None not in by_both(b"".join(changed)), n


@pytest.fixture(scope="module")
def copy(finished, tmp_path_factory):
    """A copy that every damage is undone in again."""
    folder = tmp_path_factory.mktemp("copy") / "trial.study"
    shutil.copytree(finished, folder)
    return folder


def found_and_named(folder, *names):
    """Both verifiers find a difference, and promo names one of the files, or the attempt or stage that it is of."""
    audit = verify_study(StudyFolder(folder))
    said = " ".join(f"{one.name}: {one.words}" for one in audit.checks if one.outcome is not Outcome.MATCHES)
    parts = {part for name in names for part in (name, Path(name).stem, name.rpartition("/")[0]) if part}
    second: list[str] = []
    code = recheck.check(folder, NOBODY, second.append)

    assert audit.exit_code == code == 1, (names, audit.exit_code, second)
    assert any(part in said for part in parts), (names, said)


def damages(finished, bits):
    """Each vouched file damaged: some bits flipped, cut, emptied, doubled."""
    draw = random.Random(7)
    for name in vouched(finished):
        content = (finished / name).read_bytes()
        last = content[:-1].rfind(b"\n") + 1 if name == "ledger.jsonl" else 0
        for bit in draw.sample(range(8 * last, 8 * len(content)), min(bits, 8 * (len(content) - last))):
            yield name, flipped(content, bit)
        yield name, content[: draw.randrange(1, len(content))] if name != "ledger.jsonl" else content[:last]
        yield name, content + content


def assert_each_is_found(finished, copy, each):
    for name, changed in each:
        (copy / name).write_bytes(changed)
        try:
            found_and_named(copy, name)
        finally:
            shutil.copyfile(finished / name, copy / name)


def test_damage_of_every_vouched_file_is_found_and_named(finished, copy):
    """Also of the last line of the ledger, which the checkpoint beside it covers."""
    every = list(damages(finished, 1))
    assert_each_is_found(finished, copy, random.Random(3).sample(every, 45))


@pytest.mark.slow
def test_many_flips_cuts_and_doublings_of_every_vouched_file_are_found_and_named(finished, copy):
    assert_each_is_found(finished, copy, damages(finished, 60))


def test_files_that_were_swapped_are_found(finished, copy):
    names = [name for name in vouched(finished) if name.endswith(("result.json", "request.json", "points.jsonl"))]
    pairs = [(one, two) for one, two in zip(names, names[3:], strict=False) if Path(one).name == Path(two).name]
    for one, two in [*pairs[:4], ("decisions/pick.json", "decisions/close.json"), ("plan.json", "lock.json")]:
        if (finished / one).read_bytes() == (finished / two).read_bytes():
            continue
        shutil.copyfile(finished / two, copy / one)
        shutil.copyfile(finished / one, copy / two)
        found_and_named(copy, one, two)
        for name in (one, two):
            shutil.copyfile(finished / name, copy / name)
    assert pairs


def test_a_tail_that_was_cut_off_is_found_and_promo_run_refuses_to_go_on(finished, tmp_path, capsys):
    shutil.copytree(finished, tmp_path / "trial.study")
    ledger = tmp_path / "trial.study" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    for kept in (len(lines) - 1, len(lines) // 2, 1):
        ledger.write_bytes(b"".join(lines[:kept]))
        found_and_named(tmp_path / "trial.study", "checkpoint.note", "not in the ledger")
    (tmp_path / "trial.promo").write_bytes((finished.parent / "trial.promo").read_bytes())
    ledger.write_bytes(b"".join(lines[:-1]))

    assert promo("run", tmp_path / "trial.promo", "--quiet") == 1
    assert "does not fit the checkpoint beside it" in capsys.readouterr().err
