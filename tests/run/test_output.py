"""What is kept of what a run prints: its beginning and its end, whatever it prints, in little memory."""

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from promo.run.output import Output


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=700), max_size=30), st.integers(50, 400))
def test_a_part_that_is_left_out_is_said_and_the_rest_is_what_was_printed(tmp_path_factory, parts, most):
    path = tmp_path_factory.mktemp("output") / "log.txt"
    output, printed = Output(path, most), b""
    for part in parts:
        output.write(part)
        printed += part
        assert path.stat().st_size <= 4 * (most // 2) + 700
    output.close()
    kept, half = path.read_bytes(), most // 2

    if len(printed) <= 2 * half:
        assert kept == printed
    else:
        said = f"\n[promo left out {len(printed) - 2 * half} bytes here]\n".encode()
        assert kept == printed[:half] + said + printed[len(printed) - half :]


def test_what_looks_like_a_key_is_made_unreadable_when_it_ends(tmp_path):
    output = Output(tmp_path / "log.txt", 1000)
    output.write(b"token: ghp_CanaryCanary")
    output.write(b"Canary1234\n")
    output.close()

    assert b"Canary" not in (tmp_path / "log.txt").read_bytes()


LOUD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000))
from pathlib import Path
from promo.run.output import Output
output = Output(Path(sys.argv[1]), 100_000)
for number in range(2_000):
    output.write(b"x" * 499_999 + b"\\n")
output.close()
print(Path(sys.argv[1]).stat().st_size)
"""


def test_a_gigabyte_takes_no_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LOUD, tmp_path / "log.txt"], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) < 100_100
