"""
Attempts that wait in somebody else's queue: what all such executors have in common.

A queue is believed in nothing that can be seen otherwise.  Whether an attempt has begun, and how it ended, is read from
its folder, where promo's own supervisor writes it; the queue says who waits, and why who wrote nothing has gone.

- A job is named before it is submitted, and the name stands in the ledger.  After a crash it is looked up by that name.
- Jobs that become due together have a stem of their names in common, so that a queue can take them as one array.
- What a queue does not know is no proof that it never ran: only after a time (`grace`) the attempt is given up, by a
  mark in its folder that a job which begins late finds, so that nobody begins it any more.  It is then lost, and who
  ran on unseen has a folder of its own and can spoil nothing.
- One question for all jobs, no more often than the queue bears: the longer it takes and the less happens, the rarer.
- A queue that does not answer says nothing of anybody: what it was not seen to end may go on, and is found again.
"""

import os
import re
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from pathlib import Path
from typing import ClassVar

from promo.base.classes import define, field, frozen
from promo.ledger.losses import Loss
from promo.run.disk import DISK
from promo.run.locks import give_up_alone, has_begun, is_given_up
from promo.run.store import read_exit
from promo.run.values import AttemptSpec, Exit, Phase, Reason, Stand
from promo.study.given import Options
from promo.study.ports import ExecutorOption, OptionKind

GRACE_S = 60.0
"""How long a job may be unknown to its queue, by default."""
WORD_S = 10.0
"""How long a supervisor's word may take to arrive through a shared file system when its job has ended."""
SOONEST_S, LATEST_S = 0.5, 30.0
"""Between two questions to a queue."""
TIMES, SHARE = 10, 0.05
"""A question is asked no sooner than this many times as long as the last one took, and than this share of a lull."""
FILES_S, FILE_S = 0.05, 0.001
"""Between two looks into the folders of attempts that run; and for each of them.  Into those that wait: `SHARE` too."""
PATIENCE_S = 30.0
"""How long a job waits until it is told why, where that may not end by itself."""
NUMBERS = re.compile(r"[0-9]+")
"""What differs in the reasons of jobs that wait for the same: a place in a queue, a time, a job."""
STOP_S = 45.0
"""How long jobs may take to end that were cancelled."""
SILENCES = 2
"""Questions in a row that a queue leaves unanswered until no more are put to it about jobs that were cancelled."""


BATCH = 100
"""Names that have their stem in common, at the most: sites bound the length of arrays, and jobs their environment."""


class Listed(Enum):
    """What a queue says of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    """For a reason that it does not tell, or that says nothing of the attempt."""
    SILENT = "silent"
    """It does not answer for this one, which says nothing of it."""


@frozen
class Row:
    """A job as a queue lists it: its number there, where it stands, and why it ended early, if it did."""

    number: str
    listed: Listed
    loss: Loss | None = None
    said: str = ""
    """What else the queue says of it that helps to see why it waits, or why it ended."""
    machine: str = ""
    """Where it is or was, if that is one machine, as the queue calls it."""


@define(eq=False)
class Machines:
    """What is known of the machines that jobs with equal options came to, since this promo began."""

    good: set[str] = field(factory=set)
    """Attempts have begun there."""
    bad: set[str] = field(factory=set)
    """A job ended there before its attempt had begun, as far as is seen, and none has begun since."""
    avoided: set[str] = field(factory=set)
    """Bad ones that jobs which waited then are kept from."""


@define(eq=False)
class Job:
    """An attempt in a queue."""

    folder: Path
    name: str
    number: str | None
    """What the queue calls it; None until that is known."""
    options: Options
    """What its host's block says."""
    phase: Phase = Phase.UNKNOWN
    missing_since: float | None = None
    """Since when the queue has answered and not known it, or has had it wait again."""
    ended_since: float | None = None
    loss: Loss = Loss.WORDLESS
    """Why it ended, as the queue says, where its supervisor wrote nothing or was told to end."""
    stand: Exit | Loss | None = None
    said: str = ""
    """What its queue said last of it, in its own words."""
    machine: str = ""
    """The one that its queue gave it."""
    since: float = field(factory=time.monotonic)
    """Since when it is in hand."""

    @property
    def now(self) -> Stand:
        """Where it stands."""
        return self.phase if self.stand is None else self.stand


class QueueExecutor(ABC):
    """Submits a job for each attempt; a queue of its own kind for each class that is derived from it."""

    here: ClassVar[bool] = False
    spreads: ClassVar[bool] = False
    tells_who_waits: ClassVar[bool] = True
    """Whether it lists who waits apart from who runs."""
    options: ClassVar[Mapping[str, ExecutorOption]]

    def __init__(self) -> None:
        self._next_question = self._next_files = self._next_claims = 0.0
        self._changed = time.monotonic()
        self._jobs: list[Job] = []
        self._unused: set[str] = set()
        """Names of this process that nothing was submitted under yet."""
        self._stem, self._named = "", BATCH
        self._news: list[str] = []
        self._reasons: set[str] = set()
        """Why jobs wait, as far as it was told."""
        self._silent_since: float | None = None
        """Since when the queue has not answered; None where it did when it was last asked."""
        self._told_silent = False
        self._stopping = False
        """Whether jobs are being ended: then it matters more what a queue says than when."""
        self.machines: dict[Options, Machines] = {}
        """For each kind of host, the machines that its jobs came to."""

    @abstractmethod
    def submit(self, attempt: AttemptSpec, name: str) -> str | None:
        """
        Submit a job of a name; what the queue calls it, or None where nobody knows whether it was taken.

        Raises:
            PromoError: it was refused.
        """

    def batches(self, attempts: Sequence[AttemptSpec]) -> Sequence[Sequence[AttemptSpec]]:
        """Attempts in such parts as are submitted in one go; each by itself, where the queue has no better."""
        return [[one] for one in attempts]

    def submit_batch(self, batch: Sequence[AttemptSpec]) -> Sequence[str | None]:
        """
        Submit a job for each attempt of one part, as `submit` does.

        Raises:
            PromoError: none of them was taken.
        """
        return [self.submit(one, job_of(one)) for one in batch]

    @abstractmethod
    def listed(self, jobs: Sequence[Job]) -> Mapping[str, Row] | None:
        """The queue's jobs by name, in one question; None where it does not answer."""

    @abstractmethod
    def end(self, jobs: Sequence[Job]) -> None:
        """Ask the queue to cancel jobs."""

    def why_gone(self, job: Job) -> Loss | None:
        """Why a job ended that the queue no longer lists, where it keeps accounts of that."""
        del job
        return None

    def why_waiting(self, said: str) -> str:
        """
        What whoever runs the study ought to know of a job of which the queue says this; empty where it waits its turn.

        Words of other jobs that wait for the same are equal up to the first comma, but for numbers.
        """
        del said
        return ""

    def avoid(self, bad: Set[str], jobs: Sequence[Job]) -> None:
        """Have jobs of equal options that wait kept from bad machines, where the queue can."""
        del bad, jobs

    # --- the port ------------------------------------------------------------------------------------------

    def name(self, folder: Path) -> str:
        """A name that no other job has: a stem, and the place among all jobs that are submitted next."""
        del folder
        if self._named == BATCH:
            self._stem, self._named = f"promo-{secrets.token_hex(8)}", 0
        made = f"{self._stem}-{self._named}"
        self._named += 1
        self._unused.add(made)
        return made

    def start(self, attempt: AttemptSpec) -> Job:
        """Submit it."""
        return self.start_all([attempt])[0]

    def start_all(self, attempts: Sequence[AttemptSpec]) -> Sequence[Job]:
        """Submit them, as many in one go as the queue takes."""
        self._named = BATCH  # what is named from here on is submitted later
        made = {one.folder: Job(one.folder, job_of(one), None, one.options) for one in attempts}
        for batch in self.batches(attempts):
            self._unused -= {job_of(one) for one in batch}
            try:
                numbers = self.submit_batch(batch)
            except BaseException:
                for one in batch:
                    give_up_alone(one.folder)
                raise
            for one, number in zip(batch, numbers, strict=True):
                made[one.folder].number = number
                made[one.folder].phase = Phase.UNKNOWN if number is None else Phase.QUEUED
        self._jobs += made.values()
        self._changed = time.monotonic()
        self._next_question = min(self._next_question, self._changed + SOONEST_S)
        return list(made.values())

    def prepare(self, handle: Job) -> None:
        """Nothing: the next job waits in the queue by itself."""
        del handle

    def find(self, folder: Path, job: str | None, options: Options) -> Job | None:
        """The job of that name, wherever it stands; it has to be looked for, and its folder may tell how it ended."""
        if job is None:
            return None
        found = Job(folder, job, None, options)
        self._next_question = 0.0
        if job in self._unused:  # announced and not submitted, for another one was refused
            give_up_alone(folder)
        if is_given_up(folder) or read_exit(DISK, folder) is not None:
            return None
        self._jobs.append(found)
        return found

    def look(self, handles: Sequence[Job]) -> Sequence[Stand]:
        """Where each stands: by its folder as often as asked, by the queue as often as that bears."""
        now = time.monotonic()
        going = [job for job in handles if job.stand is None]
        if now >= self._next_files:
            self._next_files = now + max(FILES_S, FILE_S * len(going))
            self._note_begun(going, now)
            for job in going:
                if job.phase is not Phase.QUEUED:
                    self._read(job, now)
        going = [job for job in going if job.stand is None]
        if going and now >= self._next_question:
            before = [job.now for job in going]
            self._ask(going)
            if before != [job.now for job in going]:
                self._changed = time.monotonic()
        if any(job.stand is not None for job in handles):
            self._changed = now
        return [job.now for job in handles]

    def cancel(self, handles: Sequence[Job]) -> Sequence[Job]:
        """Have them ended, and wait until the queue has none of them, but not for ever; who may go on all the same."""
        self._stopping = True
        going = [job for job in handles if job.stand is None]
        for job in going:
            give_up_alone(job.folder)
        until, unanswered, asked = time.monotonic() + STOP_S, int(self._silent_since is not None), False
        while going and unanswered < SILENCES and time.monotonic() < until:
            rows = self.listed(going)
            unanswered = unanswered + 1 if _is_silence(rows, going) else 0
            self._silent_since = time.monotonic() if unanswered else None
            if rows is not None:
                going = [job for job in going if _may_go_on(rows.get(job.name))]
                for job in going:
                    job.number = rows[job.name].number or job.number
            if going and not (asked and unanswered):  # who does not answer is asked to end them once
                self.end(going)
                asked = True
                time.sleep(0.25)
        self._stopping = False
        left = [job for job in going if not is_given_up(job.folder) and read_exit(DISK, job.folder) is None]
        if left:
            named = ", ".join(job.name if job.number is None else f"{job.name} ({job.number})" for job in left)
            self._news.append(f"their queue has not said that these jobs have ended, so that they may go on: {named}")
        return left

    def news(self) -> Sequence[str]:
        """What whoever runs the study ought to know of its jobs, once."""
        told, self._news = self._news, []
        return told

    def close(self) -> None:
        """Have the queue end jobs whose attempts have ended, where it has not noticed; all others are left alone."""
        ended = [job for job in self._jobs if job.stand is not None]
        rows = self.listed(ended) if ended and self._silent_since is None else None
        left = [job for job in ended if rows is not None and _may_go_on(rows.get(job.name))]
        for job in left:
            job.number = rows[job.name].number if rows is not None else None
        if left:
            self.end(left)

    # --- a look --------------------------------------------------------------------------------------------

    def _note_begun(self, jobs: Sequence[Job], now: float) -> None:
        """See who has begun before the queue is asked again, the more rarely the less happens."""
        if now < self._next_claims:
            return
        self._next_claims = now + SHARE * (now - self._changed)
        for job in jobs:
            if job.phase is Phase.QUEUED and has_begun(job.folder):
                job.phase = Phase.RUNNING
                self._changed = now

    def _ask(self, jobs: Sequence[Job]) -> None:
        """Put one question to the queue, and plan the next."""
        began = time.monotonic()
        rows = self.listed(jobs)
        now = time.monotonic()
        pause_s = max(SOONEST_S, TIMES * (now - began), SHARE * (now - self._changed))
        self._next_question = now + min(pause_s, LATEST_S)
        if rows is None or _is_silence(rows, jobs):
            self._unanswered(jobs, began, now)
            return
        self._silent_since = None
        for job in jobs:
            row = rows.get(job.name)
            if row is None:
                self._missing(job, now)
            else:
                self._note(job, row, now)
        self._keep_from_bad()

    def _unanswered(self, jobs: Sequence[Job], asked: float, now: float) -> None:
        """It says nothing of anybody: ends are read from folders meanwhile, also of who waited when last seen."""
        if self._silent_since is None:
            self._silent_since, self._told_silent = asked, False
        silent_s = now - self._silent_since
        if silent_s >= PATIENCE_S and not self._told_silent:
            self._told_silent = True
            self._news.append(
                f"the queue has not answered for {silent_s:.0f} s; nothing is concluded, and it is asked again"
            )
        for job in jobs:
            self._read_begun(job, now)

    def _read_begun(self, job: Job, now: float) -> None:
        if has_begun(job.folder):
            job.phase = Phase.RUNNING
            self._read(job, now)

    def _note(self, job: Job, row: Row, now: float) -> None:
        if row.listed is Listed.SILENT:
            self._read_begun(job, now)
            return
        since, job.missing_since = job.missing_since, None
        job.number, job.said = row.number, row.said or job.said
        job.machine = row.machine or job.machine
        if row.listed is Listed.ENDED:
            job.ended_since = now if job.ended_since is None else job.ended_since
            job.loss = job.loss if row.loss is None else row.loss
            job.phase = Phase.RUNNING if has_begun(job.folder) else job.phase
            self._read(job, now)
        else:
            job.ended_since = None
            begun = row.listed is Listed.RUNNING or has_begun(job.folder)
            job.phase = Phase.RUNNING if begun else Phase.QUEUED
            if begun:
                if self.tells_who_waits and row.listed is Listed.QUEUED:  # it is to begin anew, which nobody does
                    job.missing_since = now if since is None else since
                self._read(job, now)
                if _is_overdue(job, now):
                    job.stand = job.loss
            else:
                self._say_why(job, row.said, now)
        self._judge_machine(job)

    def _say_why(self, job: Job, said: str, now: float) -> None:
        """Tell once why jobs wait that have waited long, if it may not end by itself."""
        why = self.why_waiting(said) if now - job.since >= PATIENCE_S else ""
        kind = NUMBERS.sub("", why.partition(",")[0])
        if why and kind not in self._reasons:
            self._reasons.add(kind)
            self._news.append(
                f"the job of {job.folder} has waited for {now - job.since:.0f} s: {why}; it waits until that changes,"
                " or for: promo stop"
            )

    def _judge_machine(self, job: Job) -> None:
        """Take note of where an attempt has begun, or was to begin; a word that comes late puts that right."""
        if not job.machine:
            return
        known = self.machines.setdefault(job.options, Machines())
        if job.ended_since is None and job.machine in known.good:
            return
        if has_begun(job.folder):
            known.good.add(job.machine)
            known.bad.discard(job.machine)
        elif job.ended_since is not None and job.loss is Loss.WORDLESS:
            known.good.discard(job.machine)
            known.bad.add(job.machine)

    def _keep_from_bad(self) -> None:
        """
        Keep jobs that wait from bad machines, which are always free and take one after the other.

        Only where another machine is good, so that none waits for what is nowhere.
        """
        for options, known in self.machines.items():
            if known.good and known.bad - known.avoided:
                known.avoided |= known.bad
                self.avoid(known.bad, [one for one in self._jobs if _waits(one) and one.options == options])

    def _missing(self, job: Job, now: float) -> None:
        """The queue answers and does not know it: it is looked for in its folder, and after a time given up."""
        self._read(job, now)
        if job.missing_since is None:
            job.missing_since = now
        if _is_overdue(job, now):
            give_up_alone(job.folder)
            job.stand = self.why_gone(job) or Loss.UNKNOWN

    def _read(self, job: Job, now: float) -> None:
        """How it ended, as its folder says; the queue's word where that says nothing more than that it was ended."""
        exit_, word_s = read_exit(DISK, job.folder), min(WORD_S, _grace_s(job.options))
        if exit_ is None:
            never = job.ended_since is not None and is_given_up(job.folder)  # then there will be no word of it
            if never or (job.ended_since is not None and now - job.ended_since >= word_s):
                job.stand = job.loss
                if give_up_alone(job.folder) and not never and job.loss is Loss.WORDLESS:
                    job.stand = Loss.UNBEGUN
                    self._news.append(f"the job of {job.folder} ended before it had begun{job.said and ': '}{job.said}")
        elif exit_.reason in (Reason.ITSELF, Reason.LIMIT):
            job.stand = exit_
        elif job.ended_since is not None:
            job.stand = exit_ if job.loss is Loss.WORDLESS else job.loss
        elif job.missing_since is not None and now - job.missing_since >= word_s:
            job.stand = exit_


def job_of(attempt: AttemptSpec) -> str:
    """The name of an attempt's job, which whoever starts it has asked for."""
    assert attempt.job is not None
    return attempt.job


def stem_of(name: str) -> tuple[str, str]:
    """What a job's name has in common with those that became due with it, and its place among them."""
    stem, _, place = name.rpartition("-")
    return stem, place


def _waits(job: Job) -> bool:
    return job.stand is None and job.phase is Phase.QUEUED and job.number is not None


def _is_overdue(job: Job, now: float) -> bool:
    """Whether nothing was heard of a job for all of its grace that its queue does not know, or has had wait again."""
    return job.stand is None and job.missing_since is not None and now - job.missing_since >= _grace_s(job.options)


def _is_silence(rows: Mapping[str, Row] | None, jobs: Sequence[Job]) -> bool:
    """Whether a queue has answered for none of some jobs."""
    return rows is None or {row.listed for row in map(rows.get, (job.name for job in jobs)) if row} == {Listed.SILENT}


def _may_go_on(row: Row | None) -> bool:
    return row is not None and row.listed is not Listed.ENDED


def _grace_s(options: Options) -> float:
    """How long a queue may not know a job before it is given up."""
    given = dict(options).get("grace")
    return GRACE_S if given is None or isinstance(given, str) else float(given)


def text_of(options: Options) -> dict[str, str]:
    """Options as words; numbers are whole."""
    return {name: value if isinstance(value, str) else str(int(value)) for name, value in options}


def own_environment(*further: str) -> dict[str, str]:
    """The environment of a tool that talks to a queue: what it needs, and nothing that changes its answers."""
    names = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "USER", *further)
    return {name: os.environ[name] for name in names if name in os.environ}


GRACE = ExecutorOption(OptionKind.TIME, "2min", "how long a job may be unknown to its queue before it is given up")
