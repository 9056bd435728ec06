"""
The processes that train one model together, each with its part of every step's rows: data parallel.

All of them hold the whole model and its optimizer, draw the same places in the text, and take the rows at their own
part of them.  Gradients are averaged over them before each step, and numbers that decide anything are agreed upon, so
that they take the same steps and stop at the same one.  Sums run in another order than in one process, so a loss
agrees with that of one process with the same total batch as far as floating point goes.
"""

import os
from collections.abc import Iterable

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


def joined(count: int, *, on_cuda: bool) -> Ranks:
    """
    Meet the other processes, as the variables of this one say; on CUDA each takes the device of its number.

    Args:
        count: how many they are.
        on_cuda: whether they train on CUDA devices.
    """
    if count == 1:
        return ALONE
    if on_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_cuda else "gloo", init_method="env://")
    return Ranks(dist.get_rank(), dist.get_world_size())
