"""`promo accept` killed by SIGKILL at each of its effects on the disk, and done again: nothing lost, nothing twice."""

import itertools
import os
import shutil
import signal
from pathlib import Path

import pytest

from promo.driver.study import StudyFolder
from promo.ledger.values import ResultAccepted
from promo.run.disk import DISK
from promo.run.outside import is_there, read_outside
from studies import FOLDER
from support import promo, rechecked

THEIRS = "config,seed,seconds,loss\n" + "".join(f"good,{seed},{at},{3 - at}\n" for seed in (1, 2) for at in (0.5, 1))
ANSWERS = ("accept", "trial.promo", "sent", "theirs.csv", "--by", "Lab B")
CALLS = ("write", "fsync", "replace", "mkdir", "link", "unlink")


@pytest.fixture
def again(begun, tmp_path, monkeypatch):
    """Have anew a study that waits for four runs alone; two were trained by promo, and two stand in a table."""
    monkeypatch.chdir(tmp_path)

    def anew():
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
        Path("theirs.csv").write_text(THEIRS, encoding="utf-8")

    return anew


class _Points:
    """Places at which a process may be killed, and at which one of them it is."""

    def __init__(self, last):
        self._last, self._count = last, itertools.count(1)

    def passed(self):
        if next(self._count) == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, effect):
        def carried_out(*words, **named):
            self.passed()
            done = effect(*words, **named)
            self.passed()
            return done

        return carried_out

    def torn(self, write):
        """A write that is killed in its middle, too."""

        def written(handle, data):
            half = len(data) // 2
            first = write(handle, data[:half]) if half else 0
            self.passed()
            return first + write(handle, data[half:])

        return self.around(written)

    def copied(self, source, target):
        """A copy that is killed in its middle, too."""
        content = source.read()
        for part in (content[: len(content) // 2], content[len(content) // 2 :]):
            target.write(part)
            target.flush()
            self.passed()


def killed(last):
    """Accept in a process of its own that is killed at one of its points; False where it has fewer."""
    child = os.fork()
    if child == 0:
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            points = _Points(last)
            for name in CALLS:
                setattr(os, name, (points.torn if name == "write" else points.around)(getattr(os, name)))
            shutil.copyfileobj = points.copied
            code = promo(*ANSWERS)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)

    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def whole():
    """Whether each of the four is there, with its record."""
    places = [FOLDER / one.folder for one in StudyFolder(FOLDER).state().every_attempt() if one.host == "lab"]
    records = [(place, read_outside(DISK, place)) for place in places]
    return len(places) == 4 and all(said and is_there(DISK, place, said) for place, said in records)


def finished():
    """Carry the study to its end, and look at it as anybody may."""
    assert promo("run", "trial.promo", "--quiet") == 0
    accepted = [one.event.run for one in StudyFolder(FOLDER).chain().events if isinstance(one.event, ResultAccepted)]
    assert len(accepted) == len(set(accepted)) == 8
    assert {one.ending for one in StudyFolder(FOLDER).state().every_attempt()} == {"ok"}
    assert (promo("verify", "trial.promo"), rechecked(FOLDER).returncode) == (3, 3)


def swept(anew, first, stride):
    """How often it was killed, at every so many of its points."""
    was_killed, times = True, -1
    while was_killed:
        times += 1
        last = first + times * stride
        anew()
        was_killed, often = killed(last), times % 4 == 0
        over = often and whole()
        if often:  # a promo that comes upon what is there, before it is done again
            assert promo("run", "trial.promo", "--quiet") == (0 if over else 8)
        assert promo(*ANSWERS) == (1 if over else 0)
        assert whole()
        if often:
            finished()
    return times


def test_killed_at_some_effects_and_done_again_nothing_is_lost_or_counted_twice(again):
    assert swept(again, 2, 17) >= 8


@pytest.mark.slow
def test_killed_at_each_effect_and_done_again_nothing_is_lost_or_counted_twice(again):
    points = swept(again, 1, 1)

    print(f"killed at {points} points")
    assert points > 140
