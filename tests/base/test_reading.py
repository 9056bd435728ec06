"""Files that somebody else may have put there are read in memory that grows with what is in them."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from promo.base.reading import PIECE, NotPlainError, read_bounded, read_plain

FEW = 4 * PIECE
"""Bytes of memory that reading a few bytes may take."""


def test_a_small_file_takes_no_memory_for_the_largest_that_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "few"
    file.write_bytes(b"ten bytes.")
    tracemalloc.start()
    try:
        content = read_plain(file, 2**30)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert content == b"ten bytes."
    assert most < FEW


def test_a_small_packed_file_takes_no_memory_for_the_largest_that_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "few.gz"
    file.write_bytes(gzip.compress(b"ten bytes."))
    tracemalloc.start()
    try:
        with gzip.open(file) as packed:
            content = read_bounded(packed, 2**30)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert content == b"ten bytes."
    assert most < FEW


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_a_file_is_read_whole_up_to_its_bound(tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))

    assert read_plain(file, size) == file.read_bytes()


def test_a_file_that_says_nothing_of_its_size_is_held_to_the_bound(tmp_path: Path) -> None:
    about = Path("/proc/self/status")
    if not about.exists():
        pytest.skip("there is no file of the kind here")

    assert b"Name:" in read_plain(about, 2**20)
    with pytest.raises(NotPlainError, match="larger than 10 bytes"):
        read_plain(about, 10)
