"""How long reading a ledger takes: `python tests/bench/ledger.py [EVENTS]` makes one in memory and times each step."""

import sys
import time

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
    began = time.perf_counter()
    chain = decode(content)
    print(f"decode, canonical form and chain  {time.perf_counter() - began:6.2f} s")
    for words, step in (
        ("state of all events", lambda: state_of(chain.events)),
        ("Merkle root", lambda: merkle_root(lines)),
        ("chain by the second verifier", lambda: recheck.chain(content)),
    ):
        began = time.perf_counter()
        step()
        print(f"{words:32}  {time.perf_counter() - began:6.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
