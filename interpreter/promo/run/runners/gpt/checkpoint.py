"""
The whole state of a training run, in files: tensors as safetensors, everything else as canonical JSON.

Nothing is pickled.  The JSON names the tensor file and its digest, and is moved into place last, so that a state is
either whole or not there.  What is left out of it is rebuilt from the request: the model's shape, the rotary tables,
the text.
"""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.classes import frozen
from promo.base.codec import from_json, to_json
from promo.base.fields import Count, Digest, Form, Large, Measured
from promo.base.reading import LARGE, RECORD, read_plain
from promo.ledger.values import Base64
from promo.run.disk import DISK
from promo.run.store import CHECKPOINT
from promo.run.values import Point, Segment


@frozen
class Spent:
    """What the clock of a run had counted."""

    wall_s: Measured
    cpu_s: Measured
    free_s: Measured
    before: Measured
    earlier: Measured
    earlier_s: Measured
    steps: Count
    tokens: Large
    ended: tuple[Segment, ...]
    """What was done in each shape that is left behind: as many as changes were made."""


@frozen
class State:
    """Everything of a training run but its tensors."""

    run: str
    optimizer_steps: Count
    draws: Base64
    """Where the generator of rows stands."""
    clock: Spent
    points: tuple[Point, ...]
    trunk: Digest | None
    """Digest of the state kept at the end of the trunk, if the run has come there."""


@frozen
class _Kept:
    FORM: ClassVar = ("promo_checkpoint", 2)

    tensors: Annotated[str, Form("name of a file of tensors", r"[a-z]{1,20}-[0-9a-f]{16}\.safetensors")]
    digest: Digest
    state: State


class CheckpointError(RuntimeError):
    """A kept state that is not whole, or is not the one that was recorded."""


def save(folder: Path, tensors: Mapping[str, Tensor], state: State, file: str = CHECKPOINT) -> str:
    """
    Keep a state.

    Args:
        folder: of the attempt.
        tensors: by name, on any device.
        state: everything else.
        file: what the state is called; an earlier one of that name is replaced.

    Returns:
        Digest of the state, 64 hex digits; it vouches for the tensors too.
    """
    from safetensors.torch import save as to_bytes

    content = to_bytes({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    digest = digest_bytes(content)
    kind = file.removesuffix(".json")
    name = f"{kind}-{digest[:16]}.safetensors"
    DISK.write(folder / name, content)
    written = canonical(to_json(_Kept(name, digest, state)))
    DISK.write(folder / file, written)
    for other in folder.glob(f"{kind}-*.safetensors"):
        if other.name != name:
            other.unlink()
    return digest_bytes(written)


def load(folder: Path, expected: str, file: str = CHECKPOINT) -> tuple[dict[str, Tensor], State]:
    """
    A kept state.

    Args:
        folder: of the attempt that kept it.
        expected: digest of the state, as recorded.
        file: what the state is called.

    Returns:
        Tensors by name, on the processor, and everything else.

    Raises:
        CheckpointError: a file is missing or changed.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    try:
        written = read_plain(folder / file, RECORD)
        kept = from_json(_Kept, parse_json(written))
        content = read_plain(folder / kept.tensors, 4 * LARGE)
    except OSError as fault:  # without where it lay, which is nobody's business
        raise CheckpointError(
            f"the state in {folder.name} cannot be read: {fault.strerror or type(fault).__name__}"
        ) from fault
    except ValueError as fault:
        raise CheckpointError(f"the state in {folder.name} cannot be read: {fault}") from fault
    if digest_bytes(written) != expected or digest_bytes(content) != kept.digest:
        raise CheckpointError(f"the state in {folder.name} is not the one that was recorded")
    try:
        return from_bytes(content), kept.state
    except SafetensorError as fault:
        raise CheckpointError(f"the tensors in {folder.name} are no safetensors: {fault}") from fault


def generator_text(state: Tensor) -> str:
    """A generator's state as text."""
    return base64.b64encode(bytes(state.tolist())).decode()


def set_generator(generator: torch.Generator, text: str) -> None:
    """Put a generator into a kept state."""
    generator.set_state(torch.tensor(list(base64.b64decode(text)), dtype=torch.uint8))
