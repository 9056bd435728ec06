"""`promo verify` on studies that somebody made up: it says what is wrong, and never ends with a trace."""

import contextlib
import io
import json
import shutil

import pytest

import studies
from promo.base.canonical import canonical, digest_bytes
from support import promo
from tampered import tampered
from tampered.forger import BASE


def said(kind, key, value):
    return lambda forger: forger.said(kind).update({key: value})


def of_attempt(key, value):
    def change(forger):
        forger.lines[forger.of_attempt(BASE)[0]]["event"][key] = value

    return change


def without_freeze(forger):
    del forger.lines[0]


def other_time(forger):
    forger.lines[5]["time"] = "2026-13-45T99:99:99Z"


def settings(**changed):
    def change(forger):
        found = forger.stored("curves.json")
        found["settings"].update(changed)
        forger.freeze("curves.json", json.dumps(found, sort_keys=True, separators=(",", ":")).encode() + b"\n")

    return change


def frozen(name, content):
    return lambda forger: forger.freeze(name, content)


def beside(name, content):
    return lambda forger: (forger.folder / name).write_bytes(content)


def strange_plan(forger):
    """A plan whose digest is not that of what it holds was frozen, and the spec says something else now."""
    forger.freeze("plan.json", canonical({**forger.stored("plan.json"), "digest": "0" * 64}) + b"\n")
    forger.lines[0]["event"]["plan"] = "0" * 64
    beside("spec.promo", (forger.folder / "spec.promo").read_bytes().replace(b"top 1", b"top 2"))(forger)


def strange_lock(forger):
    """A seal of no closure has the digest of what it holds."""
    found = forger.stored("lock.json")
    made = found["seals"]["pick"]
    made["closure"]["order"] = 1
    made["digest"] = digest_bytes(canonical(made["closure"]))
    forger.freeze("lock.json", canonical(found) + b"\n")


def not_frozen(name):
    def change(forger):
        del forger.lines[0]["event"]["files"][name]

    return change


CASES = {
    "a plan that is none was frozen, and another spec lies there": ("plain", strange_plan),
    "a seal of no closure": ("plain", strange_lock),
    **{f"{name} was not frozen": ("plain", not_frozen(name)) for name in ("plan.json", "lock.json", "imports.json")},
    "a spec with two errors": ("plain", lambda forger: forger.freeze("spec.promo", b"promo 1\nstudy\nhost\n")),
    "a ledger without its freezing": ("plain", without_freeze),
    "an attempt in a stage that nobody planned": ("plain", of_attempt("stage", "elsewhere")),
    "an attempt of a candidate that nobody planned": ("plain", of_attempt("candidate", "somebody")),
    "a stage that nobody planned closed": ("plain", said("stage.closed", "stage", "elsewhere")),
    "entrants that nobody planned": ("plain", said("stage.opened", "entrants", ["base", "somebody"])),
    "a verdict of a gate that nobody planned": ("plain", said("decided", "name", "somebody")),
    "effects that nobody planned": ("screened", said("effects.estimated", "name", "somebody")),
    "a time that no calendar has": ("plain", other_time),
    "a layout of tables that nobody knows": ("replayed", settings(layout="elsewhere")),
    "settings of curves with a strange key": ("replayed", settings(strange=1)),
    "a used file that is no text": ("plain", frozen("imports.json", b'{"one.promo":1}\n')),
    "a person's verdict without a reason": ("decided", said("person.decided", "reason", " ")),
    "a plan that nests 100,000 deep": ("plain", beside("plan.json", b"[" * 10**5 + b"]" * 10**5)),
    "a lock that nests 100,000 deep": ("plain", beside("lock.json", b"[" * 10**5 + b"]" * 10**5)),
    "used files that nest 100,000 deep": ("plain", beside("imports.json", b"[" * 10**5 + b"]" * 10**5)),
    "a result that nests 100,000 deep": ("plain", beside(f"{BASE}/result.json", b"[" * 10**5 + b"]" * 10**5)),
    "a request that nests 100,000 deep": ("plain", beside(f"{BASE}/request.json", b"[" * 10**5 + b"]" * 10**5)),
}


@pytest.mark.parametrize("name", CASES)
def test_promo_verify_says_what_is_wrong(tmp_path_factory, tmp_path, name):
    study, change = CASES[name]
    folder = shutil.copytree(studies.made(study, tmp_path_factory) / "trial.study", tmp_path / "trial.study")
    tampered(folder, change)

    with contextlib.redirect_stdout(io.StringIO()):
        assert promo("verify", folder) == 1


def stage_opened(forger):
    forger.add(forger.places("stage.opened")[0] + 1, **{**forger.said("stage.opened"), "stage": "elsewhere"})


@pytest.mark.parametrize("change", [of_attempt("host", "den"), of_attempt("stage", "elsewhere"), stage_opened])
def test_a_report_shows_what_remains_of_a_ledger_that_names_what_nobody_planned(
    tmp_path_factory, tmp_path, change, capsys
):
    folder = shutil.copytree(studies.made("plain", tmp_path_factory) / "trial.study", tmp_path / "trial.study")
    tampered(folder, change)

    assert promo("report", folder, "--format", "md", "--out", tmp_path / "out.md") == 1
    assert "which the plan does not have" in capsys.readouterr().err
    assert "which the plan does not have" in (tmp_path / "out.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["status"], ["status", "--json"], ["export", "--to", "tensorboard"], ["export"]])
@pytest.mark.parametrize(
    "change", [of_attempt("host", "den"), of_attempt("stage", "elsewhere"), of_attempt("candidate", "no"), stage_opened]
)
def test_whatever_else_is_read_of_such_a_ledger_says_so(tmp_path_factory, tmp_path, change, words, capsys):
    folder = shutil.copytree(studies.made("plain", tmp_path_factory) / "trial.study", tmp_path / "trial.study")
    tampered(folder, change)
    out = ["--out", tmp_path / "out"] if words[0] == "export" else []
    words = [*words, "--to", "rocrate"] if words == ["export"] else words

    assert promo(words[0], folder, *words[1:], *out) == 1
    assert "which the plan does not have" in capsys.readouterr().err
