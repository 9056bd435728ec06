"""
Ways to tamper with a finished study, each made so well that every digest and the whole chain fit again.

`KINDS` leads from what was done to the study that it is done to (see `studies`) and to the function that does it.
`python tests/tampered.py` does all of them and prints which of the two verifiers finds which.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from promo.templates import recheck

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.codec import from_json, to_json
from promo.driver.amend import other_wording_file
from promo.driver.study import StudyFolder
from promo.ledger.chain import GENESIS, line_digest
from promo.ledger.checkpoint import checkpoint_of, to_note
from promo.ledger.state import State, apply
from promo.ledger.values import Event
from promo.decision.values import verdict_of

NOBODY = Namespace(key=[], authority=[], anchor=[])


class Forger:
    """A copy of a study whose events are JSON values that may be changed; `save` makes everything fit again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_bytes().splitlines()]

    # --- finding -------------------------------------------------------------------------------------------

    def places(self, kind: str, **said) -> list[int]:
        """Numbers of events of a kind that say so."""
        return [
            place
            for place, line in enumerate(self.lines)
            if line["event"]["is"] == kind and all(line["event"].get(key) == one for key, one in said.items())
        ]

    def said(self, kind: str, **said):
        """What the first event of a kind says, to be changed in place."""
        return self.lines[self.places(kind, **said)[0]]["event"]

    def of_attempt(self, folder: str) -> list[int]:
        """Events of the attempt in a folder."""
        start = self.said("attempt.started", folder=folder)
        key = {"run": start["run"], "attempt": start["attempt"]}
        kinds = ("attempt.started", "result.accepted", "attempt.failed", "attempt.lost", "result.flagged", "attempt.late")
        return sorted(place for kind in kinds for place in self.places(kind, **key))

    # --- changing ------------------------------------------------------------------------------------------

    def add(self, place: int, **event) -> None:
        """A further event, at the time and by the promo of the one before."""
        before = self.lines[place - 1]
        self.lines.insert(place, {**before, "event": event})

    def drop(self, *places: int) -> None:
        self.lines = [line for place, line in enumerate(self.lines) if place not in places]

    def move(self, place: int, to: int) -> None:
        self.lines.insert(to, self.lines.pop(place))

    def stored(self, name: str):
        return parse_json((self.folder / name).read_bytes())

    def store(self, name: str, value, end: bytes = b"") -> str:
        """A canonical file; the digest of its value."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(canonical(value) + end)
        return digest_bytes(canonical(value))

    def result(self, folder: str, request: str | None = None, **said) -> None:
        """Another result of an attempt, which the ledger repeats."""
        body = {**self.stored(f"{folder}/result.json")["body"], **said}
        body["request"] = request or body["request"]
        envelope = self.store(f"{folder}/result.json", {"body": body, "digest": digest_bytes(canonical(body))})
        end = self.lines[self.of_attempt(folder)[1]]["event"]
        for key in ("metrics", "seconds", "work", "contention"):
            end[key] = body[key] if key in end else end.get(key)
        end["envelope"] = envelope
        for key in [one for one, value in end.items() if value is None and one in ("metrics", "seconds", "work")]:
            del end[key]

    def request(self, folder: str, change: Callable[[dict], object]) -> None:
        """Another request of an attempt, which its result answers."""
        asked = self.stored(f"{folder}/request.json")
        change(asked)
        digest = self.store(f"{folder}/request.json", asked)
        self.said("attempt.started", folder=folder)["request"] = digest
        if (self.folder / folder / "result.json").exists():
            self.result(folder, digest)

    def forget(self, folder: str) -> None:
        """An attempt that never was."""
        self.drop(*self.of_attempt(folder))
        shutil.rmtree(self.folder / folder)

    def freeze(self, name: str, content: bytes) -> None:
        """Another frozen file."""
        (self.folder / name).write_bytes(content)
        self.lines[0]["event"]["files"][name] = digest_bytes(content)

    # --- making everything fit -------------------------------------------------------------------------------

    def refit(self) -> None:
        """Derive evidence, effects and verdicts again from the ledger as it is, files and digests."""
        folder = StudyFolder(self.folder)
        compiled, state = folder.compiled(), State()
        for place, line in enumerate(self.lines):
            said = line["event"]
            if said["is"] == "stage.closed":
                evidence = folder.evidence(compiled, state, said["stage"])
                said["evidence"] = self.store(f"evidence/{said['stage']}.json", to_json(evidence), b"\n")
                said["missing"] = sum(len(row.missing) for row in evidence.rows)
            elif said["is"] == "effects.estimated":
                table = folder.effects(compiled, state, said["name"])
                said["effects"] = self.store(f"evidence/{said['name']}.json", to_json(table), b"\n")
                said["discovered"] = [[fit.stage, [list(one) for one in table.discovered(fit.stage)]] for fit in table.fits]
            elif said["is"] == "decided":
                wording = state.in_force(said["name"])
                decision = folder.decision(compiled, state, said["name"], wording)
                self.store(f"decisions/{said['name']}.json", to_json(decision), b"\n")
                said["verdict"], said["seal"] = to_json(verdict_of(decision, wording)), decision.seal
                for other in said["others"]:
                    made = folder.decision(compiled, state, said["name"], other["wording"])
                    self.store(other_wording_file(said["name"], other["wording"]), to_json(made), b"\n")
                    other.update(to_json(verdict_of(made, other["wording"])))
            apply(state, from_json(Event, {**line, "seq": place, "prev": GENESIS}))

    def save(self) -> None:
        """Number and chain the events, and put the checkpoint of the whole beside them."""
        head, lines = GENESIS, []
        for place, line in enumerate(self.lines):
            said = line["event"]
            if said["is"] == "rule.amended" and said["head"] == line["prev"]:
                said = {**said, "head": head}
            lines.append(canonical({**line, "seq": place, "prev": head, "event": said}))
            head = line_digest(lines[-1])
        (self.folder / "ledger.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        name = self.lines[0]["event"].get("study", "trial") if self.lines else "trial"
        (self.folder / "checkpoint.note").write_bytes(to_note(checkpoint_of(name, lines)))


# --- events that are missing ------------------------------------------------------------------------------------------

BASE = "runs/short/base-box-s1/attempt-1"
FAIR = "runs/short/fair-box-s2/attempt-1"


def without_stage(forger):
    for line in [*forger.lines]:
        if line["event"]["is"] == "attempt.started" and line["event"]["stage"] == "aside":
            forger.forget(line["event"]["folder"])
    forger.drop(*forger.places("stage.opened", stage="aside"), *forger.places("stage.closed", stage="aside"))
    (forger.folder / "evidence/aside.json").unlink()
    forger.said("study.closed")["stages"] -= 1


def without_verdict(name):
    def change(forger):
        forger.drop(*forger.places("decided", name=name))
        (forger.folder / f"decisions/{name}.json").unlink()

    return change


def without_run(forger):
    forger.forget(FAIR)
    forger.refit()


def without_rerun(forger):
    forger.forget("runs/short/good-box-s1/attempt-2")
    forger.refit()


def without(kind, **said):
    return lambda forger: forger.drop(*forger.places(kind, **said))


def lost_and_again(forger):
    """The score of the first attempt was not liked: it is called lost, and a better one stands behind it."""
    start, end = forger.of_attempt(BASE)
    lost = {key: forger.lines[end]["event"][key] for key in ("run", "attempt", "device_s", "witnesses", "bundle")}
    again = [json.loads(json.dumps(forger.lines[place])) for place in (start, end)]
    forger.lines[end]["event"] = {"is": "attempt.lost", "loss": "gone", **lost}
    folder = BASE.replace("attempt-1", "attempt-2")
    shutil.copytree(forger.folder / BASE, forger.folder / folder)
    for line in again:
        line["event"]["attempt"] = 2
    again[0]["event"]["folder"] = folder
    forger.lines[end + 1 : end + 1] = again
    forger.request(folder, lambda asked: asked.update(attempt=2))
    forger.result(folder, metrics={"gain": "-0.5", "loss": "0.5"})
    forger.refit()


def ended_in_its_middle(forger):
    """Everything behind the first gate was not liked."""
    place = forger.places("stage.closed", stage="short")[0]
    kept, last = forger.lines[: place + 1], forger.lines[-1]
    gone = [line["event"]["folder"] for line in forger.lines[place:] if line["event"]["is"] == "attempt.started"]
    forger.lines = kept
    for line in [*kept]:
        said = line["event"]
        if said["is"] == "stage.opened" and said["stage"] != "short":
            forger.lines.remove(line)
        if said["is"] == "attempt.started" and said["stage"] != "short":
            forger.forget(said["folder"])
    for name in gone:
        shutil.rmtree(forger.folder / name)
    for name in ("evidence/long.json", "evidence/aside.json", "decisions/close.json"):
        (forger.folder / name).unlink(missing_ok=True)
    stages = len(forger.places("stage.closed"))
    forger.lines.append({**last, "event": {"is": "study.closed", "stages": stages}})


# --- events that stand elsewhere, or twice ----------------------------------------------------------------------------


def gate_before_results(forger):
    forger.move(forger.places("decided", name="pick")[0], forger.places("result.accepted")[-8])


def closed_before_runs(forger):
    stage = forger.places("stage.closed", stage="short")[0]
    gate = forger.places("decided", name="pick")[0]
    start = forger.places("attempt.started", stage="short")[-1]
    forger.move(gate, start)
    forger.move(stage, start + 1)
    forger.refit()


def twice(kind, **said):
    def change(forger):
        place = forger.places(kind, **said)[0]
        forger.lines.insert(place + 1, json.loads(json.dumps(forger.lines[place])))

    return change


def opened_early(forger):
    forger.move(forger.places("stage.opened", stage="long")[0], 2)


def stage_before_gate(forger):
    forger.move(forger.places("decided", name="pick")[0], forger.places("stage.opened", stage="long")[0])
    forger.move(forger.places("stage.opened", stage="long")[0], forger.places("stage.closed", stage="short")[0] + 1)
    forger.move(forger.places("decided", name="pick")[0], forger.places("stage.opened", stage="long")[0] + 1)
    forger.refit()


def renamed(kind, key, value, **said):
    return lambda forger: forger.said(kind, **said).update({key: value})


def runs_after_the_end(forger):
    forger.move(forger.places("study.closed")[0], forger.places("attempt.started", stage="long")[-1])


def behind(**event):
    """A further event behind the last."""
    return lambda forger: forger.add(len(forger.lines), **event)


# --- times and starts -----------------------------------------------------------------------------------------------


def earlier(seconds):
    def change(forger):
        for line in forger.lines[10:]:
            line["time"] = "2020-01-01T00:00:00Z" if seconds else line["time"]

    return change


def explained(forger):
    earlier(1)(forger)
    forger.add(10, **{"is": "clock.jumped", "seconds": -10**9})
    forger.lines[10]["time"] = "2020-01-01T00:00:00Z"


def badly_explained(forger):
    earlier(1)(forger)
    forger.add(10, **{"is": "clock.jumped", "seconds": 5})
    forger.lines[10]["time"] = "2020-01-01T00:00:00Z"


def later_starts(number):
    def change(forger):
        for line in forger.lines[10:]:
            line["incarnation"] = number

    return change


# --- attempts -----------------------------------------------------------------------------------------------------------


def asked(folder, change, result=None):
    def tamper(forger):
        forger.request(folder, change)
        if result:
            forger.result(folder, **result)
        forger.refit()

    return tamper


def first_of(stage, candidate=None):
    """A change of the request of the first attempt of a stage."""

    def tampering(change):
        def tamper(forger):
            said = {"stage": stage, **({"candidate": candidate} if candidate else {})}
            forger.request(forger.said("attempt.started", **said)["folder"], change)
            forger.refit()

        return tamper

    return tampering


def other_cell(forger):
    start = forger.said("attempt.started", folder=BASE)
    start["seed"] = 2


def other_folder(forger):
    forger.said("attempt.started", folder=BASE)["folder"] = FAIR.replace("attempt-1", "attempt-7")


def strange_run(forger):
    for place in forger.of_attempt(BASE):
        forger.lines[place]["event"]["run"] = "0123456789abcdef"


def again(forger):
    """A second run of a cell that has a result."""
    start, end = forger.of_attempt(BASE)
    more = [json.loads(json.dumps(forger.lines[place])) for place in (start, end)]
    folder = BASE.replace("attempt-1", "attempt-2")
    shutil.copytree(forger.folder / BASE, forger.folder / folder)
    for line in more:
        line["event"]["attempt"] = 2
    more[0]["event"]["folder"] = folder
    forger.lines[end + 1 : end + 1] = more
    forger.request(folder, lambda asked: asked.update(attempt=2))


def number_back(forger):
    """The rerun has the number of the attempt before."""
    folder = "runs/short/good-box-s1/attempt-2"
    for place in forger.of_attempt(folder):
        forger.lines[place]["event"]["attempt"] = 1


def end_without_start(forger):
    forger.drop(forger.of_attempt(BASE)[0])


def value(folder, **metrics):
    """Another value, in the result and everywhere behind it but in evidence and verdicts."""
    return lambda forger: forger.result(folder, metrics={**forger.stored(f"{folder}/result.json")["body"]["metrics"], **metrics})


def over_budget(forger):
    used = {**forger.stored(f"{BASE}/result.json")["body"]["used"], "used": "99"}
    forger.result(BASE, used=used)
    forger.refit()


def less_time(forger):
    forger.lines[forger.of_attempt(BASE)[1]]["event"]["device_s"] = "0.000"


def another_cause(forger):
    forger.said("attempt.failed")["cause"] = "bad luck"


def failed_for_another_reason(forger):
    place = forger.places("attempt.failed")[0]
    said = forger.lines[place]["event"]
    folder = next(line["event"]["folder"] for line in forger.lines
                  if line["event"]["is"] == "attempt.started" and line["event"]["run"] == said["run"])  # fmt: skip
    body = {**forger.stored(f"{folder}/result.json")["body"], "status": "timeout"}
    said["envelope"] = forger.store(f"{folder}/result.json", {"body": body, "digest": digest_bytes(canonical(body))})


# --- guards ----------------------------------------------------------------------------------------------------------


def no_flag(forger):
    for place in reversed(forger.places("result.flagged")):
        said = forger.lines[place]["event"]
        for start in forger.places("attempt.started", run=said["run"]):
            if forger.lines[start]["event"]["attempt"] > said["attempt"]:
                forger.forget(forger.lines[start]["event"]["folder"])
                break
        forger.drop(*forger.places("result.flagged", run=said["run"], attempt=said["attempt"]))
    forger.refit()


def another_flag(forger):
    """A guard sets aside a result that was served well."""
    end = forger.lines[forger.of_attempt(BASE)[1]]["event"]
    flag = {"gate": "pick", "guard": 0, "value": "10", "limit": "10", "again": False}
    place = forger.places("decided", name="pick")[0]
    forger.add(place, **{"is": "result.flagged", "run": end["run"], "attempt": 1, **flag})
    forger.refit()


def flag(**said):
    return lambda forger: forger.said("result.flagged").update(said)


# --- evidence and verdicts -----------------------------------------------------------------------------------------------


def stored(path, change, kind, key, **said):
    """Another derived file, whose digest an event has."""

    def tamper(forger):
        found = forger.stored(path)
        change(found)
        digest = forger.store(path, found, b"\n")
        event = forger.said(kind, **said)
        (event["verdict"] if key == "decision" else event)[key] = digest

    return tamper


def dig(value_, *path):
    for one in path:
        value_ = value_[one]
    return value_


def verdict(name, change, told=lambda verdict: None):
    """Another decision, and what the ledger says of it."""

    def tamper(forger):
        found = forger.stored(f"decisions/{name}.json")
        change(found)
        said = forger.said("decided", name=name)["verdict"]
        said["decision"] = forger.store(f"decisions/{name}.json", found, b"\n")
        said.update(outcome=found["outcome"], promoted=found["promoted"], answer=found["found"].get("answer"))
        told(said)

    return tamper


def promotes_poor(decision):
    decision["promoted"] = ["base", "poor"]


def fails(decision):
    decision["found"]["answer"] = "fails"


def another_margin(decision):
    decision["found"]["findings"][0]["margin"] = "7"


def another_ground(decision):
    decision["found"]["standings"][0]["ground"] = "sample"


def entrants(forger):
    forger.said("stage.opened", stage="long")["entrants"] = ["base", "fair"]


# --- people, amendments, receipts, bundles -------------------------------------------------------------------------------


def amended(**said):
    return lambda forger: forger.said("rule.amended").update(said)


def other_closure(which):
    def change(forger):
        closure = forger.said("rule.amended", name="pick")[which]
        closure["stages"]["short"]["budget"]["cap_s"] = 3600

    return change


def amended_target(forger):
    forger.said("rule.amended", name="close")["new"]["rule"]["judged"] = "fair"


def without_wording(forger):
    said = forger.said("decided", name="pick")
    said["others"] = []
    (forger.folder / "decisions/pick.frozen.json").unlink()


def run_before_receipt(forger):
    receipt = forger.places("anchor.received")[0]
    forger.move(receipt, forger.places("result.accepted")[-1])


def other_receipt(forger):
    said = forger.said("anchor.received")
    said["digest"] = "0" * 64


def untaken(forger):
    said = forger.said("bundle.imported")
    said["taken"] = said["taken"][1:]


def other_ledger(forger):
    said = forger.said("bundle.imported")
    path = forger.folder / said["ledger"]
    path.write_bytes(path.read_bytes()[:-20])
    said["ledger_digest"] = digest_bytes(path.read_bytes())


def brought_value(forger):
    start = next(line["event"] for line in forger.lines if line["event"]["is"] == "attempt.started" and line["event"]["bundle"])
    forger.result(start["folder"], metrics={"gain": "-0.5", "loss": "0.5"})
    forger.refit()


# --- what was frozen ---------------------------------------------------------------------------------------------------


def plan(change):
    """Another plan, of which the ledger has the digest; nothing else is changed."""

    def tamper(forger):
        found = forger.stored("plan.json")
        change(found)
        forger.freeze("plan.json", canonical(found) + b"\n")

    return tamper


def other_budget(found):
    found["study"]["stages"]["short"]["budget"].update(amount="9", cap_s=9)


def other_order(found):
    runs = found["stages"][0]["runs"]
    runs[0], runs[1] = runs[1], runs[0]


def other_seal(found):
    found["seals"]["pick"] = "0" * 64


def other_price(found):
    found["stages"][0]["budget_s"] = 1


def other_spec(forger):
    text = (forger.folder / "spec.promo").read_bytes()
    forger.freeze("spec.promo", text.replace(b"keep top 1", b"keep top 2"))


def lock_closure(forger):
    found = forger.stored("lock.json")
    found["seals"]["pick"]["closure"]["measure"]["unit"] = "kg"
    forger.freeze("lock.json", canonical(found) + b"\n")


# --- files ---------------------------------------------------------------------------------------------------------------


def file(name, content=b"{}"):
    def change(forger):
        (forger.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (forger.folder / name).write_bytes(content)

    return change


def copied(forger):
    shutil.copytree(forger.folder / BASE, forger.folder / BASE.replace("attempt-1", "attempt-2"))


def linked(forger):
    (forger.folder / "elsewhere").symlink_to(forger.folder / "runs")


def emptied(forger):
    forger.lines = []


def unknown_kind(forger):
    forger.add(len(forger.lines) - 1, **{"is": "verdict.bought", "by": "nobody"})


# --- replays -----------------------------------------------------------------------------------------------------------------


def other_reading(forger):
    folder = "runs/short/early-box-s1/attempt-1"
    forger.result(folder, metrics={"loss": "0.5"})
    forger.refit()


def later_reading(forger):
    """The first recorded run of a cell was not liked, so the second is read at once."""
    for line in [*forger.lines]:
        said = line["event"]
        if said["is"] == "attempt.started" and said["folder"].endswith("base-box-s2/attempt-1"):
            forger.forget(said["folder"])
    forger.refit()


def other_table(forger):
    table = (forger.folder / "curves.csv").read_bytes().replace(b"b,1,1,10,2.9", b"b,1,1,10,0.9")
    forger.freeze("curves.csv", table)
    forger.lines[0]["event"]["replay"]["digest"] = digest_bytes(table)


RECEIPT = {"form": "OpenSSH signature", "size": 1, "root": "", "by": "", "digest": "0" * 64, "receipt": ""}
NOT_WORDS = {"is": "value.published", "source": "the weather of tomorrow", "value": "sun"}
PERSON = {"is": "person.decided", "name": "close", "by": "Ada", "reason": "so", "promoted": None, "stopped": False}
START = {"is": "orchestrator.started", "promo": "0", "commit": None, "command": [], "packages": [], "code": "0"}
LONGER = first_of("longer")
GROWN = first_of("grown", "taller")
FLAG_VALUE = {"value": "5"}

KINDS = {
    # what is missing
    "a stage is left out": ("plain", without_stage),
    "a rule's verdict is left out": ("plain", without_verdict("close")),
    "a gate's verdict is left out": ("plain", without_verdict("pick")),
    "a planned run was never made": ("plain", without_run),
    "a rerun that was due was not made": ("rerun", without_rerun),
    "a stage was never opened": ("plain", without("stage.opened", stage="aside")),
    "a stage was never closed": ("plain", without("stage.closed", stage="aside")),
    "no start is recorded": ("plain", without("orchestrator.started")),
    "the text was never prepared": ("texted", without("data.prepared")),
    "effects were never estimated": ("screened", without("effects.estimated")),
    "a step of a walk is left out": ("screened", without_verdict("walked_step_2")),
    "the study ended in its middle": ("plain", ended_in_its_middle),
    "an empty ledger": ("plain", emptied),
    # what stands elsewhere, or twice
    "a gate before its results": ("plain", gate_before_results),
    "a stage closed before its runs": ("plain", closed_before_runs),
    "a stage opened before its gate decided": ("plain", opened_early),
    "frozen twice": ("plain", twice("study.frozen")),
    "decided twice": ("plain", twice("decided", name="pick")),
    "opened twice": ("plain", twice("stage.opened", stage="long")),
    "closed twice": ("plain", twice("stage.closed", stage="short")),
    "started twice": ("plain", twice("orchestrator.started")),
    "estimated twice": ("screened", twice("effects.estimated")),
    "the text prepared twice": ("texted", twice("data.prepared")),
    "a value published twice": ("published", twice("value.published")),
    "runs after the end": ("plain", runs_after_the_end),
    "a start after the end": ("plain", behind(**START)),
    "a stop after the end": ("plain", behind(**{"is": "study.stopped", "by": "pick"})),
    "a stop that nobody said": ("plain", lambda forger: forger.lines[-1].update(event={"is": "study.stopped", "by": "pick"})),
    "closed though it had stopped": ("stopped", lambda forger: forger.lines[-1].update(event={"is": "study.closed", "stages": 1})),
    "another number of stages": ("plain", renamed("study.closed", "stages", 7)),
    "an unknown kind": ("plain", unknown_kind),
    "a stage that is not planned": ("plain", renamed("stage.opened", "stage", "extra", stage="aside")),
    # times and starts
    "times go back": ("plain", earlier(1)),
    "times go back, badly explained": ("plain", badly_explained),
    "starts are skipped": ("plain", later_starts(3)),
    "starts go back": ("plain", later_starts(0)),
    "another start that nobody recorded": ("plain", later_starts(2)),
    # attempts
    "a sound result called lost, another accepted": ("plain", lost_and_again),
    "another cell": ("plain", other_cell),
    "another folder": ("plain", other_folder),
    "a run that is not planned": ("plain", strange_run),
    "a second result of a run": ("plain", again),
    "an attempt numbered back": ("rerun", number_back),
    "an end without a start": ("plain", end_without_start),
    "an end that came twice": ("plain", twice("result.accepted")),
    "another value": ("plain", value(BASE, loss="0.5")),
    "another seed's value": ("plain", value(FAIR, loss="0.25")),
    "more than the budget": ("plain", over_budget),
    "less device time": ("plain", less_time),
    "another cause of a failure": ("failing", another_cause),
    "another status of a failure": ("failing", failed_for_another_reason),
    # requests
    "asked for another budget": ("plain", asked(BASE, lambda one: one["budget"].update(amount="9", cap_s=9))),
    "asked for other levels": ("plain", asked(BASE, lambda one: one["settings"].update(quality="0"))),
    "asked for another seed": ("plain", asked(BASE, lambda one: one["run"].update(seed=77))),
    "asked for another size": ("plain", asked(BASE, lambda one: one.update(parameters="7"))),
    "asked for another trainer": ("plain", asked(BASE, lambda one: one.update(trainer="other:train"))),
    "asked for other threads": ("plain", asked(BASE, lambda one: one.update(threads=7))),
    "asked for another plan": ("plain", asked(BASE, lambda one: one.update(plan="0" * 64))),
    "asked to resume": ("plain", asked(BASE, lambda one: one.update(resume={"folder": FAIR, "state": "0" * 64}))),
    "asked to keep its state": ("plain", asked(BASE, lambda one: one["checkpoint"].update(at_end=True))),
    "asked for another text": ("texted", first_of("first")(lambda one: one["data"].update(digest="0" * 64))),
    "asked for other windows": ("texted", first_of("first")(lambda one: one["data"].update(window=8))),
    "asked for another trunk": ("texted", first_of("first")(lambda one: one["trunk"].update(at="9"))),
    "asked to branch from elsewhere": ("texted", first_of("twig")(lambda one: one["continues"].update(state="0" * 64))),
    "asked to continue from another state": ("continued", LONGER(lambda one: one["continues"].update(state="0" * 64))),
    "asked to continue from another run": (
        "continued", LONGER(lambda one: one["continues"].update(folder="runs/short/poor-box-s3/attempt-1"))),
    "asked to continue what is longer": ("continued", LONGER(lambda one: one["continues"].update(earlier="40"))),
    "asked to grow from another state": ("grown", GROWN(lambda one: one["grow"].update(state="0" * 64))),
    "asked to grow in another way": ("grown", first_of("deeper")(lambda one: one["grow"].update(way="zero_pad"))),
    "asked for a seed that was not drawn": ("anchored", asked(BASE, lambda one: one["run"].update(seed=1))),
    "asked for a seed that was not published": ("published", asked(BASE, lambda one: one["run"].update(seed=1))),
    # guards
    "a guard was not applied": ("guarded", no_flag),
    "a guard objects to what was served well": ("guarded", another_flag),
    "a guard saw another value": ("guarded", flag(**FLAG_VALUE)),
    "a guard saw another median": ("guarded", flag(limit="11")),
    "another guard": ("guarded", flag(guard=1)),
    "a guard asks for no rerun": ("guarded", flag(again=False)),
    # evidence and verdicts
    "another cell of the evidence": ("plain", stored(
        "evidence/short.json", lambda one: dig(one, "rows", 0, "cells", 0).update(value="0.5"),
        "stage.closed", "evidence", stage="short")),
    "another count of missing cells": ("plain", renamed("stage.closed", "missing", 1, stage="short")),
    "another effect": ("screened", stored(
        "evidence/penalties.json", lambda one: dig(one, "fits", 0, "estimates", 0).update(value="7.5"),
        "effects.estimated", "effects", name="penalties")),
    "another error of an effect": ("screened", stored(
        "evidence/penalties.json", lambda one: dig(one, "fits", 1, "estimates", 0).update(error="7.5"),
        "effects.estimated", "effects", name="penalties")),
    "an effect discovered that is none": ("screened", lambda forger: forger.said("effects.estimated")["discovered"][0][1].append(["c"])),
    "a gate promotes another": ("plain", verdict("pick", promotes_poor)),
    "a gate promotes another, who enters": ("plain", lambda forger: (verdict("pick", promotes_poor)(forger), entrants(forger))),
    "another ground": ("plain", verdict("pick", another_ground)),
    "a rule comes out otherwise": ("plain", verdict("close", fails)),
    "another margin": ("plain", verdict("close", another_margin)),
    "another bound of confidence": ("rich", verdict(
        "close", lambda one: dig(one, "found", "findings", 0, "details", 1).update(value="0.3"))),
    "another p": ("rich", verdict("by_signs", lambda one: dig(one, "found", "findings", 0, "details", 1).update(p="0.5"))),
    "another interval": ("rich", verdict("alike", lambda one: dig(one, "found", "findings", 0, "details", 1).update(low="-3"))),
    "another agreement": ("rich", verdict("stable", lambda one: dig(one, "found", "findings", 0).update(statistic="0.9"))),
    "a reduction lets others on": ("screened", verdict("fewer", lambda one: one["promoted"].append("screen_1"))),
    "a factor is fixed that is free": ("screened", verdict(
        "fewer", lambda one: dig(one, "found", "factors", 2).update(level="0", fate="fixed"),
        lambda said: said["fixed"].append(["c", "0"]))),
    "a walk moves elsewhere": ("screened", verdict("walked_step_3", lambda one: one["found"].update(statistic="7"))),
    "a way to grow is chosen that was not best": ("grown", verdict("deeper", lambda one: one.update(promoted=["deeper_copy_top"]))),
    "another seal": ("plain", renamed("decided", "seal", "0" * 64, name="pick")),
    "others enter a stage": ("plain", entrants),
    # people, amendments, receipts, bundles
    "a person nobody asked": ("plain", lambda forger: forger.add(len(forger.lines) - 1, **PERSON)),
    "a person promotes a stranger": ("decided", renamed("person.decided", "promoted", ["base", "spare"])),
    "an amendment of another number": ("amended_late", amended(number=7)),
    "an amendment behind another event": ("amended_late", amended(head="0" * 64)),
    "results that an amendment's author knew": ("amended_late", amended(seen=[])),
    "another text of an amendment": ("amended_late", amended(text="0" * 64)),
    "an amendment changes what it rests on": ("amended_late", other_closure("new")),
    "an amendment replaces something else": ("amended_late", other_closure("old")),
    "an amendment of what a rule is about": ("amended_late", amended_target),
    "the verdict of another wording is left out": ("amended_early", without_wording),
    "a verdict by a wording that was replaced": ("amended_early", lambda forger: forger.said("decided", name="pick")["verdict"].update(wording=0)),
    "a run before the required receipt": ("anchored", run_before_receipt),
    "another receipt": ("anchored", other_receipt),
    "a receipt over what had not happened": ("anchored", lambda forger: forger.said("anchor.received").update(size=30)),
    "an attempt that no bundle brought": ("bundled", untaken),
    "a ledger that was cut": ("bundled", other_ledger),
    "another value than the bundle brought": ("bundled", brought_value),
    # what was frozen
    "another budget in the plan": ("plain", plan(other_budget)),
    "another order in the plan": ("plain", plan(other_order)),
    "another seal in the plan": ("plain", plan(other_seal)),
    "another price in the plan": ("plain", plan(other_price)),
    "another plan was frozen": ("plain", lambda forger: forger.lines[0]["event"].update(plan="0" * 64)),
    "other seals were frozen": ("plain", lambda forger: forger.lines[0]["event"]["seals"].update(pick="0" * 64)),
    "another closure in the lock": ("plain", lock_closure),
    # files
    "a run that no event knows": ("plain", copied),
    "a file that no event knows": ("plain", file("notes.txt")),
    "a decision that no event knows": ("plain", file("decisions/other.json")),
    "evidence that no event knows": ("plain", file("evidence/other.json")),
    "a link in the folder": ("plain", linked),
    # replays
    "a value that is not in the table": ("replayed", other_reading),
    "a recorded run that is passed over": ("replayed", later_reading),
    "another table": ("replayed", other_table),
}  # fmt: skip
"""What was done -> the study that it is done to, and who does it; every one is a mismatch."""

SOUND_ONES = {
    "nothing": ("plain", lambda forger: None),
    "a receipt after the end": ("anchored", lambda forger: forger.lines.append(
        {**forger.lines[-1], "event": forger.lines[forger.places("anchor.received")[0]]["event"]})),
    "the clock jumped after the end": ("plain", behind(**{"is": "clock.jumped", "seconds": 0})),
    "times go back, explained": ("plain", explained),
    "a report": ("plain", file("report-old.html")),
    "a table for other tools": ("plain", file("runs.csv")),
    "a consistent lie": ("plain", lambda forger: (value(BASE, loss="0.5")(forger), forger.refit())),
}  # fmt: skip
"""The same, where nothing is wrong, or nothing that can be seen from inside."""

ONLY_BY_VERIFY = {
    "another spec of the same plan": ("plain", other_spec),
}
"""What needs the language, which the second verifier does not speak."""


def both(folder: Path) -> tuple[int, int, str]:
    """What both verifiers say of a study: their exit codes, and the lines of the second."""
    from support import promo

    said: list[str] = []
    with contextlib.redirect_stdout(io.StringIO()) as first:
        code = promo("verify", folder)
    return code, recheck.check(folder, NOBODY, said.append), "\n".join([first.getvalue(), *said])


def tampered(folder: Path, change: Callable[[Forger], object]) -> None:
    forger = Forger(folder)
    change(forger)
    forger.save()


def main(words: list[str]) -> None:
    """Do everything, and print a line for each."""
    import studies

    place = Path(tempfile.mkdtemp())
    made: dict[str, Path] = {}
    found = [0, 0, 0]
    print(f"{'what was done':48} {'study':14} verify   recheck")
    for kinds in (KINDS, ONLY_BY_VERIFY, SOUND_ONES):
        for name, (study, change) in kinds.items():
            if words and not any(word in name for word in words):
                continue
            if study not in made:
                made[study] = place / study
                made[study].mkdir()
                os.chdir(made[study])
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    studies.STUDIES[study][0]()
            folder = place / "copy" / "trial.study"
            shutil.rmtree(folder.parent, ignore_errors=True)
            shutil.copytree(made[study] / "trial.study", folder, symlinks=True)
            tampered(folder, change)
            first, second, said = both(folder)
            answers = ["finds it" if code == 1 else f"({code})" for code in (first, second)]
            print(f"{name:48} {study:14} {answers[0]:9}{answers[1]}", flush=True)
            if words:
                print("\n".join(f"    {line}" for line in said.splitlines() if "DIFFERS" in line))
            found = [found[0] + 1, found[1] + (first == 1), found[2] + (second == 1)]
    print(f"{found[0]} kinds; verify finds {found[1]}, recheck {found[2]}")
    shutil.rmtree(place)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent / "plugin"))
    os.environ["PYTHONPATH"] = str(Path(__file__).parent / "plugin")
    main(sys.argv[1:])
