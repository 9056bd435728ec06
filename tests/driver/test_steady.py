"""
What every spec of `specs/` gives when a deterministic runner carries it out: ledger, evidence, decisions and report.

A golden file that changes is read before it is stored anew: whatever promo records or decides otherwise shows there.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator

import pytest

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.codec import to_json
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.ledger.values import AttemptStarted, Event, Freezing, ResultAccepted
from promo.report.render import render_markdown
from promo.report.view import build_view
from steady import NAMES, carried_out, carried_out_once
from support import promo

DIGEST = 12


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_gives_the_ledger_evidence_decisions_and_report_that_it_gave(
    name, tmp_path, tmp_path_factory, monkeypatch, golden, capsys
):
    monkeypatch.chdir(tmp_path)
    folder = carried_out_once(name, tmp_path_factory)

    golden(f"steady/{name}.ledger.txt", "".join(f"{line}\n" for line in map(told, folder.chain().events)))
    golden(f"steady/{name}.evidence.txt", "".join(f"{line}\n" for line in evidence(folder)))
    golden(f"steady/{name}.decisions.json", json.dumps(decisions(folder), indent=1, sort_keys=True) + "\n")
    report = render_markdown(build_view(record_of(folder)))
    golden(f"steady/{name}.report.md", without_what_is_installed(report, folder))
    assert promo("verify", folder.path) == 3, capsys.readouterr().out


@pytest.mark.parametrize("name", ["quickstart", "screen_small", "grow_small"])
def test_whatever_a_report_says_nothing_that_is_stored_moves(name, tmp_path, tmp_path_factory, monkeypatch):
    """Every sentence that `report/` can make is another one, while a study is planned, run and decided."""
    plain = carried_out_once(name, tmp_path_factory)
    text = render_markdown(build_view(record_of(plain)))
    changed = speak_otherwise(monkeypatch)
    other = carried_out(name, tmp_path, monkeypatch)

    assert changed > 150
    assert stored(other) == stored(plain)
    assert render_markdown(build_view(record_of(other))) != text


def speak_otherwise(monkeypatch) -> int:
    """Have every function of the report that makes a text make another; how many there are."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("promo.")]
    others = {}
    for module in modules:
        for name, made in list(vars(module).items()):
            if inspect.isfunction(made) and made.__module__.startswith("promo.report.") and makes_text(made):
                others.setdefault(made, otherwise(made))
                monkeypatch.setattr(module, name, others[made])
    return len(others)


def makes_text(function) -> bool:
    return inspect.signature(function).return_annotation in (str, Iterator[str], Iterable[str])


def otherwise(function):
    """The same function in other words."""

    def said(*given, **named):
        words = function(*given, **named)
        return other(words) if isinstance(words, str) else map(other, words)

    return said


def other(words: str) -> str:
    return f"<in other words: {words}>"


def stored(folder: StudyFolder) -> dict[str, str]:
    """Digest of every file that a study keeps of itself; its lock names the process that had it."""
    files = (path for path in folder.path.rglob("*") if path.is_file() and path != folder.path / "lock")
    return {str(path.relative_to(folder.path)): digest_bytes(path.read_bytes()) for path in files}


def told(event: Event) -> str:
    """
    An event on one line.

    Of the beginning and the end of an attempt there is a digest, which moves with every value in it; what depends on
    the code and the versions that are installed is left out.
    """
    stored = to_json(event.event)
    match event.event:
        case AttemptStarted() as one:
            words = f"{one.stage} {one.candidate} {one.host} {one.seed} attempt {one.attempt}"
        case ResultAccepted() as one:
            words = " ".join(f"{metric} {value}" for metric, value in sorted(one.metrics.items()))
        case Freezing():
            words = canonical({**stored, "files": sorted(stored["files"]), "promo": "", "code": ""}).decode()
            stored = None
        case _:
            words, stored = canonical(short({**stored, "promo": ""} if "promo" in stored else stored)).decode(), None
    digest = f" {digest_bytes(canonical(stored))[:DIGEST]}" if stored is not None else ""
    return f"{event.seq} {event.event.TAG} {words}{digest}"


def short(value):
    """A stored value with its digests cut to their beginning."""
    match value:
        case dict():
            return {name: short(one) for name, one in value.items()}
        case list():
            return [short(one) for one in value]
        case str() if len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return value[:DIGEST]
        case _:
            return value


def evidence(folder: StudyFolder) -> Iterator[str]:
    """Cells of every stage, a candidate a line; effects as they are stored."""
    for path in sorted((folder.path / "evidence").iterdir()):
        stored = parse_json(path.read_bytes())
        yield f"{path.name} sha256:{digest_bytes(canonical(stored))[:DIGEST]}"
        for row in stored.get("rows", ()):
            cells = (cell["value"] or cell["status"] for cell in row["cells"])
            yield f"  {row['candidate']}: {' '.join(cells)}"
        if "rows" not in stored:
            yield f"  {canonical(stored).decode()}"


def decisions(folder: StudyFolder) -> dict[str, object]:
    """Every decision as it is stored, its cells left to the evidence."""
    return {
        path.name: without_cells(short(parse_json(path.read_bytes())))
        for path in sorted((folder.path / "decisions").iterdir())
    }


def without_cells(value):
    match value:
        case dict():
            return {
                name: without_cells(one) for name, one in value.items() if name != "cells" or not isinstance(one, list)
            }
        case list():
            return [without_cells(one) for one in value]
        case _:
            return value


def without_what_is_installed(text: str, folder: StudyFolder) -> str:
    """A report without what depends on promo's own code and version, and on where the study lies."""
    text = text.replace(str(folder.path), folder.path.name)
    installed = r"(file recheck\.py \| sha256:|head sha256:)[0-9a-f]{64}|(?<=promo )\d+\.\d+\.\d+"
    return re.sub(installed, lambda found: f"{found[1] or ''}...", text)
