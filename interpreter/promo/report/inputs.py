"""What runs rest on and no study freezes, in words."""

from promo.ledger.sources import Input, InputKind
from promo.report.record import Record
from promo.report.words import listed, plural

SHOWN = 8
KINDS = {
    InputKind.PROGRAM: "the program {} on PATH",
    InputKind.FILE: "the file {}",
    InputKind.MODULE: "the module {} on PYTHONPATH",
    InputKind.VARIABLE: "the variable {}",
}


def input_words(kind: InputKind, name: str) -> str:
    """What it is, and how it is found."""
    return KINDS[kind].format(name)


def input_state(one: Input | None) -> str:
    """How it was: the value of a variable, the digest of a file."""
    if one is None:
        return "not there"
    if one.digest is None and one.value is not None:
        return one.value
    if one.digest is None:
        return "not set" if one.kind is InputKind.VARIABLE else "not readable"
    return f"sha256:{one.digest[:12]}" if one.value is None or "*" in one.value else f"'{one.value}'"


def input_limits(record: Record) -> str:
    """What was not frozen and is known of each start; empty where that is nothing."""
    recorded = record.starts[0][1].inputs if record.starts else ()
    if not recorded:
        return ""
    names = [input_words(one.kind, one.name) for one in recorded[:SHOWN]]
    names += [f"{len(recorded) - SHOWN} more"] if len(recorded) > SHOWN else []
    same = all(start.inputs == recorded for _, start in record.starts)
    how = f"{'the same' if same else 'NOT the same'} at {plural(len(record.starts), 'start')} of promo"
    return f"Not frozen, but recorded, and {how}: {listed(names)}. Their other inputs are not known."
