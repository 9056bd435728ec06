"""
How long reading a ledger takes: `python tests/bench/ledger.py [EVENTS]` makes one in memory and times each step.

The ledger is that of a real plan: one stage of 100 candidates, each run started and accepted.  Processor time, median
of five: other work on the machine would be counted otherwise.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "plugin")]

from promo.templates import recheck

from promo.base.canonical import canonical, parse_json
from promo.base.codec import to_json
from promo.ledger.chain import GENESIS, decode, encode, line_digest
from promo.ledger.checkpoint import merkle_root
from promo.ledger.sources import Installed
from promo.ledger.state import state_of
from promo.ledger.values import AttemptStarted, Event, Freezing, Happening, ResultAccepted, StageOpened, Start
from promo.plans.values import Plan
from promo.run.store import attempt_folder
from promo.run.values import Work
from support import SOUND, compiled, spec

CANDIDATES = 100


def planned(runs: int) -> Plan:
    """A plan whose first stage has so many runs."""
    names = [f"c{number}" for number in range(CANDIDATES - 1)]
    candidates = "\n".join(f"candidate {name} like base {{ quality = {n}/100 }}" for n, name in enumerate(names, 3))
    text = spec(
        "use",
        candidate=f"candidate base as reference {{ quality = 2 }}\n{candidates}",
        cohort=f"cohort four {{ members base, {', '.join(names)} }}",
        stage_short=SOUND["stage short"].replace("seeds 1, 2", f"seeds 1..{runs // CANDIDATES}"),
        stage_long=SOUND["stage long"].replace("seeds 3, 4", "seeds 900003, 900004"),
        rule=SOUND["rule"].replace("good", "c1"),
    )
    for unread in ("factor size: units in 1..64 step 1 default 8", "factor ratio: units in [1, 4] default 1"):
        text = text.replace(unread, "")
    return compiled(text).sound()[1]


def happenings(plan: Plan) -> list[Happening]:
    """The study was frozen, a promo started, a stage opened, and each of its runs began and ended well."""
    short = plan.stage("short")
    found: list[Happening] = [
        Freezing("trial", plan.digest, plan.seals, {}, Installed("toy", 1, "", {}), "", "", None, None),
        Start("", None, (), (), "", ()),
        StageOpened("short", tuple(sorted({run.candidate for run in short.runs}))),
    ]
    seconds, work = {"train": "1", "total": "2"}, Work(steps=2, tokens=20, tokens_per_s="10.0")
    for run in short.runs:
        folder = attempt_folder(run.stage, run.candidate, run.host, run.seed, 1)
        cell = run.stage, run.candidate, run.host, run.seed
        found.append(AttemptStarted(run.id, 1, *cell, folder, "f" * 64, None, (), None))
        witnesses = {"log.txt": "a" * 64, "exit.json": "b" * 64}
        found.append(ResultAccepted(run.id, 1, "e" * 64, {"loss": "1.5"}, seconds, work, None, "2", witnesses, None))
    return found


def made(plan: Plan) -> bytes:
    """Their ledger."""
    lines: list[bytes] = []
    head = GENESIS
    for happening in happenings(plan):
        lines.append(encode(Event(len(lines), "2026-01-02T03:04:05Z", 1, happening, head)))
        head = line_digest(lines[-1])
    return b"".join(line + b"\n" for line in lines)


def followed(plan: recheck.Plan, events: list[recheck.Object]) -> None:
    """Each event held against what was due, by the second verifier."""
    course = recheck.Course(plan)
    for event in events:
        assert not course.wrong(event)
        course.take(event)


def main(events: int) -> None:
    plan = planned(events // 2)
    content = made(plan)
    lines = content.split(b"\n")[:-1]
    print(f"{len(lines)} events, {len(content) / 1e6:.1f} MB")
    chain, again = decode(content), recheck.Plan(parse_json(canonical(to_json(plan))))
    read = recheck.chain(content)
    total = 0.0
    for words, step in (
        ("decode, canonical form and chain", lambda: decode.__wrapped__(content)),
        ("state of all events", lambda: state_of(chain.events)),
        ("Merkle root", lambda: merkle_root(lines)),
        ("chain by the second verifier", lambda: recheck.chain(content)),
        ("what was due, by the second", lambda: followed(again, read)),
    ):
        spent = median(timed(step) for _ in range(5))
        total += spent
        print(f"{words:32}  {spent:6.2f} s")
    print(f"{'all of them':32}  {total:6.2f} s")


def timed(step: Callable[[], object]) -> float:
    """Seconds of processor time of one call."""
    began = time.process_time()
    step()
    return time.process_time() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
