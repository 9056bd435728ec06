"""
The model of the runner `gpt` and its training loop as one would write them by hand; promo's own is measured beside it.

One `nn.Linear` for each matrix, one Muon update for each matrix, `torch.optim.AdamW(fused=True)` for the rest, one
loop.  No phases, no points, no clock inside the loop.  The weights can be taken from promo's model, so that a test
of the benchmark can see that both compute the same losses.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

CAP = 15.0


class Block(nn.Module):
    """Attention and mixing of one layer."""

    def __init__(self, width: int, head_size: int) -> None:
        super().__init__()
        self.heads, self.head_size = width // head_size, head_size
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)
        self.keep, self.again = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(0.1))

    def forward(self, stream: Tensor, embedded: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """The stream behind this layer, (B, T, W)."""
        rows, length, width = stream.shape
        stream = self.keep * stream + self.again * embedded
        seen = F.rms_norm(stream, (width,))
        query, key, value = (
            one(seen).view(rows, length, self.heads, self.head_size).transpose(1, 2)
            for one in (self.query, self.key, self.value)
        )
        query, key = (F.rms_norm(turned(one, *turn), (self.head_size,)) for one in (query, key))
        joined = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        stream = stream + self.out(joined.transpose(1, 2).reshape(rows, length, width))
        return stream + self.down(F.relu(self.up(F.rms_norm(stream, (width,)))).square())


def turned(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions."""
    first, second = heads.chunk(2, dim=-1)
    return torch.cat((first * cosine + second * sine, second * cosine - first * sine), dim=-1)


class Plain(nn.Module):
    """The whole model."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        width, size, context = settings["width"], settings["head_size"], settings["context"]
        self.embedding = nn.Embedding(settings["vocabulary"], width)
        self.blocks = nn.ModuleList(Block(width, size) for _ in range(settings["depth"]))
        self.head = nn.Linear(width, settings["vocabulary"], bias=False)
        frequencies = 10_000.0 ** -(torch.arange(0, size, 2) / size)
        angles = torch.outer(torch.arange(context).float(), frequencies)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss in nats."""
        embedded = F.rms_norm(self.embedding(inputs), (self.embedding.embedding_dim,))
        stream = embedded
        for block in self.blocks:
            stream = block(stream, embedded, (self.cosine, self.sine))
        logits = CAP * torch.tanh(self.head(F.rms_norm(stream, (stream.shape[-1],))).float() / CAP)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def take(self, other: nn.Module) -> "Plain":
        """The weights of promo's model."""
        weights = dict(other.named_parameters())
        with torch.no_grad():
            self.embedding.weight.copy_(weights["embedding"])
            self.head.weight.copy_(weights["head"])
            for number, block in enumerate(self.blocks):
                for place, one in enumerate((block.query, block.key, block.value, block.out)):
                    one.weight.copy_(weights["attention"][number, place])
                block.up.weight.copy_(weights["mixing"][number, 0])
                block.down.weight.copy_(weights["mixing"][number, 1].T)
                block.keep.copy_(weights["scalars"][number, 0])
                block.again.copy_(weights["scalars"][number, 1])
        return self


class Muon:
    """Muon, matrix by matrix."""

    def __init__(self, matrices: list[nn.Parameter], rate: float) -> None:
        self.matrices, self.rate = matrices, rate
        self.buffers = [torch.zeros_like(one) for one in matrices]

    @torch.no_grad()
    def step(self, factor: float, momentum: float, decay: float) -> None:
        """Move all matrices."""
        for matrix, buffer in zip(self.matrices, self.buffers, strict=True):
            gradient = matrix.grad
            assert gradient is not None
            buffer.lerp_(gradient, 1.0 - momentum)
            update = whitened(gradient.lerp(buffer, momentum)) * max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
            matrix.sub_(matrix * ((update * matrix) > 0), alpha=self.rate * factor * decay)
            matrix.sub_(update, alpha=self.rate * factor)


def whitened(matrix: Tensor) -> Tensor:
    """Five Newton-Schulz iterations."""
    wide = matrix.shape[0] < matrix.shape[1]
    tall = matrix.T if wide else matrix
    tall = tall / (tall.norm() * 1.02 + 1e-7)
    for _ in range(5):
        gram = tall.T @ tall
        tall = 3.4445 * tall + tall @ (-4.7750 * gram + 2.0315 * gram @ gram)
    return tall.T if wide else tall


class Loop:
    """A model, its optimizers, and its text; `run` trains."""

    def __init__(self, settings: dict[str, Any], text: bytes, rows_at_once: int, model: Plain) -> None:
        self.model, self.context, self.at_once = model, settings["context"], rows_at_once
        self.parts = settings["total_batch"] // self.context // rows_at_once
        self.text = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        self.draws = torch.Generator().manual_seed(1)
        matrices = [one for one in model.blocks.parameters() if one.ndim == 2]
        scalars = [one for one in model.blocks.parameters() if one.ndim == 0]
        scale = (settings["width"] / 768) ** -0.5
        groups = [
            {"params": list(model.embedding.parameters()), "lr": 0.6 * scale},
            {"params": list(model.head.parameters()), "lr": 0.004 * scale},
            {"params": scalars, "lr": 0.005, "betas": (0.96, 0.95)},
        ]
        self.adam = torch.optim.AdamW(groups, betas=(0.8, 0.95), eps=1e-10, weight_decay=0.0, fused=True)
        self.rates = [group["lr"] for group in self.adam.param_groups]
        self.muon = Muon(matrices, 0.04)

    def run(self, steps: int) -> None:
        """Train *steps* steps; the rates fall over the second half."""
        for step in range(steps):
            progress = step / steps
            factor = min(1.0, 2.0 * (1.0 - progress))
            for _ in range(self.parts):
                starts = torch.randint(0, len(self.text) - self.context, (self.at_once, 1), generator=self.draws)
                taken = self.text[starts + torch.arange(self.context + 1)].long()
                (self.model(taken[:, :-1], taken[:, 1:]) / self.parts).backward()
            for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
                group["lr"] = rate * factor
            self.adam.step()
            self.muon.step(factor, 0.85 + 0.1 * min(step / 300, 1.0), 0.2 * (1.0 - progress))
            self.model.zero_grad(set_to_none=True)
