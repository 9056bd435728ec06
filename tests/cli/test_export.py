"""`promo export`: a study for other tools, as a user meets it."""

import hashlib
import json
import re
import struct
import sys
import zipfile
from urllib.parse import unquote

import pytest

from promo.driver.export import logged_runs
from promo.exchange.tensorboard import event_file
from support import promo


def records(content):
    """The events of a file, each with the checksum of its length and of itself compared."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    at = 0
    while at < len(content):
        (size,) = struct.unpack_from("<Q", content, at)
        data = content[at + 12 : at + 12 + size]
        checks = struct.unpack_from("<I", content, at + 8) + struct.unpack_from("<I", content, at + 12 + size)
        assert checks == (masked_crc32c(content[at : at + 8]), masked_crc32c(data))
        yield Event.FromString(data)
        at += 16 + size


def test_tensorboard_gets_a_file_an_attempt_the_same_every_time(trial, tmp_path, capsys):
    pytest.importorskip("tensorboardX")
    for out in ("one", "other"):
        assert promo("export", trial[0].path, "--to", "tensorboard", "--out", tmp_path / out) == 0
    files = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.promo")}

    assert "15 runs; look at them with: tensorboard --logdir" in capsys.readouterr().out
    assert len(files) == 15  # of 13 runs, two of which crashed once
    for name, content in files.items():
        assert (tmp_path / "other" / name).read_bytes() == content
    assert sum(name.parts[1].endswith("-attempt-2") for name in files) == 2
    (content,) = (content for name, content in files.items() if name.parts[:2] == ("long", "good.quality_1-box-s3"))
    first, *events = records(content)
    scalars = [
        (event.step, value.tag)
        for event in events
        for value in event.summary.value
        if not value.metadata.plugin_data.plugin_name
    ]
    assert first.file_version == "brain.Event:2"
    assert (1, "other/train_bpb") in scalars
    assert (2, "measure/loss") in scalars
    assert sorted({tag for _, tag in scalars})[0] == "measure/loss"  # the viewer's first picture
    assert {tag for _, tag in scalars if tag.endswith("_s")} == {"spent/charged_s", "spent/slot_s", "spent/spent_s"}
    assert any(b"good (quality 1)" in event.SerializeToString() for event in events)
    for whole in files.values():  # the page takes its columns from any one run, and shows the first five by name
        assert all(name in whole for name in (b"Candidate", b"Rank", b"Stage", b"Verdict"))
    assert all(
        event.step > 0
        for event in events
        for value in event.summary.value
        if value.tag in ("other/train_bpb", "measure/loss")
    )
    assert len(scalars) == len(set(scalars))


def test_exported_runs_carry_rank_and_verdict_of_their_candidate(trial):
    runs = list(logged_runs(trial[0]))
    short = {run.settings["candidate"]: run.tags for run in runs if run.settings["stage"] == "short"}

    assert (short["good"]["promo.rank"], short["good"]["promo.verdict"]) == ("1", "promoted")
    assert {tags["promo.verdict"] for tags in short.values()} == {"promoted", "dropped"}
    assert {run.tags["promo.verdict"] for run in runs if run.settings["stage"] == "long"} == {""}


def test_exported_runs_carry_what_a_rule_found_of_their_candidate(trial, tmp_path):
    pytest.importorskip("tensorboardX")
    runs = [run for run in logged_runs(trial[0]) if run.settings["stage"] == "long"]
    found = {(run.settings["candidate"], run.tags.get("promo.rule.close")) for run in runs}
    files = dict(map(event_file, runs))

    assert found == {("good", "holds"), ("base", None)}
    assert all((b"close holds" in content) == ("good" in parts[1]) for parts, content in files.items())


@pytest.mark.parametrize(
    ("tool", "module", "extra"), [("tensorboard", "tensorboardX", "tensorboard"), ("mlflow", "mlflow", "mlflow")]
)
def test_without_its_library_an_export_says_what_to_install(trial, tmp_path, capsys, monkeypatch, tool, module, extra):
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)

    assert promo("export", trial[0].path, "--to", tool, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "is not installed" in said
    assert f"pip install 'promo-lang[{extra}]'" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.filterwarnings("ignore")  # of what MLflow imports
def test_mlflow_itself_reads_what_was_exported(trial, tmp_path):
    client = pytest.importorskip("mlflow").MlflowClient(f"sqlite:///{tmp_path / 'runs.db'}")
    assert promo("export", trial[0].path, "--to", "mlflow", "--out", tmp_path / "runs.db") == 0
    (study,) = [one for one in client.search_experiments() if one.name != "Default"]
    found = client.search_runs([study.experiment_id], "params.stage = 'short' and params.candidate = 'good'")
    logged = [run for run in logged_runs(trial[0]) if run.settings["stage"] == "short"]

    assert study.tags["mlflow.note.content"] == study.tags["promo.title"]
    assert {run.info.run_name for run in found} == {one.name for one in logged if one.settings["candidate"] == "good"}
    assert {(run.data.tags["promo.rank"], run.data.tags["promo.verdict"]) for run in found} == {("1", "promoted")}


def test_what_cannot_be_exported_is_one_error(trial, tmp_path, capsys):
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").write_text("")

    assert promo("export", trial[0].path, "--to", "tensorboard", "--out", tmp_path / "file" / "x") == 2
    assert "cannot be written" in capsys.readouterr().err
    (tmp_path / "text.db").write_text("no database, but somebody's text")
    for place, said in (
        (tmp_path / "text.db", "is not an SQLite database"),
        (tmp_path / "what?.db", "holds one of ? # %"),
    ):
        assert promo("export", trial[0].path, "--to", "mlflow", "--out", place) == 2
        assert said in capsys.readouterr().err
    assert promo("export", tmp_path / "none", "--to", "tensorboard") == 2
    assert promo("export", trial[0].path, "--to", "nothing") == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.fixture(scope="module")
def crate(trial, tmp_path_factory):
    out = tmp_path_factory.mktemp("crate") / "trial"
    words = ("--by", "Ada <b>Lovelace</b>", "--license", "https://example.org/licence")
    assert promo("export", trial[0].path, "--to", "rocrate", "--out", out, *words) == 0
    stored = json.loads((out / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    return out, {entity["@id"]: entity for entity in stored["@graph"]}


def links(value):
    """Every identity that a value points to."""
    if isinstance(value, list):
        return [link for one in value for link in links(one)]
    return [value["@id"]] if isinstance(value, dict) else []


def test_a_crate_describes_every_file_and_points_to_nothing_that_is_not_there(crate):
    out, entities = crate
    files = {name: entity for name, entity in entities.items() if entity["@type"] == "File"}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} - {"ro-crate-metadata.json"}

    assert set(map(unquote, files)) == there
    for name, entity in files.items():
        content = (out / unquote(name)).read_bytes()
        assert (entity["contentSize"], entity["sha256"]) == (str(len(content)), hashlib.sha256(content).hexdigest())
    for entity in entities.values():
        for name, value in entity.items():
            if name != "conformsTo":
                assert set(links(value)) <= set(entities), (entity["@id"], name)
    assert {"ledger.jsonl", "lock.json", "environment.json", "report.html", "evidence/short.json"} <= there
    root = entities["./"]
    parts = [root, *(entities[link] for link in links(root["hasPart"]) if link.endswith("/"))]
    assert {link for one in parts for link in links(one["hasPart"])} >= set(files)


def test_a_crate_says_what_made_what_out_of_what(crate):
    _, entities = crate
    actions = {name: one for name, one in entities.items() if one["@type"] == "CreateAction"}
    crashed = [one for one in actions.values() if "error" in one]
    decided = actions["#decide-pick"]

    assert set(links(entities["./"]["mentions"])) == set(actions)
    assert len(actions) == 15 + 2 + 2  # attempts, decisions, and that it was frozen and reported
    assert len(crashed) == 2
    assert {one["actionStatus"] for one in crashed} == {"http://schema.org/FailedActionStatus"}
    assert "evidence/short.json" in links(decided["object"])
    assert links(decided["result"]) == ["decisions/pick.json"]
    assert "pick promoted" in decided["description"]
    trained = {one["name"]: one["description"] for one in actions.values()}
    assert trained["short: good (quality 1) on box, seed 1"].endswith("; good: rank 1, promoted there")
    assert trained["short: poor (quality 4) on box, seed 2"].endswith("dropped there")
    assert entities["#who"]["name"] == "Ada <b>Lovelace</b>"
    assert entities["./"]["name"] == "[red]A[/red] <b>trial</b>"
    assert entities["./"]["license"] == {"@id": "https://example.org/licence"}


def test_another_library_reads_a_crate(crate):
    rocrate = pytest.importorskip("rocrate.rocrate")
    out, entities = crate
    read = rocrate.ROCrate(out)

    assert {entity.id for entity in read.get_entities()} == set(entities)
    assert read.root_dataset["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.5"
    assert read.get("decisions/pick.json")["encodingFormat"] == "application/json"


def test_an_unpacked_crate_is_a_study_that_can_be_verified(crate, capsys):
    assert promo("verify", crate[0]) == 3
    assert "CONSISTENT, NOT ANCHORED" in capsys.readouterr().out
    assert promo("export", crate[0], "--to", "rocrate", "--out", crate[0]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_crate_holds_what_programs_left_and_no_state_of_a_model(workplace, capsys):
    source = 'LR = 0.1\nSTEPS = 10\nopen("kept.txt", "w").write("x")\nprint("val_loss:", LR)\n'
    (workplace / "one.py").write_text(source, encoding="utf-8")
    assert promo("new", "--from", "one.py", "--takes", "5s") == 0
    text = (workplace / "one.promo").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^  expect .*\n", "", text).replace("seeds    11, 12, 13", "seeds    11")
    text = text.replace("seeds    1, 2", "seeds    1").replace("slots    1", "slots    1\n  executor inline")
    (workplace / "one.promo").write_text(text, encoding="utf-8")
    assert promo("run", "one.promo", "--quiet") == 0
    attempt = workplace / "one.study" / "runs" / "short" / "base-here-s1" / "attempt-1"
    (attempt / "checkpoint-0a.state").write_bytes(b"x")
    assert promo("export", "--to", "rocrate") == 0
    kept = sorted(path.name for path in (workplace / "one.crate").glob("runs/short/base-*/attempt-1/**/*"))
    described = json.loads((workplace / "one.crate" / "ro-crate-metadata.json").read_text(encoding="utf-8"))["@graph"]
    parts = [one["hasPart"] for one in described if one["@id"] == "runs/short/base-here-s1/attempt-1/"]

    assert {"one.py", "kept.txt"} <= set(kept) and "checkpoint-0a.state" not in kept
    assert any(link.endswith("attempt-1/program/kept.txt") for link in links(parts[0]))
    assert promo("verify", "one.crate") == 3, capsys.readouterr()


def test_a_zipped_crate_is_the_same_bytes_every_time(trial, crate, tmp_path):
    out, words = tmp_path / "one.zip", ("--by", "Ada <b>Lovelace</b>", "--license", "https://example.org/licence")
    assert promo("export", trial[0].path, "--to", "rocrate", "--out", out, *words) == 0

    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for name in archive.namelist():
            assert archive.read(name) == (crate[0] / name).read_bytes()
        page = archive.read("report.html").decode()
    assert str(tmp_path.parent) not in page
    assert "&lt;b&gt;trial&lt;/b&gt;" in page


def test_a_study_that_has_not_run_is_exported_as_far_as_it_is(trial, tmp_path, capsys):
    (tmp_path / "t.promo").write_bytes(trial[0].path.with_name("trial.promo").read_bytes())
    assert promo("run", tmp_path / "t.promo", "--freeze-only") == 0
    assert promo("export", tmp_path / "t.promo", "--to", "rocrate", "--out", tmp_path / "crate") == 0
    stored = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_text(encoding="utf-8"))

    assert "#freeze" in {entity["@id"] for entity in stored["@graph"]}
    assert "No licence was declared" in json.dumps(stored)
