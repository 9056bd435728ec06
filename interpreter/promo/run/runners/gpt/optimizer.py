"""
Muon for matrices, AdamW for the rest, on the model's stacked tensors.

Plain functions of tensors: `torch.optim` would import its compiler for 1.5 s in every process.  On a CUDA device, where
the model is compiled anyway, the same updates are compiled too, each into few kernels.  The rates of a step
are the condition's rates times a factor that follows the budget: it rises from 0 over the warm-up share, stays at 1,
and falls to 0 over the warm-down share.

Source: K. Jordan et al. (2024), "Muon: an optimizer for hidden layers" (momentum, five Newton-Schulz iterations with
coefficients 3.4445, -4.7750, 2.0315, rate scaled by sqrt(rows / columns)); Loshchilov & Hutter (2019) for AdamW;
L. Chen et al. (2025) for decay only where it agrees with the step.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from promo.run.runners.gpt.model import Gpt
from promo.run.runners.gpt.settings import Settings

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5
MOMENTUM = (0.85, 0.95)
"""Muon's momentum at the first step and from step 300 on."""
MOMENTUM_STEPS = 300
ADAM_BETAS = (0.8, 0.95)
ADAM_EPSILON = 1e-10
REFERENCE_WIDTH = 768
"""AdamW's rates are given for this width and scale with its square root."""
SCALAR_RATE = 0.5
SCALAR_BETAS = (0.96, 0.95)
FORMS = 8
"""More forms of tensors than any function here, or the model, sees in one shape: training, scoring, what is left."""


def rate_factor(progress: float, warmup: float, warmdown: float) -> float:
    """Factor on all rates when a share *progress* of the budget is used."""
    if progress < warmup:
        return progress / warmup
    if progress > 1.0 - warmdown:
        return max((1.0 - progress) / warmdown, 0.0)
    return 1.0


Updates = tuple[Callable[..., None], Callable[..., None]]
"""`muon_update` and `adam_update`, or what a compiler made of them."""


class Optimizer:
    """The optimizer's state and its step."""

    def __init__(
        self, model: Gpt, settings: Settings, trunk: float | None = None, updates: Updates | None = None
    ) -> None:
        """
        State at the start.

        Args:
            model: its weights are moved.
            settings: its rates, and the shares of its budget that they rise and fall over.
            trunk: share of the budget up to which rates and decay are constant, instead of the condition's own.
            updates: what moves the weights; by default the compiled updates on a CUDA device, steps of torch elsewhere.
        """
        self.model, self.trunk = model, trunk
        if updates is None and model.attention.is_cuda:
            updates = compiled_updates()
        muon, adam = updates or (None, None)
        width, depth = model.width, model.depth
        scale = (width / REFERENCE_WIDTH) ** -0.5
        self.matrix_rate = float(settings.matrix_lr)
        self.decay = float(settings.weight_decay)
        self.warmup, self.warmdown = float(settings.warmup), float(settings.warmdown)
        if trunk is not None:
            self.warmdown = 1.0 - trunk
        self.adam = [
            _Adam(model.embedding, float(settings.embedding_lr) * scale, ADAM_BETAS, adam),
            _Adam(model.head, float(settings.head_lr) * scale, ADAM_BETAS, adam),
            _Adam(model.scalars, SCALAR_RATE * 0.01, SCALAR_BETAS, adam),
        ]
        # Logical shapes, rows x columns: attention W x W; up 4W x W; down W x 4W, stored transposed.
        square = torch.ones(4 * depth, 1, 1)
        tall = torch.tensor([2.0, 1.0]).repeat(depth).view(2 * depth, 1, 1)
        device = model.attention.device
        self.muon = [
            _Muon(model.attention, (4 * depth, width, width), square.to(device), muon),
            _Muon(model.mixing, (2 * depth, 4 * width, width), tall.to(device), muon),
        ]
        self.steps = 0

    def step(self, progress: float) -> None:
        """Move all weights by one step; *progress* is the share of the budget used, 0 to 1."""
        factor = rate_factor(progress, self.warmup, self.warmdown)
        start, end = MOMENTUM
        momentum = start + (end - start) * min(self.steps / MOMENTUM_STEPS, 1.0)
        self.steps += 1
        with torch.no_grad():
            for part in self.muon:
                part.step(self.matrix_rate * factor, momentum, self.decay * self._left(progress))
            for one in self.adam:
                one.step(factor, self.steps)

    def _left(self, progress: float) -> float:
        """Factor on the decay: what is left of the budget, or of its cool-down where there is a trunk."""
        if self.trunk is None:
            return 1.0 - progress
        return 1.0 if self.trunk == 1.0 else min((1.0 - progress) / (1.0 - self.trunk), 1.0)

    def tensors(self) -> dict[str, Tensor]:
        """All tensors of the state, by name."""
        found = {f"muon/{number}": part.momentum for number, part in enumerate(self.muon)}
        for number, one in enumerate(self.adam):
            found |= {f"adam/{number}/first": one.first, f"adam/{number}/second": one.second}
        return found


class _Muon:
    """Momentum on a stack of matrices, made orthogonal."""

    def __init__(
        self, weights: Tensor, shape: tuple[int, int, int], scale: Tensor, update: Callable[..., None] | None
    ) -> None:
        self.weights, self.shape, self.scale, self.update = weights, shape, scale, update
        self.momentum = torch.zeros(shape, device=weights.device)

    def step(self, rate: float, momentum: float, decay: float) -> None:
        gradient = self.weights.grad
        assert gradient is not None
        gradient = gradient.view(self.shape)
        if self.update is not None:
            numbers = (torch.tensor(one) for one in (rate, momentum, decay))
            self.update(self.weights.view(self.shape), gradient, self.momentum, self.scale, *numbers)
            return
        self.momentum.lerp_(gradient, 1.0 - momentum)
        update = orthogonal(gradient.lerp(self.momentum, momentum)) * self.scale
        weights = self.weights.view(self.shape)
        if decay:
            agree = (update * weights) > 0
            weights.sub_(weights * agree, alpha=rate * decay)
        weights.sub_(update, alpha=rate)


class _Adam:
    """AdamW without decay on one tensor."""

    def __init__(
        self, weights: Tensor, rate: float, betas: tuple[float, float], update: Callable[..., None] | None
    ) -> None:
        self.weights, self.rate, self.betas, self.update = weights, rate, betas, update
        self.first, self.second = torch.zeros_like(weights), torch.zeros_like(weights)

    def step(self, factor: float, number: int) -> None:
        gradient = self.weights.grad
        assert gradient is not None
        beta1, beta2 = self.betas
        size = self.rate * factor / (1.0 - beta1**number)
        if self.update is not None:
            numbers = (torch.tensor(one) for one in (size, 1.0 - beta2**number))
            self.update(self.weights, gradient, self.first, self.second, *numbers, beta1, beta2)
            return
        self.first.lerp_(gradient, 1.0 - beta1)
        self.second.lerp_(gradient.square(), 1.0 - beta2)
        spread = (self.second / (1.0 - beta2**number)).sqrt_().add_(ADAM_EPSILON)
        self.weights.addcdiv_(self.first, spread, value=-size)


def muon_update(
    weights: Tensor,
    gradient: Tensor,
    average: Tensor,
    scale: Tensor,
    rate: Tensor,
    momentum: Tensor,
    decay: Tensor,
) -> None:
    """
    Muon's step in one function.

    Args:
        weights: shape (N, rows, columns), moved in place.
        gradient: the same shape.
        average: the same shape; the momentum, moved in place.
        scale: shape (N, 1, 1).
        rate: a number; what changes from step to step is a tensor without axes, so that nothing is compiled twice.
        momentum: likewise.
        decay: likewise.
    """
    average.add_((1.0 - momentum) * (gradient - average))
    update = orthogonal(gradient + momentum * (average - gradient)) * scale
    weights.sub_(rate * (update + decay * weights * ((update * weights) > 0)))


def adam_update(
    weights: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    size: Tensor,
    correction: Tensor,
    beta1: float,
    beta2: float,
) -> None:
    """
    AdamW's step without decay in one function.

    Args:
        weights: any shape, moved in place.
        gradient: the same shape.
        first: the same shape; mean of gradients, moved in place.
        second: the same shape; mean of their squares, moved in place.
        size: the rate over what the first mean lacks; a tensor without axes.
        correction: what the second mean has; likewise.
        beta1: of the first mean.
        beta2: of the second.
    """
    first.lerp_(gradient, 1.0 - beta1)
    second.lerp_(gradient.square(), 1.0 - beta2)
    weights.sub_(size * first / ((second / correction).sqrt() + ADAM_EPSILON))


@lru_cache(1)
def compiled_updates() -> Updates:
    """Both updates, compiled once a process, so that those of the warm-up are those of the run."""
    return torch.compile(muon_update, dynamic=False), torch.compile(adam_update, dynamic=False)


def compile_for(shapes: int) -> None:
    """Let functions be compiled for so many shapes of a model; beyond its limit torch runs them as they are."""
    from torch._dynamo import config

    config.recompile_limit = max(config.recompile_limit, FORMS * shapes)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, FORMS * shapes)


def orthogonal(matrices: Tensor) -> Tensor:
    """
    The nearest matrices whose singular values are all about one.

    Args:
        matrices: shape (N, rows, columns), rows at least columns.

    Returns:
        The same shape; singular values between about 0.7 and 1.2.
    """
    a, b, c = NEWTON_SCHULZ
    compute = torch.bfloat16 if matrices.is_cuda else matrices.dtype
    tall = matrices.to(compute)
    tall = tall / (tall.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = tall.mT @ tall  # (N, columns, columns)
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        tall = torch.baddbmm(tall, tall, polynomial, beta=a)
    return tall.to(matrices.dtype)
