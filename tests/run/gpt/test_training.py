"""The model, its optimizer and the training loop, on the processor."""

import io
import math
import time
from array import array

import pytest

from promo.base.classes import evolve

torch = pytest.importorskip("torch")

from made import gpt_request, resolved, text_folder
from promo.run.contract import Recorder
from promo.run.runners.gpt.batches import NOT_SCORED, Lengths, Score, load, rows, scoring_windows, unsigned
from promo.run.runners.gpt.clock import Clock
from promo.run.runners.gpt.device import peak_flops
from promo.run.runners.gpt.feed import Feed, Prefetching, lies_on_device, load_mapped
from promo.run.runners.gpt.model import Gpt, attention, rotary_tables, rotate
from promo.run.runners.gpt.optimizer import (
    Optimizer,
    adam_update,
    compiled_updates,
    muon_update,
    orthogonal,
    rate_factor,
)
from promo.run.runners.gpt.settings import settings_of
from promo.run.runners.gpt.train import _Training, sub_seed, train
from promo.run.runners.gpt.trainee import Trainee
from promo.run.values import RunStatus
from promo.study.values import BudgetKind

torch.set_num_threads(1)


def model(**changed):
    built = Gpt(settings_of(dict(resolved(**changed).settings)), 64)
    built.initialise(torch.Generator().manual_seed(1))
    return built


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return text_folder(tmp_path_factory.mktemp("study"))


def request(*, kind="steps", amount=20, seed=1, **levels):
    return gpt_request(kind, amount, seed, levels)


def recorder(folder, points=None):
    return Recorder(io.StringIO() if points is None else points, time.monotonic(), folder, folder)


def run(folder, **words):
    points = io.StringIO()
    kept = recorder(folder, points)
    return train(request(**words), kept), kept, points.getvalue()


def value(folder, **words):
    return run(folder, **words)[0].metrics["val_bpb"]


@pytest.mark.parametrize("changed", [{}, {"depth": 3, "window": "SL"}, {"aspect": 48}])
def test_the_model_has_the_declared_number_of_weights(changed):
    weights = sum(weight.numel() for weight in model(**changed).parameters())

    assert weights == resolved(**changed).parameters


def test_an_untrained_model_guesses_every_byte_alike():
    text = torch.randint(0, 256, (2, 32))

    assert float(model()(text, text).detach()) / math.log(2) == pytest.approx(8.0, abs=1e-5)


@pytest.mark.parametrize("window", ["L", "SL"])
def test_a_position_does_not_see_what_follows(window):
    built = model(depth=2, window=window)
    with torch.no_grad():
        for weight in built.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)) * 0.1)
    text = torch.randint(0, 256, (1, 32))
    changed = text.clone()
    changed[0, 20:] = (changed[0, 20:] + 1) % 256

    before, after = built.logits(text), built.logits(changed)

    assert torch.allclose(before[0, :20], after[0, :20], atol=1e-5)
    assert not torch.allclose(before[0, 20:], after[0, 20:], atol=1e-3)


@pytest.mark.parametrize(("length", "window"), [(6, 2), (7, 3), (8, 4), (9, 8), (5, 1), (8, 8), (8, 20), (33, 4)])
def test_attention_by_stretches_is_masked_attention_and_so_are_its_gradients(length, window):
    generator = torch.Generator().manual_seed(1)
    given = [torch.randn(2, 3, length, 8, generator=generator, requires_grad=True) for _ in range(3)]
    onward = torch.randn(2, 3, length, 8, generator=generator)
    distance = torch.arange(length)[:, None] - torch.arange(length)
    mask = (distance >= 0) & (distance < window)

    found = attention(*given, window)
    expected = torch.nn.functional.scaled_dot_product_attention(*given, attn_mask=mask)

    assert torch.allclose(found, expected, atol=1e-6)
    for one, other in zip(
        torch.autograd.grad(found, given, onward), torch.autograd.grad(expected, given, onward), strict=True
    ):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_window_is_all_that_a_position_sees():
    values = torch.eye(6).view(1, 1, 6, 6)
    nothing = torch.zeros(1, 1, 6, 6)

    seen = attention(nothing, nothing, values, 2)[0, 0] > 0

    assert seen.int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 1, 1],
    ]


def test_rotary_products_depend_on_the_distance_only():
    cosine, sine = rotary_tables(40, 16)
    query, key = torch.randn(16), torch.randn(16)

    def product(at, other):
        first = rotate(query.view(1, 1, 1, 16), cosine[at : at + 1], sine[at : at + 1])
        second = rotate(key.view(1, 1, 1, 16), cosine[other : other + 1], sine[other : other + 1])
        return float((first * second).sum())

    assert product(5, 2) == pytest.approx(product(33, 30), abs=1e-4)


def test_muon_makes_singular_values_about_one():
    found = torch.linalg.svdvals(orthogonal(torch.randn(3, 64, 16, generator=torch.Generator().manual_seed(0))))

    assert 0.6 < float(found.min()) <= float(found.max()) < 1.3


def test_muon_steps_agree_with_a_step_by_step_account():
    """One step on one square matrix, written out: momentum, Nesterov, orthogonal, decay where it agrees."""
    built = model()
    before = built.attention.detach().clone()
    gradient = torch.randn(built.attention.shape, generator=torch.Generator().manual_seed(5))
    for weight in built.parameters():
        weight.grad = torch.zeros_like(weight)
    built.attention.grad = gradient.clone()
    optimizer = Optimizer(built, settings_of(dict(resolved().settings)))
    optimizer.step(0.25)

    momentum = 0.15 * gradient
    update = orthogonal((0.15 * gradient + 0.85 * momentum).view(4, 32, 32))
    rate, weights = 0.04, before.view(4, 32, 32)
    expected = weights - rate * 0.2 * 0.75 * weights * ((update * weights) > 0) - rate * update

    assert torch.allclose(built.attention.detach().view(4, 32, 32), expected, atol=1e-6)


def test_adam_steps_agree_with_torch():
    built = model()
    settings = settings_of(dict(resolved().settings))
    optimizer = Optimizer(built, settings)
    rate = 0.6 * (32 / 768) ** -0.5
    other = torch.nn.Parameter(built.embedding.detach().clone())
    reference = torch.optim.AdamW([other], lr=rate, betas=(0.8, 0.95), eps=1e-10, weight_decay=0.0)
    for seed in range(4):
        gradient = torch.randn(other.shape, generator=torch.Generator().manual_seed(seed))
        for weight in built.parameters():
            weight.grad = torch.zeros_like(weight)
        built.embedding.grad, other.grad = gradient.clone(), gradient.clone()
        optimizer.step(0.1)
        reference.step()

    assert torch.allclose(built.embedding, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "updates",
    [
        (muon_update, adam_update),
        pytest.param(None, marks=[pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]),
    ],
    ids=["as written", "compiled"],
)
def test_the_updates_of_a_device_move_weights_as_the_plain_ones(updates):
    built = [model(depth=2), model(depth=2)]
    settings = settings_of(dict(resolved(depth=2).settings))
    pairs = [Optimizer(built[0], settings), Optimizer(built[1], settings, updates=updates or compiled_updates())]
    for number in range(4):
        for one, optimizer in zip(built, pairs, strict=True):
            generator = torch.Generator().manual_seed(number)
            for weight in one.parameters():
                weight.grad = torch.randn(weight.shape, generator=generator)
            optimizer.step(number / 4)

    for one, other in zip(built[0].parameters(), built[1].parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("progress", "warmup", "warmdown", "factor"),
    [(0.0, 0.0, 0.5, 1.0), (0.05, 0.1, 0.5, 0.5), (0.5, 0.1, 0.5, 1.0), (0.75, 0.0, 0.5, 0.5), (1.0, 0.0, 0.5, 0.0)],
)
def test_rates_follow_the_budget(progress, warmup, warmdown, factor):
    assert rate_factor(progress, warmup, warmdown) == pytest.approx(factor)


def test_windows_are_spread_over_the_whole_text_and_do_not_depend_on_the_batch():
    stream = torch.arange(1001, dtype=torch.int64).to(torch.uint8)
    one = torch.cat([inputs for inputs, _ in scoring_windows(stream, 10, 8, 1)])
    many = torch.cat([inputs for inputs, _ in scoring_windows(stream, 10, 8, 4)])

    assert torch.equal(one, many)
    assert one[0, 0] == stream[0]
    assert one[-1, -1] == stream[-2]


def test_rows_are_cut_from_the_text_and_targets_follow_inputs():
    stream = torch.arange(256, dtype=torch.int64).to(torch.uint8)
    inputs, targets = rows(stream, 5, 16, torch.Generator().manual_seed(1))

    assert torch.equal((inputs + 1) % 256, targets)


def test_tokens_of_16_and_32_bits_are_read_without_their_sign(tmp_path):
    values = [0, 1, 2**15, 2**16 - 1]
    (tmp_path / "two").write_bytes(array("H", values).tobytes())
    (tmp_path / "four").write_bytes(array("I", values).tobytes())

    read = [unsigned(load(tmp_path / name, torch.device("cpu"), width)) for name, width in (("two", 2), ("four", 4))]

    assert [one.tolist() for one in read] == [values, values]


def test_a_token_of_no_byte_is_not_scored_and_others_count_their_bytes(tmp_path):
    (tmp_path / "lengths").write_bytes(array("I", [1, 3, 0]).tobytes())
    lengths = Lengths(tmp_path / "lengths", torch.device("cpu"))

    targets, tokens, size = lengths.scored(torch.tensor([[0, 1, 2], [1, 2, 2]]))

    assert targets.tolist() == [[0, 1, NOT_SCORED], [1, NOT_SCORED, NOT_SCORED]]
    assert (tokens, size) == (3, 7)
    assert lengths.mean(torch.tensor([0, 1, 2, 1])) == 7 / 4
    assert Score(2 * math.log(2), 2, 8).bits_per_byte == 0.25
    assert Score(1.0, 2, 8).guessing(16) == 1.0


def test_training_learns(folder):
    assert value(folder, amount=60) < 4.5


def test_a_step_budget_repeats_bit_for_bit(folder):
    first, second = run(folder, amount=12), run(folder, amount=12)

    assert first[0].metrics == second[0].metrics
    assert first[0].work.steps == 12


def test_the_warm_up_leaves_no_trace(folder, monkeypatch):
    """The first real step sees the weights and the rows it would have seen without any warm-up."""
    points = run(folder, amount=5)[2]
    training = _Training(request(amount=5), recorder(folder))
    training._warm_up = lambda: None  # an instance of our own, not the class
    training.recorder = recorder(folder, points_without := io.StringIO())
    training.run()

    def losses(text):
        import json

        return [json.loads(line)["metrics"].get("train_bpb") for line in text.splitlines()]

    assert losses(points) == losses(points_without.getvalue())


def test_seeds_make_different_runs(folder):
    assert value(folder, amount=12, seed=1) != value(folder, amount=12, seed=2)
    assert sub_seed(1, "weights") != sub_seed(1, "data") != sub_seed(2, "data")


def test_smaller_device_batches_train_the_same_model(folder):
    """Accumulating over micro-batches gives the gradient of the whole batch."""
    whole, parts = value(folder, amount=6, device_batch=8), value(folder, amount=6, device_batch=2)

    assert whole == pytest.approx(parts, abs=2e-3)


@pytest.mark.parametrize(("kind", "amount", "steps"), [("steps", 7, 7), ("tokens", 256 * 9, 9)])
def test_counted_budgets_are_spent_exactly(folder, kind, amount, steps):
    assert run(folder, kind=kind, amount=amount)[0].work.steps == steps


def test_an_operation_budget_is_spent_to_the_nearest_step(folder):
    per_step = 256 * resolved().flops_per_token
    outcome = run(folder, kind="flops", amount=int(per_step * 5.4))[0]

    assert outcome.work.steps == 5


@pytest.mark.parametrize("kind", ["wall", "cpu"])
def test_a_time_budget_is_kept_within_one_step(folder, kind):
    outcome, kept, _ = run(folder, kind=kind, amount=1)

    assert (outcome.used.kind.value, outcome.used.counter.value) == (kind, "trainer")
    assert abs(float(outcome.used.used) - 1.0) <= float(outcome.used.last_step)
    assert kept.seconds["train"] > 0.5


def test_a_clock_stops_at_the_step_nearest_to_the_budget():
    clock = Clock(BudgetKind.WALL, 10.0, 1)
    while not clock.spent():
        clock.charge(3.0, 3.0, 1)

    assert clock.wall_s == 9.0


class Broken(Trainee):
    """Its losses are no numbers."""

    def step(self, progress):
        return super().step(progress) * float("nan")


class BrokenTraining(_Training):
    trainee_kind = Broken


def test_a_loss_that_is_not_finite_ends_the_run(folder):
    outcome, _, _ = run(folder, amount=50, matrix_lr="10", embedding_lr="10", head_lr="10", total_batch=32)

    assert outcome.status in (RunStatus.NAN, RunStatus.DIVERGED, RunStatus.OK)
    ended = BrokenTraining(request(amount=50), recorder(folder)).run()
    assert ended.status is RunStatus.NAN
    assert ended.cause == "the training loss was nan at step 1"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_gone_is_said(folder):
    asked = evolve(request(), device="cuda")

    with pytest.raises(RuntimeError, match="the host declares a CUDA device, and torch finds none"):
        train(asked, recorder(folder))


def test_a_row_longer_than_the_text_has_its_cause(folder):
    outcome, _, _ = run(folder, context=2**16, total_batch=2**16)

    assert outcome.status is RunStatus.INVALID
    assert outcome.cause.startswith("a row takes 65536 tokens and the one that follows; the training text has 5")


def test_scoring_is_not_charged_and_phases_are_recorded(folder):
    outcome, kept, points = run(folder, amount=16)

    assert {"data", "build", "warmup", "train", "evaluate"} <= set(kept.seconds)
    assert points.count("val_bpb") == 4  # three on the way, one at the end
    assert outcome.contention is None or float(outcome.contention) >= 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_processor(folder):
    on_cpu = value(folder, amount=20)
    asked = evolve(request(amount=20), device="cuda")

    assert train(asked, recorder(folder)).metrics["val_bpb"] == pytest.approx(on_cpu, abs=0.1)


def test_the_upstream_clock_gives_its_first_steps_away(folder):
    outcome, kept, _ = run(folder, kind="upstream", amount=1)

    steps = outcome.work.steps
    assert steps > 11
    assert kept.seconds["free steps"] > 0
    assert float(outcome.used.used) >= 1.0
    assert kept.seconds["train"] == pytest.approx(float(outcome.used.used))


class Few(Trainee):
    """What holds three rows at once."""

    def step(self, progress):
        if self.rows_at_once > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().step(progress)


class Narrow(_Training):
    """A device that holds three rows at once."""

    trainee_kind = Few


def test_rows_that_do_not_fit_shrink_before_the_clock_starts_and_are_recorded(folder):
    asked = request(amount=5)
    outcome = Narrow(asked, recorder(folder)).run()

    assert outcome.details["rows_at_once"] == 2  # of the 8 rows of a step
    assert outcome.details["rows_that_did_not_fit"] == [8, 4]
    assert outcome.metrics["val_bpb"] == pytest.approx(value(folder, amount=5), abs=1e-3)


class Large(_Training):
    """A device into whose memory the text does not go."""

    def _text_stays(self, text_bytes):
        return text_bytes > 0


def test_rows_that_are_fetched_ahead_train_the_same_bits_and_the_record_says_so(folder):
    asked = request(amount=12, device_batch=2)
    ahead = Large(asked, recorder(folder)).run()
    outcome = run(folder, amount=12, device_batch=2)[0]

    assert ahead.metrics == outcome.metrics
    assert ahead.details["text_in"] == "host memory, prefetched"
    assert outcome.details["text_in"] == "device memory"


def test_a_text_lies_on_the_device_if_it_takes_a_quarter_of_its_free_memory_at_most():
    assert lies_on_device(250, 1000)
    assert not lies_on_device(251, 1000)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_rows_ahead_are_those_that_are_cut_in_time_wherever_one_goes_on(tmp_path, width):
    (tmp_path / "text").write_bytes(array({1: "B", 2: "H", 4: "I"}[width], [255, 3, 200, 7, 9, 11] * 40).tobytes())
    here = torch.device("cpu")
    draws = [torch.Generator().manual_seed(4) for _ in range(2)]
    feed = Feed(load(tmp_path / "text", here, width), 3, 8, draws[0], here)
    ahead = Prefetching(load_mapped(tmp_path / "text", width), 3, 8, draws[1], here)
    for _ in range(5):
        for one, other in zip(feed.take(), ahead.take(), strict=True):
            assert torch.equal(one, other)
        ahead.fetch()
        ahead.fetch()

        assert torch.equal(feed.place(), ahead.place())
        assert not torch.equal(ahead.place(), draws[1].get_state())


def test_rows_that_a_condition_asks_for_do_not_shrink(folder):
    asked = request(amount=5, device_batch=4)

    with pytest.raises(torch.OutOfMemoryError):
        Narrow(asked, recorder(folder)).run()


@pytest.mark.parametrize(
    ("name", "peak"),
    [("NVIDIA H200", 989e12), ("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12), ("NVIDIA L40S", 362e12)],
)
def test_the_peak_of_a_device_is_found_by_its_name(name, peak):
    assert peak_flops(name) == peak
    assert peak_flops("cpu") is None
