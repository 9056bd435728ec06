"""What is known of a device: how fast it is at most, and how many rows of a model fit into its memory."""

from collections.abc import Mapping
from typing import Any

from promo.run.runners.gpt.declare import fixed_bytes, row_bytes

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


def rows_that_fit(settings: Mapping[str, Any], free_bytes: int) -> int:
    """Rows at once for which the declared formulas leave a fifth of the free memory unused; at least one."""
    depth, width, vocabulary = (int(settings[name]) for name in ("depth", "width", "vocabulary"))
    left = free_bytes * 4 // 5 - fixed_bytes(depth, width, vocabulary)
    return max(left // row_bytes(depth, width, int(settings["context"]), vocabulary), 1)


def next_divisor(rows: int, below: int) -> int:
    """The largest divisor of *rows* that is smaller than *below*."""
    return max(count for count in range(1, below) if rows % count == 0)
