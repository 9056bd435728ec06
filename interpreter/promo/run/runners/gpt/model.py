"""
The model of the runner `gpt`: a decoder-only transformer over bytes.

Rotary positions, RMS norm without weights, norms on queries and keys, squared ReLU, an output head of its own, and
two learned scalars a layer that weigh the stream and the embedding.  Output projections start at zero, so an
untrained model guesses every byte alike.

All matrices of one kind live in one stacked tensor, and so do their gradients: the optimizer works on the stack while
each layer sees its slice.  Axes are named in comments: L layers, B rows, T positions, H heads, D channels of a head,
W width, V vocabulary.

Source: the family of nanochat (A. Karpathy); Su et al. (2021) for rotary positions; So et al. (2021), "Primer", for
the squared ReLU; Henry et al. (2020) for norms on queries and keys.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from promo.run.runners.gpt.declare import layer_windows
from promo.run.runners.gpt.settings import Settings

ROTARY_BASE = 10_000.0
LOGIT_CAP = 15.0
EMBEDDING_SHARE = 0.1
"""Weight of the embedding in each layer's input at the start."""


class Gpt(nn.Module):
    """
    The model; `forward` gives the mean cross-entropy in nats.

    Args:
        settings: of which it is made of depth, width, heads, head_size, context, window and vocabulary.
        longest: longest row it will ever see, for training or scoring.
    """

    def __init__(self, settings: Settings, longest: int) -> None:
        super().__init__()
        self.depth, self.width, self.heads = settings.depth, settings.width, settings.heads
        self.head_size, self.vocabulary = settings.head_size, settings.vocabulary
        self.windows = layer_windows(self.depth, settings.context, settings.window)
        depth, width = self.depth, self.width
        self.attention = nn.Parameter(torch.empty(depth, 4, width, width))  # (L, qkvo, W out, W in)
        self.mixing = nn.Parameter(torch.empty(depth, 2, 4 * width, width))  # (L, up and down, 4W, W)
        self.embedding = nn.Parameter(torch.empty(self.vocabulary, width))
        self.head = nn.Parameter(torch.empty(self.vocabulary, width))
        self.scalars = nn.Parameter(torch.empty(depth, 2))
        cosine, sine = rotary_tables(longest, self.head_size)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw the weights; outputs of every block and of the head start at zero."""
        bound = (3.0 / self.width) ** 0.5  # uniform with standard deviation 1 / sqrt(width)
        with torch.no_grad():
            self.attention.uniform_(-bound, bound, generator=generator)
            self.attention[:, 3].zero_()
            self.mixing.uniform_(-bound, bound, generator=generator)
            self.mixing[:, 1].zero_()
            self.embedding.normal_(generator=generator)
            self.head.zero_()
            self.scalars[:, 0].fill_(1.0)
            self.scalars[:, 1].fill_(EMBEDDING_SHARE)

    def forward(self, inputs: Tensor, targets: Tensor, compute: torch.dtype = torch.float32) -> Tensor:
        """
        Mean loss of predicting *targets* from *inputs*.

        Args:
            inputs: shape (B, T), integers.
            targets: shape (B, T), the byte that follows each input.
            compute: type of the matrix products; the loss is always in 32 bits.

        Returns:
            A scalar, nats per byte.
        """
        logits = self.logits(inputs, compute)
        return F.cross_entropy(logits.view(-1, self.vocabulary), targets.reshape(-1))

    def logits(self, inputs: Tensor, compute: torch.dtype = torch.float32) -> Tensor:
        """Scores of the next byte, shape (B, T, V), capped softly at +-15, in 32 bits."""
        length = inputs.shape[1]
        cosine, sine = self.cosine[:length].to(compute), self.sine[:length].to(compute)
        embedded = norm(F.embedding(inputs, self.embedding).to(compute))  # (B, T, W)
        stream = embedded
        attention, mixing = self.attention.to(compute).unbind(0), self.mixing.to(compute).unbind(0)
        weights = self.scalars.to(compute).unbind(0)
        for layer in range(self.depth):
            keep, again = weights[layer].unbind(0)
            stream = keep * stream + again * embedded
            stream = stream + self._attend(norm(stream), attention[layer], cosine, sine, self.windows[layer])
            stream = stream + _mix(norm(stream), mixing[layer])
        scores = F.linear(norm(stream), self.head.to(compute)).float()  # (B, T, V)
        return LOGIT_CAP * torch.tanh(scores / LOGIT_CAP)

    def _attend(self, stream: Tensor, matrices: Tensor, cosine: Tensor, sine: Tensor, window: int) -> Tensor:
        rows, length, width = stream.shape
        inward, outward = matrices.split((3, 1))
        both = F.linear(stream, inward.view(3 * width, width))  # (B, T, 3W)
        parts = both.view(rows, length, 3, self.heads, self.head_size).permute(2, 0, 3, 1, 4)  # (3, B, H, T, D)
        queries, keys, values = parts.unbind(0)
        queries, keys = norm(rotate(queries, cosine, sine)), norm(rotate(keys, cosine, sine))
        seen = attention(queries, keys, values, window)  # (B, H, T, D)
        joined = seen.transpose(1, 2).reshape(rows, length, width)  # (B, T, W)
        return F.linear(joined, outward[0])


def _mix(stream: Tensor, matrices: Tensor) -> Tensor:
    up, down = matrices.unbind(0)
    hidden = F.relu(F.linear(stream, up)).square()  # (B, T, 4W)
    return hidden @ down  # (B, T, W)


def norm(stream: Tensor) -> Tensor:
    """Root-mean-square norm over the last axis, without weights."""
    return F.rms_norm(stream, (stream.shape[-1],))


def rotary_tables(longest: int, head_size: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines for each position, shapes (T, D / 2)."""
    places = torch.arange(0, head_size, 2, dtype=torch.float32)
    frequencies = 1.0 / ROTARY_BASE ** (places / head_size)
    angles = torch.outer(torch.arange(longest, dtype=torch.float32), frequencies)
    return angles.cos(), angles.sin()


def rotate(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions on queries or keys of shape (B, H, T, D); pairs are the two halves of D."""
    first, second = heads.chunk(2, dim=-1)
    return torch.cat((first * cosine + second * sine, second * cosine - first * sine), dim=-1)


def attention(queries: Tensor, keys: Tensor, values: Tensor, window: int) -> Tensor:
    """
    Causal attention in which a position sees itself and the *window* - 1 before it.

    A short window goes stretch by stretch: its first *window* positions see nothing else, as in causal attention, and a
    later stretch sees itself and the one before.  What no position sees is never multiplied, so time and memory grow
    with T x window, not with T x T.

    Args:
        queries: shape (B, H, T, D).
        keys: the same shape.
        values: the same shape.
        window: at least 1; all of T or more is causal attention.

    Returns:
        The same shape.

    Source:
        Beltagy et al. (2020), "Longformer", section 3.1, for the windows; stretches change nothing of them.
    """
    length = queries.shape[2]
    head = F.scaled_dot_product_attention(
        queries[:, :, :window], keys[:, :, :window], values[:, :, :window], is_causal=True
    )
    if window >= length:
        return head
    seen = [head]
    mask = band(window, window, queries.device)
    for start in range(window, length, window):
        end = min(start + window, length)
        stretch = slice(start - window, end)
        part = mask[: end - start, : window + end - start]
        seen.append(
            F.scaled_dot_product_attention(
                queries[:, :, start:end], keys[:, :, stretch], values[:, :, stretch], attn_mask=part
            )
        )
    return torch.cat(seen, dim=2)


def band(count: int, window: int, device: torch.device) -> Tensor:
    """
    What the *count* positions behind a stretch of *window* positions see of both.

    Returns:
        Shape (count, window + count), boolean; *window* of each row are true, the last of them its own position.
    """
    behind = torch.arange(window, window + count, device=device)[:, None] - torch.arange(window + count, device=device)
    return (behind >= 0) & (behind < window)
