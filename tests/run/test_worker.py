"""How a worker, and each further process of a run, imports its trainer."""

import os
import subprocess
import sys

import pytest

from made import request
from promo.base.canonical import canonical
from promo.base.codec import to_json
from promo.run.store import POINTS, REQUEST

TRAINER = """import gc
from promo.run.contract import Outcome
from promo.run.values import RunStatus

BEFORE = gc.isenabled()


def train(request, recorder):
    print(BEFORE, gc.get_freeze_count() > 1000, gc.isenabled(), flush=True)
    return Outcome(RunStatus.OK, {"loss": 1.0})
"""


@pytest.mark.parametrize("module", ["worker", "rank"])
def test_nobody_looks_for_garbage_in_what_is_imported_and_everybody_in_what_is_made(tmp_path, module):
    (tmp_path / "looking.py").write_text(TRAINER, encoding="utf-8")
    folder = tmp_path / "study" / "runs" / "short" / "base-box-s1" / "attempt-1"
    folder.mkdir(parents=True)
    (folder / REQUEST).write_bytes(canonical(to_json(request(trainer="looking:train"))))
    code = f"import pathlib, sys; from promo.run.{module} import main; sys.exit(main(pathlib.Path(sys.argv[1])))"
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
    words = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "False True True\n"), done.stderr
    assert (folder / POINTS).exists() is (module == "worker")
