"""
What goes wrong on a real cluster, whichever engine it is: one table of faults, told how an engine does each thing.

`slurm_here.py` and `ray_here.py` bring an engine up in namespaces of this machine, say how it is hurt, and add the
faults that it has alone.  Each fault is given a study and says how the attempts of its long candidate end; behind each
both verifiers agree about what is left, every run has one result that counts, and nobody is left running.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import clusters

AN_HOUR_S = 3600
CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *said) {
    long failed = syscall(SYS_clock_gettime, clock, said);
    if (!failed && clock == CLOCK_REALTIME) said->tv_sec += atol(getenv("CLOCK_OFF"));
    return (int)failed;
}
int gettimeofday(struct timeval *said, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    said->tv_sec = now.tv_sec;
    said->tv_usec = now.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *said) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (said) *said = now.tv_sec;
    return now.tv_sec;
}
"""
"""What tells a process another time of day, and leaves its monotonic clock alone."""


def shell(*words):
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def until(wanted, seconds=60):
    end = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < end, f"never: {[' '.join(words[:4]) for words in processes().values()]}"
        time.sleep(0.1)
    return found


def processes():
    """Everything alive in the namespace: number -> words."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if words[0] and (place / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found[int(place.name)] = words
    return found


def number_of(*parts):
    """Numbers of processes whose words have all these parts."""
    return [number for number, words in processes().items() if all(part in " ".join(words) for part in parts)]


def parent_of(number):
    """Who began a process, or has become its parent; None where it has gone."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])


def ended(process, code=0):
    said = process.communicate(timeout=150)[0]
    assert process.returncode == code, said
    return said


def table(kind):
    """Names of all faults of an engine."""
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def lacks(fault):
    """What this machine lacks for one of the faults; empty where it has everything."""
    return "no cc here" if fault == "clock_off" and shutil.which("cc") is None else ""


class Faults:
    """The table, and what an engine has to say for it."""

    _supervisor = "promo.run."
    """A part of the words with which the process begins that writes how an attempt ended."""
    _nodes = ()

    def __init__(self, study, run):
        self.study, self.run, self.place = study, run, study.parent
        self.words = ("run", "trial.promo")

    # --- what an engine says ---

    def _known(self):
        """Names of jobs that wait or run."""
        raise NotImplementedError

    def _call_off(self, attempt):
        """By the engine's own means, as somebody else would."""
        raise NotImplementedError

    def _node_of(self, attempt):
        raise NotImplementedError

    def _lose_sight(self, node):
        """The engine takes a node for dead on which all goes on."""
        raise NotImplementedError

    def _begin_node(self, node, *before):
        """Begin a node anew, by a command that is put in front of its own."""
        raise NotImplementedError

    # --- what they share ---

    def _promo(self, *words):
        return clusters.process(*(words or self.words), folder=self.place)

    def _first(self):
        return clusters.attempts(self.study)[0]

    def _started(self):
        """promo under way, and the long candidate in training."""
        promo = self._promo()
        until(
            lambda: any((self.study / one.folder / "checkpoint.json").exists() for one in clusters.attempts(self.study))
        )
        return promo

    def _lost(self):
        return [one for one in clusters.state(self.study).every_attempt() if one.loss]

    def _supervisors(self):
        """Of processes with its words those that no other one of them has begun: its worker may be a copy of it."""
        found = number_of(self._supervisor)
        return [one for one in found if parent_of(one) not in found]

    def _alone(self):
        """The long candidate alone in training."""
        until(lambda: len(self._supervisors()) == 1)

    # --- promo ---

    def nothing(self):
        ended(self._promo())
        return ["ok"]

    def promo_killed(self):
        """Its jobs go on; another promo finds them."""
        promo = self._started()
        promo.kill()
        promo.communicate()
        assert number_of(self._supervisor)
        ended(self._promo())
        return ["ok"]

    def promo_killed_while_they_wait(self):
        promo = self._promo()
        until(lambda: len(self._known()) == 3)
        promo.kill()
        promo.communicate()
        assert len(list(self.study.glob("runs/*/*/*/claim"))) < 3
        ended(self._promo())
        return ["ok"]

    def promo_killed_and_they_end(self):
        """Nobody looks on when an attempt ends: its job leaves all the same, and its result counts."""
        promo = self._started()
        promo.kill()
        promo.communicate()
        until(lambda: not self._known())
        ended(self._promo())
        return ["ok"]

    def stopped(self):
        promo = self._started()
        code, said = clusters.command("stop", "trial.promo", folder=self.place)
        assert code == 0, said
        promo.communicate(timeout=60)
        assert not self._known()
        assert not number_of("promo.run.")
        ended(self._promo())
        return ["gone", "ok"]

    def two_promos(self):
        """On one study: the second one is refused, and the first one does not notice."""
        promo = self._started()
        code, said = clusters.command(*self.words, folder=self.place)
        assert code != 0
        assert "another promo process" in said
        ended(promo)
        return ["ok"]

    def two_studies(self):
        """Of two promos on one cluster: each has its own jobs, and looks at no other."""
        other = self.place.parent / "other"
        shutil.copytree(self.place, other)
        promos = [self._promo(), clusters.process(*self.words, folder=other)]
        for promo in promos:
            ended(promo)
        assert clusters.sound(other / self.study.name)
        jobs = [
            {one.job for one in clusters.state(one).every_attempt()} for one in (self.study, other / self.study.name)
        ]
        assert jobs[0].isdisjoint(jobs[1])
        assert [len(one) for one in jobs] == [4, 4]
        return ["ok"]

    # --- the engine ---

    def cancelled_behind_its_back(self):
        """Somebody ends the job by the engine's own means: its supervisor sees that, ends the run and says so."""
        promo = self._started()
        self._call_off(self._first())
        ended(promo)
        assert '"reason":"cancelled"' in (self.study / self._first().folder / "exit.json").read_text()
        return ["called off", "ok"]

    def supervisor_killed(self):
        """Its worker ends itself, and its job leaves."""
        promo = self._started()
        self._alone()
        for number in self._supervisors():
            os.kill(number, signal.SIGKILL)
        ended(promo)
        return ["wordless", "ok"]

    def _verified(self):
        """What promo verify says, on one line."""
        return " ".join(clusters.command("verify", self.study, folder=self.place)[1].split())

    def late_behind_the_end(self):
        """A node is called dead on which an attempt trains on; it finishes when the study has come to its end."""
        promo = self._started()
        self._alone()
        self._lose_sight(self._node_of(self._first()))
        ended(promo)
        assert not (self.study / self._first().folder / "result.json").exists()
        until(lambda: (self.study / self._first().folder / "exit.json").exists(), 120)
        seconds = float(json.loads((self.study / self._first().folder / "exit.json").read_text())["seconds"])
        behind = f"the {seconds - float(self._first().device_s):.0f} s that they took after they were last seen"
        assert behind in self._verified()
        assert behind in clusters.rechecked(self.study)
        ended(self._promo())  # which shows the study as it ended
        assert self._first().late is None
        return ["node", "ok"]

    def clock_off(self):
        """The clock of one node is an hour fast, that of the other an hour slow: promo takes no time from either."""
        for node, off in zip(self._nodes, (AN_HOUR_S, -AN_HOUR_S), strict=True):
            self._begin_node(node, *self._with_clock(off))
        began = time.time()
        ended(self._promo())
        lasted_s = time.time() - began
        for one in clusters.state(self.study).every_attempt():
            told = float((self.study / one.folder / "log.txt").read_text().split("clock ")[1].split()[0])
            assert (
                AN_HOUR_S - lasted_s
                <= abs(told - datetime.fromisoformat(one.started).timestamp())
                <= AN_HOUR_S + lasted_s
            )
            assert 0 < float(one.device_s) < lasted_s
            assert 0 <= float(one.queued_s) < lasted_s
            assert all(float(seconds) < lasted_s for seconds in one.seconds.values()), one.seconds
        return ["ok"]

    def _with_clock(self, off):
        """What puts all that is promo's on a node before another clock; the engine's daemons keep the machine's."""
        real, kept, library = Path(sys.executable).resolve(), self.place / "python", self.place / "clock.so"
        wrapper = self.place / f"python{off}"
        kept.touch()
        (self.place / "clock.c").write_text(CLOCK)
        shell("cc", "-shared", "-fPIC", "-o", str(library), str(self.place / "clock.c"))
        said = f'case "$*" in *promo.run.*) export CLOCK_OFF={off} LD_PRELOAD="{library}";; esac'
        wrapper.write_text(f'#!/bin/bash\n{said}\nexec -a "$0" "{kept}" "$@"\n')
        wrapper.chmod(0o755)
        binds = f'mount --bind "{real}" "{kept}" && mount --bind "{wrapper}" "{real}"'
        return ("unshare", "--mount", "sh", "-c", f'{binds} && exec "$@"', "sh")

    # --- files ---

    def disk_full(self):
        """Where runs lie there is no room for a result; the study stops, and goes on where there is."""
        shared = self.place / "scratch"
        shared.mkdir()
        shell("mount", "-t", "tmpfs", "-o", "size=2m", "none", str(shared))
        self.words = (*self.words, "--shared", "scratch")
        promo = self._started()
        with contextlib.suppress(OSError), (shared / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        said = promo.communicate(timeout=120)[0]
        assert promo.returncode != 0, said
        assert "disk" in said or "space" in said, said
        (shared / "ballast").unlink()
        ended(self._promo())
        lost = {one.loss.value for one in self._lost()}
        assert lost <= {"disk", "gone", "unbegun", "unknown", "wordless"}, lost  # no room for its last words either
        assert clusters.endings(self.study)[-1] == "ok"

    def folder_not_seen(self):
        """No node has the study's folder: promo says so and stops, and goes on where that has been put right."""
        hide = f'mount -t tmpfs none "{self.place}" && exec "$@"'
        for node in self._nodes:
            self._begin_node(node, "unshare", "--mount", "sh", "-c", hide, "sh")
        said = ended(self._promo(), 2)
        assert "ended before it had begun" in said, said
        assert "in a row ended before they had begun" in said, said
        lost = self._lost()
        assert {(one.loss.value, one.device_s) for one in lost} == {("unbegun", "0")}
        assert 3 <= len(lost) <= 4
        for node in self._nodes:
            self._begin_node(node)
        ended(self._promo())
        assert len(self._lost()) == len(lost)


def carried_out(kind, engine, fault, folder, run, *, options, pause, left=(), **study):
    """Whether a fault comes to what it has to; *left*: faults behind which somebody may be left running."""
    place = Path(folder) / "work"
    place.mkdir()
    path = clusters.write_study(place, engine, pause=pause, **study, **options)
    faults, began = kind(path, run), time.monotonic()
    expected = getattr(faults, fault)()
    took = time.monotonic() - began
    clusters.sound(path)
    found = clusters.endings(path)
    assert expected in (None, found), found
    assert len([one for one in clusters.state(path).every_attempt() if one.ending == "ok"]) == 4
    until(lambda: fault in left or not (faults._known() or number_of("promo.run.")))
    lost = [one for one in clusters.attempts(path) if one.loss]
    assert all(float(one.device_s or 0) > 0 for one in lost) or expected is None
    print(f"{fault}: {found}, device {[one.device_s for one in clusters.attempts(path)]}, {took:.1f} s")
