"""
The folder of an attempt that has ended to what the ledger says of it.

Its result counts only if it is whole; how long it had its device is what its supervisor wrote, and never what it
waited for one in a queue, which is recorded beside it.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import assert_never

from promo.base.canonical import from_exact
from promo.base.classes import define, evolve, frozen
from promo.ledger.losses import Loss
from promo.ledger.ports import Disk
from promo.ledger.values import AttemptFailed, AttemptLost, Ended, ResultAccepted
from promo.run.disk import refusal
from promo.run.locks import CLAIM, GIVEN_UP
from promo.run.store import (
    REQUEST,
    is_whole,
    parse_request,
    read_exit,
    read_whole,
    seconds_paid,
    settle,
    witnesses,
    write_exit,
)
from promo.run.values import NO_DISK, NO_PEERS, Delivered, Ending, Exit, Phase, Reason, Result, RunStatus

UNSEEN = frozenset({Reason.CANCELLED, Reason.BUSY, Reason.GIVEN_UP})
"""Reasons of attempts that ended before anything could be said of their candidate."""
PARTIAL = "it did not end by itself, and nothing shows that it had used its budget"


@define
class Wait:
    """
    A stay in a queue, on promo's monotonic clock.

    *since*: when it was submitted; before this promo started, by the wall clock of the ledger.
    """

    since: float
    seen: bool = True
    """Whether this promo saw it in the queue; what left it before nobody saw leave."""
    seconds: float | None = None
    """None until it was seen to have left the queue."""

    def note(self, phase: Phase, now: float) -> None:
        """It stands so now."""
        self.seen = self.seen or phase is Phase.QUEUED
        if phase is Phase.RUNNING and self.seconds is None and self.seen:
            self.seconds = max(now - self.since, 0.0)

    def over(self, now: float, exit_: Exit | None) -> str | None:
        """
        How long it was, once the attempt has ended; None where nobody saw it.

        The time since it was submitted, less that of its supervisor, is no shorter; and neither is the time until it
        was first seen to run.  The smaller of the two is the nearer.
        """
        if not self.seen:
            return None
        ran_s = None if exit_ is None or exit_.seconds is None else float(exit_.seconds)
        if ran_s is None:
            return f"{now - self.since if self.seconds is None else self.seconds:.3f}"
        waited_s = max(now - self.since - ran_s, 0.0)
        return f"{waited_s if self.seconds is None else min(waited_s, self.seconds):.3f}"


@frozen
class End:
    """How an attempt ended."""

    run: str
    number: int
    result: Result
    loss: Loss | None
    """Why nobody knows how it would have ended, unless it has a sound result."""
    device_s: str | None
    queued_s: str | None
    left: Mapping[str, str]
    """Files that it left, by digest; none while somebody may still write in its folder."""
    called_off: bool
    """Whether it had no end worth showing."""
    disk_full: bool

    @property
    def happening(self) -> Ended:
        """What is recorded: the sound result of a whole run counts, whoever called it off; nothing else does."""
        result, took = self.result, (self.device_s, self.left, None, self.queued_s)
        if result.status is RunStatus.OK:
            assert result.digest is not None and result.body is not None
            body = result.body
            said = (result.digest, body.metrics, body.seconds, body.work, body.contention)
            return ResultAccepted(self.run, self.number, *said, *took)
        if self.loss is not None:
            return AttemptLost(self.run, self.number, self.loss, *took)
        envelope, train_s = (result.digest, result.charged_s) if self.beside is None else (None, None)
        return AttemptFailed(self.run, self.number, result.status, result.cause, envelope, train_s, *took)

    @property
    def beside(self) -> tuple[str, RunStatus] | None:
        """
        Digest and status of a result that is none of its run, as it says itself: it is recorded as one that came late.

        It is of an attempt that was lost, or a part of a run.
        """
        result = self.result
        if result.digest is None or result.body is None or result.status is RunStatus.OK:
            return None
        part = result.body.status is RunStatus.OK
        return (result.digest, result.body.status) if part or self.loss is not None else None


def end_of(
    disk: Disk,
    study: Path,
    attempt: tuple[str, int, str],
    said: Ending | None,
    *,
    seen_s: float | None = None,
    wait: Wait | None = None,
    now: float = 0.0,
    gone: bool = False,
    note: bool = False,
) -> End:
    """
    How an attempt ended; what it left is durable when this returns.

    Args:
        disk: the file system.
        study: its folder.
        attempt: run, number and folder.
        said: what its executor says of its end; None where nobody knows.
        seen_s: how long this promo saw it run, in seconds; None where it did not see it begin.
        wait: its stay in a queue, if it had one.
        now: promo's monotonic clock.
        note: whether to put down how it ended where no supervisor did.
        gone: whether nobody writes in its folder any more, even where no supervisor says so.

    Raises:
        PromoError: the disk refuses to make it durable.
    """
    run, number, folder = attempt
    place = study / folder
    # The supervisor was nearer than whoever waited for it.
    exit_ = read_exit(disk, place)
    if exit_ is None and isinstance(said, Exit):
        exit_ = said
        if note and _loss(said, said) is None:
            write_exit(disk, place, said)
    delivered = isinstance(said, Delivered)
    result = _result(disk, study, folder, exit_, whole=delivered)
    full = exit_ is not None and exit_.returncode == NO_DISK and result.digest is None
    over = gone or delivered or exit_ is not None or result.status is RunStatus.OK
    return End(
        run,
        number,
        result,
        Loss.DISK
        if full
        else None
        if delivered and result.digest
        else _loss(said, exit_) or _unmet(disk, place, exit_),
        _device_s(disk, (study, folder), result, exit_, seen_s),
        None if wait is None else wait.over(now, exit_),
        witnesses(disk, place) if over else {},
        not delivered and (exit_ is None or exit_.reason in UNSEEN),
        full,
    )


def _result(disk: Disk, study: Path, folder: str, exit_: Exit | None, *, whole: bool) -> Result:
    """
    What an attempt left; it is durable before anybody hears of it.  A part of a run is none of its results.

    *whole*: whether that was looked at when it was taken in.
    """
    place = study / folder
    result = read_whole(disk, place, exit_)
    if result.status is RunStatus.OK and not whole and not is_whole(disk, place, result, exit_):
        result = evolve(result, status=RunStatus.KILLED, cause=PARTIAL)
    try:
        settle(disk, study, folder)
    except OSError as fault:
        raise refusal(f"what the run in {folder} left", fault) from fault
    return result


def _device_s(disk: Disk, at: tuple[Path, str], result: Result, exit_: Exit | None, seen_s: float | None) -> str | None:
    """
    Seconds that an attempt took its device: what its supervisor wrote, and not what it waited for one.

    A supervisor's clock encloses its worker's, so with a result the larger of the two counts.  Where neither wrote a
    word, it is how long promo saw it run, or what its last point paid for where that is more, as when promo looks
    into a queue seldom; and no more than its limit.  One that was given up before anybody had begun it took none.
    """
    written = (result.seconds.get("total"), None if exit_ is None else exit_.seconds)
    known = [one for one in written if one is not None]
    if known:
        return max(known, key=from_exact)
    if disk.read(at[0] / at[1] / CLAIM) == GIVEN_UP:
        return "0"
    limit_s = _limit_s(disk, at[0] / at[1])
    paid = None if limit_s is None else seconds_paid(disk, *at)
    least = [one for one in (None if seen_s is None else Fraction(seen_s), paid) if one is not None]
    if not least:
        return None
    longest = max(least)
    return f"{float(longest if limit_s is None else min(longest, Fraction(limit_s))):.3f}"


def _limit_s(disk: Disk, place: Path) -> int | None:
    """Seconds after which its supervisor ends an attempt; None where its request cannot be read any more."""
    try:
        return parse_request(disk.read(place / REQUEST) or b"").budget.limit_s
    except ValueError:
        return None


def _unmet(disk: Disk, place: Path, exit_: Exit | None) -> Loss | None:
    """The loss of a run of several nodes that could not be started on all of them, as its worker says."""
    if exit_ is None or exit_.returncode != NO_PEERS or exit_.reason is not Reason.ITSELF:
        return None
    return Loss.NODE if parse_request(disk.read(place / REQUEST) or b"").nodes > 1 else None


def _loss(said: Ending | None, exit_: Exit | None) -> Loss | None:
    """Why nobody knows how an attempt would have ended; None where it came to an end of its own, or to its limit."""
    if exit_ is None:
        return said if isinstance(said, Loss) else Loss.GONE
    match exit_.reason:
        case Reason.ITSELF | Reason.LIMIT:
            return None
        case Reason.BUSY:
            return Loss.BUSY
        case Reason.CANCELLED | Reason.GIVEN_UP | Reason.SUPERVISOR:
            return said if isinstance(said, Loss) else Loss.GONE
        case _:
            assert_never(exit_.reason)
