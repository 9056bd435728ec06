"""Power losses and kills at every point of the real ledger and attempt code, on a file system that loses all it may."""

from pathlib import Path
from random import Random

import pytest

from lossy import Died, LossyKernel
from made import body, request
from promo.base.canonical import digest_bytes
from promo.base.errors import Mismatch
from promo.ledger import chain
from promo.ledger.chain import decode
from promo.ledger.journal import Journal
from promo.ledger.state import AttemptState, state_of
from promo.ledger.values import Publication, ResultAccepted, Start
from promo.plans.values import PlannedRun
from promo.run import execute
from promo.run.disk import Access, RealDisk
from promo.run.execute import Execution, Task
from promo.run.store import EXIT, POINTS, REQUEST, RESULT, parse_result, result_bytes
from promo.run.values import Exit

STUDY = Path("study")
LEDGER = STUDY / "ledger.jsonl"
SCHEDULES = 10_000
RUNS = [PlannedRun(f"run{n}", "short", f"c{n}", "box", 1) for n in range(3)]


class Clock:
    def now(self):
        return "2026-01-02T03:04:05Z"

    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        pass


class Told(RealDisk):
    """A disk that remembers which bytes of the ledger it has vouched for."""

    def __init__(self, kernel, told):
        super().__init__(kernel)
        self.told = told

    def append(self, path, data):
        super().append(path, data)
        self.told["ledger"] = self.read(path)


class Box:
    """A host with two slots whose runs end at once; it writes what a worker writes, as a worker writes it."""

    slots, room, ahead, options, here, outside = 2, 2, False, (), True, False

    def __init__(self, kernel, disk, life, told):
        self.executor, self._kernel, self._disk, self._life, self._told = self, kernel, disk, life, told

    def devices(self, held):
        return None

    def is_free(self, number):
        return True

    def co_tenants(self, devices):
        return ()

    def environment(self, devices):
        return {}

    def start(self, attempt):
        folder = attempt.folder
        assert f'"folder":"{folder.relative_to(STUDY).as_posix()}"'.encode() in self._told["ledger"]  # known before
        content = f'{{"charged_s":null,"metrics":{{}},"step":{self._life},"tokens":null}}\n'.encode()
        RealDisk(self._kernel).draft(folder / POINTS, content)
        self._disk.draft(folder / EXIT, b'{"reason":"itself","returncode":0,"seconds":null}')
        said = body(
            request=digest_bytes(self._disk.read(folder / REQUEST)),
            metrics={"loss": f"{self._life}.5"},
            points=digest_bytes(content),
        )
        put = self._disk.write if self._life % 2 else self._disk.draft  # the worker does not flush; others may
        put(folder / RESULT, result_bytes(said))

    def name(self, folder):
        return None

    def look(self, handles):
        return [Exit(0) for _ in handles]

    def find(self, folder, job, options):
        return None


def live(kernel, life, told, disk_kind=Told, journal_kind=Journal):
    """One promo process from start to end; it may die on the way."""
    disk = disk_kind(kernel, told)
    disk.make_folder(STUDY)
    journal = journal_kind(LEDGER, disk, Clock())
    if not journal.events:
        journal.append(Publication("a beacon", "1"))
    state = state_of(journal.events)
    box = Box(kernel, disk, life, told)

    def ended(run):
        return state.accepted(run.id) is not None or state.ended_badly(run.id) > 9

    execution = Execution(STUDY, journal, state, disk, Clock(), {"box": box}, told["watch"], ended)
    execution.record(Start("1", None, (), (), "", ()))
    execution.add(Task(run, request()) for run in RUNS)
    while execution.busy:
        execution.go_on()
    return state


def counted(events):
    return [event.event.run for event in events if isinstance(event.event, ResultAccepted)]


def check(kernel, told):
    """What must hold of any file system that is found after a crash."""
    content = kernel.read(LEDGER) or b""
    assert content.startswith(told["ledger"]), "an acknowledged event is lost"
    events = decode(content).events
    state = state_of(events)
    accepted = counted(events)
    assert len(accepted) == len(set(accepted)), "a result is counted twice"
    for run, envelope in told["seen"].items():
        assert state.accepted(run) is not None, "a result that was shown is lost"
        assert state.accepted(run).envelope == envelope, "a result that was shown is another one"
    for run in set(counted(decode(told["ledger"]).events)):
        folder = STUDY / state.accepted(run).folder
        asked, points, result = (kernel.read(folder / name) for name in (REQUEST, POINTS, RESULT))
        assert None not in (asked, points, result), "evidence of a counted result is lost"
        assert {EXIT: digest_bytes(kernel.read(folder / EXIT) or b"")} == state.accepted(run).witnesses
        assert digest_bytes(result) == state.accepted(run).envelope, "evidence is not what was counted"
        assert parse_result(result, digest_bytes(asked)).body.points == digest_bytes(points)


def schedules(seed, wanted, **kinds):
    """Histories of up to four processes that die by kill or power loss; what each crash leaves is checked."""
    random, done = Random(seed), 0
    points = 60
    while done < wanted:
        told = {"ledger": b"", "seen": {}}

        def see(progress, told=told):
            if progress.result is not None:
                told["seen"].setdefault(progress.task.run.id, progress.result.digest)

        told["watch"] = see
        kernel = LossyKernel()
        for life in range(4):
            last = random.randrange(1, random.choice((10, points))) if life < 3 else None  # beginnings are short
            passed = 0

            def watch(kernel, told=told, last=last):
                nonlocal passed, done
                passed += 1
                if random.random() < 0.7:
                    check(kernel.after_power_loss(random), told)
                    done += 1
                if passed == last:
                    raise Died

            kernel.watch = watch
            try:
                state = live(kernel, life, told, **kinds)
            except Died:
                done += 1
                quiet = LossyKernel(kernel.root)
                kernel = quiet if random.random() < 0.4 else quiet.after_power_loss(random)
                check(kernel, told)
                continue
            points = max(points, passed)
            assert sorted(state.attempts) == ["run0", "run1", "run2"]
            for tried in state.attempts.values():
                assert sum(one.state is AttemptState.ACCEPTED for one in tried) == 1
            check(kernel, told)
            break
        else:
            raise AssertionError("it never came to an end")
    return done


def test_no_crash_loses_or_doubles_a_result():
    assert schedules(1, SCHEDULES) >= SCHEDULES


# --- the safeguards, taken away one by one -----------------------------------------------------------------------


class NoFileFlush(Told):
    def _put(self, path, access, data, *, flush=True):
        super()._put(path, access, data, flush=False)


class NoLedgerFlush(Told):
    def _put(self, path, access, data, *, flush=True):
        super()._put(path, access, data, flush=flush and path != LEDGER)


class NoFolderFlush(Told):
    def _flush_folder(self, path):
        pass

    def settle(self, files, folders):
        super().settle(files, ())


class OnlyTheLastFolderFlushed(Told):
    def settle(self, files, folders):
        super().settle(files, list(folders)[-1:])


class NoSettling(Told):
    def settle(self, files, folders):
        pass


class OnlyResultsSettled(Told):
    def settle(self, files, folders):
        super().settle([path for path in files if path.name not in (REQUEST, POINTS)], folders)


class InPlace(Told):
    """Whole files are written over instead of moved into place, and the flush is left out, as with `open('w')`."""

    def write(self, path, data):
        self._put(path, Access.WHOLE, data, flush=False)

    draft = write

    def settle(self, files, folders):
        super().settle([path for path in files if path.name != RESULT], folders)


class NoTruncation(Told):
    def truncate(self, path, size):
        pass


class AcknowledgedFirst(Told):
    """The ledger is written behind the back of whoever acts on it."""

    def append(self, path, data):
        self.told["ledger"] += self.told.pop("late", b"") + data
        RealDisk.append(self, path, data[: len(data) // 2])
        RealDisk.append(self, path, data[len(data) // 2 :])


class NothingReadBack(Journal):
    """What an earlier process wrote is acted on although it may not be on disk."""

    def _read(self):
        settle, self._disk.settle = self._disk.settle, lambda files, folders: None
        super()._read()
        self._disk.settle = settle


class ChainOnly(Journal):
    """Starts a new chain instead of going on with the one that is there."""

    def _read(self):
        super()._read()
        self._events, self._head = [], chain.GENESIS


MUTANTS = {
    "no flush of files": {"disk_kind": NoFileFlush},
    "no flush of the ledger": {"disk_kind": NoLedgerFlush},
    "no flush of folders": {"disk_kind": NoFolderFlush},
    "no flush of the folders above": {"disk_kind": OnlyTheLastFolderFlushed},
    "nothing is settled before it counts": {"disk_kind": NoSettling},
    "requests and points are not settled": {"disk_kind": OnlyResultsSettled},
    "no move into place": {"disk_kind": InPlace},
    "a torn tail stays": {"disk_kind": NoTruncation},
    "acknowledged before it is written": {"disk_kind": AcknowledgedFirst},
    "what is found at the start is not flushed": {"journal_kind": NothingReadBack},
    "the ledger is begun anew": {"journal_kind": ChainOnly},
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_without_a_safeguard_some_crash_is_found(mutant):
    with pytest.raises((AssertionError, Mismatch, FileNotFoundError, ValueError)):
        schedules(7, SCHEDULES, **mutant)


def test_attempts_started_before_the_ledger_says_so_are_found(monkeypatch):
    """The order of announcing and starting, turned round."""

    def wrong(self):
        for task, slot in self._fitting():
            with self._journal.together():
                live_one, spec = self._announce(task, slot)
                self._launch(self._places[live_one.host].executor, [(live_one, spec)])

    monkeypatch.setattr(execute.Execution, "go_on", wrong)

    with pytest.raises(AssertionError):
        schedules(3, 100)


@pytest.mark.parametrize("begin", [0, 1])
def test_zeros_where_a_sector_never_came_are_a_torn_tail_and_elsewhere_damage(begin):
    told = {"ledger": b"", "seen": {}, "watch": lambda progress: None}
    kernel = LossyKernel()
    live(kernel, 0, told)
    whole = kernel.read(LEDGER)
    lines = whole.splitlines(keepends=True)
    start = sum(map(len, lines[:-3])) + begin
    sector = -(-start // 512) * 512
    torn = whole[:start] + bytes(sector - start) + whole[sector:]

    if begin:
        with pytest.raises(Mismatch, match="damaged"):
            decode(torn)
    else:
        assert (decode(torn).torn, len(decode(torn).events)) == (True, len(lines) - 3)
