"""
The kept state of a small model to that of a larger one: weights and optimizer together.

First every layer is made wider if the larger model is, then layers are added.  Each layer of the larger model either
copies one of the smaller (its momentum, too) or is new (no momentum); the ways of growing depth differ in nothing else.

Wider by zero padding: new channels are written by nobody, so the norms see the old ones only, and without weights of
their own they give them larger by s = sqrt(new width / old width).  Embedding and stream become larger by s with what
writes to them, and what reads them is divided by s: the function stays.  Readers of new channels are drawn, so nothing
stays symmetric.  The optimizer's means of gradients follow by the chain rule.

Source: Karp et al. (2024), "Landscape-aware growing", for choosing among ways after a lag; Du et al. (2024), "Stacking
your transformers", for `copy_block` (their G_stack) and `interleave`; Saunshi et al. (2024) for `copy_middle`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from promo.run.runners.gpt.model import EMBEDDING_SHARE

READERS = slice(0, 3)
WRITER = 3
"""Of a layer's attention: queries, keys and values read the stream, the output writes to it."""


def sources(way: str, old: int, new: int) -> tuple[int | None, ...]:
    """
    The layer that each layer of the larger model copies, lowest first; None for a new one.

    Args:
        way: `copy_top`: the highest layer again, on top; `copy_middle` and `copy_bottom` likewise, right behind it;
            `copy_block`: the whole stack again, from its lowest layer; `interleave`: every layer next to its copies;
            `identity` and `random_top`: new layers on top.
        old: layers of the smaller model.
        new: layers of the larger one.
    """
    layers = list(range(old))
    match way:
        case "copy_top" | "copy_middle" | "copy_bottom":
            again = {"copy_top": old - 1, "copy_middle": (old - 1) // 2, "copy_bottom": 0}[way]
            return (*layers[: again + 1], *[again] * (new - old), *layers[again + 1 :])
        case "copy_block":
            return tuple(layer % old for layer in range(new))
        case "interleave":
            return tuple(layer * old // new for layer in range(new))
        case "identity" | "random_top":
            return (*layers, *[None] * (new - old))
    raise ValueError(f"there is no way '{way}' to add layers")


def grown(
    tensors: Mapping[str, Tensor], depth: int, width: int, way: str, generator: torch.Generator
) -> dict[str, Tensor]:
    """
    A larger model's state.

    Args:
        tensors: weights and optimizer of the smaller model, as its checkpoint has them.
        depth: layers of the larger model.
        width: channels of the larger model.
        way: how it grows; `zero_pad` adds channels only, every other way layers, and channels by zero padding where
            the larger model has more of them.
        generator: draws what is new, on the processor.
    """
    found = dict(tensors)
    if found["embedding"].shape[1] != width:
        found = _wider(found, width, generator)
    old = found["scalars"].shape[0]
    return found if old == depth else _deeper(found, sources(way, old, depth), way, generator)


def _wider(tensors: dict[str, Tensor], width: int, generator: torch.Generator) -> dict[str, Tensor]:
    vocabulary, old = tensors["embedding"].shape
    depth = tensors["scalars"].shape[0]
    scale = (width / old) ** 0.5
    attention, mixing = _drawn(depth, width, generator)
    attention[:, WRITER] = 0.0
    mixing[:, 1] = 0.0
    found = dict(tensors)
    found["attention"] = _matrices(tensors["attention"], attention, scale)
    found["mixing"] = _units(tensors["mixing"], mixing, scale)
    found["embedding"] = _padded(tensors["embedding"], width, 1.0)
    found["head"] = _padded(tensors["head"], width, 1.0 / scale)
    # A weight that became larger by s has a gradient smaller by s.
    momentum = tensors["muon/0"].view(depth, 4, old, old)
    found["muon/0"] = _matrices(momentum, torch.zeros_like(attention), 1.0 / scale).view(4 * depth, width, width)
    momentum = tensors["muon/1"].view(depth, 2, 4 * old, old)
    found["muon/1"] = _units(momentum, torch.zeros_like(mixing), 1.0 / scale).view(2 * depth, 4 * width, width)
    for number, by in ((0, 1.0), (1, scale)):
        found[f"adam/{number}/first"] = _padded(tensors[f"adam/{number}/first"], width, by)
        found[f"adam/{number}/second"] = _padded(tensors[f"adam/{number}/second"], width, by * by)
    assert found["embedding"].shape == (vocabulary, width)
    return found


def _matrices(old: Tensor, into: Tensor, scale: float) -> Tensor:
    """Attention, shape (L, qkvo, W out, W in): readers are divided by *scale*, the writer becomes larger by it."""
    width = old.shape[-1]
    into[:, READERS, :width, :width] = old[:, READERS] / scale
    into[:, WRITER, :width, :width] = old[:, WRITER] * scale
    return into


def _units(old: Tensor, into: Tensor, scale: float) -> Tensor:
    """Mixing, shape (L, up and down, 4W, W), likewise."""
    units, width = old.shape[-2:]
    into[:, 0, :units, :width] = old[:, 0] / scale
    into[:, 1, :units, :width] = old[:, 1] * scale
    return into


def _padded(old: Tensor, width: int, by: float) -> Tensor:
    """A table of rows, shape (V, W), with zeros for new channels."""
    return torch.nn.functional.pad(old * by, (0, width - old.shape[1]))


def _deeper(
    tensors: dict[str, Tensor], layers: tuple[int | None, ...], way: str, generator: torch.Generator
) -> dict[str, Tensor]:
    depth, width = len(layers), tensors["embedding"].shape[1]
    attention, mixing = _drawn(depth, width, generator)
    share = EMBEDDING_SHARE
    if way == "identity":  # what writes nothing and passes the stream on as it is
        attention[:, WRITER], mixing[:, 1], share = 0.0, 0.0, 0.0
    new = {
        "attention": attention,
        "mixing": mixing,
        "scalars": torch.tensor([1.0, share]).repeat(depth, 1),
        "muon/0": torch.zeros(depth, 4, width, width),
        "muon/1": torch.zeros(depth, 2, 4 * width, width),
        "adam/2/first": torch.zeros(depth, 2),
        "adam/2/second": torch.zeros(depth, 2),
    }
    old_depth = tensors["scalars"].shape[0]
    found = dict(tensors)
    for name, into in new.items():
        old = tensors[name].view(old_depth, *into.shape[1:])
        for layer, source in enumerate(layers):
            if source is not None:
                into[layer] = old[source]
        found[name] = into.view(-1, *tensors[name].shape[1:])
    return found


def _drawn(depth: int, width: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Attention and mixing of so many layers as a fresh model draws its readers."""
    bound = (3.0 / width) ** 0.5  # uniform with standard deviation 1 / sqrt(width)
    attention = torch.empty(depth, 4, width, width).uniform_(-bound, bound, generator=generator)
    mixing = torch.empty(depth, 2, 4 * width, width).uniform_(-bound, bound, generator=generator)
    return attention, mixing
