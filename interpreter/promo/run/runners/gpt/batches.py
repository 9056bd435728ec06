"""
Rows to train on and windows to score on, from the study's two streams of bytes or of tokens.

Training rows begin at places drawn by the run's own generator.  Scored windows are the same for every run of a
study: evenly spread over the held-out text, because neighbouring text is alike and a contiguous block says little.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from promo.base.classes import frozen
from promo.base.reading import LARGE, read_plain

WIDTHS = {1: torch.uint8, 2: torch.int16, 4: torch.int32}
"""Bytes a token takes in a stream -> how it is held; torch cuts no unsigned 16 bits, so their sign is undone later."""
BITS = 1.0 / math.log(2.0)
"""Bits of a nat."""
NOT_SCORED = -100
"""A target that the loss passes over."""


def load(path: Path, device: torch.device, width: int = 1) -> Tensor:
    """A stream as a tensor, shape (tokens,); *width* is the bytes a token takes in it."""
    content = bytearray(read_plain(path, 4 * LARGE))
    return torch.frombuffer(content, dtype=WIDTHS[width]).to(device)


class Lengths:
    """How many bytes of text tokens stand for; every token is one byte where nothing else is said."""

    def __init__(self, path: Path | None, device: torch.device) -> None:
        """*path*: a file of 32-bit numbers, one for each token."""
        self.table = None if path is None else load(path, device, 4)

    def scored(self, targets: Tensor) -> tuple[Tensor, int, int]:
        """
        What of some targets counts: a token that stands for no byte is not scored.

        Args:
            targets: shape (B, T).

        Returns:
            The targets with what is passed over marked, how many count, and how many bytes they stand for.
        """
        if self.table is None:
            return targets, targets.numel(), targets.numel()
        sizes = self.table[targets]  # (B, T)
        counted = sizes > 0
        return torch.where(counted, targets, NOT_SCORED), int(counted.sum()), int(sizes.sum())

    def mean(self, stream: Tensor) -> float:
        """Bytes a token of a stream stands for, on average."""
        if self.table is None:
            return 1.0
        table = self.table.to(stream.device)
        parts = (table[unsigned(part)].sum(dtype=torch.int64) for part in stream.split(2**22))
        return int(torch.stack(list(parts)).sum()) / len(stream)


@frozen
class Score:
    """A sum of losses in nats, and over what."""

    nats: float
    tokens: int
    bytes: int

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of the text that was scored; no number where only special tokens were."""
        return self.nats / self.bytes * BITS if self.bytes else math.nan

    def guessing(self, vocabulary: int) -> float:
        """Bits per byte of guessing every token alike."""
        return math.log2(vocabulary) * self.tokens / self.bytes if self.bytes else math.inf


def unsigned(stream: Tensor) -> Tensor:
    """Tokens as 64-bit integers."""
    return stream.long() & 0xFFFF if stream.dtype == torch.int16 else stream.long()


def rows(
    stream: Tensor, count: int, length: int, generator: torch.Generator, rank: int = 0, ranks: int = 1
) -> tuple[Tensor, Tensor]:
    """
    Draw training rows.

    Args:
        stream: shape (tokens,).
        count: B, number of rows.
        length: T, positions in a row.
        generator: on the processor, whatever the device.
        rank: which part of the rows that are drawn is taken.
        ranks: how many parts of *count* rows are drawn.

    Returns:
        Inputs and targets, shapes (B, T), 64-bit integers.
    """
    begin = starts(stream, count, length, generator, rank, ranks)
    if stream.is_cuda:  # so that nothing waits: the text lies on the device, only these few numbers travel
        begin = begin.pin_memory().to(stream.device, non_blocking=True)
    return _cut(stream, begin, length)


def starts(
    stream: Tensor, count: int, length: int, generator: torch.Generator, rank: int = 0, ranks: int = 1
) -> Tensor:
    """Draw where *count* rows of *length* positions begin, shape (B,): part *rank* of *ranks* that are drawn."""
    drawn = torch.randint(0, len(stream) - length, (count * ranks,), generator=generator)
    return drawn[rank * count : (rank + 1) * count]


def scoring_windows(stream: Tensor, count: int, length: int, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """
    Evenly spread windows of the held-out text, *batch* at a time.

    Args:
        stream: shape (tokens,).
        count: number of windows.
        length: T, tokens scored in each.
        batch: most windows at once; it does not change which windows there are.

    Yields:
        Inputs and targets, shapes (B, T).
    """
    last = len(stream) - length - 1
    spread = torch.arange(count, dtype=torch.int64) * last // max(count - 1, 1)
    for part in spread.split(batch):
        yield _cut(stream, part.to(stream.device), length)


def _cut(stream: Tensor, begin: Tensor, length: int) -> tuple[Tensor, Tensor]:
    places = begin[:, None] + torch.arange(length + 1, device=stream.device)  # (B, T + 1)
    return cut(stream[places])


def cut(taken: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and targets, shapes (B, T), of rows of tokens with the one that follows, shape (B, T + 1)."""
    whole = unsigned(taken)
    return whole[:, :-1].contiguous(), whole[:, 1:].contiguous()
