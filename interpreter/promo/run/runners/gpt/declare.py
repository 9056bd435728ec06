"""
What the built-in runner `gpt` says of itself, without torch.

A decoder-only transformer of the autoresearch and nanochat family: its knobs, how a condition becomes a model, and
how large and how costly that model is.  Plans rest on this; training (`train.py`) is told the result.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Final

from promo.base.canonical import exact
from promo.base.classes import evolve, frozen
from promo.study.given import Level
from promo.study.limits import BudgetKind
from promo.study.ports import ConditionError, RunnerFactor, RunnerMetric
from promo.study.values import Effective

VOCABULARY: Final = 256
"""Byte-level: one token is one byte; a data block with a tokenizer says otherwise."""

FACTORS: Mapping[str, RunnerFactor] = {
    "depth": RunnerFactor("layers", Fraction(8), Fraction(1), Fraction(96), whole=True, meaning="number of layers"),
    "aspect": RunnerFactor(
        "ratio",
        Fraction(64),
        Fraction(1),
        Fraction(512),
        whole=True,
        meaning="width per layer: width = depth x aspect, rounded up to a multiple of head_size",
    ),
    "head_size": RunnerFactor(
        "channels", Fraction(128), Fraction(2), Fraction(512), whole=True, meaning="channels of one attention head"
    ),
    "context": RunnerFactor(
        "tokens", Fraction(2048), Fraction(2), Fraction(2**20), whole=True, meaning="length of a training row"
    ),
    "window": RunnerFactor(
        "pattern",
        "SSSL",
        choices=("L", "SL", "SSL", "SSSL"),
        meaning="attention window by layer: S half the context, L all of it; the last layer is always L",
    ),
    "total_batch": RunnerFactor(
        "tokens", Fraction(2**19), Fraction(2), Fraction(2**26), whole=True, meaning="tokens in one optimizer step"
    ),
    "device_batch": RunnerFactor(
        "rows", Fraction(0), Fraction(0), Fraction(2**16), whole=True, meaning="rows at once on the device; 0: as fits"
    ),
    "matrix_lr": RunnerFactor(
        "rate", Fraction(4, 100), Fraction(0), Fraction(10), meaning="learning rate of Muon, for matrices"
    ),
    "embedding_lr": RunnerFactor(
        "rate", Fraction(6, 10), Fraction(0), Fraction(10), meaning="learning rate of AdamW for the embedding"
    ),
    "head_lr": RunnerFactor(
        "rate", Fraction(4, 1000), Fraction(0), Fraction(10), meaning="learning rate of AdamW for the output head"
    ),
    "weight_decay": RunnerFactor(
        "rate", Fraction(2, 10), Fraction(0), Fraction(10), meaning="decay of matrices, falling to 0 over the budget"
    ),
    "warmup": RunnerFactor(
        "share", Fraction(0), Fraction(0), Fraction(1), meaning="share of the budget over which rates rise from 0"
    ),
    "warmdown": RunnerFactor(
        "share", Fraction(1, 2), Fraction(0), Fraction(1), meaning="share of the budget over which rates fall to 0"
    ),
}

METRICS: Mapping[str, RunnerMetric] = {
    "val_bpb": RunnerMetric(
        "bpb", True, "bits per byte of the held-out text; before the end of a run, on a quarter of its windows"
    ),
}


WAYS: Mapping[str, tuple[str, ...]] = {
    "depth": ("copy_top", "copy_middle", "copy_bottom", "copy_block", "interleave", "identity", "random_top"),
    "aspect": ("zero_pad",),
}


SHAPES: Mapping[str, tuple[str, ...]] = {**WAYS, "context": (), "total_batch": ()}


@frozen(eq=False, repr=False)
class GptRunner:
    """The built-in runner, as a spec sees it."""

    name: str = "gpt"
    version: int = 1
    factors: Mapping[str, RunnerFactor] = FACTORS
    metrics: Mapping[str, RunnerMetric] = METRICS
    trainer: str = "promo.run.runners.gpt.train:train"
    needs_modules: tuple[str, ...] = ("torch", "safetensors")
    budgets: tuple[BudgetKind, ...] = tuple(BudgetKind)
    can_continue: bool = True
    cooldown_factor: str = "warmdown"
    """The factor that a stage's cool-down stands in for; a runner without a trunk names none."""
    ways: Mapping[str, tuple[str, ...]] = WAYS
    """Factor -> the ways in which a trained model grows by it; a runner that cannot grow one names none."""
    shapes: Mapping[str, tuple[str, ...]] = SHAPES
    """Factor that can change during a run -> its ways, none where no weights change; a runner that cannot has none."""
    needs_data: bool = True
    vocabulary: int = VOCABULARY

    def of_vocabulary(self, size: int) -> "GptRunner":
        """The same runner for a text of other tokens."""
        return evolve(self, vocabulary=size)

    def resolve(self, levels: Mapping[str, Level]) -> Effective:
        """
        The model and schedule that a condition trains.

        Args:
            levels: one level for each of `FACTORS`.

        Returns:
            Settings with `width` and `heads` worked out; sizes in tokens and rows, rates as exact decimals.

        Raises:
            ConditionError: the context and batch do not divide, or the shares of the budget exceed it.
        """
        number = {name: level for name, level in levels.items() if not isinstance(level, str)}
        # Most factors of most conditions are at their defaults, which are worked out once.
        whole = {name: _as_whole(name, level) for name, level in number.items() if FACTORS[name].whole}
        width = -(-whole["depth"] * whole["aspect"] // whole["head_size"]) * whole["head_size"]
        _buildable(whole, number)
        settings: dict[str, int | str] = dict(whole)
        settings |= {name: _as_text(name, level) for name, level in number.items() if name not in whole}
        settings |= {"window": str(levels["window"]), "width": width, "heads": width // whole["head_size"]}
        settings["vocabulary"] = self.vocabulary
        del settings["aspect"]
        return Effective(
            tuple(sorted(settings.items())),
            *_sizes(whole["depth"], width, whole["context"], str(levels["window"]), self.vocabulary),
        )


@lru_cache(1024)
def _sizes(depth: int, width: int, context: int, pattern: str, vocabulary: int) -> tuple[int, int, int, int]:
    """Parameters, operations a token, bytes of a model and of a row; many conditions have them alike."""
    return (
        parameters(depth, width, vocabulary),
        flops_per_token(depth, width, context, pattern, vocabulary),
        fixed_bytes(depth, width, vocabulary),
        row_bytes(depth, width, context, vocabulary),
    )


_WHOLE = {name: int(factor.default) for name, factor in FACTORS.items() if factor.whole}
_TEXT = {name: exact(one.default) for name, one in FACTORS.items() if isinstance(one.default, Fraction)}


def _as_whole(name: str, level: Fraction) -> int:
    return _WHOLE[name] if level is FACTORS[name].default else int(level)


def _as_text(name: str, level: Fraction) -> str:
    return _TEXT[name] if level is FACTORS[name].default else exact(level)


def _buildable(whole: Mapping[str, int], number: Mapping[str, Fraction]) -> None:
    if whole["head_size"] % 2:
        raise ConditionError("head_size", "rotary positions need an even head_size", "choose an even number")
    if whole["total_batch"] % whole["context"]:
        message = f"total_batch {whole['total_batch']} is no multiple of the context {whole['context']}"
        raise ConditionError("total_batch", message, "let one step hold a whole number of rows")
    rows = whole["total_batch"] // whole["context"]
    if whole["device_batch"] and rows % whole["device_batch"]:
        message = f"device_batch {whole['device_batch']} does not divide the {rows} rows of a step"
        raise ConditionError("device_batch", message, "choose a divisor, or 0 for as many as fit")
    if number["warmup"] + number["warmdown"] > 1:
        raise ConditionError("warmdown", "warmup and warmdown together exceed the budget", "make one of them smaller")


def layer_windows(depth: int, context: int, pattern: str) -> tuple[int, ...]:
    """
    Attention window of each layer, in tokens.

    The pattern is tiled over the layers; the last layer sees everything.
    """
    short = max(context // 2, 1)
    windows = [short if pattern[layer % len(pattern)] == "S" else context for layer in range(depth)]
    windows[-1] = context
    return tuple(windows)


def parameters(depth: int, width: int, vocabulary: int = VOCABULARY) -> int:
    """Weights of the model: 12 width^2 a layer, embedding and head, two scalars a layer."""
    return depth * 12 * width * width + 2 * vocabulary * width + 2 * depth


KEPT_WIDTHS = 30
"""Values of a layer that wait for the backward pass, a token and channel: stream, norms, queries, keys, 4W twice."""
KEPT_SCORES = 4
"""Copies of the scores that wait for it, a token and entry of the vocabulary."""


def fixed_bytes(depth: int, width: int, vocabulary: int = VOCABULARY) -> int:
    """Weights and gradients in 32 bits, one momentum for a matrix (Muon), two for anything else (AdamW)."""
    matrices = depth * 12 * width * width
    return 12 * matrices + 16 * (parameters(depth, width, vocabulary) - matrices)


def row_bytes(depth: int, width: int, context: int, vocabulary: int = VOCABULARY) -> int:
    """What one row keeps for the backward pass, in 32 bits; 16 bits need half of it."""
    return 4 * context * (KEPT_WIDTHS * width * depth + KEPT_SCORES * vocabulary + 4 * width)


@lru_cache(1024)
def flops_per_token(depth: int, width: int, context: int, pattern: str, vocabulary: int = VOCABULARY) -> int:
    """
    Floating point operations for one training token, forward and backward.

    6 for each weight that multiplies (embedding and scalars do not), and 12 x width x window for attention, the
    window not halved for causality.

    Source:
        Chowdhery et al. (2022), "PaLM", appendix B, with each layer's own window.
    """
    multiplying = depth * 12 * width * width + vocabulary * width
    return 6 * multiplying + 12 * width * sum(layer_windows(depth, context, pattern))


RUNNER: Final = GptRunner()
