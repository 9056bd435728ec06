"""The ledger: what was acknowledged stays, what was changed is found."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.errors import Mismatch, PromoError
from promo.ledger.chain import GENESIS, decode, encode, line_digest
from promo.ledger.journal import Journal
from promo.ledger.losses import Loss
from promo.ledger.sources import Installed
from promo.ledger.state import AttemptState, StudyState, state_of
from promo.ledger.values import (
    AttemptFailed,
    AttemptLost,
    AttemptStarted,
    ClockJumped,
    Event,
    Freezing,
    RunStatus,
    StageOpened,
    Start,
    StudyClosed,
)


class MemoryDisk:
    """A disk in memory that can be told to fail."""

    def __init__(self):
        self.files = {}
        self.fail_after = None

    def read(self, path):
        return self.files.get(Path(path))

    def append(self, path, data):
        if self.fail_after is not None:
            self.files[path] = self.files.get(path, b"") + data[: self.fail_after]
            raise OSError(28, "No space left on device")
        self.files[path] = self.files.get(path, b"") + data

    def truncate(self, path, size):
        self.files[path] = self.files[path][:size]

    def settle(self, files, folders):
        pass


class StillClock:
    """A clock that stands."""

    def now(self):
        return "2026-01-02T03:04:05Z"

    def monotonic(self):
        return 0.0

    def sleep(self, seconds):
        pass


LEDGER = Path("ledger.jsonl")
FROZEN = Freezing(
    study="s",
    plan=GENESIS,
    seals={},
    files={},
    runner=Installed("toy", 1, "c", {}),
    promo="0",
    code=GENESIS,
    commit=None,
    replay=None,
)
STARTED = Start("0", None, ("promo", "run"), (), GENESIS, ())


def journal(disk):
    return Journal(LEDGER, disk, StillClock())


def written(count=12):
    disk = MemoryDisk()
    book = journal(disk)
    book.append(FROZEN)
    for number in range(count - 1):
        book.append(StageOpened(f"s{number}", ("a", "b")))
    return disk


def test_what_is_appended_is_read_back():
    chain = decode(written().files[LEDGER])

    assert [event.seq for event in chain.events] == list(range(12))
    assert chain.events[0].prev == GENESIS
    assert [event.event for event in chain.events[1:]] == [
        StageOpened(f"s{number}", ("a", "b")) for number in range(11)
    ]
    assert not chain.torn


def test_what_nobody_could_read_again_is_never_written():
    disk = written(3)
    book = journal(disk)
    with pytest.raises(ValueError, match=r"device_s: '15.33628620406671' is no number of seconds"):
        book.append(AttemptLost("0123456789abcdef", 1, Loss.GONE, "15.33628620406671", {}, None))

    assert len(decode(disk.files[LEDGER]).events) == 3
    assert book.append(StageOpened("next", ("a",))).seq == 3
    assert len(decode(disk.files[LEDGER]).events) == 4


def test_a_line_is_its_own_canonical_form():
    content = written().files[LEDGER]

    assert [encode(event) for event in decode(content).events] == content.splitlines()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_single_bit_flip_is_found(data):
    content = bytearray(written(6).files[LEDGER])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))

    try:
        chain = decode(bytes(content))
    except Mismatch:
        return
    # A flipped last newline makes the last line torn, which is reported too; only a line that no other follows
    # can be changed into another sound one, and then the head is another: the anchor's business.
    last = bytes(content)[:-1].rfind(b"\n")
    assert chain.torn or place > last


@pytest.mark.parametrize("number", range(11))
def test_swapped_deleted_and_doubled_lines_are_found(number):
    lines = written().files[LEDGER].splitlines(keepends=True)
    swapped = [*lines]
    swapped[number], swapped[number + 1] = swapped[number + 1], swapped[number]

    for changed in (swapped, lines[:number] + lines[number + 1 :], [*lines[: number + 1], *lines[number:]]):
        with pytest.raises(Mismatch, match="line"):
            decode(b"".join(changed))


def test_a_torn_last_line_is_cut_off_and_the_rest_kept():
    disk = written()
    whole = disk.files[LEDGER]
    for cut in range(1, len(whole.splitlines()[-1]) + 1):
        disk.files[LEDGER] = whole[:-cut]
        book = journal(disk)

        assert len(book.events) == 11
        assert decode(disk.files[LEDGER]).torn is False


def test_a_new_journal_goes_on_in_a_new_incarnation():
    disk = written()
    book = journal(disk)
    book.append(STARTED)

    assert [event.incarnation for event in decode(disk.files[LEDGER]).events] == [1] * 12 + [2]


def test_after_a_failed_write_nothing_more_is_recorded():
    disk = written()
    book = journal(disk)
    disk.fail_after = 5

    with pytest.raises(PromoError, match="No space left"):
        book.append(STARTED)
    disk.fail_after = None
    with pytest.raises(PromoError, match="earlier"):
        book.append(STARTED)

    assert len(journal(disk).events) == 12


def test_the_head_is_the_digest_of_the_last_line():
    disk = written()

    assert journal(disk).head == line_digest(disk.files[LEDGER].splitlines()[-1])


class SetClock(StillClock):
    """A clock that a test sets."""

    def __init__(self):
        self.wall, self.steady = "2026-03-29T00:59:59Z", 0.0

    def now(self):
        return self.wall

    def monotonic(self):
        return self.steady


@pytest.mark.parametrize(
    ("wall", "steady", "jump"),
    [
        ("2026-03-30T00:59:59Z", 1.0, 86399),
        ("2026-03-28T00:59:59Z", 1.0, -86401),
        ("2026-03-29T03:00:00Z", 7201.0, None),
        ("2026-03-29T01:00:30Z", 1.0, None),
    ],
)
def test_a_wall_clock_that_jumps_is_an_event_and_changes_no_order(wall, steady, jump):
    disk, clock = MemoryDisk(), SetClock()
    book = Journal(LEDGER, disk, clock)
    book.append(FROZEN)
    clock.wall, clock.steady = wall, steady
    book.append(STARTED)

    events = decode(disk.files[LEDGER]).events
    jumps = [one.event.seconds for one in events if isinstance(one.event, ClockJumped)]
    assert jumps == ([] if jump is None else [jump])
    assert [one.seq for one in events] == list(range(len(events)))
    assert events[-1].event == STARTED


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b'"is"', b'"is":"stage.opened","is"'),
        lambda line: line.replace(b":", b": ", 1),
        lambda line: line.replace(b'"seq":0', b'"seq":0.0'),
        lambda line: line.replace(b'"study":"s"', b'"study":NaN'),
        lambda line: line + b"\r",
        lambda line: line.replace(b'"is":"study.frozen"', b'"is":"study.melted"'),
        lambda line: line.replace(b'"study":"s"', b'"study":1'),
        lambda line: line.replace(b'"seals":{},', b""),
        lambda line: line.replace(b'"study":"s"', b'"study":"s","why":""'),
        lambda line: line.replace(b'"plan":"0', b'"plan":"x'),
    ],
)
def test_a_line_that_is_no_event_in_canonical_form_is_refused(spoil):
    line = written(1).files[LEDGER].rstrip(b"\n")

    assert spoil(line) != line
    with pytest.raises(Mismatch, match="line 1 is damaged"):
        decode(spoil(line) + b"\n")


def began(number):
    return AttemptStarted("r", number, "s", "c", "h", 1, "f", "q", device=None, co_tenants=(), bundle=None)


FAILED = AttemptFailed("r", 1, RunStatus.NAN, "why", None, "2", "3", {}, None)
LOST = AttemptLost("r", 2, Loss.GONE, "5", {}, None)


def test_the_state_follows_the_events():
    happened = [FROZEN, StageOpened("s", ("c",)), began(1), FAILED, began(2), LOST, began(3)]
    state = state_of(Event(seq, "t", 1, one, "") for seq, one in enumerate(happened))

    assert state.study is StudyState.OPEN
    assert (state.frozen, state.opened) == (FROZEN, {"s": ("c",)})
    assert [(one.status, one.loss, one.cause, one.ending) for one in state.attempts["r"]] == [
        (RunStatus.NAN, None, "why", "nan"),
        (None, Loss.GONE, "", "lost"),
        (None, None, "", "running"),
    ]
    assert [attempt.state for attempt in state.attempts["r"]] == [
        AttemptState.FAILED,
        AttemptState.LOST,
        AttemptState.RUNNING,
    ]
    assert state.failures("r") == 1  # a lost attempt costs nothing of the allowance
    assert [attempt.number for attempt in state.running()] == [3]
    assert state.accepted("r") is None


def test_the_end_of_an_attempt_that_never_started_is_found():
    with pytest.raises(Mismatch, match="attempt 2 of run r, which was never started"):
        state_of(Event(seq, "t", 1, one, "") for seq, one in enumerate([FROZEN, began(1), LOST]))


def test_a_prefix_of_the_ledger_is_a_state_the_study_was_in():
    chain = decode(written().files[LEDGER])

    for length in range(1, len(chain.events) + 1):
        assert len(state_of(chain.events[:length]).opened) == length - 1


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0], ids=["before", "in the middle", "behind"])
def test_an_interruption_inside_a_write_leaves_a_sound_chain(share):
    class Interrupted(MemoryDisk):
        once = True

        def append(self, path, data):
            if self.once and b"attempt.lost" in data:
                self.once = False
                super().append(path, data[: round(share * len(data))])
                raise KeyboardInterrupt
            super().append(path, data)

    disk = Interrupted()
    book = journal(disk)
    book.append(FROZEN)
    with pytest.raises(KeyboardInterrupt):
        book.append(LOST)

    book.append(StudyClosed(0))  # what is recorded while everything is being called off

    chain = decode(disk.files[LEDGER])
    assert not chain.torn
    assert [one.event for one in chain.events] == [FROZEN, *([LOST] if share == 1.0 else []), StudyClosed(0)]
    assert book.events == chain.events
