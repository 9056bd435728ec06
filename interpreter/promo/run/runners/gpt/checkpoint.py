"""
The whole state of a training run, in files: tensors as safetensors, everything else as canonical JSON.

Nothing is pickled.  The JSON names the tensor file and its digest, and is moved into place last, so that a state is
either whole or not there.  What is left out of it is rebuilt from the request: the model's shape, the rotary tables,
the text.
"""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from promo.base.canonical import Json, canonical, digest_bytes, parse_json
from promo.base.reading import LARGE, RECORD, read_plain
from promo.run.disk import DISK
from promo.run.store import CHECKPOINT

FORM = 1


class CheckpointError(RuntimeError):
    """A kept state that is not whole, or is not the one that was recorded."""


def save(folder: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Json], file: str = CHECKPOINT) -> str:
    """
    Keep a state.

    Args:
        folder: of the attempt.
        tensors: by name, on any device.
        state: everything else; no floats, so that the bytes are canonical.
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
    written = canonical({"promo_checkpoint": FORM, "tensors": name, "digest": digest, "state": state})
    DISK.write(folder / file, written)
    for other in folder.glob(f"{kind}-*.safetensors"):
        if other.name != name:
            other.unlink()
    return digest_bytes(written)


def load(folder: Path, expected: str, file: str = CHECKPOINT) -> tuple[dict[str, Tensor], dict[str, Any]]:
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
        stored = parse_json(written)
        assert isinstance(stored, dict)
        content = read_plain(folder / str(stored["tensors"]), 4 * LARGE)
    except (OSError, ValueError, KeyError, AssertionError) as fault:
        raise CheckpointError(f"the state in {folder.name} cannot be read: {fault}") from fault
    if digest_bytes(written) != expected or digest_bytes(content) != stored["digest"]:
        raise CheckpointError(f"the state in {folder.name} is not the one that was recorded")
    state = stored["state"]
    assert isinstance(state, dict)
    try:
        return from_bytes(content), state
    except SafetensorError as fault:
        raise CheckpointError(f"the tensors in {folder.name} are no safetensors: {fault}") from fault


def generator_text(state: Tensor) -> str:
    """A generator's state as text."""
    return base64.b64encode(bytes(state.tolist())).decode()


def set_generator(generator: torch.Generator, text: str) -> None:
    """Put a generator into a kept state."""
    generator.set_state(torch.tensor(list(base64.b64decode(text)), dtype=torch.uint8))
