"""
Record to the description of an RO-Crate: what every file of a study is, and what made it out of what.

The crate follows RO-Crate 1.1 and its profile Process Run Crate 0.5: freezing, every attempt, every decision and the
report are actions with a tool, objects, results and times.  Nothing is guessed: there is no author unless one is named,
and where no licence was declared, the description says that.  The only dates are those of the ledger, so the same study
gives the same bytes.

Source:
    https://www.researchobject.org/ro-crate/specification/1.1/
    https://www.researchobject.org/workflow-run-crate/profiles/0.5/process_run_crate/
    RFC 6920, section 3 (names of things by their digest)
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from promo.base.canonical import Json
from promo.base.classes import frozen
from promo.base.codec import to_json
from promo.exchange.names import METADATA
from promo.exchange.registration import Registration
from promo.exchange.runs import run_name
from promo.ledger.state import Attempt, AttemptState
from promo.ledger.values import Decided, Event, Freezing, Start
from promo.report.decided import attempt_cause
from promo.report.people import result_words
from promo.report.record import Record
from promo.report.seal import UNVOUCHED
from promo.report.tables import answers, standings
from promo.report.words import behind, number

CRATE = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
CONTEXT: Json = [f"{CRATE}/context", {"sha256": "https://schema.org/sha256"}]
NO_LICENCE = "No licence was declared for this study; ask who made it before you use more of it than the law allows."
COMPLETED, FAILED = "http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus"
LICENCE, TEXT, WHO = "#licence", "#text", "#who"
ADDRESS = re.compile(r"https?://[!-~]+")

FORMATS = {
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".note": "text/plain",
    ".promo": "text/plain",
    ".py": "text/x-python",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
}
"""Ending of a file -> its media type; anything else is a stream of bytes."""
MEANINGS = {
    "spec.promo": "The spec as it was frozen: factors, candidates, hosts, stages, gates and rules",
    "lock.json": "Seals of the frozen gates and rules, with the time of each",
    "plan.json": "Every run that might happen, and what it costs",
    "imports.json": "Texts of other specs that the spec uses",
    "ledger.jsonl": "Every event of the study, each naming the digest of the one before",
    "checkpoint.note": "Merkle root of the ledger when promo last stopped",
    "recheck.py": "A second verifier that needs Python alone: python recheck.py .",
    "environment.json": "Commands, packages, machines, devices and software of every start and run",
    "registration.json": "What decides, word for word, with its seal and what was known by then",
    "registration.md": "The same for people",
    "report.html": "The audit report",
    "report.json": "The audit report for programs",
    "report.decisions.csv": "One row a decision, candidate and sub-rule",
    "report.runs.csv": "One row an attempt",
}
FOLDERS = {
    "evidence": "Table that a gate or rule read",
    "decisions": "What a gate or rule decided, for every candidate",
    "amendments": "The spec as an amendment left it",
    "anchors": "Checkpoint of the ledger, or a receipt for it",
    "imports": "Ledger that a bundle from another machine brought",
    "program": "File of the runner",
}


@frozen
class Packed:
    """A file in a crate."""

    size: int
    sha256: str


@frozen
class Making:
    """Who publishes a study and under which licence; empty where nobody said."""

    by: str = ""
    licence: str = ""


def crate_bytes(record: Record, events: Iterable[Event], files: Mapping[str, Packed], making: Making) -> bytes:
    """
    The metadata file of a crate.

    Args:
        record: the study.
        events: its ledger.
        files: path in the crate, with forward slashes -> what lies there; the metadata file itself is not among them.
        making: who publishes it, and how.

    Returns:
        JSON-LD, the same for the same arguments.
    """
    return _written(_Crate(record, tuple(events), files, making).graph())


def gate_crate_bytes(made: Registration, promo: str, files: Mapping[str, Packed], making: Making) -> bytes:
    """
    The metadata file of a crate that holds the registration of one gate or rule, and the spec it stands in.

    Returns:
        JSON-LD, the same for the same arguments.
    """
    kind, name, sealed_at = made.kind, made.name, made.sealed_at
    results = [name for name in sorted(files) if name.startswith("registration.")]
    action: dict[str, Json] = {
        "@id": "#seal",
        "@type": "CreateAction",
        "name": f"Seal {name}",
        "description": (
            f"The meaning of the {kind} was sealed when {made.results_then} results of its stages existed, {UNVOUCHED}"
        ),
        "instrument": _to(_promo_id(promo)),
        **({"agent": _to(WHO)} if making.by else {}),
        "object": _to("spec.promo"),
        "result": _many([_file_id(one) for one in results]),
        "endTime": _time(sealed_at),
    }
    root: dict[str, Json] = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Pre-registration of {kind} {name} of {made.study}: {made.title}",
        "description": " ".join(made.sentences),
        "datePublished": _time(sealed_at),
        "identifier": _named(made.seal),
        "license": _to(_licence_id(making)),
        "conformsTo": _to(PROFILE),
        **({"author": _to(WHO)} if making.by else {}),
        "hasPart": [_file_id(one) for one in sorted(files)],
        "mentions": _to("#seal"),
    }
    described = (_file(name, packed) for name, packed in sorted(files.items()))
    return _written([*_about(root, making), _promo(promo), *described, action])


def _written(graph: list[Json]) -> bytes:
    return json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False).encode() + b"\n"


def _about(root: Json, making: Making) -> Iterator[Json]:
    """The crate itself, what it follows, who publishes it, and how it may be used."""
    yield {"@id": METADATA, "@type": "CreativeWork", "about": _to("./"), "conformsTo": _to(CRATE)}
    yield root
    yield {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    if making.by:
        yield {"@id": WHO, "@type": "Person", "name": making.by}
    yield {"@id": _licence_id(making), "@type": "CreativeWork", **_licence(making)}


def environment(record: Record, events: Iterable[Event]) -> dict[str, Json]:
    """
    With what a study was made: every start of promo, and every machine and software that runs recorded.

    Returns:
        `starts` in order, and `runs`: each distinct machine, device and software with the attempts it had.
    """
    starts: list[Json] = [
        {"time": event.time, **to_json(event.event)} for event in events if isinstance(event.event, Start)
    ]
    seen: dict[str, tuple[dict[str, Json], list[Json]]] = {}
    for attempt in record.attempts():
        result = record.results.get((attempt.run, attempt.number))
        if result is None or result.body is None:
            continue
        known = result.body.facts
        machine = dict(known.machine)
        machine.pop("clock_mhz", None)  # differs from run to run; it stands in each result
        facts: dict[str, Json] = {
            "host": attempt.host,
            "machine": machine,
            "device": dict(known.device),
            "software": dict(known.software),
        }
        _, attempts = seen.setdefault(json.dumps(facts, sort_keys=True), (facts, []))
        attempts.append(f"{attempt.run}/{attempt.number}")
    runs: list[Json] = [{**facts, "attempts": attempts} for _, (facts, attempts) in sorted(seen.items())]
    return {"promo_environment": 2, "runner": to_json(_frozen(record).runner), "starts": starts, "runs": runs}


def _frozen(record: Record) -> Freezing:
    """What was frozen; a record is of a study that was."""
    assert record.state.frozen is not None
    return record.state.frozen


class _Crate:
    def __init__(self, record: Record, events: tuple[Event, ...], files: Mapping[str, Packed], making: Making) -> None:
        self.record, self.events, self.files, self.making = record, events, files, making
        self.inside: dict[str, list[str]] = {attempt.folder: [] for attempt in record.attempts()}
        """Folder of an attempt -> its files."""
        self.single: list[str] = []
        """Files that belong to no attempt."""
        self.ranked, self.judged = standings(record.verdicts.values()), answers(record.verdicts.values())
        for name in sorted(files):
            where = next((folder for folder in _above(name) if folder in self.inside), None)
            (self.single if where is None else self.inside[where]).append(name)

    def graph(self) -> list[Json]:
        """Every entity, the crate's own description first."""
        actions = list(self._actions())
        return [
            *_about(self._root(actions), self.making),
            *_software(self.record),
            *_text(self.record),
            *(_file(name, packed) for name, packed in sorted(self.files.items())),
            *(self._folder(attempt) for attempt in self.record.attempts()),
            *actions,
        ]

    def _root(self, actions: list[dict[str, Json]]) -> Json:
        record, making = self.record, self.making
        recorded = " Nothing was trained: values were read from recorded curves." if record.state.replay else ""
        return {
            "@id": "./",
            "@type": "Dataset",
            "name": record.study.title,
            "description": f"The study {record.study.name}, {record.state.study.value}, as promo kept it: what was "
            f"frozen, what was run, what was decided.{recorded} Check it with: promo verify .",
            "datePublished": _time(record.state.last_time),
            "identifier": _named(record.plan.digest),
            "license": _to(_licence_id(making)),
            "conformsTo": _to(PROFILE),
            **({"author": _to(WHO)} if making.by else {}),
            "hasPart": [*map(_file_id, self.single), *(_to(f"{_id(folder)}/") for folder in self.inside)],
            "mentions": [_to(str(action["@id"])) for action in actions],
        }

    def _folder(self, attempt: Attempt) -> Json:
        return {
            "@id": f"{_id(attempt.folder)}/",
            "@type": "Dataset",
            "name": self._called(attempt),
            "description": "Request, result, measured points and log of one attempt",
            "hasPart": [*map(_file_id, self.inside[attempt.folder])],
        }

    # --- what was done ---------------------------------------------------------------------------------------

    def _actions(self) -> Iterator[dict[str, Json]]:
        ended = {"endTime": _time(self.record.state.frozen_at)}
        words = "What gates and rules mean was sealed, and the runs were listed, before anything ran"
        yield self._action(
            "#freeze", "Freeze", words, ("spec.promo", "imports.json"), ("lock.json", "plan.json"), ended
        )
        yield from map(self._attempt, self.record.attempts())
        for event in self.events:
            if isinstance(event.event, Decided) and event.event.name in self.record.decisions:
                yield self._decision(event.event.name, event)
        ended = {"endTime": _time(self.record.state.last_time)}
        words = "Every decision was derived anew from the ledger and the evidence"
        derived = (name for name in self.single if name.startswith(("evidence/", "decisions/")))
        made = (name for name in self.single if name.startswith("report."))
        yield self._action("#report", "Report", words, ("ledger.jsonl", *derived), made, ended)

    def _decision(self, name: str, event: Event) -> dict[str, Json]:
        tables = (f"evidence/{table}.json" for table in _read_by(self.record, name))
        made = (f"decisions/{name}.json",)
        words = result_words(self.record.decisions[name], self.record.study, self.record.state, self.record.call)
        ended = {"endTime": _time(event.time)}
        return self._action(f"#decide-{_id(name)}", f"Decide {name}", words, ("lock.json", *tables), made, ended)

    def _called(self, attempt: Attempt) -> str:
        return run_name(attempt, self.record.call(attempt.candidate))

    def _standing(self, attempt: Attempt) -> str:
        """What the first gate that read its stage made of its candidate, and what rules found of it there."""
        where = (attempt.stage, attempt.candidate)
        rank, verdict = self.ranked.get(where, ("", ""))
        told = [f"rank {rank}"] if rank else []
        told += [verdict] if verdict else []
        told += [f"{name} {answer}" for name, answer in self.judged.get(where, {}).items()]
        return f"; {attempt.candidate}: {', '.join(told)} there" if told else ""

    def _attempt(self, attempt: Attempt) -> dict[str, Json]:
        result = self.record.results.get((attempt.run, attempt.number))
        measure = self.record.study.measure
        value = result.metrics.get(measure.metric) if result else None
        verb = "read from a record" if result is not None and result.recorded else "trained"
        cause = attempt_cause(attempt, self.record.study)
        said = f"{measure.metric} {number(value)}{behind(measure.unit)}" if value is not None else cause or "no result"
        aside = f"; excluded: {cause}" if attempt.flagged else ""
        failed = attempt.state in (AttemptState.FAILED, AttemptState.LOST)
        more: dict[str, Json] = {"instrument": _to(_runner_id(self.record)), "startTime": _time(attempt.started)}
        if attempt.ended:
            more |= {"endTime": _time(attempt.ended), "actionStatus": FAILED if failed else COMPLETED}
        if failed:
            more["error"] = cause or attempt.ending
        request = f"{attempt.folder}/request.json"
        left = [name for name in self.inside[attempt.folder] if name != request]
        more["result"] = _many([_to(f"{_id(attempt.folder)}/"), *map(_file_id, left)])
        who = self.record.call(attempt.candidate)
        words = f"{who} was {verb} at {attempt.stage}: {said}{aside}{self._standing(attempt)}"
        identity = f"#run-{attempt.run}-{attempt.number}"
        return self._action(identity, self._called(attempt), words, ("plan.json", request), (), more)

    def _action(
        self,
        identity: str,
        name: str,
        words: str,
        objects: Iterable[str],
        results: Iterable[str],
        more: Mapping[str, Json],
    ) -> dict[str, Json]:
        """An action of promo on files of the crate, those left out that are not in it; *more* goes before that."""
        return {
            "@id": identity,
            "@type": "CreateAction",
            "name": name,
            "description": words,
            "instrument": _to(_promo_id(_version(self.record))),
            **({"agent": _to(WHO)} if self.making.by else {}),
            "object": _many([_file_id(one) for one in objects if one in self.files]),
            "result": _many([_file_id(one) for one in results if one in self.files]),
            **more,
        }


def _read_by(record: Record, name: str) -> tuple[str, ...]:
    """Names of the tables that something read which decided."""
    study = record.study
    effects = (study.reductions[name].effects,) if name in study.reductions else ()
    return (*study.read_by(name), *effects)


def _software(record: Record) -> Iterator[Json]:
    runner = _frozen(record).runner
    versions = {name: version for name, version in sorted(runner.versions.items()) if version is not None}
    needs = {
        name: f"pkg:{'generic' if name == 'python' else 'pypi'}/{_id(name)}@{quote(version, safe='')}"
        for name, version in versions.items()
    }
    yield _promo(_version(record))
    yield {
        "@id": _runner_id(record),
        "@type": "SoftwareApplication",
        "name": runner.name,
        "softwareVersion": str(runner.version),
        "description": "Runner: trains one candidate for one budget and measures it",
        "softwareRequirements": _many([_to(identity) for identity in needs.values()]),
    }
    for name, identity in needs.items():
        yield {"@id": identity, "@type": "SoftwareApplication", "name": name, "softwareVersion": versions[name]}


def _promo(version: str) -> Json:
    return {
        "@id": _promo_id(version),
        "@type": "SoftwareApplication",
        "name": "promo",
        "softwareVersion": version,
        "description": "Interpreter of the promo language: freezes rules, runs what they ask for, decides by them",
    }


def _promo_id(version: str) -> str:
    return f"pkg:pypi/promo-lang@{quote(version, safe='')}"


def _version(record: Record) -> str:
    """Of the promo that froze the study."""
    return _frozen(record).promo


def _runner_id(record: Record) -> str:
    """The runner by its code's digest, or by its name where it has none."""
    runner = _frozen(record).runner
    return _named(runner.code) if runner.code else f"#runner-{_id(runner.name)}"


def _licence_id(making: Making) -> str:
    return making.licence if ADDRESS.fullmatch(making.licence) else LICENCE


def _licence(making: Making) -> dict[str, Json]:
    words = making.licence or NO_LICENCE
    return {"name": words, "description": words}


def _text(record: Record) -> Iterator[Json]:
    """What was trained on, which the crate does not hold."""
    text, data = record.state.text, record.study.data
    if text is not None and data is not None:
        yield {
            "@id": TEXT,
            "@type": "CreativeWork",
            "name": text.source,
            "description": f"Text that was trained on and scored on; not part of the crate. {text.bytes} bytes, "
            f"{text.documents} documents; by their digest, {data.holdout} of them held out.",
            "identifier": _named(text.digest),
            "sha256": text.digest,
        }


def _file(name: str, packed: Packed) -> Json:
    ending = "." + name.rpartition(".")[2]
    meaning = MEANINGS.get(name) or FOLDERS.get(name.partition("/")[0], "")
    return {
        "@id": _id(name),
        "@type": "File",
        "name": name,
        **({"description": meaning} if meaning else {}),
        "contentSize": str(packed.size),
        "encodingFormat": FORMATS.get(ending, "application/octet-stream"),
        "sha256": packed.sha256,
    }


def _above(name: str) -> Iterator[str]:
    """The folders that a file lies in, the innermost first."""
    while name := name.rpartition("/")[0]:
        yield name


def _id(name: str) -> str:
    """A path as the identity of a file: a relative URI."""
    return quote(name, safe="/")


def _to(identity: str) -> dict[str, Json]:
    return {"@id": identity}


def _file_id(name: str) -> dict[str, Json]:
    return _to(_id(name))


def _many(values: list[dict[str, Json]]) -> Json:
    """Several values, or the only one."""
    return values[0] if len(values) == 1 else values


def _time(text: str) -> str:
    """A time of the ledger in the one form that checkers of crates take."""
    return f"{text.removesuffix('Z')}+00:00" if text.endswith("Z") else text


def _named(sha256: str) -> str:
    """A digest as a URI."""
    return "ni:///sha-256;" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
