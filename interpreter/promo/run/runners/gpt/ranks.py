"""
The processes that train one model together, each with its part of every step's rows: data parallel.

All of them hold the whole model and its optimizer, draw the same places in the text, and take the rows at their own
part of them.  Gradients are averaged over them before each step, and numbers that decide anything are agreed upon, so
that they take the same steps and stop at the same one.  Sums run in another order than in one process, so a loss
agrees with that of one process with the same total batch as far as floating point goes.
"""

import os
from collections.abc import Iterable, Mapping

import torch
import torch.distributed as dist
from torch import Tensor

from promo.base.classes import frozen


@frozen
class Ranks:
    """Which process this is, of how many."""

    rank: int = 0
    count: int = 1

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Put the mean over all processes in the place of each of these tensors."""
        if self.count > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)
                tensor /= self.count

    def sums(self, *numbers: float) -> list[float]:
        """Each number, summed over all processes."""
        if self.count == 1:
            return list(numbers)
        held = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(held)
        return [float(one) for one in held]

    def leave(self) -> None:
        """Nothing more is exchanged."""
        if self.count > 1:
            dist.destroy_process_group()


ALONE = Ranks()


@frozen
class Meeting:
    """How a process meets the others."""

    backend: str
    """What carries tensors: gloo those of the processor, and NCCL those of CUDA devices."""
    device: int | None
    """The CUDA device that is this one's, of those that it sees; None on a processor."""


def meeting(environment: Mapping[str, str], *, found: int | None) -> Meeting:
    """
    How the process of these variables meets the others.

    Args:
        environment: as `torchrun` sets it.
        found: CUDA devices that it sees; None where it trains on a processor.

    Raises:
        RuntimeError: it sees fewer than the processes of its machine need.

    Source:
        `torch.distributed.init_process_group`, PyTorch's documentation: one process for each device, which it takes
        by LOCAL_RANK before the group is made; numbers that decide anything are agreed upon by gloo, without a device.
    """
    if found is None:
        return Meeting("gloo", None)
    device, needed = int(environment["LOCAL_RANK"]), int(environment["LOCAL_WORLD_SIZE"])
    if found < needed:
        raise RuntimeError(f"a run has {needed} CUDA devices on each of its machines, and torch finds {found} here")
    return Meeting("cpu:gloo,cuda:nccl", device)


def joined(count: int, *, on_cuda: bool) -> Ranks:
    """
    Meet the other processes, as the variables of this one say; on CUDA each takes the device of its number.

    Args:
        count: how many they are.
        on_cuda: whether they train on CUDA devices.

    Raises:
        RuntimeError: this machine has too few of those.
    """
    if count == 1:
        return ALONE
    how = meeting(os.environ, found=torch.cuda.device_count() if on_cuda else None)
    if how.device is not None:
        torch.cuda.set_device(how.device)
    dist.init_process_group(how.backend, init_method="env://")
    return Ranks(dist.get_rank(), dist.get_world_size())
