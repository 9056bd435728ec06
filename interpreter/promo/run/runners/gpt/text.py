"""The prepared text as the trainer holds it: rows to train on, and windows of the held-out part that score a model."""

from pathlib import Path

import torch

from promo.run.runners.gpt.batches import BITS, Lengths, load
from promo.run.runners.gpt.feed import Feed, Prefetching, load_mapped
from promo.run.runners.gpt.ranks import ALONE, Ranks
from promo.run.values import TextOf


class Text:
    """Both streams of a study, on the device or in the machine's memory."""

    def __init__(self, data: TextOf, study: Path, device: torch.device, *, stays: bool, ranks: Ranks = ALONE) -> None:
        """
        Read it.

        Args:
            data: where it lies below *study*.
            study: the study's folder.
            device: what trains.
            stays: whether it stays in the machine's memory, too large for the device's.
            ranks: who trains on it with this process.
        """
        learned, held, width = study / data.train, study / data.validation, data.token_width
        self.device, self.stays, self.ranks = device, stays, ranks
        if stays:
            self.stream, self.held = load_mapped(learned, width), load_mapped(held, width)
        else:
            self.stream, self.held = load(learned, device, width), load(held, device, width)
        lengths = data.token_lengths
        self.lengths = Lengths(None if lengths is None else study / lengths, device)
        self.bits = BITS / self.lengths.mean(self.stream)
        """What a nat of the training loss is in bits per byte."""
        self.window, self.windows = data.window, data.score_tokens // data.window
        """Tokens of a scored window, and how many there are."""

    def feed(self, count: int, length: int, draws: torch.Generator) -> Feed:
        """Rows of *length* tokens from the generator as it stands, *count* at once."""
        kind = Prefetching if self.stays else Feed
        return kind(self.stream, count, length, draws, self.device, self.ranks)
