"""Hostile input: nothing but diagnostics comes out, in time that grows with the text and no faster."""

import time
import tracemalloc
from pathlib import Path

import pytest

from promo.base.errors import SpecError
from promo.driver.pipeline import compile_source
from promo.files import decode_source
from promo.syntax.format import format_text
from promo.syntax.parse import parse
from support import named

KINDS = {
    "many lines": lambda n: b"promo 1\n" + b"".join(b"let v%d = %d + 1\n" % (k, k) for k in range(n // 16)),
    "many faults": lambda n: b"promo 1\n" + b"stage {\n  keep top top\n" * (n // 24),
    "one long line": lambda n: b"promo 1\nlet a = " + b"1 + " * (n // 4) + b"1\n",
    "one long word": lambda n: b"promo 1\nlet a = " + b"x" * n + b"\n",
    "one long string": lambda n: b'promo 1\nstudy a {\n  title "' + b"x" * n + b'"\n}\n',
    "a string without an end": lambda n: b'promo 1\nstudy a {\n  title "' + b'\\"' * (n // 2) + b"\n}\n",
    "NUL": lambda n: b"promo 1\n" + b"\0" * n,
    "lone surrogates": lambda n: b"promo 1\n" + b"\xed\xa0\x80" * (n // 3),
    "brackets": lambda n: b"promo 1\nlet a = " + b"[" * n,
    "parentheses": lambda n: b"promo 1\nlet a = " + b"(" * (n // 2) + b"1" + b")" * (n // 2) + b"\n",
    "braces": lambda n: b"promo 1\n" + b"host a {\n" * (n // 9),
    "comments": lambda n: b"promo 1\n" + b"# so\n" * (n // 5),
    "empty lines": lambda n: b"promo 1" + b"\n" * n,
}


def read(data: bytes) -> tuple[float, int]:
    """Processor seconds of everything a reading command does, and how many faults it tells of."""
    began = time.process_time()
    try:
        source = decode_source("hostile.promo", data)
    except SpecError as fault:
        return time.process_time() - began, len(fault.diagnostics)
    found = compile_source(source, Path("nowhere"), None).diagnostics
    format_text(source)
    return time.process_time() - began, len(found)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_ten_times_the_text_takes_about_ten_times_as_long(kind):
    small, data = min(read(kind(20_000)) for _ in range(3)), kind(200_000)
    most_s = 30 * max(small[0], 0.02)

    assert small[1] > 0
    assert any(read(data)[0] < most_s for _ in range(3))  # the least of three; a busy machine is slower now and then


def test_a_line_of_two_megabytes_is_read():
    seconds, found = read(KINDS["one long line"](2_000_000))

    assert found > 0
    assert seconds < 60


def test_a_hundred_thousand_lines_are_read_to_the_end():
    source = decode_source("x", KINDS["many lines"](1_600_000))

    assert len(parse(source).tree.declarations) == 100_000


@pytest.mark.slow
def test_a_hundred_thousand_lines_are_checked_and_laid_out_in_seconds():
    data = b"promo 1\n\n" + b"\n".join(b"let v%d = %d + 1" % (k, k) for k in range(100_000)) + b"\n"
    seconds, found = read(data)

    assert found == 1  # there is no study
    assert seconds < 60
    assert format_text(decode_source("x", data)) == data.decode()


CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_what_fuzzing_found_goes_through_every_pass():
    for path in CORPUS:
        with named(path.name):
            assert read(path.read_bytes())[1] >= 0


@pytest.mark.parametrize("kind", ["many lines", "many faults", "one long line", "a string without an end"])
def test_ten_times_the_text_takes_about_ten_times_the_memory(kind):
    peaks = []
    for size in (5_000, 50_000):
        data = KINDS[kind](size)
        tracemalloc.start()
        read(data)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 20 * peaks[0]
