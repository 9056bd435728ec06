"""What the built-in runner promises before anything is trained; no torch here."""

from fractions import Fraction

import pytest

from promo.run.runners.gpt.declare import FACTORS, RUNNER, flops_per_token, layer_windows
from promo.study.ports import ConditionError


def levels(**changed):
    return {name: factor.default for name, factor in FACTORS.items()} | {
        name: level if name == "window" else Fraction(level) for name, level in changed.items()
    }


def settings(**changed):
    return dict(RUNNER.resolve(levels(**changed)).settings)


@pytest.mark.parametrize(
    ("depth", "aspect", "width"),
    # The upstream rounding, from its published formula: depth x aspect, rounded up to a multiple of 128.
    [(8, 64, 512), (8, 48, 384), (6, 48, 384), (6, 64, 384), (4, 48, 256), (4, 64, 256), (10, 48, 512), (12, 64, 768)],
)
def test_width_is_rounded_up_to_the_head_size(depth, aspect, width):
    assert settings(depth=depth, aspect=aspect)["width"] == width


def test_depth_6_with_aspect_48_and_64_is_one_model():
    assert RUNNER.resolve(levels(depth=6, aspect=48)) == RUNNER.resolve(levels(depth=6, aspect=64))
    assert RUNNER.resolve(levels(depth=8, aspect=48)) != RUNNER.resolve(levels(depth=8, aspect=64))


@pytest.mark.parametrize(
    ("changed", "factor"),
    [
        ({"total_batch": 1000}, "total_batch"),
        ({"device_batch": 7}, "device_batch"),
        ({"head_size": 3}, "head_size"),
        ({"warmup": "0.6", "warmdown": "0.6"}, "warmdown"),
    ],
)
def test_a_condition_that_cannot_be_built_names_its_factor(changed, factor):
    with pytest.raises(ConditionError) as fault:
        RUNNER.resolve(levels(**changed))

    assert fault.value.factor == factor


def test_windows_follow_the_pattern_and_the_last_layer_sees_all():
    assert layer_windows(8, 2048, "SSSL") == (1024, 1024, 1024, 2048) * 2
    assert layer_windows(3, 2048, "S") == (1024, 1024, 2048)


def test_operations_are_counted_as_in_palm():
    """6 x multiplying weights + 12 x width x window, layer by layer."""
    assert flops_per_token(2, 64, 128, "L") == 6 * (2 * 12 * 64 * 64 + 256 * 64) + 12 * 64 * 256


def test_rates_stay_exact():
    assert settings(matrix_lr="1/40")["matrix_lr"] == "0.025"


@pytest.mark.parametrize(("depth", "aspect"), [(2, 32), (4, 32), (2, 128)])
def test_the_declared_memory_is_about_what_a_step_keeps(depth, aspect):
    torch = pytest.importorskip("torch")
    from promo.run.runners.gpt.model import Gpt
    from promo.run.runners.gpt.settings import settings_of

    given = {"depth": depth, "aspect": aspect, "head_size": 32, "context": 64, "total_batch": 256}
    levels = {name: factor.default for name, factor in FACTORS.items()} | {"window": "L"}
    found = RUNNER.resolve(levels | {name: Fraction(level) for name, level in given.items()})
    model = Gpt(settings_of(dict(found.settings)), 64)
    model.initialise(torch.Generator().manual_seed(1))
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = (storage.nbytes(), storage)
        return tensor

    row = torch.zeros((4, 64), dtype=torch.int64)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(row, row)
    measured = sum(size for size, _ in kept.values()) / 4

    assert 0.9 < found.row_bytes / measured < 1.5
