"""Keeping a run's whole state and taking it up again: the bits of the unbroken run."""

import io
import json
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from made import budget, gpt_request, text_folder
from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.classes import evolve, frozen
from promo.base.codec import from_json
from promo.run.budgets import is_kept
from promo.run.contract import Recorder
from promo.run.runners.gpt.checkpoint import CheckpointError, Spent, State, load, save
from promo.run.runners.gpt.ranks import Ranks
from promo.run.runners.gpt.train import _Training, train
from promo.run.values import Continued, Keeping, Point, Request, Resumed, RunStatus, Trunk
from promo.study.values import BudgetKind

torch.set_num_threads(1)
ALWAYS = {"checkpoint": Keeping(at_end=False, every_s=0)}
AT_END = {"checkpoint": Keeping(at_end=True, every_s=600)}


@pytest.fixture
def study(tmp_path):
    return text_folder(tmp_path)


@frozen
class Asked:
    """A request, and the folder of its attempt."""

    study: Path
    name: str
    request: Request


def request(study, name, *, steps, **more):
    (study / name).mkdir(exist_ok=True)
    return Asked(study, name, gpt_request("tokens", steps * 256, **more))


def resumed(study, name):
    return Resumed(name, digest_bytes((study / name / "checkpoint.json").read_bytes()))


def carried_on(name, outcome, steps):
    return Continued(name, outcome.checkpoint, steps * 256, None)


class Cut(Recorder):
    """A recorder that breaks the run off at a step."""

    def __init__(self, asked, at):
        self.told = io.StringIO()
        super().__init__(self.told, time.monotonic(), asked.study, asked.study / asked.name)
        self.at = at

    def point(self, step, *counted, **values):
        super().point(step, *counted, **values)
        if self.at and step >= self.at:
            raise KeyboardInterrupt


def carried_out(asked, at=0):
    recorder = Cut(asked, at)
    outcome = train(asked.request, recorder)
    return outcome, [from_json(Point, parse_json(line)) for line in recorder.told.getvalue().splitlines()]


def without_seconds(points):
    return [evolve(point, charged_s=None) for point in points]


@pytest.mark.parametrize("at", [2, 9, 25])
def test_a_run_that_is_broken_off_and_taken_up_ends_with_the_bits_of_the_unbroken_one(study, at):
    whole, curve = carried_out(request(study, "whole", steps=40))
    with pytest.raises(KeyboardInterrupt):
        carried_out(request(study, "lost", steps=40, **ALWAYS), at)
    resume = resumed(study, "lost")

    again, points = carried_out(request(study, "again", steps=40, resume=resume))

    assert again.metrics == whole.metrics
    assert without_seconds(points) == without_seconds(curve)
    assert again.work.steps == 40
    assert len(list((study / "lost").glob("checkpoint-*.safetensors"))) == 1


class Large(_Training):
    """A device into whose memory the text does not go: the next rows are under way when a state is kept."""

    def _text_stays(self, text_bytes):
        return text_bytes > 0


def test_rows_under_way_when_a_state_is_kept_are_trained_on_by_whoever_takes_it_up(study):
    whole, _ = carried_out(request(study, "whole", steps=12))
    lost = request(study, "lost", steps=12, **ALWAYS)
    with pytest.raises(KeyboardInterrupt):
        Large(lost.request, Cut(lost, 5)).run()
    asked = request(study, "again", steps=12, resume=resumed(study, "lost"))
    again = Large(asked.request, Cut(asked, 0)).run()

    assert again.metrics == whole.metrics
    assert again.work.steps == 12
    assert "resume_rejected" not in again.details


STATE = State("a" * 16, 1, "AAAA", Spent(*["0.0"] * 6, steps=1, tokens=256, ended=()), (), None)


def of_another_run(lost):
    stored = json.loads((lost / "checkpoint.json").read_bytes())
    stored["state"]["run"] = "another"
    (lost / "checkpoint.json").write_bytes(canonical(stored))


def other_tensors(lost):
    path = next(lost.glob("checkpoint-*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def cut(lost):
    (lost / "checkpoint.json").write_bytes((lost / "checkpoint.json").read_bytes()[:50])


SPOILED = {"swapped": of_another_run, "changed": other_tensors, "cut": cut}


def test_a_kept_state_that_was_swapped_or_changed_is_told_and_the_run_begun_anew(study):
    whole, _ = carried_out(request(study, "whole", steps=12))
    for name, spoil in SPOILED.items():
        with pytest.raises(KeyboardInterrupt):
            carried_out(request(study, name, steps=12, **ALWAYS), 9)
        spoil(study / name)

        again, _ = carried_out(request(study, f"{name}-again", steps=12, resume=resumed(study, name)))

        assert again.metrics == whole.metrics
        assert again.work.steps == 12
        assert f"the state in {name}" in again.details["resume_rejected"]


def test_a_state_to_carry_on_that_was_changed_is_nobodys_crash(study):
    first, _ = carried_out(request(study, "first", steps=4, **AT_END))
    other_tensors(study / "first")
    continues = carried_on("first", first, 4)

    outcome, _ = carried_out(request(study, "more", steps=8, continues=continues))

    assert outcome.status is RunStatus.INVALID
    assert "is not the one that was recorded" in outcome.cause


def test_a_run_that_is_carried_on_pays_only_for_what_is_added(study):
    first, _ = carried_out(request(study, "first", steps=20, **AT_END))
    continues = carried_on("first", first, 20)

    more, points = carried_out(request(study, "more", steps=30, continues=continues))

    assert more.used.used == repr(30.0 * 256)
    assert more.work.steps == 50
    assert more.metrics["val_bpb"] < first.metrics["val_bpb"]
    assert points[-1].step == 50
    again, _ = carried_out(request(study, "again", steps=30, continues=continues))
    assert again.metrics == more.metrics


@pytest.mark.parametrize("kind", ["wall", "cpu"])
def test_a_run_that_is_carried_on_keeps_its_budget_of_seconds_where_the_first_one_ended_with_a_long_step(study, kind):
    (study / "first").mkdir()
    first, _ = carried_out(Asked(study, "first", gpt_request(kind, 1, **AT_END)))
    path = study / "first" / "checkpoint.json"
    kept = json.loads(path.read_bytes())
    clock = kept["state"]["clock"]
    clock |= {name: repr(float(clock[name]) + 0.5) for name in ("wall_s", "cpu_s")}
    path.write_bytes(canonical(kept))
    continues = Continued("first", digest_bytes(path.read_bytes()), 1, None)
    (study / "more").mkdir()
    more, _ = carried_out(Asked(study, "more", gpt_request(kind, 1, continues=continues, **ALWAYS)))
    assert first.status is more.status is RunStatus.OK
    assert is_kept(more.used, budget(BudgetKind(kind), 1))
    (study / "again").mkdir()
    again, _ = carried_out(
        Asked(study, "again", gpt_request(kind, 1, continues=continues, resume=resumed(study, "more")))
    )

    assert is_kept(again.used, budget(BudgetKind(kind), 1))


def test_a_run_that_is_carried_on_and_lost_is_taken_up_where_it_was(study):
    end = {"checkpoint": Keeping(at_end=True, every_s=0)}
    first, _ = carried_out(request(study, "first", steps=20, **end))
    continues = carried_on("first", first, 20)
    whole, _ = carried_out(request(study, "whole", steps=30, continues=continues))
    with pytest.raises(KeyboardInterrupt):
        carried_out(request(study, "lost", steps=30, continues=continues, **end), 30)
    resume = resumed(study, "lost")

    again, _ = carried_out(request(study, "again", steps=30, continues=continues, resume=resume))

    assert again.metrics == whole.metrics
    assert again.used.used == whole.used.used


def test_nothing_to_carry_on_is_said(study):
    outcome, _ = carried_out(request(study, "x", steps=1, continues=Continued(None, None, 256, None)))

    assert outcome.status is RunStatus.INVALID
    assert "left no result" in outcome.cause


def test_a_state_that_was_changed_is_refused(tmp_path):
    digest = save(tmp_path, {"a": torch.ones(3)}, STATE)
    assert load(tmp_path, digest)[1] == STATE
    name = next(tmp_path.glob("*.safetensors"))
    content = bytearray(name.read_bytes())
    content[-1] ^= 1
    name.write_bytes(bytes(content))

    with pytest.raises(CheckpointError, match="not the one that was recorded"):
        load(tmp_path, digest)
    with pytest.raises(CheckpointError, match="not the one that was recorded"):
        load(tmp_path, "0" * 64)
    name.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        load(tmp_path, digest)


def test_the_same_state_is_the_same_bytes(tmp_path):
    tensors = {"b": torch.arange(4.0), "a": torch.ones(2)}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    assert save(tmp_path / "one", tensors, STATE) == save(tmp_path / "two", dict(reversed(tensors.items())), STATE)


def test_tensors_are_read_by_safetensors_alone_and_what_is_no_such_file_is_refused(tmp_path):
    """Also one whose digest fits: a header as long as the memory of the machine, and a pickle."""
    save(tmp_path, {"a": torch.ones(3)}, STATE)
    name = next(tmp_path.glob("*.safetensors"))
    written = json.loads((tmp_path / "checkpoint.json").read_bytes())
    for content in ((2**60).to_bytes(8, "little") + b"{}", b"\x80\x04\x95cposix\nsystem\n.", b""):
        name.write_bytes(content)
        stored = canonical({**written, "digest": digest_bytes(content)})
        (tmp_path / "checkpoint.json").write_bytes(stored)

        with pytest.raises(CheckpointError, match="no safetensors"):
            load(tmp_path, digest_bytes(stored))


def test_a_branch_has_the_bits_of_a_fresh_run_with_the_same_cool_down(study):
    """A trunk to step 24 of 30, trained on from there to step 40 of 50, is the fresh run of 50 steps."""
    fresh, curve = carried_out(request(study, "fresh50", steps=50, trunk=Trunk(40 * 256, keep=False)))
    short, _ = carried_out(request(study, "short", steps=30, trunk=Trunk(24 * 256, keep=True)))
    continues = Continued("short", short.trunk, 24 * 256, None)
    asked = {"continues": continues, "trunk": Trunk(40 * 256, keep=True)}

    branch, points = carried_out(request(study, "branch", steps=26, **asked))

    assert branch.metrics == fresh.metrics
    assert branch.metrics != short.metrics
    assert branch.work.steps == 50
    assert branch.used.used == repr(26.0 * 256)
    assert points[-1].metrics["val_bpb"] == curve[-1].metrics["val_bpb"]


def test_a_branch_that_is_lost_while_it_cools_down_keeps_its_trunk_and_its_bits(study):
    trunk = {"trunk": Trunk(24 * 256, keep=True)}
    whole, _ = carried_out(request(study, "unbroken", steps=30, **trunk))
    with pytest.raises(KeyboardInterrupt):
        carried_out(request(study, "broken", steps=30, **ALWAYS, **trunk), 28)

    again, _ = carried_out(request(study, "mended", steps=30, resume=resumed(study, "broken"), **trunk))

    assert again.metrics == whole.metrics
    assert (study / "mended" / "trunk.json").exists()
    # All but the measured seconds of the trunk is the same: what branches from it has the same bits.
    assert sorted((study / "mended").glob("trunk-*"))[0].name == sorted((study / "unbroken").glob("trunk-*"))[0].name


class Unheard(Ranks):
    """The second of two processes, to whom nobody says anything."""

    def average(self, tensors):
        pass

    def sums(self, *numbers):
        return list(numbers)

    def leave(self):
        pass


class Second(_Training):
    """What the second process of a run with two devices does."""

    def _prepare_process(self):
        super()._prepare_process()
        self.ranks = Unheard(rank=1, count=2)


def test_of_several_processes_the_first_alone_writes_into_the_folder_of_a_run_that_is_taken_up(study):
    """All of them write the same files under the same names: one would take away what another has half written."""
    trunk = {"trunk": Trunk(24 * 256, keep=True)}
    with pytest.raises(KeyboardInterrupt):
        carried_out(request(study, "broken", steps=30, **ALWAYS, **trunk), 28)
    asked = request(study, "again", steps=30, resume=resumed(study, "broken"), **trunk)
    Second(asked.request, Cut(asked, 0)).run()
    assert list((study / "again").iterdir()) == []
    carried_out(asked)

    assert (study / "again" / "trunk.json").exists()


def test_a_warm_up_that_reaches_into_the_cool_down_is_invalid(study):
    asked = request(study, "warm", steps=30, trunk=Trunk(24 * 256, keep=False))
    longer = evolve(asked.request, settings={**asked.request.settings, "warmup": "0.9"})

    outcome, _ = carried_out(evolve(asked, request=longer))

    assert outcome.status is RunStatus.INVALID
    assert "warm-up" in outcome.cause
