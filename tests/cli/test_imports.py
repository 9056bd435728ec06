"""What each process of promo imports: counted, for start-up is what a short command and a short run cost."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SPECS = Path(__file__).parents[2] / "specs"
SPEC = SPECS / "staged_promotion.promo"
PLAIN = SPECS / "quickstart.promo"
"""Without designs and growth."""
COMMAND = "from promo.cli.main import main; sys.stdout = sys.stderr; main({words!r})"
SAY = "; new = sorted({*sys.modules} - before); import json; print(json.dumps(new), file=sys.__stdout__)"

AT_MOST = {
    "version": 2, "check": 83, "check plain": 80, "plan": 96, "fmt": 22, "supervisor": 13, "worker": 31, "attend": 30,
}  # fmt: skip
"""Process -> modules of promo that it may import, which is what it does; one more is a decision of somebody's."""
HEAVY = {"dataclasses", "lark", "rich", "jinja2", "tabulate", "numpy", "torch", "asyncio"}
"""What none of them needs."""
ALSO = {
    "version": {"attr", "attrs", "inspect", "typing", "re", "pathlib", "argparse", "json"},
    "fmt": {"hashlib", "subprocess", "socket"},
    "check": {"hashlib", "subprocess", "socket", "attr", "attrs", "inspect"},
    "check plain": {"hashlib", "subprocess", "socket", "attr", "attrs", "inspect", "importlib.util"},
    "plan": {"hashlib", "attr", "attrs", "inspect"},
    "supervisor": {
        "attr",
        "attrs",
        "inspect",
        "hashlib",
        "socket",
        "fractions",
        "decimal",
        "platform",
        "shutil",
        "psutil",
    },
    "worker": {"attr", "attrs", "inspect", "socket", "subprocess", "shutil", "psutil"},
    "attend": {"attr", "attrs", "inspect", "hashlib", "socket", "subprocess", "shutil", "psutil", "platform"},
}
"""Process -> what it does not need besides."""


def code(process):
    match process:
        case "version":
            return "sys.argv = ['promo', '--version']; sys.stdout = sys.stderr; import promo.__main__ as m; m.entry()"
        case "check" | "plan":
            return COMMAND.format(words=[process, str(SPEC)])
        case "check plain":
            return COMMAND.format(words=["check", str(PLAIN)])
        case "fmt":
            return COMMAND.format(words=["fmt", "--check", str(SPEC)])
        case "supervisor":
            return "import promo.run.supervise"
        case "worker":
            return "import promo.run.worker"
        case "attend":
            return "import promo.run.attend"
    raise AssertionError(process)


def imported(process):
    words = [sys.executable, "-c", f"import sys; before = {{*sys.modules}}; {code(process)}{SAY}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("process", AT_MOST)
def test_a_process_imports_what_it_needs_and_no_more(process):
    modules = imported(process)
    own = {name for name in modules if name.partition(".")[0] == "promo"}

    assert modules & (HEAVY | ALSO.get(process, set())) == set()
    assert 0 < len(own) <= AT_MOST[process], sorted(own)


@pytest.mark.parametrize("module", ["promo.cli.live", "promo.cli.status", "promo.driver.report"])
def test_who_follows_a_study_without_a_terminal_and_writes_its_report_imports_what_that_takes(module):
    words = [sys.executable, "-c", f"import sys; before = {{*sys.modules}}; import {module}{SAY}"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)

    assert module in json.loads(done.stdout)
    assert {*json.loads(done.stdout)} & {"attr", "attrs", "jinja2", "rich", "tabulate"} == set()
