"""The fuzzing harness, for long enough to see that it runs and that nothing shallow is broken."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
@pytest.mark.parametrize("seconds", [4, pytest.param(90, marks=pytest.mark.slow)])
def test_fuzzing_finds_nothing(seconds, tmp_path):
    harness = Path(__file__).with_name("fuzz.py")
    words = [sys.executable, harness, f"-max_total_time={seconds}", "-seed=1", f"-artifact_prefix={tmp_path}/"]

    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, check=False)

    assert (done.returncode, list(tmp_path.iterdir())) == (0, []), done.stderr[-4000:]
    assert "Done " in done.stderr
