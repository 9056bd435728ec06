"""Growing a kept state: which function it begins with, what becomes of the momentum, and training on from there."""

import io
import time

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from made import gpt_request, resolved, text_folder
from promo.base.canonical import digest_bytes, parse_json
from promo.base.classes import evolve
from promo.base.codec import from_json
from promo.run.contract import Recorder
from promo.run.runners.gpt.declare import RUNNER
from promo.run.runners.gpt.grow import grown, sources
from promo.run.runners.gpt.model import Gpt
from promo.run.runners.gpt.optimizer import Optimizer
from promo.run.runners.gpt.settings import settings_of
from promo.run.runners.gpt.train import train
from promo.run.values import Grown, Keeping, Kept, Point, Resumed, RunStatus

torch.set_num_threads(1)
SMALL = {"depth": 2, "aspect": 8}
LARGER = {
    "copy_top": {"depth": 3, "aspect": 5},
    "interleave": {"depth": 4, "aspect": 4},
    "identity": {"depth": 3, "aspect": 5},
    "identity and wider": {"depth": 5},
    "zero_pad": {"aspect": 24},
}


def settings(**more):
    return settings_of(dict(resolved(**{**SMALL, **more}).settings))


def state():
    """A small model whose every weight and momentum is some number, with gradients for the momentum's place."""
    generator = torch.Generator().manual_seed(3)
    model = Gpt(settings(), 32)
    model.initialise(generator)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.empty_like(weights).normal_(0, 0.1, generator=generator))
    optimizer = Optimizer(model, settings())
    for tensor in optimizer.tensors().values():
        tensor.normal_(generator=generator)
    return model, {**dict(model.named_parameters()), **optimizer.tensors()}


def larger(way, tensors):
    """The larger model with the grown weights, and everything that grew."""
    said = settings(**LARGER[way])
    found = grown(tensors, said.depth, said.width, way.split()[0], torch.Generator().manual_seed(4))
    model = Gpt(said, 32)
    own = {**dict(model.named_parameters()), **Optimizer(model, said).tensors()}
    assert {name: one.shape for name, one in own.items()} == {name: one.shape for name, one in found.items()}
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.copy_(found[name])
    return model, found


INPUTS = torch.randint(0, 256, (2, 32), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    ("way", "layers"),
    [
        ("copy_top", (0, 1, 2, 2, 2)),
        ("copy_middle", (0, 1, 1, 1, 2)),
        ("copy_bottom", (0, 0, 0, 1, 2)),
        ("copy_block", (0, 1, 2, 0, 1)),
        ("interleave", (0, 0, 1, 1, 2)),
        ("identity", (0, 1, 2, None, None)),
        ("random_top", (0, 1, 2, None, None)),
    ],
)
def test_each_layer_of_the_larger_model_copies_the_one_that_the_way_says(way, layers):
    assert sources(way, 3, 5) == layers
    assert set(RUNNER.ways["depth"]) == {
        "copy_top",
        "copy_middle",
        "copy_bottom",
        "copy_block",
        "interleave",
        "identity",
        "random_top",
    }


@pytest.mark.parametrize("way", ["identity", "identity and wider", "zero_pad"])
def test_ways_that_keep_the_function_give_the_same_logits(way):
    small, tensors = state()
    large, _ = larger(way, tensors)

    with torch.no_grad():
        apart = (small.logits(INPUTS) - large.logits(INPUTS)).abs().max()
    assert large.width * large.depth > small.width * small.depth
    assert float(apart) < 1e-4


@pytest.mark.parametrize("way", ["copy_top", "interleave"])
def test_ways_that_copy_layers_give_another_function_and_bring_the_momentum(way):
    small, tensors = state()
    large, found = larger(way, tensors)

    with torch.no_grad():
        apart = (small.logits(INPUTS) - large.logits(INPUTS)).abs().max()
    assert float(apart) > 1e-2
    for layer, source in enumerate(sources(way, small.depth, large.depth)):
        assert torch.equal(found["attention"][layer], tensors["attention"][source])
        assert torch.equal(found["muon/0"].view(-1, 4, 16, 16)[layer], tensors["muon/0"].view(-1, 4, 16, 16)[source])
        assert torch.equal(found["adam/2/second"][layer], tensors["adam/2/second"][source])


def test_new_layers_have_no_momentum_and_differ_from_each_other():
    _, tensors = state()
    _, found = larger("identity and wider", tensors)

    assert not found["muon/1"].view(5, -1)[2:].any()
    assert found["muon/1"].view(5, -1)[:2].any()
    assert not torch.equal(found["mixing"][2, 0], found["mixing"][3, 0])


def test_padding_turns_means_of_gradients_into_those_of_the_larger_model():
    """The gradients of the smaller model, put in the place of the momentum, become those of the larger one."""
    small, tensors = state()
    small(INPUTS[:, :-1], INPUTS[:, 1:]).backward()
    names = {"muon/0": "attention", "muon/1": "mixing", "adam/0/first": "embedding", "adam/1/first": "head"}
    shapes = {name: tensors[name].shape for name in names}
    gradients = {name: getattr(small, of).grad.reshape(shapes[name]).clone() for name, of in names.items()}
    large, found = larger("zero_pad", {**tensors, **gradients, "adam/1/second": gradients["adam/1/first"].square()})
    large(INPUTS[:, :-1], INPUTS[:, 1:]).backward()

    torch.testing.assert_close(found["muon/0"].view(2, 4, 48, 48)[..., :16, :16], large.attention.grad[..., :16, :16])
    torch.testing.assert_close(found["muon/1"].view(2, 2, 192, 48)[..., :64, :16], large.mixing.grad[..., :64, :16])
    torch.testing.assert_close(found["adam/1/first"][:, :16], large.head.grad[:, :16])
    torch.testing.assert_close(found["adam/1/second"][:, :16], large.head.grad[:, :16].square())
    torch.testing.assert_close(found["adam/0/first"][:, :16], large.embedding.grad[:, :16])


# --- training on -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A text, and a parent that was trained on it and kept its state."""
    place = text_folder(tmp_path_factory.mktemp("grow"))
    parent = trained(place, "parent", 8)
    return place, parent


def trained(place, name, steps, kind=Recorder, levels=None, **more):
    (place / name).mkdir(exist_ok=True)
    asked = {"checkpoint": Keeping(at_end=True, every_s=600), **more}
    points = io.StringIO()
    kept = kind(points, time.monotonic(), place, place / name)
    outcome = train(gpt_request("steps", steps, levels={**SMALL, **(levels or {})}, **asked), kept)
    return outcome, [from_json(Point, parse_json(line)) for line in points.getvalue().splitlines()]


def begun(parent, way=None, folder="parent"):
    outcome, _ = parent
    return Grown(folder, outcome.checkpoint, Kept.CHECKPOINT, way)


DEEPER = {"depth": 3, "aspect": 5}


def test_a_lag_of_nothing_after_a_way_that_keeps_the_function_scores_as_the_parent_did(study):
    place, parent = study
    outcome, _ = trained(place, "none", 0, levels=DEEPER, grow=begun(parent, "identity"))

    assert outcome.metrics["val_bpb"] == pytest.approx(parent[0].metrics["val_bpb"], abs=1e-5)
    assert outcome.work.steps == 0


def test_a_lag_repeats_bit_for_bit_and_a_longer_one_begins_like_it(study):
    """Rates are constant through a lag, so that it is the beginning of every longer one."""
    place, parent = study
    lag = {"levels": DEEPER, "grow": begun(parent, "copy_top")}
    _, points = trained(place, "once", 6, **lag)
    trained(place, "again", 6, **lag)
    _, longer = trained(place, "longer", 12, **lag)

    def losses(points):
        return [point.metrics["train_bpb"] for point in points if "train_bpb" in point.metrics][:6]

    def weights(name):  # files are named by their content
        return [one.name for one in (place / name).glob("checkpoint-*.safetensors")]

    assert len(weights("once")) == 1
    assert weights("again") == weights("once") != weights("longer")
    assert len(losses(points)) == 6
    assert losses(longer) == losses(points)


def test_a_lag_scores_a_quarter_of_the_windows_before_its_first_step_and_no_other_run_does(study):
    place, parent = study
    _, points = trained(place, "looked", 6, levels=DEEPER, grow=begun(parent, "copy_top"))
    _, plain = trained(place, "plain", 6, levels=DEEPER)
    data = gpt_request("steps", 1).data
    few = {"data": evolve(data, score_tokens=data.score_tokens // data.window // 4 * data.window)}
    at_once, _ = trained(place, "at_once", 0, levels=DEEPER, grow=begun(parent, "copy_top"), **few)

    def scored(points):
        return {point.step: point.metrics["val_bpb"] for point in points if "val_bpb" in point.metrics}

    assert float(scored(points)[0]) == pytest.approx(at_once.metrics["val_bpb"], abs=1e-6)
    assert points[0].charged_s is not None
    assert float(points[0].charged_s) == 0
    assert min(scored(plain)) > 0


class CutError(RuntimeError):
    pass


class Cut(Recorder):
    """A recorder that breaks the run off at its third step."""

    def point(self, step, *counted, **values):
        super().point(step, *counted, **values)
        if step == 3:
            raise CutError


def test_what_grew_goes_on_from_the_lag_and_after_a_loss_with_the_same_bits(study):
    place, parent = study
    lag = trained(place, "lag", 4, levels=DEEPER, grow=begun(parent, "interleave"))
    more = {"levels": DEEPER, "grow": begun(lag, folder="lag")}
    whole, _ = trained(place, "whole", 6, **more)
    kept = Keeping(at_end=True, every_s=0)
    with pytest.raises(CutError):
        trained(place, "cut", 6, Cut, **more, checkpoint=kept)
    written = (place / "cut" / "checkpoint.json").read_bytes()
    taken = Resumed("cut", digest_bytes(written))
    resumed, points = trained(place, "resumed", 6, **more, resume=taken)

    assert whole.metrics["val_bpb"] < lag[0].metrics["val_bpb"] < parent[0].metrics["val_bpb"] + 1.0
    assert "resume_rejected" not in resumed.details
    assert points[0].step == 1
    assert resumed.metrics == whole.metrics


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": None}, "left no result and no state"),
        ({"state": "0" * 64}, "is not the one that was recorded"),
        ({"folder": "nowhere"}, "cannot be read"),
    ],
)
def test_a_parent_without_a_sound_state_is_no_fault_of_the_candidate(study, change, words):
    place, parent = study
    outcome, _ = trained(place, "invalid", 2, levels=DEEPER, grow=evolve(begun(parent, "copy_top"), **change))

    assert outcome.status is RunStatus.INVALID
    assert words in outcome.cause
