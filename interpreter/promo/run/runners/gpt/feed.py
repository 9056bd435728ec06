"""
Training rows on their way to the device that trains on them.

A text that lies on the device is cut there; only the places where rows begin travel.  A text too large for that stays
in the machine's memory: its next rows are gathered into one pinned buffer and copied by a stream of their own while the
device still works on the rows before.  Both give the same rows, and both say the same place to go on from.
"""

from pathlib import Path

import torch
from torch import Tensor

from promo.run.runners.gpt.batches import WIDTHS, cut, load, rows, starts
from promo.run.runners.gpt.ranks import ALONE, Ranks

TEXT_SHARE = 4
"""A text lies on the device if it takes at most this part of the memory that is free there: one in so many."""


def lies_on_device(text_bytes: int, free_bytes: int) -> bool:
    """Whether a text is put into the device's memory."""
    return text_bytes * TEXT_SHARE <= free_bytes


def load_mapped(path: Path, width: int) -> Tensor:
    """A stream as a tensor whose pages are read when they are needed, shape (tokens,)."""
    tokens = path.stat().st_size // width
    if not tokens:
        return load(path, torch.device("cpu"), width)
    return torch.from_file(str(path), shared=False, size=tokens, dtype=WIDTHS[width])


class Feed:
    """The rows of one run, in order; *ahead* fetches the next ones while these are trained on."""

    def __init__(
        self,
        stream: Tensor,
        count: int,
        length: int,
        draws: torch.Generator,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        """
        Nothing is fetched yet.

        Args:
            stream: shape (tokens,), on the device, or in the machine's memory.
            count: B, rows at once.
            length: T, positions in a row.
            draws: on the processor, whatever the device.
            device: what trains.
            ranks: who draws with this process, and takes the other rows.
        """
        self.stream, self.count, self.length, self.draws, self.device = stream, count, length, draws, device
        self.part = (ranks.rank, ranks.count)

    def take(self) -> tuple[Tensor, Tensor]:
        """The next rows: inputs and targets on the device, shapes (B, T)."""
        return rows(self.stream, self.count, self.length, self.draws, *self.part)

    def fetch(self) -> None:
        """Say that the device has its work, and that there is time for the next rows; here nothing is to be done."""

    def place(self) -> Tensor:
        """State of the generator from which the rows that were not taken yet are drawn."""
        return self.draws.get_state()


class Prefetching(Feed):
    """Rows of a text that stays in the machine's memory."""

    def __init__(
        self,
        stream: Tensor,
        count: int,
        length: int,
        draws: torch.Generator,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__(stream, count, length, draws, device, ranks)
        self.buffer = torch.empty(count, length + 1, dtype=stream.dtype, pin_memory=device.type == "cuda")
        self.copies = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.waiting: tuple[Tensor, Tensor] | None = None
        """Rows under way, shape (B, T + 1), and the state of the generator before they were drawn."""

    def take(self) -> tuple[Tensor, Tensor]:
        """The rows that were fetched, or the first ones."""
        self.fetch()
        assert self.waiting is not None
        taken, _ = self.waiting
        self.waiting = None
        if self.copies is not None:
            trains = torch.cuda.current_stream(self.device)
            trains.wait_stream(self.copies)
            taken.record_stream(trains)  # its memory was asked for by the other stream
        return cut(taken)

    def fetch(self) -> None:
        """Gather the next rows and send them on their way, unless they are."""
        if self.waiting is not None:
            return
        before = self.draws.get_state()
        begin = starts(self.stream, self.count, self.length, self.draws, *self.part)
        places = begin[:, None] + torch.arange(self.length + 1)  # (B, T + 1)
        if self.copies is None:
            torch.take(self.stream, places, out=self.buffer)
            self.waiting = (self.buffer.to(self.device, copy=True), before)
            return
        self.copies.synchronize()  # the buffer's last rows have left it
        torch.take(self.stream, places, out=self.buffer)
        with torch.cuda.stream(self.copies):
            self.waiting = (self.buffer.to(self.device, non_blocking=True), before)

    def place(self) -> Tensor:
        """State before the rows that are under way, for they were trained on by nobody."""
        return self.draws.get_state() if self.waiting is None else self.waiting[1]
