"""What training leaves behind in the process must not reach other tests."""

import pytest


@pytest.fixture(autouse=True)
def denormals_stay_numbers():
    """A training process flushes denormal floats to zero; a test process has to forget that."""
    yield
    torch = pytest.importorskip("torch")
    torch.set_flush_denormal(False)
