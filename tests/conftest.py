"""What tests of every room share: the toy runner, a sound spec to vary, golden files."""

import gc
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

HERE = Path(__file__).parent
ROOT = HERE.parent
PLUGIN = str(HERE / "plugin")
GOLDEN = HERE / "golden"

# The toy runner is a package of its own that is found the way any plug-in is, here and in worker processes.
sys.path[:0] = [PLUGIN, str(HERE)]
os.environ["PYTHONPATH"] = os.pathsep.join([PLUGIN, *filter(None, [os.environ.get("PYTHONPATH", "")])])

# What a shell starts in the background ignores SIGINT, and so would all that tests start from here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Studies of one machine see each other by locks in a folder that they share; those of the tests see only their own.
# Its name is short, for a browser keeps a socket there.
tempfile.gettempdir()  # remembered before the variable changes
SHARED = tempfile.TemporaryDirectory(prefix="p-", ignore_cleanup_errors=True)
os.environ["TMPDIR"] = SHARED.name

# Some 500,000 objects stand from the collection of the tests to their end, and none of them is rubbish: looking them
# through again and again was a tenth of what the tests compute.
gc.set_threshold(500_000, 20, 20)

# A busy machine says nothing of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

WAITING = (
    ("cli/test_executor.py", "executors/test_arrays.py", "executors/test_faults.py", "executors/test_outside.py",
     "executors/test_submit.py", "run/test_supervise.py"),
    ("driver/test_attempts_end.py", "executors/", "run/test_attend.py"),
)  # fmt: skip
"""Tests that wait for others far longer than they compute, in two lines that take about as long."""

_used: set[Path] = set()


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files from what is seen")
    parser.addoption("--slow", action="store_true", help="run what takes minutes too")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes; skipped without --slow")
    config.addinivalue_line("markers", "gpu: needs a CUDA device")


def pytest_collection_modifyitems(config, items):
    # Two workers have what waits, and the others compute meanwhile: each begins with a part of the tests in this order.
    lines, others = ([], []), []
    for item in items:
        name = item.nodeid.removeprefix("tests/")
        next((line for line, names in zip(lines, WAITING, strict=True) if name.startswith(names)), others).append(item)
    first, second = lines
    filled = max(0, len(items) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) - len(first))
    items[:] = [*first, *others[:filled], *second, *others[filled:]]
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow; run it with --slow"))


def pytest_collection_finish(session):
    gc.freeze()
    if session.config.option.collectonly:
        st.text().validate()  # hypothesis derives what UTF-8 can say, and keeps it for the workers that come next


@pytest.fixture
def golden(request):
    """Compare a text with a stored one; `--update-golden` stores it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        _used.add(path)
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {name}; make one with --update-golden and read it"
        assert path.read_text(encoding="utf-8") == text

    return compare


def pytest_sessionfinish(session, exitstatus):
    """Golden files that nobody reads fail a whole run; workers tell which ones they read."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["golden"] = sorted(map(str, _used))
        return
    option = session.config.option
    whole = session.config.args_source is not pytest.Config.ArgsSource.ARGS and not option.keyword
    unused = set(GOLDEN.rglob("*.*")) - _used
    if whole and unused and exitstatus == 0 and not option.collectonly:
        session.exitstatus = 1
        sys.stderr.write(f"\ngolden files that no test reads: {sorted(map(str, unused))}\n")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    """A worker has ended."""
    _used.update(map(Path, getattr(node, "workeroutput", {}).get("golden", ())))


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder of its own to run commands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
