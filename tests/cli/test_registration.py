"""A frozen gate as a pre-registration: made before and after, checked with promo and without."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from promo.base.canonical import canonical
from support import promo, spec


@pytest.fixture(scope="module")
def places(tmp_path_factory, trial):
    """Registrations of a gate that is only sealed, of one whose study is frozen, and of one that has decided."""
    place = tmp_path_factory.mktemp("registered")
    path = place / "trial.promo"
    path.write_text(spec().replace('"A trial"', '"`A` <b>trial</b>\u202e"'), encoding="utf-8")
    assert promo("freeze", path) == 0
    assert registered(path, place / "before.json") == 0
    assert promo("run", path, "--freeze-only") == 0
    assert registered(path, place / "frozen.json") == 0
    assert registered(trial[0].path, place / "after.json") == 0
    assert registered(trial[0].path, place / "rule.json", "--rule", "close") == 0
    return place


def registered(what, out, *rule):
    return promo("export", what, "--to", "registration", *(rule or ("--gate", "pick")), "--out", out)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def found(capsys, study, path):
    """Exit status of a check, and what it says of the registration."""
    capsys.readouterr()
    status = promo("verify", study, "--registration", path)
    said = capsys.readouterr().out.splitlines()
    return status, next((line for line in said if "registration of" in line), "")


def test_it_says_what_will_decide_on_which_cells_and_what_was_known(places):
    before, frozen, after = (read(places / f"{name}.json") for name in ("before", "frozen", "after"))

    assert before["sentences"] == [
        "Frozen gate pick: from short to long, rank by mean loss over host and seed, keep the top one, always base; "
        "missing: rerun one, then drop; crash: as missing; ties by name."
    ]
    assert before["reads"] == [
        {
            "stage": "short",
            "budget": "1s",
            "cells": [["box", 1], ["box", 2]],
            "candidates": ["base", "fair", "good", "poor"],
            "enter": 4,
            "runs": 8,
        }
    ]
    assert before["seal"] == frozen["seal"]
    assert (before["frozen"], before["known"]["results"], before["known"]["events"]) == (None, [], 0)
    assert (frozen["known"]["events"], frozen["known"]["results"]) == (1, [])
    assert frozen["frozen"]["event"] == frozen["known"]["head"]
    assert (len(after["known"]["results"]), after["known"]["decided"]) == (8, True)
    assert (read(places / "rule.json")["kind"], read(places / "rule.json")["reads"][0]["stage"]) == ("rule", "long")


def test_the_seal_can_be_checked_with_python_alone(places):
    page = (places / "before.md").read_text(encoding="utf-8")
    recipe = re.search(r'python3 -c "(.*)"', page)[1].replace("FILE", str(places / "before.json"))
    done = subprocess.run([sys.executable, "-c", recipe], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == read(places / "before.json")["seal"]
    assert "\n    `A` <b>trial</b>[U+202E]\n" in page
    assert "| `short` | 1s | box/1 box/2 | base, fair, good and poor | 4 | 8 |" in page
    assert "no ledger, so nothing had run" in page


def test_the_study_that_came_of_it_is_the_one_announced(places, trial, capsys):
    early = "as announced; made before any result of its stages"

    for name in ("before", "frozen"):
        status, said = found(capsys, places / "trial.study", places / f"{name}.json")
        assert (status, said[:3], said.endswith(early)) == (2, "ok ", True)  # 2: the study has not run
    for name in ("after", "rule"):
        status, said = found(capsys, trial[0].path, places / f"{name}.json")
        assert (status, said[:3]) == (3, "ok ")
    assert said.endswith("made when 4 results of its stages existed")


def test_another_rule_and_another_ledger_are_told(places, tmp_path, capsys):
    other = tmp_path / "trial.promo"
    other.write_text((places / "trial.promo").read_text(encoding="utf-8").replace("top 1", "top 2"), encoding="utf-8")
    assert promo("freeze", other, "--again") == 0
    assert promo("run", other, "--freeze-only") == 0
    status, said = found(capsys, tmp_path / "trial.study", places / "before.json")

    assert status == 1
    assert "DIFFERS  registration of pick: the study says otherwise: sentences, seal, closure, spec, plan" in said
    told = read(places / "frozen.json")
    known = {**told["known"], "head": "0" * 64}
    (tmp_path / "forged.json").write_text(json.dumps({**told, "known": known}), encoding="utf-8")
    status, said = found(capsys, places / "trial.study", tmp_path / "forged.json")
    assert status == 1
    assert said.endswith("known: the ledger does not continue the one that it was made of")


ODD = [None, -1, 1, "x", [], {}, [1], {"a": 1}, "0" * 64, 2**60, True]


def test_a_file_that_was_changed_is_told_and_never_a_traceback(places, tmp_path, capsys):
    sound, study = read(places / "frozen.json"), places / "trial.study"
    path, wrong = tmp_path / "x.json", 0
    for key in sound:
        for value in (ODD[len(key) % len(ODD)], ODD[len(key) * 7 % len(ODD)]):
            if value != sound[key] and not (key == "amendment" and value in (None, 0)):
                path.write_text(json.dumps({**sound, key: value}), encoding="utf-8")
                status, line = found(capsys, study, path)
                assert status in (1, 2) and not line.startswith("ok "), (key, value)
                wrong += 1
    for content in (b"", b"{", b"[]", b"\xff", b'{"promo_registration":1}', canonical({**sound, "closure": {}})):
        path.write_bytes(content)
        assert promo("verify", study, "--registration", path) in (1, 2)
    assert promo("verify", study, "--registration", tmp_path) == 2
    assert wrong > 25


def test_an_amended_gate_is_registered_as_it_is_in_force_and_the_first_wording_stays_checked(places, tmp_path, capsys):
    place = tmp_path / "copy"
    shutil.copytree(places, place)
    path = place / "trial.promo"
    path.write_text(path.read_text(encoding="utf-8").replace("top 1", "top 2"), encoding="utf-8")
    assert promo("amend", path, "--gate", "pick", "--reason", "two are as good", "--by", "Ada") == 0
    assert registered(place / "trial.study", place / "later.json") == 0

    assert found(capsys, place / "trial.study", place / "later.json")[1].startswith("ok ")
    first = found(capsys, place / "trial.study", place / "frozen.json")[1]
    assert first.startswith("ok ") and first.endswith("; amended since: 1")
    assert (read(place / "later.json")["amendment"], read(place / "frozen.json")["amendment"]) == (1, None)
    assert "keep the top two" in read(place / "later.json")["sentences"][-1]


def test_a_registration_can_be_deposited_as_a_crate_of_its_own(places, tmp_path, capsys):
    rocrate = pytest.importorskip("rocrate.rocrate")
    out = tmp_path / "deposit"
    assert promo("export", places / "trial.promo", "--to", "rocrate", "--gate", "pick", "--out", out) == 0
    read_back = rocrate.ROCrate(out)
    told = json.loads((out / "registration.json").read_text(encoding="utf-8"))

    assert {entity.id for entity in read_back.data_entities} == {"spec.promo", "registration.json", "registration.md"}
    assert read_back.root_dataset["description"] == told["sentences"][0]
    assert read_back.get("#seal")["result"][0].id == "registration.json"
    assert (out / "spec.promo").read_bytes() == (places / "trial.study" / "spec.promo").read_bytes()
    assert found(capsys, places / "trial.study", out / "registration.json")[1].startswith("ok ")


def test_what_cannot_be_registered_is_said(tmp_path, capsys):
    path = tmp_path / "trial.promo"
    path.write_text(spec().replace("frozen rule close", "rule close"), encoding="utf-8")

    for words, said in (
        ((), "a registration is of one gate or rule"),
        (("--gate", "pikc"), "did you mean 'pick'?"),
        (("--gate", "pick"), "'pick' is not sealed yet"),
        (("--gate", "close"), "'close' is not frozen"),
    ):
        assert promo("export", path, "--to", "registration", *words) == 2
        assert said in capsys.readouterr().err
