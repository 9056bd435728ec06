"""Keeping a run's whole state and taking it up again: the bits of the unbroken run."""

import io
import json
import time
from fractions import Fraction

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.run.contract import Recorder
from promo.run.corpora import split, synthetic
from promo.run.runners.gpt.checkpoint import CheckpointError, load, save
from promo.run.runners.gpt.declare import FACTORS, RUNNER
from promo.run.runners.gpt.train import _Training, train
from promo.run.values import RunStatus

torch.set_num_threads(1)
TINY = {"depth": 1, "aspect": 32, "head_size": 16, "context": 32, "total_batch": 256, "window": "L"}


@pytest.fixture
def study(tmp_path):
    train_bytes, held = split(synthetic(60_000), Fraction(1, 10))
    (tmp_path / "train").write_bytes(train_bytes)
    (tmp_path / "held").write_bytes(held)
    return tmp_path


def request(study, name, *, amount, **more):
    levels = {key: factor.default for key, factor in FACTORS.items()}
    levels |= {key: level if key == "window" else Fraction(level) for key, level in TINY.items()}
    resolved = RUNNER.resolve(levels)
    (study / name).mkdir(exist_ok=True)
    return {
        "settings": dict(resolved.settings),
        "flops_per_token": resolved.flops_per_token,
        "device": "cpu",
        "threads": 1,
        "study_folder": str(study),
        "attempt_folder": str(study / name),
        "data": {"train": "train", "validation": "held", "window": 32, "score_tokens": 1024},
        "run": {"seed": 5},
        "budget": {"kind": "tokens", "amount": amount, "cap_s": 60},
        "checkpoint": {"at_end": False, "every_s": 600},
        "continues": None,
        **more,
    }


class Cut(Recorder):
    """A recorder that breaks the run off at a step."""

    def __init__(self, points, at):
        super().__init__(points, time.monotonic())
        self.at = at

    def point(self, **values):
        super().point(**values)
        if self.at and values["step"] >= self.at:
            raise KeyboardInterrupt


def carried_out(asked, at=0):
    points = io.StringIO()
    recorder = Cut(points, at)
    return train(asked, recorder), [parse_json(line) for line in points.getvalue().splitlines()]


def without_seconds(points):
    return [{key: value for key, value in point.items() if key != "charged_s"} for point in points]


@pytest.mark.parametrize("at", [2, 9, 25])
def test_a_run_that_is_broken_off_and_taken_up_ends_with_the_bits_of_the_unbroken_one(study, at):
    whole, curve = carried_out(request(study, "whole", amount=40 * 256))
    always = {"checkpoint": {"at_end": False, "every_s": 0}}
    with pytest.raises(KeyboardInterrupt):
        carried_out(request(study, "lost", amount=40 * 256, **always), at)
    kept = digest_bytes((study / "lost" / "checkpoint.json").read_bytes())

    resume = {"folder": "lost", "state": kept}
    again, points = carried_out(request(study, "again", amount=40 * 256, resume=resume))

    assert again.metrics == whole.metrics
    assert without_seconds(points) == without_seconds(curve)
    assert again.details["work"]["steps"] == 40
    assert len(list((study / "lost").glob("checkpoint-*.safetensors"))) == 1


class Large(_Training):
    """A device into whose memory the text does not go: the next rows are under way when a state is kept."""

    def _text_stays(self, text_bytes):
        return text_bytes > 0


def test_rows_under_way_when_a_state_is_kept_are_trained_on_by_whoever_takes_it_up(study):
    whole, _ = carried_out(request(study, "whole", amount=12 * 256))
    always = {"checkpoint": {"at_end": False, "every_s": 0}}
    with pytest.raises(KeyboardInterrupt):
        Large(request(study, "lost", amount=12 * 256, **always), Cut(io.StringIO(), 5)).run()
    kept = digest_bytes((study / "lost" / "checkpoint.json").read_bytes())

    asked = request(study, "again", amount=12 * 256, resume={"folder": "lost", "state": kept})
    again = Large(asked, Cut(io.StringIO(), 0)).run()

    assert again.metrics == whole.metrics
    assert again.details["work"]["steps"] == 12
    assert "not_taken_up" not in again.details


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
    whole, _ = carried_out(request(study, "whole", amount=12 * 256))
    always = {"checkpoint": {"at_end": False, "every_s": 0}}
    for name, spoil in SPOILED.items():
        with pytest.raises(KeyboardInterrupt):
            carried_out(request(study, name, amount=12 * 256, **always), 9)
        spoil(study / name)
        resume = {"folder": name, "state": digest_bytes((study / name / "checkpoint.json").read_bytes())}

        again, _ = carried_out(request(study, f"{name}-again", amount=12 * 256, resume=resume))

        assert again.metrics == whole.metrics
        assert again.details["work"]["steps"] == 12
        assert f"the state in {name}" in again.details["not_taken_up"]


def test_a_state_to_carry_on_that_was_changed_is_nobodys_crash(study):
    end = {"checkpoint": {"at_end": True, "every_s": 600}}
    first, _ = carried_out(request(study, "first", amount=4 * 256, **end))
    other_tensors(study / "first")
    continues = {"folder": "first", "state": first.details["checkpoint"], "earlier": str(4 * 256)}

    outcome, _ = carried_out(request(study, "more", amount=8 * 256, continues=continues))

    assert outcome.status is RunStatus.INVALID
    assert "is not the one that was recorded" in outcome.cause


def test_a_run_that_is_carried_on_pays_only_for_what_is_added(study):
    end = {"checkpoint": {"at_end": True, "every_s": 600}}
    first, _ = carried_out(request(study, "first", amount=20 * 256, **end))
    continues = {"folder": "first", "state": first.details["checkpoint"], "earlier": str(20 * 256)}

    more, points = carried_out(request(study, "more", amount=30 * 256, continues=continues))

    assert more.details["budget"]["used"] == repr(30.0 * 256)
    assert more.details["work"]["steps"] == 50
    assert more.metrics["val_bpb"] < first.metrics["val_bpb"]
    assert points[-1]["step"] == 50
    again, _ = carried_out(request(study, "again", amount=30 * 256, continues=continues))
    assert again.metrics == more.metrics


def test_a_run_that_is_carried_on_and_lost_is_taken_up_where_it_was(study):
    end = {"checkpoint": {"at_end": True, "every_s": 0}}
    first, _ = carried_out(request(study, "first", amount=20 * 256, **end))
    continues = {"folder": "first", "state": first.details["checkpoint"], "earlier": str(20 * 256)}
    whole, _ = carried_out(request(study, "whole", amount=30 * 256, continues=continues))
    with pytest.raises(KeyboardInterrupt):
        carried_out(request(study, "lost", amount=30 * 256, continues=continues, **end), 30)
    kept = digest_bytes((study / "lost" / "checkpoint.json").read_bytes())

    resume = {"folder": "lost", "state": kept}
    again, _ = carried_out(request(study, "again", amount=30 * 256, continues=continues, resume=resume))

    assert again.metrics == whole.metrics
    assert again.details["budget"]["used"] == whole.details["budget"]["used"]


def test_nothing_to_carry_on_is_said(study):
    outcome, _ = carried_out(request(study, "x", amount=256, continues={"folder": None, "earlier": "256"}))

    assert outcome.status is RunStatus.INVALID
    assert "left no result" in outcome.cause


def test_a_state_that_was_changed_is_refused(tmp_path):
    digest = save(tmp_path, {"a": torch.ones(3)}, {"steps": 1})
    assert load(tmp_path, digest)[1] == {"steps": 1}
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

    assert save(tmp_path / "one", tensors, {"n": 1}) == save(
        tmp_path / "two", dict(reversed(tensors.items())), {"n": 1}
    )


def test_tensors_are_read_by_safetensors_alone_and_what_is_no_such_file_is_refused(tmp_path):
    """Also one whose digest fits: a header as long as the memory of the machine, and a pickle."""
    save(tmp_path, {"a": torch.ones(3)}, {"steps": 1})
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
    fresh, curve = carried_out(request(study, "fresh50", amount=50 * 256, trunk={"at": str(40 * 256), "keep": False}))
    short, _ = carried_out(request(study, "short", amount=30 * 256, trunk={"at": str(24 * 256), "keep": True}))
    continues = {"folder": "short", "state": short.details["trunk"], "earlier": str(24 * 256)}
    asked = {"continues": continues, "trunk": {"at": str(40 * 256), "keep": True}}

    branch, points = carried_out(request(study, "branch", amount=26 * 256, **asked))

    assert branch.metrics == fresh.metrics
    assert branch.metrics != short.metrics
    assert branch.details["work"]["steps"] == 50
    assert branch.details["budget"]["used"] == repr(26.0 * 256)
    assert points[-1]["val_bpb"] == curve[-1]["val_bpb"]


def test_a_branch_that_is_lost_while_it_cools_down_keeps_its_trunk_and_its_bits(study):
    trunk = {"trunk": {"at": str(24 * 256), "keep": True}}
    whole, _ = carried_out(request(study, "unbroken", amount=30 * 256, **trunk))
    always = {"checkpoint": {"at_end": False, "every_s": 0}, **trunk}
    with pytest.raises(KeyboardInterrupt):
        carried_out(request(study, "broken", amount=30 * 256, **always), 28)
    kept = digest_bytes((study / "broken" / "checkpoint.json").read_bytes())

    again, _ = carried_out(
        request(study, "mended", amount=30 * 256, resume={"folder": "broken", "state": kept}, **trunk)
    )

    assert again.metrics == whole.metrics
    assert (study / "mended" / "trunk.json").exists()
    # All but the measured seconds of the trunk is the same: what branches from it has the same bits.
    assert sorted((study / "mended").glob("trunk-*"))[0].name == sorted((study / "unbroken").glob("trunk-*"))[0].name


def test_a_warm_up_that_reaches_into_the_cool_down_is_invalid(study):
    asked = request(study, "warm", amount=30 * 256, trunk={"at": str(24 * 256), "keep": False})
    asked["settings"] = {**asked["settings"], "warmup": "0.9"}

    outcome, _ = carried_out(asked)

    assert outcome.status.value == "invalid"
    assert "warm-up" in outcome.cause
