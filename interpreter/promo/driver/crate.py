"""
Study folder to RO-Crate: a folder or a zip that holds the study, its report, and what every file is.

An unpacked crate is a study folder: `promo verify` and `recheck.py` check it where it lies.  States of models and the
text that was trained on stay where they are; both are large, and no decision rests on the former.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from promo import __version__
from promo.base.canonical import canonical, digest_bytes
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.base.errors import PromoError
from promo.driver.anchor import ANCHORS, HEAD
from promo.driver.export import write_file
from promo.driver.report import record_of
from promo.driver.study import AMENDMENTS, IMPORTS, LEDGER, LOCK, PLAN, RECHECK, RUNS, SPEC, StudyFolder
from promo.exchange.crate import Making, Packed, crate_bytes, environment, gate_crate_bytes
from promo.exchange.names import ENVIRONMENT, METADATA
from promo.exchange.registration import Registration, registration_markdown
from promo.report.record import Record
from promo.report.render import render_csv, render_html, render_json
from promo.report.tables import DECISION_COLUMNS, decision_rows, run_columns, run_table
from promo.report.view import build_view
from promo.run.store import PROGRAM, plain

SINGLE = (SPEC, LOCK, PLAN, IMPORTS, LEDGER, HEAD, RECHECK)
FOLDERS = (AMENDMENTS, ANCHORS, "decisions", "evidence", "imports", PROGRAM, RUNS)
LEFT_OUT = (".safetensors", ".state", ".part", ".pyc")
DEPTH = 4
"""Names down to the folder of an attempt: runs, stage, cell, attempt."""
ZIP = ".zip"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a zip, so that equal crates are equal bytes."""


def write_crate(folder: StudyFolder, out: Path, making: Making) -> int:
    """
    Write a study as an RO-Crate.

    Args:
        folder: the study.
        out: a folder that is not there or empty, or a file that ends in `.zip`.
        making: who publishes it, and under which licence.

    Returns:
        How many files the crate has.

    Raises:
        Mismatch: what is stored does not follow from the evidence, or is damaged.
        PromoError: something is in the way, or cannot be written.
    """
    _not_there(out)
    events = folder.chain().events
    record = evolve(record_of(folder), folder=".")
    files = {**dict(_stored(folder, record)), **_made(record)}
    files[ENVIRONMENT] = canonical(environment(record, events)) + b"\n"
    files[METADATA] = crate_bytes(record, events, _packed(files), making)
    return _write(files, out)


def write_gate_crate(made: Registration, spec: str, out: Path, making: Making) -> int:
    """
    Write the registration of one gate or rule as an RO-Crate, with the spec it stands in.

    Returns:
        How many files the crate has.

    Raises:
        PromoError: something is in the way, or cannot be written.
    """
    _not_there(out)
    files = {
        SPEC: spec.encode(),
        "registration.json": canonical(to_json(made)) + b"\n",
        "registration.md": registration_markdown(made).encode(),
    }
    files[METADATA] = gate_crate_bytes(made, __version__, _packed(files), making)
    return _write(files, out)


def _not_there(out: Path) -> None:
    if out.suffix != ZIP and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PromoError(f"{out} is there already", hint="remove it, or choose another --out")


def _packed(files: Mapping[str, bytes]) -> dict[str, Packed]:
    return {name: Packed(len(content), digest_bytes(content)) for name, content in files.items()}


def _write(files: Mapping[str, bytes], out: Path) -> int:
    if out.suffix == ZIP:
        write_file(out, _zipped(files))
    else:
        for name, content in files.items():
            write_file(out / name, content)
    return len(files)


def _stored(folder: StudyFolder, record: Record) -> Iterator[tuple[str, bytes]]:
    """Files of the study as they lie, links and what no decision rests on left out."""
    frozen_files = tuple(record.state.frozen.files) if record.state.frozen else ()
    for name in dict.fromkeys((*SINGLE, *frozen_files)):
        content = folder.read(name)
        if content is not None:
            yield name, content
    known = {attempt.folder: attempt.witnesses for attempt in record.attempts()}
    for kind in FOLDERS:
        for path in sorted((folder.path / kind).rglob("*")):
            name = path.relative_to(folder.path).as_posix()
            mine = kind != RUNS or _is_of_an_attempt(name, known)
            if mine and path.is_file() and not path.is_symlink() and not name.endswith(LEFT_OUT):
                yield name, folder.read(name) or b""


def _is_of_an_attempt(name: str, known: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether a file lies in the folder of an attempt, or below it where the ledger has its digest."""
    parts = name.split("/")
    where, rest = "/".join(parts[:DEPTH]), "/".join(parts[DEPTH:])
    return where in known and ("/" not in rest or plain(rest) in known[where])


def _made(record: Record) -> dict[str, bytes]:
    """The report, in every form that has a use without promo."""
    view = build_view(record)
    texts = {
        "report.html": render_html(view),
        "report.json": render_json(view),
        "report.decisions.csv": render_csv(DECISION_COLUMNS, decision_rows(record)),
        "report.runs.csv": render_csv(run_columns(record), run_table(record)),
    }
    return {name: text.encode() for name, text in texts.items()}


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, files[name])
    return out.getvalue()
