"""Gates, rules and evidence to vary: four candidates in two cells."""

from functools import cache

from promo.decision.decide import decide_gate
from promo.evidence.values import Cell, CellStatus, Evidence, Row
from support import spec, study_of

CELLS = (("box", 1), ("box", 2))


def evidence(stage="short", status=CellStatus.TIMEOUT, **values):
    """Evidence from candidate=(value, value); None is a missing value with that status."""
    rows = []
    for name in sorted(values):
        cells = tuple(
            Cell(
                host,
                seed,
                f"{name}{seed}",
                CellStatus.OK if value is not None else status,
                value,
                1,
                None,
                "" if value else "boom",
            )
            for (host, seed), value in zip(CELLS, values[name], strict=True)
        )
        rows.append(Row(name, cells))
    return Evidence(stage, "loss", CELLS, tuple(rows))


@cache
def gate_of(**clauses):
    """The gate of the sound spec with clauses replaced: keep="top 2"."""
    text = spec()
    for clause, said in clauses.items():
        lines = [f"  {clause} {said}" if line.startswith(f"  {clause} ") else line for line in text.splitlines()]
        if clause not in ("rank", "keep", "always", "missing", "crash", "ties"):
            lines = [f"  {clause} {said}\n{line}" if line.startswith("  ties ") else line for line in lines]
        text = "\n".join(lines)
    study = study_of(text)
    return study, study.gates["pick"]


FOUR = {"base": ("2.0", "2.2"), "good": ("1.0", "1.2"), "fair": ("3.0", "3.0"), "poor": ("4.0", "4.4")}


def promoted(study, gate, found):
    return decide_gate(study, gate, found).promoted


def two_hosts(**values):
    """Evidence on two hosts with one seed each."""
    cells = (("box", 1), ("rack", 1))
    rows = tuple(
        Row(
            name,
            tuple(
                Cell(*cell, f"{name}{cell}", CellStatus.OK, value, 1, None)
                for cell, value in zip(cells, both, strict=True)
            ),
        )
        for name, both in sorted(values.items())
    )
    return Evidence("short", "loss", cells, rows)


SPLIT = {"base": ("5", "5"), "good": ("1", "4"), "fair": ("2", "3"), "poor": ("4", "1")}


@cache
def rule_of(require, **clauses):
    """A study and its rule that asks for something of two candidates."""
    text = spec().replace("require mean gap at most 0.5pt", f"require {require}")
    for clause, said in clauses.items():
        text = text.replace(f"  {clause} " + ("stop" if clause == "missing" else "skip"), f"  {clause} {said}")
    study = study_of(text)
    return study, study.rules["close"]


def judged(require, good, base, **clauses):
    """A rule over two candidates with these cell values; None leaves one out."""
    rows = {name: one for name, one in (("good", good), ("base", base)) if one is not None}
    return *rule_of(require, **clauses), evidence("long", **rows)


BASE = ("2.0", "3.0")
