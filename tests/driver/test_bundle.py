"""Two machines that never meet: each runs its own host, bundles go both ways, and both decide the same."""

import io
import json
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import studies
from promo.base.canonical import canonical, digest_bytes, parse_canonical
from promo.base.classes import evolve
from promo.base.codec import from_json, to_json
from promo.base.errors import Mismatch, PromoError
from promo.driver.bundle import LARGEST_RECORD, MOST_FILES, Manifest, read_bundle
from promo.driver.study import StudyFolder
from promo.ledger.bundles import Taken
from promo.ledger.chain import GENESIS, decode, encode, line_digest
from promo.ledger.state import StudyState
from promo.ledger.values import AttemptStarted, ResultAccepted, StageOpened, Start
from promo.run.store import parse_request, parse_result, result_bytes
from support import promo, rechecked, spec, unpacked

HOSTS = (
    'host here {\n  device "cpu" on any\n  slots 2\n  executor inline\n}\n\n'
    'host there {\n  device "cpu" on any\n  slots 2\n}'
)
"""Runs of one are made in the process of the test, and those of the other leave a log as well."""
TEXT = spec("use", host=HOSTS).replace("on box", "on here, there")
SMALL = (
    TEXT.replace('candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}', "")
    .replace("factor size: units in 1..64 step 1 default 8", "")
    .replace("factor ratio: units in [1, 4] default 1", "")
    .replace("seeds 1, 2", "seeds 1")
    .replace("seeds 3, 4", "seeds 3")
)
KEYGEN = shutil.which("ssh-keygen")


def two_sides(place):
    """Two folders with the same spec, one for each machine."""
    for name in ("a", "b"):
        (place / name).mkdir()
        (place / name / "trial.promo").write_text(SMALL, encoding="utf-8")
    return place


@pytest.fixture
def sides(workplace):
    return two_sides(workplace)


def run(side, host, *more):
    return promo("run", side / "trial.promo", "--host", host, "--quiet", *more)


def study(side):
    return StudyFolder(side / "trial.study")


def exchange(sides, *, key=()):
    """Each side bundles what it did and takes in what the other did."""
    for name, host in (("a", "here"), ("b", "there")):
        out = sides / f"{host}.bundle"
        assert promo("bundle", sides / name / "trial.promo", "--out", out, *key) == 0
    assert promo("import", sides / "there.bundle", sides / "a" / "trial.promo") == 0
    assert promo("import", sides / "here.bundle", sides / "b" / "trial.promo") == 0


def test_two_machines_that_never_meet_come_to_the_same_decisions(sides, capsys):
    a, b = sides / "a", sides / "b"
    for _ in range(2):  # the first stage, and the one behind the gate
        assert run(a, "here") == 6
        assert "the remaining runs belong to other hosts" in capsys.readouterr().out
        assert run(b, "there") == 6
        exchange(sides)
    assert run(a, "here") == 0
    assert run(b, "there") == 0

    assert study(a).state().study is study(b).state().study is StudyState.CLOSED
    for name in ("pick", "close"):
        one, two = ((study(side).path / f"decisions/{name}.json").read_bytes() for side in (a, b))
        assert one == two
    assert promo("verify", a / "trial.promo") == 3
    assert promo("verify", b / "trial.promo") == 3
    assert promo("report", a / "trial.study") == 0
    hosts = {tried[0].host for tried in study(a).state().attempts.values()}
    assert hosts == {"here", "there"}
    # The whole study on one machine decides the same.
    (sides / "c").mkdir()
    (sides / "c" / "trial.promo").write_text(SMALL, encoding="utf-8")
    assert promo("run", sides / "c" / "trial.promo", "--quiet") == 0
    assert (study(sides / "c").path / "evidence/short.json").exists()
    alone, both = (study(side).state().decisions["pick"].verdict for side in (sides / "c", a))
    assert alone.promoted == both.promoted == ("base", "good")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    sides = two_sides(tmp_path_factory.mktemp("begun"))
    assert run(sides / "a", "here") == 6
    assert run(sides / "b", "there") == 6
    assert promo("bundle", sides / "b" / "trial.promo", "--out", sides / "there.bundle") == 0
    return sides


@pytest.fixture
def begun(once, workplace):
    """Each side has done what it can without the other, and there is a bundle of what was done there."""
    return shutil.copytree(once, workplace, dirs_exist_ok=True)


def take(sides, bundle="there.bundle", *more):
    return promo("import", sides / bundle, sides / "a" / "trial.promo", *more)


def test_a_bundle_that_is_brought_twice_changes_nothing(begun, capsys):
    assert take(begun) == 0
    ledger = (study(begun / "a").path / "ledger.jsonl").read_bytes()
    capsys.readouterr()

    assert take(begun) == 0
    assert "nothing is new" in capsys.readouterr().out
    assert (study(begun / "a").path / "ledger.jsonl").read_bytes() == ledger


def test_equal_contents_are_equal_bytes(begun):
    first = (begun / "there.bundle").read_bytes()
    assert promo("bundle", begun / "b" / "trial.promo", "--out", begun / "again.bundle") == 0

    assert (begun / "again.bundle").read_bytes() == first


def everything(side):
    """Every file of a side's study with its bytes and when it was written, the operating system's lock included."""
    files = (path for path in sorted(study(side).path.rglob("*")) if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def repacked(path, change):
    """The bundle with its members changed; the manifest follows only if the change says so."""
    with tarfile.open(path) as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar}
    change(files)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    path.write_bytes(out.getvalue())


def test_what_takes_the_place_of_a_bundle_while_it_is_read_is_not_taken_for_it(begun):
    """Each file is looked at when a bundle is opened and again when it is read; a manifest is kept as it was."""
    path = begun / "there.bundle"
    opened = read_bundle(path)
    named = next(name for name in sorted(opened.manifest.files) if name.endswith("/result.json"))
    before, (begin, size) = path.read_bytes(), opened.places[named]
    for after in (before[:begin] + b"x" * size + before[begin + size :], before[: begin + size // 2]):
        path.write_bytes(after)

        for look in (opened.read, lambda name: opened.copy(name, begun / "copied")):
            with pytest.raises(Mismatch, match="was changed while it was read"):
                look(named)
        assert not list(begun.glob("copied*"))
    assert digest_bytes(opened.named) == opened.digest


def with_manifest(files, **changed):
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: digest_bytes(content) for name, content in files.items() if not name.startswith("manifest")
    }
    manifest.update(changed)
    files["manifest.json"] = canonical(manifest)


def told_otherwise(files, change):
    """A ledger in the bundle that somebody changed, chained again, with a manifest that fits."""
    head, lines = GENESIS, []
    for event in decode(files["ledger.jsonl"]).events:
        changed = change(event.event)
        if changed is not None:
            lines.append(encode(evolve(event, seq=len(lines), event=changed, prev=head)))
            head = line_digest(lines[-1])
    files["ledger.jsonl"] = b"".join(line + b"\n" for line in lines)
    with_manifest(files, head=head)


def ask_otherwise(files):
    """A run that was given twice its budget, and everything that names its request made to fit."""
    place = one_result(files).removesuffix("/result.json")
    old = files[f"{place}/request.json"]
    request, body = parse_request(old), parse_result(files[f"{place}/result.json"], digest_bytes(old)).body
    budget = evolve(request.budget, amount=2 * request.budget.amount)
    files[f"{place}/request.json"] = asked = canonical(to_json(evolve(request, budget=budget)))
    files[f"{place}/result.json"] = left = result_bytes(evolve(body, request=digest_bytes(asked)))

    def fitted(one):
        match one:
            case AttemptStarted() if one.folder == place:
                return evolve(one, request=digest_bytes(asked))
            case ResultAccepted() if (one.run, one.attempt) == (request.run.id, request.attempt):
                return evolve(one, envelope=digest_bytes(left))
            case _:
                return one

    told_otherwise(files, fitted)


def say_a_better_metric(files):
    def better(one):
        return evolve(one, metrics={"loss": "0.001"}) if isinstance(one, ResultAccepted) else one

    told_otherwise(files, better)


def tell_twice(files):
    manifest = json.loads(files["manifest.json"])
    with_manifest(files, attempts=[*manifest["attempts"], manifest["attempts"][0]])


def tell_of_more(files):
    manifest = json.loads(files["manifest.json"])
    with_manifest(files, attempts=[*manifest["attempts"], ["0123456789", 1]])


def one_result(files):
    return next(name for name in sorted(files) if name.endswith("/result.json"))


def change_result(files):
    files[one_result(files)] = files[one_result(files)].replace(b'"ok"', b'"OK"')


def change_result_and_manifest(files):
    change_result(files)
    with_manifest(files)


def swap_results(files):
    names = [name for name in sorted(files) if name.endswith("/result.json")][:2]
    files[names[0]], files[names[1]] = files[names[1]], files[names[0]]
    with_manifest(files)


def cut_ledger(files):
    files["ledger.jsonl"] = b"".join(files["ledger.jsonl"].splitlines(keepends=True)[:-2])
    with_manifest(files)


def another_plan(files):
    with_manifest(files, plan="0" * 64)


def climb_out(files):
    files["runs/../../escaped/attempt-1/x.json"] = b"{}"
    with_manifest(files)


def change_points(files):
    name = next(name for name in sorted(files) if name.endswith("/points.jsonl"))
    files[name] = files[name].replace(b'"step":1', b'"step":0')
    with_manifest(files)


def change_log(files):
    files[next(name for name in sorted(files) if name.endswith("/log.txt"))] += b"all went well\n"
    with_manifest(files)


TAMPERED = {
    "a result": (change_result, "was changed"),
    "a result and the manifest": (change_result_and_manifest, "is not sound"),
    "two results swapped": (swap_results, "is not sound"),
    "points and the manifest": (change_points, "the points in"),
    "a log and the manifest": (change_log, "log.txt in"),
    "the ledger cut": (cut_ledger, "does not end where the manifest says"),
    "another plan": (another_plan, "is from another study"),
    "a path that climbs out": (climb_out, "something that no bundle holds"),
    "a request and everything that names it": (ask_otherwise, "whose request differs from the plan"),
    "a metric in the ledger": (say_a_better_metric, "is not the recorded one"),
    "a ledger without a stage": (
        lambda files: told_otherwise(files, lambda one: None if isinstance(one, StageOpened) else one),
        "does not keep to the protocol",
    ),
    "a ledger without a start": (
        lambda files: told_otherwise(files, lambda one: None if isinstance(one, Start) else one),
        "does not keep to the protocol",
    ),
    "an attempt told twice": (tell_twice, "does not record every attempt it holds"),
    "an attempt that is not there": (tell_of_more, "does not record every attempt it holds"),
    "an older form": (lambda files: with_manifest(files, promo_bundle=1), "not a bundle that this promo reads"),
    "another key": (lambda files: with_manifest(files, more=1), "not a bundle that this promo reads"),
    "no manifest": (lambda files: files.pop("manifest.json"), "it has no manifest"),
}


@pytest.mark.parametrize(("change", "words"), TAMPERED.values(), ids=TAMPERED)
def test_a_bundle_that_was_tampered_with_is_refused(begun, capsys, change, words):
    repacked(begun / "there.bundle", change)
    before = everything(begun / "a")

    assert take(begun) in (1, 2)
    assert words in capsys.readouterr().err
    assert everything(begun / "a") == before


PROGRAM = """
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--seed", type=int, default=0)
given = parser.parse_args()
os.makedirs("Out/" + "d" * 90 + "/" + "e" * 90)
for name in ("README", "a b", "caf\u00e9", ".hidden", "Out/" + "d" * 90 + "/" + "e" * 90 + "/" + "f" * 90):
    open(name, "w").write(str(given.lr))
print("loss:", given.lr + given.seed / 99)
"""
"""Somebody's script, that leaves files of all names."""


def test_what_a_program_of_ones_own_leaves_goes_along(workplace, capsys):
    """By the name of each file, however it is written, as far as the ledger has it."""
    (workplace / "a").mkdir()
    (workplace / "a" / "one.py").write_text(PROGRAM, encoding="utf-8")
    assert promo("new", "trial", "--from", workplace / "a" / "one.py", "--takes", "5s") == 0
    spec = workplace / "a" / "trial.promo"
    there = '\nhost there {\n  device   "cpu" on any\n  slots    1\n}\n\nfactor lr'
    text = spec.read_text(encoding="utf-8").replace("\nfactor lr", there, 1).replace("on       here", "on  here, there")
    spec.write_text(
        text.replace("  expect   6 runs\n", "").replace("1, 2", "1").replace("11, 12, 13", "2"), encoding="utf-8"
    )
    shutil.copytree(workplace / "a", workplace / "b")
    assert promo("run", spec, "--host", "here", "--quiet") == 6
    assert promo("bundle", spec, "--out", workplace / "here.bundle") == 0
    other = workplace / "b" / "trial.promo"
    assert promo("run", other, "--host", "there", "--quiet") == 6
    assert promo("import", workplace / "here.bundle", other) == 0
    capsys.readouterr()
    assert promo("verify", other) == 2  # it is not finished
    said = capsys.readouterr().out
    assert "differs" not in said and "missing  logs" not in said
    done = rechecked(study(workplace / "b").path)
    assert (done.returncode, "is not there" in done.stdout) == (2, False), done.stdout
    name = "short/base-here-s1/attempt-1/program/Out"
    assert [path.name for path in (study(workplace / "b").path / "runs" / name).rglob("f*")] == ["f" * 90]
    attempts = [one for tried in study(workplace / "b").state().attempts.values() for one in tried]
    assert [one.status.value for one in attempts] == ["ok"] * 6


def test_a_file_that_is_a_folder_too_is_refused(begun, capsys):
    def both(files):
        place = next(name for name in sorted(files) if name.endswith("/log.txt"))
        files[f"{place}/more"] = b""
        with_manifest(files)

    repacked(begun / "there.bundle", both)
    assert take(begun) == 2
    assert "a file and a folder" in capsys.readouterr().err


def test_links_in_a_bundle_are_refused(begun, capsys):
    with tarfile.open(begun / "there.bundle", "a") as tar:
        entry = tarfile.TarInfo("runs/short/x-box-s1/attempt-1/result.json")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)

    assert take(begun) == 2
    assert "something that no bundle holds" in capsys.readouterr().err


def test_a_bundle_with_a_file_twice_is_refused(begun, capsys):
    with tarfile.open(begun / "there.bundle", "a") as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"))

    assert take(begun) == 2
    assert "something that no bundle holds: 'manifest.json'" in capsys.readouterr().err


def test_a_file_that_says_it_is_longer_than_its_bundle_is_refused(tmp_path):
    entry = tarfile.TarInfo("manifest.json")
    entry.size = 5 * 2**30
    (tmp_path / "huge.bundle").write_bytes(entry.tobuf(tarfile.USTAR_FORMAT))

    with pytest.raises(PromoError, match=r"is not a bundle: manifest\.json is longer than the file that it is in"):
        read_bundle(tmp_path / "huge.bundle")


def test_a_record_that_is_larger_than_any_is_refused_before_it_is_read(tmp_path):
    entry = tarfile.TarInfo("manifest.json")
    entry.size = LARGEST_RECORD + 1
    with (tmp_path / "huge.bundle").open("wb") as file:
        file.write(entry.tobuf(tarfile.USTAR_FORMAT))
        file.truncate(LARGEST_RECORD + 4 * tarfile.RECORDSIZE)

    with pytest.raises(PromoError, match=r"holds a manifest\.json that is larger than any may be"):
        read_bundle(tmp_path / "huge.bundle")


@pytest.mark.slow
def test_a_bundle_of_more_files_than_any_is_refused(tmp_path):
    entries = (tarfile.TarInfo(f"runs/short/good-box-s1/attempt-1/{number}") for number in range(MOST_FILES + 1))
    (tmp_path / "huge.bundle").write_bytes(b"".join(entry.tobuf(tarfile.USTAR_FORMAT) for entry in entries))

    with pytest.raises(PromoError, match="holds more files than any bundle may"):
        read_bundle(tmp_path / "huge.bundle")


def test_a_manifest_is_a_value_that_names_every_other_file(begun):
    bundle = read_bundle(begun / "there.bundle")
    with tarfile.open(begun / "there.bundle") as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar}
    state = study(begun / "b").state()

    assert bundle.manifest == from_json(Manifest, parse_canonical(files["manifest.json"]))
    assert {**bundle.manifest.files, "manifest.json": bundle.digest} == {
        name: digest_bytes(content) for name, content in files.items()
    }
    assert set(bundle.manifest.attempts) == {Taken(one.run, one.number) for one in state.every_attempt()}
    assert bundle.manifest.plan == state.plan


def test_an_unpacked_bundle_is_a_study_that_can_be_verified(begun, capsys):
    """It holds nothing of what gates of the other machine wait for, so it is incomplete; nothing in it differs."""
    unpacked(begun / "there.bundle", begun / "unpacked")

    assert promo("verify", begun / "unpacked") == 2
    said = capsys.readouterr().out
    assert "DIFFERS" not in said
    assert "ok       files: every file is accounted for by an event" in said
    assert "requests recomputed from plan and ledger" in said


def test_a_study_that_has_ended_takes_nothing_in(begun, capsys):
    assert promo("run", begun / "a" / "trial.promo", "--quiet") == 0
    before = everything(begun / "a")

    assert take(begun) == 1
    assert "has ended, and imports nothing more" in capsys.readouterr().err
    assert everything(begun / "a") == before


def test_what_lies_there_already_is_never_written_over(begun, capsys):
    name = next(name for name in read_bundle(begun / "there.bundle").manifest.files if name.endswith("/log.txt"))
    there = study(begun / "a").path / name
    there.parent.mkdir(parents=True)
    there.write_text("mine\n", encoding="utf-8")
    before = everything(begun / "a")

    assert take(begun) == 1
    assert f"would overwrite {name}, which is different here" in capsys.readouterr().err
    assert everything(begun / "a") == before


def test_a_bundle_of_another_spec_is_refused_in_words(begun, capsys):
    other = begun / "a" / "other.promo"
    other.write_text(SMALL.replace("keep top 1", "keep top 2"), encoding="utf-8")
    assert promo("run", other, "--host", "here", "--quiet") == 6

    assert promo("import", begun / "there.bundle", other) == 1
    error = capsys.readouterr().err
    assert "is from another study than the one here" in error
    assert "plan" in error


def test_a_second_result_for_a_run_is_refused(begun, capsys):
    assert take(begun) == 0
    (begun / "d").mkdir()
    (begun / "d" / "trial.promo").write_text(SMALL, encoding="utf-8")
    assert run(begun / "d", "there") == 6
    assert promo("bundle", begun / "d" / "trial.promo", "--out", begun / "d.bundle") == 0

    before = everything(begun / "a")

    assert take(begun, "d.bundle") == 1  # the toy repeats its score bit for bit, but not its seconds
    assert "another result than the one here" in capsys.readouterr().err
    assert everything(begun / "a") == before


def test_what_is_no_bundle_is_said(begun, capsys):
    assert take(begun, "none.bundle") == 2
    (begun / "x.bundle").write_bytes(b"not a tar")
    assert take(begun, "x.bundle") == 2
    error = capsys.readouterr().err
    assert "there is no file" in error
    assert "is not a bundle" in error


def test_nothing_done_is_nothing_to_bundle(sides, capsys):
    assert run(sides / "a", "here") == 6

    assert promo("bundle", sides / "a" / "trial.promo", "--host", "there", "--out", sides / "x") == 2
    assert "nothing has ended here yet on there" in capsys.readouterr().err
    assert promo("run", sides / "a" / "trial.promo", "--host", "nowhere", "--quiet") == 2
    assert "no host 'nowhere'" in capsys.readouterr().err


@pytest.mark.skipif(KEYGEN is None, reason="no ssh-keygen here")
def test_a_signature_is_that_of_the_key_that_is_asked_for(begun, capsys):
    for name in ("mine", "other"):
        words = [KEYGEN, "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(begun / name)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    assert take(begun, "there.bundle", "--key", begun / "mine.pub") == 1
    assert "is not signed" in capsys.readouterr().err
    signed = begun / "signed.bundle"
    assert promo("bundle", begun / "b" / "trial.promo", "--out", signed, "--key", begun / "mine") == 0

    assert take(begun, "signed.bundle", "--key", begun / "other.pub") == 1
    assert "was not signed by the owner" in capsys.readouterr().err
    assert take(begun, "signed.bundle", "--key", begun / "mine") == 2  # the private key, by mistake
    repacked(begun / "there.bundle", lambda files: None)
    assert take(begun, "signed.bundle", "--key", begun / "mine.pub") == 0
    (brought,) = study(begun / "a").state().bundles
    shown = subprocess.run([KEYGEN, "-lf", str(begun / "mine.pub")], check=True, capture_output=True, text=True).stdout
    assert brought.signer == shown.split()[1]
    assert promo("report", begun / "a" / "trial.promo", "--format", "md", "--out", begun / "r.md") == 0
    assert f"signed by {brought.signer}" in (begun / "r.md").read_text(encoding="utf-8")


def test_what_a_bundle_brought_is_verified_against_its_own_ledger(begun, capsys):
    assert take(begun) == 0
    folder = study(begun / "a").path
    kept = next((folder / "imports").glob("*.jsonl"))
    content = bytearray(kept.read_bytes())
    content[200] ^= 1
    kept.write_bytes(bytes(content))
    capsys.readouterr()

    assert promo("verify", folder) == 1
    assert "DIFFERS" in capsys.readouterr().out


def days_ago(folder, days):
    """A study folder whose ledger was written so many days earlier."""
    before, head, lines = decode((folder / "ledger.jsonl").read_bytes()).events, GENESIS, []
    for event in before:
        then = datetime.fromisoformat(event.time) - timedelta(days=days)
        lines.append(encode(evolve(event, time=f"{then:%Y-%m-%dT%H:%M:%SZ}", prev=head)))
        head = line_digest(lines[-1])
    (folder / "ledger.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    (folder / "checkpoint.note").unlink(missing_ok=True)
    return before


def test_what_ran_elsewhere_has_the_price_of_the_day_on_which_it_ran(sides, capsys):
    """The spot price there was over when its bundle was taken in here, and both verifiers know that."""
    until = datetime.now(UTC).date() - timedelta(days=2)
    for name in ("a", "b"):
        path = sides / name / "trial.promo"
        path.write_text(
            SMALL.replace("slots 2", f"slots 2\n  price 36usd\n  spot 18usd until {until}"), encoding="utf-8"
        )
    assert run(sides / "b", "there") == 6
    before = days_ago(study(sides / "b").path, 3)
    assert run(sides / "a", "here") == 6
    assert promo("bundle", sides / "b" / "trial.promo", "--out", sides / "there.bundle") == 0
    assert take(sides) == 0
    capsys.readouterr()

    assert promo("status", sides / "a" / "trial.promo", "--json") == 0
    money = {one["name"]: one for one in json.loads(capsys.readouterr().out)["money"]["hosts"]}
    assert {name: {rate["price"] for rate in one["rates"]} for name, one in money.items()} == {
        "here": {"36"},
        "there": {"18"},
    }
    ran = [one for one in study(sides / "a").state().every_attempt() if one.bundle]
    began = {
        (each.event.run, each.event.attempt): each.time for each in before if isinstance(each.event, AttemptStarted)
    }
    assert all(one.started < began[one.run, one.number] and one.ended >= one.started for one in ran)
    folder = study(sides / "a").path
    assert promo("verify", folder) in (2, 3), capsys.readouterr().out
    checked = rechecked(folder)
    assert checked.returncode in (2, 3), checked.stdout


TEXTS = """
data words {
  source   "*.txt"
  holdout  20%
  score    2_048tok in windows of 32tok
}
"""


def test_hosts_with_different_texts_are_refused(workplace, capsys):
    """Whoever comes second: with a bundle of runs on another text, or with another text than such runs."""
    for name in ("a", "b", "c"):
        (workplace / name).mkdir()
        for number in range(60):
            words = f"{name} is text number {number} and has what stands in all of them, so that the two parts overlap "
            (workplace / name / f"{number}.txt").write_text(words * 9, encoding="utf-8")
        (workplace / name / "trial.promo").write_text(SMALL + TEXTS, encoding="utf-8")
    for name, host in (("a", "here"), ("b", "there")):
        assert promo("run", workplace / name / "trial.promo", "--host", host) == 6
        assert "of the held-out text is also in the training text" in capsys.readouterr().out
        assert promo("bundle", workplace / name / "trial.promo", "--out", workplace / f"{host}.bundle") == 0
    capsys.readouterr()

    assert promo("import", workplace / "there.bundle", workplace / "a" / "trial.promo") == 1
    assert "text: " in capsys.readouterr().err
    assert promo("report", workplace / "a" / "trial.study") == 0
    assert "a warning, this share of the held-out" in study(workplace / "a").path.joinpath("report.html").read_text(
        "utf-8"
    )
    third = workplace / "c" / "trial.promo"  # it only gathers, and has prepared no text of its own yet
    assert promo("run", third, "--freeze-only", "--quiet") == 0
    assert promo("import", workplace / "here.bundle", third) == 0
    assert promo("import", workplace / "there.bundle", third) == 1
    assert "were trained on another text" in capsys.readouterr().err
    assert run(workplace / "c", "there") == 1
    assert "is not the one that runs on other hosts were trained on" in capsys.readouterr().err


def test_what_a_program_left_in_its_folder_comes_along(tmp_path, monkeypatch):
    """Of a runner in a file, and of what was trained outside, with the record of who did."""
    for name, more, code in (("there", (), 8), ("here", ("--host", "box"), 6)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        text = studies.keeping().replace("host box", f"{studies.LAB}\n\nhost box")
        Path("trial.promo").write_text(text.replace("on       box", "on box, lab"), encoding="utf-8")
        assert promo("run", "trial.promo", "--quiet", *more) == code
    monkeypatch.chdir(tmp_path / "there")
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    for name in ("base", "good"):
        studies.attended(f"runs/short/{name}-lab-s1/attempt-1")
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    assert promo("run", "trial.promo", "--quiet") == 8
    assert promo("bundle", "trial.promo", "--host", "lab", "--out", "lab.bundle") == 0
    monkeypatch.chdir(tmp_path / "here")
    assert promo("import", "../there/lab.bundle", "trial.promo") == 0
    folder = Path("trial.study/runs/short/base-lab-s1/attempt-1")
    assert (folder / "program/keeps.py").exists()
    assert (folder / "outside.json").exists()
    assert not list(folder.glob("*.state"))
    assert promo("verify", "trial.promo") == 2  # unfinished, and nothing differs
