"""
A model of one shape, its optimizer and its rows: what takes a step, and what is scored.

A run trains one of them at a time.  Those of its later shapes are built and warmed up before the clock starts, and wait
with their weights alone; what they begin with comes from the one before.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from promo.run.runners.gpt.batches import Score, scoring_windows
from promo.run.runners.gpt.device import next_divisor, rows_that_fit
from promo.run.runners.gpt.model import Gpt
from promo.run.runners.gpt.optimizer import Optimizer
from promo.run.runners.gpt.ranks import ALONE
from promo.run.runners.gpt.settings import Settings
from promo.run.runners.gpt.text import Text

WARMUP_STEPS = 3
CPU_ROWS = 16
"""Rows at once on a processor: more of them fall out of its cache."""
CUDA_TOKENS = 2**17
"""Tokens at once on a CUDA device unless a condition says otherwise."""
SCORING_TOKENS = 16_384


class Trainee:
    """What is trained in one shape."""

    def __init__(self, settings: Settings, text: Text, trunk: float | None, *, warmed: bool) -> None:
        """
        Build it, with weights that are still to be drawn or brought.

        Args:
            settings: its shape and rates.
            text: what it trains on and is scored on; its device is the trainee's.
            trunk: share of the run's budget up to which rates are constant; None without a trunk.
            warmed: whether the run has its warm-up of rates behind it.
        """
        self.settings, self.text, self.device, self.trunk, self.warmed = settings, text, text.device, trunk, warmed
        self.ranks, self.rows = text.ranks, settings.rows // text.ranks.count
        """Who trains it together, and how many rows of each step are this process's."""
        on_cuda = self.device.type == "cuda"
        self.compute = torch.bfloat16 if on_cuda else torch.float32
        self.rows_at_once = _rows_at_once(settings, self.rows, self.device)
        self.too_many: list[int] = []
        """Rows at once that did not fit into the device's memory."""
        self.model = Gpt(settings, max(settings.context, text.window)).to(self.device)
        # On a processor compilation costs more than the short runs that are made there.
        self.forward: Any = torch.compile(self.model, dynamic=False) if on_cuda else self.model

    def begin(self, weights: torch.Generator, draws: torch.Generator) -> None:
        """Fresh weights from one generator, an optimizer at its start, and rows from the other generator."""
        self.model.initialise(weights)
        self.model.zero_grad(set_to_none=True)
        self.optimizer = Optimizer(self.model, self.settings, self.trunk)
        if self.warmed:
            self.optimizer.warmup = 0.0
        self.take_rows_from(draws)

    def take_rows_from(self, draws: torch.Generator) -> None:
        """Rows from the generator as it stands, as many at once as fit."""
        self.feed = self.text.feed(self.rows_at_once, self.settings.context, draws)

    def warm_up(self) -> None:
        """Touch every code path that will be timed; rows at once shrink here and only here, for all processes alike."""
        while self.ranks.sums(0.0 if self._fits() else 1.0)[0]:
            self.too_many.append(self.rows_at_once)
            self.rows_at_once = next_divisor(self.rows, self.rows_at_once)
            self.take_rows_from(self.feed.draws)
            self.model.zero_grad(set_to_none=True)
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        if self.ranks.count > 1:
            self.step(0.5)

    def _fits(self) -> bool:
        """Whether steps and scoring of this process fit into its memory; nothing is exchanged meanwhile."""
        together, self.ranks = self.ranks, ALONE
        try:
            for _ in range(WARMUP_STEPS):
                self.step(0.5)
            self.score(min(self.text.windows, max(SCORING_TOKENS // self.text.window, 1)))
        except torch.OutOfMemoryError:
            if self.settings.device_batch or self.rows_at_once == 1:
                raise  # the condition asks for this many, or there is no smaller number
            return False
        finally:
            self.ranks = together
        return True

    def wait(self) -> None:
        """Give back all memory but that of the weights."""
        self.model.zero_grad(set_to_none=True)
        del self.optimizer, self.feed

    def step(self, progress: float) -> Tensor:
        """One optimizer step over the total batch; the mean loss in nats, still on the device."""
        parts = self.rows // self.rows_at_once
        total = torch.zeros((), device=self.device)
        for _ in range(parts):
            inputs, targets = self.feed.take()
            loss = self.forward(inputs, targets, self.compute) / parts
            loss.backward()
            self.feed.fetch()
            total += loss.detach()
        self.ranks.average([total, *(one.grad for one in self.model.parameters() if one.grad is not None)])
        self.optimizer.step(progress)
        self.model.zero_grad(set_to_none=True)
        return total

    def score(self, count: int) -> Score:
        """The loss over *count* windows of the held-out text."""
        nats, scored, size, window = 0.0, 0, 0, self.text.window
        with torch.no_grad():
            batch = max(SCORING_TOKENS // window, 1)
            windows = scoring_windows(self.text.held, count, window, batch)
            for inputs, targets in islice(windows, self.ranks.rank, None, self.ranks.count):
                targets, tokens, length = self.text.lengths.scored(targets.to(self.device))
                if tokens:
                    nats += float(self.forward(inputs.to(self.device), targets, self.compute)) * tokens
                    scored, size = scored + tokens, size + length
        nats, *whole = self.ranks.sums(nats, scored, size)
        return Score(nats, *map(int, whole))

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimizer, by name."""
        return {**dict(self.model.named_parameters()), **self.optimizer.tensors()}

    def takes(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether these are weights and optimizer of a model of this shape."""
        own = self.tensors()
        return set(own) == set(tensors) and all(own[name].shape == tensors[name].shape for name in own)

    def put(self, tensors: Mapping[str, Tensor], steps: int) -> None:
        """Weights and optimizer as another one had them after so many steps."""
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                tensor.copy_(tensors[name])
        self.optimizer.steps = steps


def _rows_at_once(settings: Settings, rows: int, device: torch.device) -> int:
    if settings.device_batch:
        return settings.device_batch
    on_cuda = device.type == "cuda"
    fit = max(CUDA_TOKENS // settings.context, 1) if on_cuda else CPU_ROWS
    if on_cuda:
        fit = min(fit, rows_that_fit(settings, torch.cuda.mem_get_info()[0]))
    return max(count for count in range(1, min(fit, rows) + 1) if rows % count == 0)
