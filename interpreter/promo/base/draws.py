"""
A seed to numbers that look drawn, and are the same everywhere: quarters of digests, and normal quantiles of these.

Passes may not ask for randomness; what they draw follows from a seed that is written down.
"""

from collections.abc import Iterator
from itertools import count
from statistics import NormalDist

from promo.base.canonical import digest_bytes


def numbers(seed: int) -> Iterator[int]:
    """Whole numbers of 64 bits that follow from a seed: the quarters of SHA-256 over "SEED/0", "SEED/1" and so on."""
    for place in count():
        digest = digest_bytes(f"{seed}/{place}".encode())
        yield from (int(digest[start : start + 16], 16) for start in range(0, 64, 16))


def normals(seed: int) -> Iterator[float]:
    """Standard normal numbers: the quantile of each of `numbers`, as a share of all that there are."""
    quantile = NormalDist().inv_cdf
    return (quantile((one // 2048 + 0.5) / 2**53) for one in numbers(seed))
