"""
A second, independent check of a study: this one file and Python's standard library, nothing of promo.

It takes nothing from promo's own code, so a fault there is not repeated here.  It derives again: the chain, its Merkle
root, the digests of frozen files, results and decisions, evidence tables, gates that keep the top by a mean, rules on
a mean gap, and the trained seconds.  What it cannot derive again it says, and leaves to `promo verify`.

    python recheck.py STUDY.study        exits with 0 when nothing differs, with 1 when something does
"""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

Object = dict[str, Any]


class DiffersError(Exception):
    """Something is not what it must be."""


def sha(content: bytes) -> str:
    """SHA-256, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def compact(value: object) -> bytes:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def strict(content: bytes) -> Any:
    """A JSON value that is stored in exactly that form, which also refuses keys that repeat."""
    try:
        value = json.loads(content)
        same = compact(value) == content
    except (ValueError, RecursionError) as fault:
        raise DiffersError(f"it is no JSON: {fault}") from fault
    if not same:
        raise DiffersError("it is not in canonical form")
    return value


def chain(content: bytes) -> list[Object]:
    """Events of a ledger, each of which names the one before; a torn last line is left out."""
    events: list[Object] = []
    before = "0" * 64
    for number, line in enumerate(content.split(b"\n")[:-1]):
        try:
            event = strict(line)
        except DiffersError as fault:
            raise DiffersError(f"ledger line {number + 1}: {fault}") from fault
        keys = {"seq", "kind", "time", "incarnation", "data", "prev"}
        if not isinstance(event, dict) or set(event) != keys or not isinstance(event["data"], dict):
            raise DiffersError(f"ledger line {number + 1}: it is no event")
        if event["seq"] != number or event["prev"] != before:
            raise DiffersError(f"ledger line {number + 1}: it does not follow line {number}")
        events.append(event)
        before = sha(b"\0" + line)
    return events


def root(leaves: list[bytes]) -> bytes:
    """Merkle root of RFC 6962, section 2.1."""
    if len(leaves) <= 1:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


class Study:
    """A study folder, read without promo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = self.bytes("ledger.jsonl").split(b"\n")[:-1]
        self.events = chain(self.bytes("ledger.jsonl"))
        self.accepted: dict[str, Object] = {}
        for event in self.events:
            data = event["data"]
            if event["kind"] == "result.accepted":
                if data["run"] in self.accepted:
                    raise DiffersError(f"run {data['run']} was counted twice")
                self.accepted[data["run"]] = data
            elif event["kind"] == "result.flagged":
                self.accepted.pop(data["run"], None)
        self.places = {(d["run"], d["attempt"]): d["folder"] for d in self.data("attempt.started")}
        self.plan: Object = {}

    def data(self, kind: str) -> list[Object]:
        """Data of all events of a kind."""
        return [event["data"] for event in self.events if event["kind"] == kind]

    def bytes(self, name: str) -> bytes:
        """A file of the study."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as fault:
            raise DiffersError(f"{name} cannot be read") from fault

    def result(self, event: Object) -> Object:
        """Body of the result that an event accepted."""
        folder = self.places.get((event["run"], event["attempt"]))
        if folder is None:
            raise DiffersError(f"run {event['run']} has a result and was never started")
        content = self.bytes(f"{folder}/result.json")
        envelope = strict(content)
        body: Object = envelope["body"]
        asked = sha(self.bytes(f"{folder}/request.json"))
        if sha(content) != event["envelope"] or sha(compact(body)) != envelope["digest"] or body["request"] != asked:
            raise DiffersError(f"{folder}/result.json is not what was accepted")
        if sha(self.bytes(f"{folder}/points.jsonl")) != body["points"]:
            raise DiffersError(f"{folder}/points.jsonl was changed")
        return body

    def value(self, run: str, metric: str) -> str | None:
        """The measured value of a run, from its result file."""
        return self.result(self.accepted[run])["metrics"].get(metric) if run in self.accepted else None


def frozen_files(study: Study) -> Iterator[str]:
    """What was frozen is there unchanged, and was frozen first."""
    first: Object = study.events[0] if study.events else {"kind": ""}
    if first["kind"] != "study.frozen":
        raise DiffersError("the study was not frozen first")
    for name, digest in first["data"]["files"].items():
        if sha(study.bytes(name)) != digest:
            raise DiffersError(f"{name} was changed after the study was frozen")
    study.plan = json.loads(study.bytes("plan.json"))
    yield f"{len(first['data']['files'])} frozen files as recorded"


def results(study: Study) -> Iterator[str]:
    """Every accepted result, and the seconds that were trained."""
    seconds = sum(
        (Fraction(study.result(one)["seconds"].get("train", "0")) for one in study.accepted.values()), Fraction()
    )
    yield f"{len(study.accepted)} accepted results as recorded, {float(seconds / 3600):.4f} hours trained in them"


def evidence(study: Study) -> Iterator[str]:
    """Every table, cell by cell, from the result files."""
    planned = {stage["name"]: stage for stage in study.plan["stages"]}
    entered = {one["stage"]: one["entrants"] for one in study.data("stage.opened")}
    for closed in study.data("stage.closed"):
        name = closed["stage"]
        content = study.bytes(f"evidence/{name}.json")
        table = strict(content.removesuffix(b"\n"))
        if sha(compact(table)) != closed["evidence"] or not content.endswith(b"\n"):
            raise DiffersError(f"evidence/{name}.json is not what was recorded")
        runs = {tuple(run[1:]): run[0] for run in planned[name]["possible_runs"]}
        cells = [[host, seed] for seed in planned[name]["seeds"] for host in planned[name]["hosts"]]
        if sorted(table["rows"]) != sorted(entered[name]) or table["cells"] != cells:
            raise DiffersError(f"evidence/{name}.json has other rows or cells than were run")
        for candidate, row in table["rows"].items():
            for (host, seed), cell in zip(cells, row, strict=True):
                run = runs[candidate, host, seed]
                if cell["run"] != run or cell["value"] != study.value(run, table["metric"]):
                    raise DiffersError(f"evidence/{name}.json: {candidate} on {host}, seed {seed} is not its result")
        yield f"evidence of {name} collected again"


def recorded(study: Study, event: Object) -> Object:
    """A decision file that is the one the ledger recorded."""
    content = study.bytes(f"decisions/{event['name']}.json")
    if sha(content.removesuffix(b"\n")) != event["decision"] or not content.endswith(b"\n"):
        raise DiffersError(f"decisions/{event['name']}.json is not what was recorded")
    decided: Object = strict(content.removesuffix(b"\n"))
    return decided


def decisions(study: Study) -> Iterator[str]:
    """Every decision file, and the verdict itself where the rule is of a kind known here."""
    lower = str(study.plan["parts"]["measure"]).endswith("lower is better")
    for event in study.data("reduction.decided"):
        if recorded(study, event)["promoted"] != event["promoted"]:
            raise DiffersError(f"{event['name']}: the ledger says something else than its decision")
        yield f"{event['name']}: a reduction is not derived again here; leave it to promo verify"
    for event in study.data("gate.decided") + study.data("rule.decided"):
        name = event["name"]
        decided = recorded(study, event)
        table = json.loads(study.bytes(f"evidence/{decided['stage']}.json"))
        rows = {one: [cell["value"] for cell in row] for one, row in table["rows"].items()}
        gate = name in study.plan["parts"]["gate"]
        said = study.plan["parts"]["gate" if gate else "rule"][name]
        found = None if event["held"] or event["stopped"] else (_top if gate else _gap)(said, rows, lower=lower)
        if found is None:
            yield f"{name}: a kind that is not derived again here; leave it to promo verify"
        elif found != event["promoted" if gate else "answer"]:
            raise DiffersError(f"{name}: the evidence gives {found}, and the ledger says something else")
        else:
            yield f"{name}: decided again"


def _top(said: Object, rows: dict[str, list[str | None]], *, lower: bool) -> list[str] | None:
    """Who goes on by `rank by mean`, `keep top N`, `always`, `ties by name`; None for any other gate."""
    keep = re.fullmatch(r"top (\d+)", str(said["keep"]))
    known = {"always", "crash", "from", "keep", "missing", "rank", "ties", "to"}
    mean = re.fullmatch(r"by mean \w+ over (host, seed|seed, host)", str(said["rank"]))
    whole = all(value is not None for row in rows.values() for value in row)
    if keep is None or mean is None or set(said) - known or said.get("ties") != "by name" or not whole:
        return None
    means = {name: _mean(row) * (1 if lower else -1) for name, row in rows.items()}
    always = [one for one in str(said.get("always") or "").split(", ") if one]
    best = sorted((name for name in rows if name not in always), key=lambda name: (means[name], name))
    return sorted({*best[: int(keep[1])], *(one for one in always if one in rows)})


def _gap(said: Object, rows: dict[str, list[str | None]], *, lower: bool) -> str | None:
    """What `mean gap at most X` finds; None for any other rule."""
    bound = re.fullmatch(r"mean gap at most (-?[\d.]+)[a-z_]+", str(said["require"]))
    pair = re.fullmatch(r"(\S+) against (\S+) at \S+", str(said["judge"]))
    if bound is None or pair is None or not {pair[1], pair[2]} <= set(rows):
        return None
    judged, reference = rows[pair[1]], rows[pair[2]]
    if None in judged + reference:
        return None
    gap = (_mean(judged) - _mean(reference)) * (1 if lower else -1)
    return "holds" if gap <= Fraction(bound[1]) else "fails"


def _mean(row: list[str | None]) -> Fraction:
    return sum((Fraction(str(value)) for value in row), Fraction()) / len(row)


def main(folder: Path) -> int:
    """Check a study folder and say what was found."""
    try:
        study = Study(folder)
        sys.stdout.write(f"{len(study.events)} events, each follows the one before\n")
        sys.stdout.write(f"Merkle root {base64.b64encode(root(study.lines)).decode()}\n")
        for check in (frozen_files, results, evidence, decisions):
            for words in check(study):
                sys.stdout.write(f"{words}\n")
    except (DiffersError, KeyError, TypeError, ValueError, AttributeError) as fault:
        sys.stdout.write(f"DIFFERS: {fault}\n")
        return 1
    sys.stdout.write("nothing differs; age is for somebody outside to vouch for\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
