"""What is known of a device: how fast it is at most, how many rows of a model fit into it, and what else it does."""

from collections.abc import Mapping

import torch

from promo.base.canonical import Json
from promo.run.provenance import busy_seconds, device_facts
from promo.run.runners.gpt.declare import fixed_bytes, row_bytes
from promo.run.runners.gpt.settings import Settings

PEAKS = (
    ("H200 NVL", 836e12),
    ("H200", 989e12),
    ("H100 PCIE", 756e12),
    ("H100", 989e12),
    ("A100", 312e12),
    ("L40S", 362e12),
    ("L4", 121e12),
    ("4090", 165.2e12),
    ("5090", 209.5e12),
    ("3090", 71e12),
)
"""Part of a device's name -> dense bf16 operations a second, the more special names first.  Source: data sheets."""


def peak_flops(device: str) -> float | None:
    """Dense bf16 peak of a device in operations a second; None for one that is not in the table."""
    name = device.upper()
    return next((peak for part, peak in PEAKS if part in name), None)


def rows_that_fit(settings: Settings, free_bytes: int) -> int:
    """Rows at once for which the declared formulas leave a fifth of the free memory unused; at least one."""
    depth, width, vocabulary = settings.depth, settings.width, settings.vocabulary
    left = free_bytes * 4 // 5 - fixed_bytes(depth, width, vocabulary)
    return max(left // row_bytes(depth, width, settings.context, vocabulary), 1)


def next_divisor(rows: int, below: int) -> int:
    """The largest divisor of *rows* that is smaller than *below*."""
    return max(count for count in range(1, below) if rows % count == 0)


def utilisation(flops_per_s: float) -> str | None:
    """Share of a CUDA device's dense bf16 peak that so many operations a second are; None where it is not known."""
    peak = peak_flops(torch.cuda.get_device_properties(torch.cuda.current_device()).name)
    return None if peak is None else f"{flops_per_s / peak:.4f}"


def described(device: torch.device, compute: torch.dtype) -> Mapping[str, Json]:
    """What trained, for the record; *compute* is the type of its matrix products."""
    known: dict[str, Json] = {
        "kind": device.type,
        "threads": torch.get_num_threads(),
        "compute": str(compute).removeprefix("torch."),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        known |= {
            "name": properties.name,
            "memory_bytes": int(properties.total_memory),
            "capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
            **device_facts(),
            "compiled": True,
        }
    return known


def contention(busy_before: float | None, own_cpu_s: float, elapsed_s: float) -> str | None:
    """Processor cores that everything else on the machine kept busy while this run trained, on average."""
    busy_after = busy_seconds()
    if busy_before is None or busy_after is None or elapsed_s <= 0:
        return None
    return f"{max(busy_after - busy_before - own_cpu_s, 0.0) / elapsed_s:.3f}"
