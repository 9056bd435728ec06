"""
How long reading a ledger takes: `python tests/bench/ledger.py [EVENTS]` makes one in memory and times each step.

Processor time, median of five: other work on the machine would be counted otherwise.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

from promo.templates import recheck

from promo.ledger.chain import GENESIS, decode, encode, line_digest
from promo.ledger.checkpoint import merkle_root
from promo.ledger.state import state_of
from promo.ledger.values import Event, EventKind


def made(runs: int) -> bytes:
    """A ledger of runs that were started and accepted, two events each."""
    lines: list[bytes] = []
    head = GENESIS
    for number in range(runs):
        about = {"run": f"{number:016x}", "attempt": 1}
        where = {
            "stage": "s",
            "candidate": f"c{number}",
            "host": "h",
            "seed": 1,
            "folder": f"runs/s/c{number}/attempt-1",
        }
        end = {"status": "ok", "cause": "", "envelope": "e" * 64, "train_s": "1", "device_s": "2"}
        for kind, data in (
            (EventKind.ATTEMPT_STARTED, {**about, **where, "request": "f" * 64}),
            (EventKind.RESULT_ACCEPTED, {**about, **end, "metrics": {"loss": "1.5"}}),
        ):
            lines.append(encode(Event(len(lines), kind, "2026-01-02T03:04:05Z", 1, data, head)))
            head = line_digest(lines[-1])
    return b"".join(line + b"\n" for line in lines)


def main(events: int) -> None:
    content = made(events // 2)
    lines = content.split(b"\n")[:-1]
    print(f"{len(lines)} events, {len(content) / 1e6:.1f} MB")
    chain = decode(content)
    total = 0.0
    for words, step in (
        ("decode, canonical form and chain", lambda: decode.__wrapped__(content)),
        ("state of all events", lambda: state_of(chain.events)),
        ("Merkle root", lambda: merkle_root(lines)),
        ("chain by the second verifier", lambda: recheck.chain(content)),
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
