"""
A second, independent check of a study: this one file and Python's standard library, nothing of promo.

It takes nothing from promo's own code, so a fault there is not repeated here.  It derives again: the chain, its Merkle
root, the digests of frozen files, texts, requests, results and decisions, the order of events, budgets, drawn seeds,
evidence tables, effects on whole tables and reductions by them, gates that keep the top by a mean, rules on a mean gap,
promotions, and the trained seconds.  What it cannot derive again it says, and leaves to `promo verify`; so nothing but
a ledger that somebody rewrote as a whole can pass here and fail there.

    python recheck.py STUDY.study [--key PUB] [--authority PEM] [--anchor RECEIPT]

Exit codes are those of `promo verify`: 0 everything matches and somebody outside vouches for what was frozen before the
runs, 1 something differs, 2 something is missing or not finished, 3 everything matches and nobody outside vouches.
Receipts in the ledger are checked against the keys that are given; OpenSSH signatures need ssh-keygen, time stamps
openssl, and signed notes nothing.
"""

import argparse
import base64
import hashlib
import json
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

Object = dict[str, Any]
Estimates = dict[str, dict[frozenset[str], tuple[float, float | None]]]
ENDS = ("attempt.failed", "attempt.lost", "result.accepted")
SPENT = "the ledger is not the one it vouches for"


class DiffersError(Exception):
    """Something is not what it must be."""


class MissingError(Exception):
    """Something is not there."""


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
        content = self.bytes("ledger.jsonl")
        self.lines = content.split(b"\n")[:-1]
        self.events = chain(content)
        self.attempts: dict[tuple[str, int], Object] = {}
        """(run, number) -> what was recorded at its start, its end, and whether a guard set it aside."""
        for event in self.events:
            data = event["data"]
            if event["kind"] == "attempt.started":
                self.attempts[data["run"], data["attempt"]] = {**data, "end": "", "flagged": False}
            elif event["kind"] in ENDS:
                one = self.attempts.get((data["run"], data["attempt"]))
                if one is None:
                    raise DiffersError(f"run {data['run']} has an end and was never started")
                one.update(data, end=event["kind"])
            elif event["kind"] == "attempt.late":
                late = self.attempts[data["run"], data["attempt"]]
                if late["end"] not in ("attempt.failed", "attempt.lost") or late.get("envelope"):
                    raise DiffersError(f"{late['folder']} is said to have come late, and was not given up")
                late["late"] = data["envelope"]
            elif event["kind"] == "result.flagged":
                self.attempts[data["run"], data["attempt"]]["flagged"] = True
        self.counts: dict[str, Object] = {}
        """Run -> the attempt that counts: the first that was accepted and not set aside."""
        for (run, _), one in self.attempts.items():
            if one["end"] == "result.accepted" and not one["flagged"]:
                self.counts.setdefault(run, one)
        self.plan: Object = {}
        first = self.events[0] if self.events else {"kind": "", "data": {}}
        self.frozen: Object = first["data"] if first["kind"] == "study.frozen" else {}

    def data(self, kind: str) -> list[Object]:
        """Data of all events of a kind."""
        return [event["data"] for event in self.events if event["kind"] == kind]

    def bytes(self, name: str) -> bytes:
        """A file of the study."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as fault:
            raise MissingError(f"{name} is not there") from fault

    def result(self, attempt: Object) -> Object:
        """Body of the result that an attempt left."""
        folder = attempt["folder"]
        content, request = self.bytes(f"{folder}/result.json"), self.bytes(f"{folder}/request.json")
        if sha(content) != attempt["envelope"]:
            raise DiffersError(f"{folder}/result.json is not what was recorded")
        envelope = strict(content)
        body: Object = envelope["body"]
        if sha(compact(body)) != envelope["digest"] or body["request"] != sha(request):
            raise DiffersError(f"{folder}/result.json does not answer the request beside it")
        status = "ok" if attempt["flagged"] else attempt["status"]
        if body["status"] != status:
            raise DiffersError(f"{folder}/result.json has another status than was recorded")
        counted = attempt["end"] == "result.accepted"
        if body["seconds"].get("train", "0") != attempt["train_s"] or (
            counted and body["metrics"] != attempt["metrics"]
        ):
            raise DiffersError(f"{folder}/result.json has other numbers than the ledger says")
        if "points" in body and sha(self.bytes(f"{folder}/points.jsonl")) != body["points"]:
            raise DiffersError(f"{folder}/points.jsonl was changed")
        return body

    def request(self, attempt: Object) -> Object:
        """What an attempt was asked."""
        name = f"{attempt['folder']}/request.json"
        content = self.bytes(name)
        if sha(content) != attempt["request"]:
            raise DiffersError(f"{name} is not what was recorded")
        asked: Object = json.loads(content)
        return asked

    def value(self, run: str, metric: str) -> str | None:
        """The measured value of a run, from its result file."""
        one = self.counts.get(run)
        return None if one is None else self.result(one)["metrics"].get(metric)

    def stored(self, name: str, digest: str) -> Any:
        """A derived file whose digest was recorded."""
        content = self.bytes(name)
        if not content.endswith(b"\n") or sha(content[:-1]) != digest:
            raise DiffersError(f"{name} is not what was recorded")
        return strict(content[:-1])


# --- what was frozen, and in which order things happened ---------------------------------------------------------


def frozen_files(study: Study) -> Iterator[str]:
    """What was frozen is there unchanged, and was frozen first."""
    if not study.frozen:
        raise DiffersError("the study was not frozen first")
    files = study.frozen["files"]
    missing = [name for name in files if not (study.folder / name).is_file()]
    for name, digest in files.items():
        if name not in missing and sha(study.bytes(name)) != digest:
            raise DiffersError(f"{name} was changed after the study was frozen")
    if missing:
        raise MissingError(f"{missing[0]} is not there")
    study.plan = json.loads(study.bytes("plan.json"))
    if study.plan["digest"] != study.frozen["plan"]:
        raise DiffersError("plan.json is another plan than was frozen")
    yield f"{len(files)} frozen files as recorded"


def order(study: Study) -> Iterator[str]:
    """Nothing ran outside the plan, was counted twice, or lies in the folder without being in the ledger."""
    known: dict[str, set[tuple[Any, ...]]] = {}
    for stage in study.plan["stages"]:
        for run, candidate, host, seed in stage["possible_runs"]:
            known.setdefault(run, set()).add((stage["name"], candidate, host, seed))
    before: dict[str, int] = {}
    counted: set[str] = set()
    for (run, number), one in study.attempts.items():
        if (one["stage"], one["candidate"], one["host"], one["seed"]) not in known.get(run, ()):
            raise DiffersError(f"run {run} is not in the plan, or stands in another cell there")
        if number <= before.get(run, 0):
            raise DiffersError(f"the attempts of run {run} are not numbered in order")
        before[run] = number
        if one["end"] == "result.accepted" and not one["flagged"]:
            if run in counted:
                raise DiffersError(f"run {run} was counted twice")
            counted.add(run)
    folders = {one["folder"] for one in study.attempts.values()}
    for place in sorted(study.folder.glob("runs/*/*/attempt-*")):
        name = place.relative_to(study.folder).as_posix()
        if name not in folders and sum(1 for _ in place.iterdir()) > 1:
            raise DiffersError(f"{name} is not in the ledger")
    yield f"{len(study.attempts)} attempts, all of the plan, none counted twice"


def begun(study: Study) -> Iterator[str]:
    """What the spec asks for before the first run, and the seeds that were drawn."""
    parts = study.plan["parts"]
    if "replay" in study.frozen:
        return
    brought = {
        (one["run"], one["attempt"]): chain(study.bytes(bundle["ledger"]))
        for bundle in study.data("bundle.imported")
        for one in bundle["taken"]
    }
    if "anchor" in parts:
        for events in [study.events, *brought.values()]:
            kinds = [one["kind"] for one in events if "bundle" not in one["data"]]
            runs = kinds.index("attempt.started") if "attempt.started" in kinds else len(kinds)
            if runs < len(kinds) and "anchor.received" not in kinds[:runs]:
                raise DiffersError("a run began before the required receipt")
        yield "the required receipt stands before the first run"
    if "draw" in parts:
        for key, one in study.attempts.items():
            value = _published(brought.get(key, study.events), str(parts["draw"]))
            words = f"promo/seed/1\n{study.frozen['plan']}\n{value}\n{one['seed']}"
            drawn = int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big") >> 1
            asked = study.request(one)["run"]
            if (asked["seed"], asked.get("label")) != (drawn, one["seed"]):
                raise DiffersError(f"{one['folder']} has another seed than was drawn")
        yield "every seed drawn again"


def _published(events: list[Object], said: str) -> str:
    """The value that seeds are drawn from."""
    kind, name = ("anchor.received", "digest") if said == "seeds from receipt" else ("value.published", "value")
    found = [one["data"][name] for one in events if one["kind"] == kind]
    if not found:
        raise DiffersError("seeds are drawn from a value that no event tells")
    return str(found[0])


def texts(study: Study) -> Iterator[str]:
    """Prepared texts, ledgers of other machines, and the wordings of amendments."""
    for data in study.data("data.prepared"):
        for name, key in (("train.bytes", "train_digest"), ("validation.bytes", "validation_digest")):
            path = study.folder / "data" / name
            if path.is_file() and sha(path.read_bytes()) != data[key]:
                raise DiffersError(f"data/{name} is not the text that was trained on")
    for bundle in study.data("bundle.imported"):
        if sha(study.bytes(bundle["ledger"])) != bundle["ledger_digest"]:
            raise DiffersError(f"{bundle['ledger']} is not the ledger that was brought")
    for number, amended in enumerate(study.data("rule.amended"), 1):
        if sha(study.bytes(f"amendments/{number}.promo")) != amended["text"]:
            raise DiffersError(f"amendments/{number}.promo is not what was recorded")
    yield "texts, other ledgers and amendments as recorded, as far as they are kept here"


# --- results, evidence, decisions --------------------------------------------------------------------------------


def results(study: Study) -> Iterator[str]:
    """Every result and request, the budgets, and the seconds that were trained."""
    seconds, good, missing = Fraction(), 0, []
    kept: dict[str, Any] = {}
    budgets = {stage["name"]: Fraction(stage["budget"]["amount"]) for stage in study.plan["stages"]}
    for one in study.attempts.values():
        try:
            body = study.result(one) if one["end"] and one.get("envelope") else None
            if "late" in one and sha(study.bytes(f"{one['folder']}/result.json")) != one["late"]:
                raise DiffersError(f"{one['folder']}/result.json is not what came late")
            for name, digest in one.get("left", {}).items():
                if sha(study.bytes(f"{one['folder']}/{name}")) != digest:
                    raise DiffersError(f"{one['folder']}/{name} is not what was recorded")
            asked = study.request(one) if one["end"] == "result.accepted" and not one["flagged"] else {}
        except MissingError as fault:
            missing.append(str(fault))
            continue
        if one.get("device_s") is not None and Fraction(one["device_s"]) + Fraction(1, 1000) < spent(study, one, body):
            raise DiffersError(f"{one['folder']} took more of its device's time than the ledger says")
        if body is None:
            continue
        good += 1
        seconds += Fraction(body["seconds"].get("train", "0"))
        if not asked:
            continue
        kept[one["folder"]] = [body[name] for name in ("checkpoint", "trunk") if name in body]
        used = body.get("budget") or {}
        if "used" in used and Fraction(used["used"]) > budgets[one["stage"]] + Fraction(used.get("last_step", "0")):
            raise DiffersError(f"{one['folder']} was given more than its budget and one step")
        carried = asked.get("continues")
        if isinstance(carried, dict) and carried.get("state") not in kept.get(carried.get("folder"), ()):
            raise DiffersError(f"{one['folder']} carries on another state than was accepted")
    if missing:
        raise MissingError(missing[0])
    yield f"{good} results as recorded, {float(seconds / 3600):.4f} hours trained in them"


def spent(study: Study, attempt: Object, body: Object | None) -> Fraction:
    """Seconds that its worker, or without a result its supervisor, wrote down; promo's own clock encloses theirs."""
    if body is not None:
        return Fraction(body["seconds"].get("total", "0"))
    if "exit.json" not in attempt.get("left", {}):
        return Fraction()
    return Fraction(json.loads(study.bytes(f"{attempt['folder']}/exit.json")).get("seconds") or 0)


def evidence(study: Study) -> Iterator[str]:
    """Every table, cell by cell, from the result files."""
    planned = {stage["name"]: stage for stage in study.plan["stages"]}
    entered = {one["stage"]: one["entrants"] for one in study.data("stage.opened")}
    tables = {
        one["stage"]: study.stored(f"evidence/{one['stage']}.json", one["evidence"])
        for one in study.data("stage.closed")
    }
    for name, table in tables.items():
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
    for one in study.data("effects.estimated"):
        stored = study.stored(f"evidence/{one['name']}.json", one["effects"])
        again = "estimated again" if estimated(study, one["name"], stored) else "as recorded; left to promo verify"
        yield f"{one['name']}: {again}"


# --- effects -----------------------------------------------------------------------------------------------------


def estimated(study: Study, name: str, stored: Object) -> bool:
    """Whether stored effects could be estimated again; then they are the same."""
    found = estimates(study, name, stored)
    for stage in stored["stages"] if found else ():
        most = max(abs(size) for size, _ in found[stage["stage"]].values())
        for effect in stage["effects"]:
            size, adjusted = found[stage["stage"]][frozenset(effect["effect"])]
            discovered = adjusted is not None and adjusted <= _rate(study, name)
            same = _near(effect["value"], abs(size), 1e-9 * most) and _near(effect["adjusted"], adjusted, 1e-9)
            if not same or effect["discovered"] != discovered:
                raise DiffersError(f"{name}: {' * '.join(effect['effect'])} at {stage['stage']} comes out otherwise")
    return bool(found)


def _rate(study: Study, name: str) -> float:
    return float(Fraction(str(study.plan["parts"]["effects"][name]["rate"]).rstrip("%")) / 100)


def _near(text: str | None, number: float | None, room: float) -> bool:
    """Whether a stored number of six digits is this one, whatever its sign."""
    if text is None or number is None:
        return text is None and number is None
    return abs(abs(float(text)) - number) <= 1e-5 * number + room


def estimates(study: Study, name: str, stored: Object) -> Estimates:
    """
    Stage by stage each effect's size, second level less first in sorted order, and its p adjusted in its family.

    By least squares on whole tables: there every block holds each candidate equally often, so a block's term takes the
    mean of a column away and no more.  Empty where a run is missing or something else is not as simple as that.
    """
    found: Estimates = {}
    said = study.plan["parts"]["effects"][name]
    for stage in stored["stages"]:
        table = json.loads(study.bytes(f"evidence/{stage['stage']}.json"))
        cells = table["cells"]
        values = {one: [cell["value"] for cell in row] for one, row in table["rows"].items()}
        whole = all(value is not None for row in values.values() for value in row)
        if not whole or len(cells) < 2 or stage["runs"] != len(values) * len(cells) or stage["sigma"] is None:
            return {}
        columns = _columns(study, sorted(values), stage["effects"])
        if columns is None:
            return {}
        numbers = [[Fraction(value) for value in values[one]] for one in sorted(values)]
        made = _fitted(list(columns.values()), numbers, cells, str(said["block"] or "").split(", "))
        if made is None:
            return {}
        sizes = {"main": (1,), "pairs": (2,), "all": (1, 2)}[said["family"]]
        family = [number for number, effect in enumerate(columns) if len(effect) in sizes]
        adjusted: list[float | None] = [None] * len(columns)
        least = 1.0
        order = sorted(family, key=lambda number: made[number][1])
        for rank in range(len(order), 0, -1):  # Benjamini & Hochberg (1995), the step-up procedure
            least = min(least, made[order[rank - 1]][1] * len(order) / rank)
            adjusted[order[rank - 1]] = least
        found[stage["stage"]] = {
            effect: (size, p) for effect, (size, _), p in zip(columns, made, adjusted, strict=True)
        }
    return found


def _columns(study: Study, names: list[str], effects: list[Object]) -> dict[frozenset[str], list[int]] | None:
    """A column of signs for each effect; None unless all are estimated, and the signs of every factor are known."""
    factors = {factor for effect in effects for factor in effect["effect"]}
    signs: dict[str, list[int]] = {}
    for factor in factors:
        levels = _levels(study, names, factor)
        column = [1 if levels and _level(study, name, factor) == levels[-1] else -1 for name in names]
        if len(levels) == 2 and not sum(column):  # what a runner rounds is no longer balanced
            signs[factor] = column
    lacking = factors - set(signs)
    if lacking:
        left = _left_over(names, list(signs.values()))
        if len(lacking) > 1 or left is None:
            return None
        signs[lacking.pop()] = left
    if any(effect["value"] is None for effect in effects):
        return None
    return {
        frozenset(effect["effect"]): [
            math.prod(one) for one in zip(*(signs[factor] for factor in effect["effect"]), strict=True)
        ]
        for effect in effects
    }


def _left_over(names: list[str], signs: list[list[int]]) -> list[int] | None:
    """
    The signs of a factor that a runner makes other settings of, from where the rows of a whole design stand.

    In standard order factor n of the base alternates every 2^n rows; what none of the others does, this one does.
    """
    numbers = [int(name.rpartition("_")[2]) - 1 if re.fullmatch(r"\w+_\d+", name) else -1 for name in names]
    count = len(numbers)
    if sorted(numbers) != list(range(count)) or count & (count - 1) or len({n.rpartition("_")[0] for n in names}) > 1:
        return None
    base = [[1 if number >> bit & 1 else -1 for number in numbers] for bit in range(count.bit_length() - 1)]
    free = [column for column in base if column not in signs and [-one for one in column] not in signs]
    return free[0] if len(free) == 1 else None


def _level(study: Study, candidate: str, factor: str) -> str:
    return str(study.plan["parts"]["candidate"][candidate].get(factor, ""))


def _levels(study: Study, names: list[str], factor: str) -> list[str]:
    """Values of a setting, sorted; none where a candidate has no such setting."""
    found = {_level(study, name, factor) for name in names}
    return [] if "" in found else sorted(found)


def _fitted(
    columns: list[list[int]], values: list[list[Fraction]], cells: list[Any], block: list[str]
) -> list[tuple[float, float]] | None:
    """Size and p of each column's effect."""
    count, width = len(values), len(columns)
    centred = [[Fraction(one) - Fraction(sum(column), count) for one in column] for column in columns]
    sums = [sum(row, Fraction()) for row in values]
    lines = [
        [len(cells) * sum((a * b for a, b in zip(one, other, strict=True)), Fraction()) for other in centred]
        + [sum((a * b for a, b in zip(one, sums, strict=True)), Fraction())]
        + [Fraction(int(number == other)) for other in range(width)]
        for number, one in enumerate(centred)
    ]
    right = [line[width] for line in lines]
    for pivot in range(width):
        if not lines[pivot][pivot]:
            return None
        lines[pivot] = [one / lines[pivot][pivot] for one in lines[pivot]]
        for other in range(width):
            if other != pivot and (factor := lines[other][pivot]):
                lines[other] = [a - factor * b for a, b in zip(lines[other], lines[pivot], strict=True)]
    blocks: dict[tuple[Any, ...], list[Fraction]] = {}
    for place, (host, seed) in enumerate(cells):
        key = (host if "host" in block else "", seed if "seed" in block else "")
        blocks.setdefault(key, []).extend(row[place] for row in values)
    residual = sum((value * value for row in values for value in row), Fraction())
    residual -= sum((sum(those, Fraction()) ** 2 / len(those) for those in blocks.values()), Fraction())
    residual -= sum((a * line[width] for a, line in zip(right, lines, strict=True)), Fraction())
    degrees = count * len(cells) - len(blocks) - width
    if degrees <= 0 or residual <= 0:
        return None
    ratios = [line[width] ** 2 / (residual / degrees * line[width + 1 + n]) for n, line in enumerate(lines)]
    return [(float(2 * line[width]), _tail(float(t), degrees)) for t, line in zip(ratios, lines, strict=True)]


def _tail(square: float, degrees: int) -> float:
    """
    P that Student's t is as far from zero as the root of *square*.

    Source: Abramowitz & Stegun (1964), 26.7.3 and 26.7.4: a finite sum in cos^2, where tan = t / sqrt(degrees).
    """
    angle, odd = math.atan(math.sqrt(square / degrees)), degrees % 2
    total, term = 0.0, math.cos(angle) if odd else 1.0
    for number in range(degrees // 2):
        total += term
        term *= (2 * number + 1 + odd) / (2 * number + 2 + odd) * math.cos(angle) ** 2
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return max(1.0 - inside, 0.0)


def decisions(study: Study) -> Iterator[str]:
    """Every decision file, and the verdict itself where the rule is of a kind known here."""
    lower = str(study.plan["parts"]["measure"]).endswith("lower is better")
    for event in study.data("reduction.decided"):
        decided = study.stored(f"decisions/{event['name']}.json", event["decision"])
        if decided["promoted"] != event["promoted"]:
            raise DiffersError(f"{event['name']}: the ledger says something else than its decision")
        going = None if event.get("amendment") else reduced(study, decided, lower=lower)
        if going is None:
            yield f"{event['name']}: as recorded; of a kind that is not derived again here, left to promo verify"
        elif going != decided["promoted"]:
            raise DiffersError(f"{event['name']}: the effects give {going}, and the ledger says something else")
        else:
            yield f"{event['name']}: decided again"
    for event in study.data("baseline.moved"):
        decided = study.stored(f"decisions/{event['name']}.json", event["decision"])
        if decided["promoted"] != event["promoted"]:
            raise DiffersError(f"{event['name']}: the ledger says something else than its decision")
        yield f"{event['name']}: as recorded; a step of a walk is left to promo verify"
    for event in study.data("gate.decided") + study.data("rule.decided"):
        name = event["name"]
        decided = study.stored(f"decisions/{name}.json", event["decision"])
        for other in event.get("beside", ()):
            version = f"amendment-{other['amendment']}" if other["amendment"] else "frozen"
            study.stored(f"decisions/{name}.{version}.json", other["decision"])
        table = json.loads(study.bytes(f"evidence/{decided['stage']}.json"))
        rows = {one: [cell["value"] for cell in row] for one, row in table["rows"].items()}
        gate = name in study.plan["parts"]["gate"]
        said = study.plan["parts"]["gate" if gate else "rule"][name]
        special = event["held"] or event["stopped"] or event.get("amendment")
        found = None if special else (_top if gate else _gap)(said, rows, lower=lower)
        if found is None:
            yield f"{name}: as recorded; of a kind that is not derived again here, left to promo verify"
        elif found != event["promoted" if gate else "answer"]:
            raise DiffersError(f"{name}: the evidence gives {found}, and the ledger says something else")
        else:
            yield f"{name}: decided again"


def promotions(study: Study) -> Iterator[str]:
    """Whoever entered a stage is who its gate promoted."""
    kinds = ("gate.decided", "reduction.decided", "baseline.moved", "person.decided")
    promoted = {one["name"]: one.get("promoted") for kind in kinds for one in study.data(kind)}
    after = {stage["name"]: stage["after"] for stage in study.plan["stages"]}
    for opened in study.data("stage.opened"):
        gate = after[opened["stage"]]
        if gate is not None and sorted(opened["entrants"]) != sorted(promoted.get(gate) or ()):
            raise DiffersError(f"{opened['stage']} was entered by others than its gate promoted")
    yield "every stage was entered by those its gate promoted"


def reduced(study: Study, decided: Object, *, lower: bool) -> list[str] | None:
    """Who goes on by `factor when discovered and effect at least X` to its `better level`; None for anything else."""
    said = study.plan["parts"]["reduce"][decided["reduce"]]
    asked = re.fullmatch(r"factor when discovered(?: and effect at least ([\d.]+)[A-Za-z_%]*)?", str(said["fix"]))
    stored = json.loads(study.bytes(f"evidence/{said['from']}.json"))
    found = {} if decided["held"] or decided["stopped"] else estimates(study, said["from"], stored)
    if asked is None or said["to"] != "better level" or not found:
        return None
    names = sorted(json.loads(study.bytes(f"evidence/{stored['stages'][0]['stage']}.json"))["rows"])
    told = {one["factor"]: one["level"] for one in decided["factors"] if one["level"] is not None}
    if any(level not in _levels(study, names, factor) for factor, level in told.items()):
        return None  # the runner calls its settings otherwise
    fixed: dict[str, str] = {}
    for one in decided["factors"]:
        better = set()
        for stage in stored["stages"]:
            chains = [each["chain"] for each in stage["effects"]]
            chain = next((those for those in chains if [one["factor"]] in [word for _, word in those]), None)
            if chain is None:
                return None
            size, adjusted = found[stage["stage"]][frozenset(chain[0][1])]
            alone = sum(len(word) == 1 for _, word in chain) == 1
            discovered = alone and adjusted is not None and adjusted <= _rate(study, said["from"])
            large = discovered and abs(size) >= float(asked[1] or 0)
            levels = _levels(study, names, one["factor"])
            if large and not levels:
                return None  # which level that is, only promo knows
            better.add(levels[(size < 0) is lower] if large else "")
        if len(better) == 1 and "" not in better:
            fixed[one["factor"]] = better.pop()
    if told != fixed:
        raise DiffersError(f"{decided['reduce']}: the effects fix {fixed}, and the decision something else")
    rows = [*decided["promoted"], *decided["left"]]
    return sorted(name for name in rows if all(_level(study, name, one) == fixed[one] for one in fixed))


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


def ending(study: Study) -> Iterator[str]:
    """The study came to its end."""
    if not study.data("study.closed") + study.data("study.stopped"):
        raise MissingError("the study is not finished")
    yield "the study is finished"


# --- receipts from outside ---------------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493


def _sum(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Two points of the curve -x^2 + y^2 = 1 + d x^2 y^2, RFC 8032, section 5.1."""
    d = -121665 * pow(121666, -1, P)
    product = d * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P) % P


def _multiple(factor: int, point: tuple[int, int]) -> tuple[int, int]:
    result = (0, 1)
    for bit in bin(factor)[2:]:
        result = _sum(result, result)
        result = _sum(result, point) if bit == "1" else result
    return result


def _decompressed(encoded: bytes) -> tuple[int, int]:
    whole = int.from_bytes(encoded, "little")
    y, odd = whole % 2**255, whole >> 255
    d = -121665 * pow(121666, -1, P)
    x = pow(square := (y * y - 1) * pow(d * y * y + 1, -1, P) % P, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or y >= P or (x == 0 and odd):
        raise ValueError("these bytes are no point")
    return (x if x % 2 == odd else P - x), y


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature holds."""
    try:
        key, commitment = _decompressed(public), _decompressed(signature[:32])
    except ValueError:
        return False
    answer = int.from_bytes(signature[32:], "little")
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    base = _decompressed(bytes([0x58]) + bytes([0x66]) * 31)
    fits = len(public) == 32 and len(signature) == 64 and answer < L
    return fits and _multiple(answer, base) == _sum(commitment, _multiple(challenge, key))


def head(study: Study) -> Iterator[str]:
    """The checkpoint that promo left beside the ledger when it last stopped."""
    path = study.folder / "checkpoint.note"
    if path.is_file():
        yield f"checkpoint.note covers {_covered(study, 'checkpoint.note', path.read_bytes())} events"


def receipts(study: Study, given: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """Each receipt in words, and whether it vouches for what was frozen and no run."""
    for event in study.events:
        if event["kind"] == "anchor.received":
            data, name = event["data"], f"receipt in event {event['seq']}"
            content = base64.b64decode(data["receipt"], validate=True)
            note = f"promo/{study.frozen['study']}\n{data['size']}\n{data['root']}\n".encode()
            if sha(content) != data["digest"] or _carried(content) not in (None, note) or data["size"] > event["seq"]:
                raise DiffersError(f"{name} is not what it says it is")
            yield _judged(study, given, name, content, note, must=False)
    for path in map(Path, given.anchor):
        if not path.is_file():
            raise DiffersError(f"{path.name} is not there")
        content = path.read_bytes()
        found = _carried(content)
        for beside in (path.with_suffix(""), study.folder / "anchors" / path.stem):
            found = beside.read_bytes() if found is None and beside.is_file() else found
        if found is None:
            raise DiffersError(f"{path.name}: its note is not there")
        yield _judged(study, given, path.name, content, found, must=True)


def _carried(receipt: bytes) -> bytes | None:
    """The note that a signed note or a git tag holds itself."""
    if receipt.startswith(b"object "):
        return receipt.partition(b"-----BEGIN SSH")[0].partition(b"\n\n")[2]
    before, found, _ = receipt.rpartition("\n\n— ".encode())
    return before + b"\n" if found and not receipt.startswith((b"-----BEGIN", b"\x30")) else None


def _judged(
    study: Study, given: argparse.Namespace, name: str, receipt: bytes, note: bytes, *, must: bool
) -> tuple[str, bool]:
    size = _covered(study, name, note)
    when = _vouched(receipt, note, given)
    if when is None:
        if must:
            raise DiffersError(f"{name}: none of the given keys and authorities made it")
        return f"{name}: over {size} events, by nobody whose key was given", False
    runs = [event for event in study.events if event["kind"] == "attempt.started"]
    early = not runs or (runs[0]["seq"] >= size and when <= runs[0]["time"])
    return f"{name}: vouches for {'what was frozen and no run' if early else f'{size} events'}", early


def _covered(study: Study, name: str, note: bytes) -> int:
    """How many events a checkpoint covers, if they are those of this ledger."""
    parts = note.decode(errors="replace").split("\n")
    if len(parts) != 4 or not re.fullmatch(r"[1-9]\d*", parts[1]) or int(parts[1]) > len(study.lines):
        raise DiffersError(f"{name}: {SPENT}")
    covered = study.lines[: int(parts[1])]
    if note != f"promo/{study.frozen['study']}\n{len(covered)}\n{base64.b64encode(root(covered)).decode()}\n".encode():
        raise DiffersError(f"{name}: {SPENT}")
    return len(covered)


def _vouched(receipt: bytes, note: bytes, given: argparse.Namespace) -> str | None:
    """When one of the given keys or authorities made a receipt, empty if it tells no time; None when none did."""
    with tempfile.TemporaryDirectory() as scratch:
        first, second, third = (Path(scratch) / name for name in "abc")
        if receipt.startswith(b"\x30"):
            first.write_bytes(note)
            second.write_bytes(receipt)
            for authority in given.authority:
                words = ["-verify", "-data", str(first), "-in", str(second), "-CAfile", authority]
                if _ran(["openssl", "ts", *words], b"") is not None:
                    text = _ran(["openssl", "ts", "-reply", "-in", str(second), "-text"], b"") or b""
                    found = re.search(rb"Time stamp: (\w+ +\d+ [\d:]{8})\S* (\d{4}) GMT", text)
                    if found is None:
                        return "9999"
                    moment = time.strptime(f"{found[1].decode()} {found[2].decode()}", "%b %d %H:%M:%S %Y")
                    return time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
            return None
        at = receipt.find(b"-----BEGIN SSH SIGNATURE-----")
        if at < 0:
            return _cosigned(receipt, note, given)
        first.write_bytes(receipt[at:])
        purpose, message = ("git", receipt[:at]) if at else ("promo-checkpoint", note)
        for key in given.key:
            public = " ".join(Path(key).read_text(encoding="utf-8").split()[:2])
            third.write_text(f'w namespaces="{purpose}" {public}\n', encoding="utf-8")
            words = ["-Y", "verify", "-f", str(third), "-I", "w", "-n", purpose, "-s", str(first)]
            if _ran(["ssh-keygen", *words], message) is not None:
                return ""
    return None


def _cosigned(receipt: bytes, note: bytes, given: argparse.Namespace) -> str | None:
    """The same for signed notes of C2SP: a signature over the text, or a cosignature over a time and the text."""
    for name, encoded in re.findall(r"— (\S+) (\S+)\n", receipt[len(note) :].decode(errors="replace")):
        content = base64.b64decode(encoded)
        for key in given.key:
            owner, _, rest = Path(key).read_text(encoding="utf-8").strip().partition("+")
            try:
                typed = base64.b64decode(rest.partition("+")[2], validate=True)
            except ValueError:
                continue
            identity = hashlib.sha256(f"{owner}\n".encode() + typed).digest()[:4]
            if owner != name or content[:4] != identity or len(content) != {1: 68, 4: 76}.get(typed[0]):
                continue
            seconds = int.from_bytes(content[4:12], "big") if typed[0] == 4 else None
            prefix = b"" if seconds is None else f"cosignature/v1\ntime {seconds}\n".encode()
            if ed25519(typed[1:], prefix + note, content[-64:]):
                return "" if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return None


def _ran(words: list[str], given: bytes) -> bytes | None:
    """What a program says, or None when it says no."""
    done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else None


CHECKS = (frozen_files, order, texts, begun, results, evidence, decisions, promotions, ending, head)
FAULTS = (DiffersError, KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError)


def check(folder: Path, given: argparse.Namespace, say: Any) -> int:
    """Check a study and say what was found; the exit code."""
    code, anchored = 3, False
    try:
        study = Study(folder)
        say(f"{len(study.events)} events, each follows the one before")
        say(f"Merkle root {base64.b64encode(root(study.lines)).decode()}")
    except MissingError as fault:
        say(f"MISSING: {fault}")
        return 2
    except FAULTS as fault:
        say(f"DIFFERS: {fault}")
        return 1
    for step in CHECKS:
        try:
            for words in step(study):
                say(words)
        except MissingError as fault:
            say(f"MISSING: {fault}")
            code = min(code, 2)
        except FAULTS as fault:
            say(f"DIFFERS: {fault}")
            code = 1
        if not study.plan:
            return code
    try:
        for words, early in receipts(study, given):
            say(words)
            anchored = anchored or early
    except FAULTS as fault:
        say(f"DIFFERS: {fault}")
        code = 1
    return 0 if code == 3 and anchored else code


ENDINGS = (
    "nothing differs, and somebody outside vouches for what was frozen before the runs",
    "MISMATCH: what is stored is not what was recorded, or does not follow from it",
    "INCOMPLETE: what is there matches, but parts are missing or the study is not finished",
    "nothing differs; nobody outside whose key was given vouches for when it was written",
)


def main(words: list[str]) -> int:
    """Check the study folder that a command line names."""
    options = argparse.ArgumentParser(description="check a study of promo without promo")
    options.add_argument("folder", metavar="STUDY", help="a study folder, or a bundle that was unpacked")
    options.add_argument("--key", action="append", default=[], help="public key of somebody outside")
    options.add_argument("--authority", action="append", default=[], help="certificate of a time-stamping authority")
    options.add_argument("--anchor", action="append", default=[], help="a receipt that lies outside the folder")
    given = options.parse_args(words)
    code = check(Path(given.folder), given, lambda said: sys.stdout.write(f"{said}\n"))
    sys.stdout.write(f"{ENDINGS[code]}\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
