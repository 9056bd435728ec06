"""A study that somebody changes, and the table of everything that somebody could do to it."""

import contextlib
import io
import json
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from promo.templates import recheck

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.codec import from_json, to_json
from promo.decision.values import verdict_of
from promo.driver.amend import other_wording_file
from promo.driver.study import StudyFolder
from promo.ledger.chain import GENESIS, line_digest
from promo.ledger.checkpoint import checkpoint_of, to_note
from promo.ledger.state import State, apply
from promo.ledger.values import Event
from support import promo

NOBODY = Namespace(key=[], authority=[], anchor=[])
ATTEMPT = ("attempt.started", "result.accepted", "attempt.failed", "attempt.lost", "result.flagged", "attempt.late")
REPEATED = ("metrics", "seconds", "work", "contention")
"""What the ledger repeats of a sound result."""

BASE = "runs/short/base-box-s1/attempt-1"
FAIR = "runs/short/fair-box-s2/attempt-1"


class Forger:
    """A copy of a study whose events are JSON values that may be changed; `save` makes everything fit again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_bytes().splitlines()]

    # --- finding -------------------------------------------------------------------------------------------

    def places(self, kind: str, **said) -> list[int]:
        """Numbers of events of a kind that say so."""
        events = [line["event"] for line in self.lines]
        of_kind = (place for place, event in enumerate(events) if event["is"] == kind)
        return [place for place in of_kind if all(events[place].get(key) == one for key, one in said.items())]

    def said(self, kind: str, **said):
        """What the first event of a kind says, to be changed in place."""
        return self.lines[self.places(kind, **said)[0]]["event"]

    def of_attempt(self, folder: str) -> list[int]:
        """Events of the attempt in a folder: its start, its end, and what came later."""
        start = self.said("attempt.started", folder=folder)
        key = {"run": start["run"], "attempt": start["attempt"]}
        return sorted(place for kind in ATTEMPT for place in self.places(kind, **key))

    def folders(self, **said) -> list[str]:
        """Folders of attempts that began so."""
        return [self.lines[place]["event"]["folder"] for place in self.places("attempt.started", **said)]

    # --- changing ------------------------------------------------------------------------------------------

    def add(self, place: int, **event) -> None:
        """A further event, at the time and by the promo of the one before."""
        self.lines.insert(place, {**self.lines[place - 1], "event": event})

    def copy(self, place: int):
        """An event again, to be put elsewhere."""
        return json.loads(json.dumps(self.lines[place]))

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

    def result(self, folder: str, **said) -> None:
        """Another result of an attempt, which the ledger repeats."""
        body = {**self.stored(f"{folder}/result.json")["body"], **said}
        envelope = self.store(f"{folder}/result.json", {"body": body, "digest": digest_bytes(canonical(body))})
        end = self.lines[self.of_attempt(folder)[1]]["event"]
        end |= {"envelope": envelope, **{key: body[key] for key in REPEATED if key in end}}

    def request(self, folder: str, change: Callable[[dict], object]) -> None:
        """Another request of an attempt, which its result answers."""
        asked = self.stored(f"{folder}/request.json")
        change(asked)
        digest = self.store(f"{folder}/request.json", asked)
        self.said("attempt.started", folder=folder)["request"] = digest
        if (self.folder / folder / "result.json").exists():
            self.result(folder, request=digest)

    def forget(self, folder: str) -> None:
        """An attempt that never was."""
        self.drop(*self.of_attempt(folder))
        shutil.rmtree(self.folder / folder)

    def freeze(self, name: str, content: bytes) -> None:
        """Another frozen file."""
        (self.folder / name).write_bytes(content)
        self.lines[0]["event"]["files"][name] = digest_bytes(content)

    def pack(self, said, **change) -> Path:
        """Another manifest of a bundle, by which that is named from now on; where it lies."""
        name = said["ledger"].removesuffix(".jsonl") + ".manifest.json"
        before, said["bundle"] = said["bundle"], self.store(name, {**self.stored(name), **change})
        for line in self.lines:
            if line["event"].get("bundle") == before:
                line["event"]["bundle"] = said["bundle"]
        return self.folder / name

    # --- making everything fit -------------------------------------------------------------------------------

    def refit(self) -> None:
        """Derive evidence, effects and verdicts again from the ledger as it is, files and digests."""
        folder, state = StudyFolder(self.folder), State()
        compiled = folder.compiled()
        for place, line in enumerate(self.lines):
            said = line["event"]
            if said["is"] == "stage.closed":
                evidence = folder.evidence(compiled, state, said["stage"])
                said["evidence"] = self.store(f"evidence/{said['stage']}.json", to_json(evidence), b"\n")
                said["missing"] = sum(len(row.missing) for row in evidence.rows)
            elif said["is"] == "effects.estimated":
                table = folder.effects(compiled, state, said["name"])
                said["effects"] = self.store(f"evidence/{said['name']}.json", to_json(table), b"\n")
                found = ((fit.stage, table.discovered(fit.stage)) for fit in table.fits)
                said["discovered"] = [[stage, [list(one) for one in some]] for stage, some in found]
            elif said["is"] == "decided":
                self._decide(folder, compiled, state, said)
            apply(state, from_json(Event, {**line, "seq": place, "prev": GENESIS}))

    def _decide(self, folder, compiled, state, said) -> None:
        name, wording = said["name"], state.in_force(said["name"])
        decision = folder.decision(compiled, state, name, wording)
        self.store(f"decisions/{name}.json", to_json(decision), b"\n")
        said["verdict"], said["seal"] = to_json(verdict_of(decision, wording)), decision.seal
        for other in said["others"]:
            made = folder.decision(compiled, state, name, other["wording"])
            self.store(other_wording_file(name, other["wording"]), to_json(made), b"\n")
            other.update(to_json(verdict_of(made, other["wording"])))

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


# --- everything that is done -----------------------------------------------------------------------------------------

Change = Callable[[Forger], object]

KINDS: dict[str, tuple[str, Change]] = {}
SOUND: dict[str, tuple[str, Change]] = {}
ONLY_BY_VERIFY: dict[str, tuple[str, Change]] = {}
"""What needs the language, which the second verifier does not speak."""


def kind(name: str, study: str = "plain", among: dict[str, tuple[str, Change]] = KINDS) -> Callable[[Change], Change]:
    """Puts a change into the table, under what it does and the study that it does it to."""

    def put(change: Change) -> Change:
        assert name not in {**KINDS, **SOUND, **ONLY_BY_VERIFY}
        among[name] = study, change
        return change

    return put


def tampered(folder: Path, change: Change) -> None:
    """Do something to a study, and make everything fit again."""
    forger = Forger(folder)
    change(forger)
    forger.save()


def both(folder: Path) -> tuple[int, int, str, str]:
    """What both verifiers say of a study: their exit codes, and their words."""
    said: list[str] = []
    with contextlib.redirect_stdout(io.StringIO()) as first:
        code = promo("verify", folder)
    return code, recheck.check(folder, NOBODY, said.append), first.getvalue(), "\n".join(said)
