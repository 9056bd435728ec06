"""
Rows to train on and windows to score on, from the study's two byte streams.

Training rows begin at places drawn by the run's own generator.  Scored windows are the same for every run of a
study: evenly spread over the held-out text, because neighbouring text is alike and a contiguous block says little.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor


def load(path: Path, device: torch.device) -> Tensor:
    """A byte stream as a tensor of unsigned bytes, shape (bytes,)."""
    content = bytearray(path.read_bytes())
    return torch.frombuffer(content, dtype=torch.uint8).to(device)


def rows(stream: Tensor, count: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """
    Draw training rows.

    Args:
        stream: shape (bytes,).
        count: B, number of rows.
        length: T, positions in a row.
        generator: on the processor, whatever the device.

    Returns:
        Inputs and targets, shapes (B, T), 64-bit integers.
    """
    starts = torch.randint(0, len(stream) - length, (count,), generator=generator)
    return _cut(stream, starts.to(stream.device), length)


def scoring_windows(stream: Tensor, count: int, length: int, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """
    Evenly spread windows of the held-out text, *batch* at a time.

    Args:
        stream: shape (bytes,).
        count: number of windows.
        length: T, bytes scored in each.
        batch: most windows at once; it does not change which windows there are.

    Yields:
        Inputs and targets, shapes (B, T).
    """
    last = len(stream) - length - 1
    starts = torch.arange(count, dtype=torch.int64) * last // max(count - 1, 1)
    for part in starts.split(batch):
        yield _cut(stream, part.to(stream.device), length)


def _cut(stream: Tensor, starts: Tensor, length: int) -> tuple[Tensor, Tensor]:
    places = starts[:, None] + torch.arange(length + 1, device=stream.device)  # (B, T + 1)
    taken = stream[places].long()
    return taken[:, :-1].contiguous(), taken[:, 1:].contiguous()
