"""
Random kills of the real program: `python tests/bench/kills.py [KILLS]`.

Studies of six toy runs, each run by a fresh process behind a supervisor, are started and ended by signal 9 at a random
moment, again and again until they come to their end.  After every kill the ledger is read; after every study its
decisions are held to those of one that nobody disturbed, and `promo verify` goes over it.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "plugin")]
os.environ["PYTHONPATH"] = str(HERE / "plugin")

from promo.cli.main import main
from promo.driver.study import StudyFolder
from promo.ledger.state import AttemptState, StudyState
from support import promoted_and_answers, trivial


def started(spec: str, folder: str) -> int:
    """`promo run` in a process of its own, forked from this one, which has imported everything."""
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os._exit(main(["run", spec, "--quiet", "--study", folder]))
    return child


def accepted(folder: StudyFolder) -> dict[str, str]:
    """Run -> envelope, of what the ledger has acknowledged."""
    if not folder.exists:
        return {}
    state = folder.state()
    return {run: one.envelope for run in state.attempts if (one := state.accepted(run)) is not None}


def measured(kills: int) -> None:
    main(["run", "trial.promo", "--quiet", "--study", "first"])  # imports everything
    began = time.perf_counter()
    main(["run", "trial.promo", "--quiet", "--study", "whole"])
    whole_s = time.perf_counter() - began
    expected = promoted_and_answers(StudyFolder(Path("whole")).state())
    done = studies = lost = doubled = different = unsound = again = 0
    while done < kills:
        folder = StudyFolder(Path(f"study-{studies}"))
        studies += 1
        while True:
            had = accepted(folder)
            child = started("trial.promo", str(folder.path))
            patience = random.uniform(0.0, whole_s / 2 if done < kills else 600.0)
            until = time.monotonic() + patience
            ended = 0
            while not ended and time.monotonic() < until:
                ended, status = os.waitpid(child, os.WNOHANG)
                time.sleep(0.002)
            if ended:
                assert os.waitstatus_to_exitcode(status) == 0
                break
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            done += 1
            now = accepted(folder)
            lost += sum(now.get(run) != envelope for run, envelope in had.items())
        state = folder.state()
        ok = [sum(one.state is AttemptState.ACCEPTED for one in tried) for tried in state.attempts.values()]
        doubled += sum(count != 1 for count in ok)
        again += sum(len(tried) - 1 for tried in state.attempts.values())
        different += promoted_and_answers(state) != expected or state.study is not StudyState.CLOSED
        unsound += main(["verify", str(folder.path)]) != 3
        shutil.rmtree(folder.path)
        if studies % 20 == 0:
            print(
                f"... {done} kills: {lost} lost, {doubled} doubled, {different} different", file=sys.stderr, flush=True
            )
    print(
        f"{done} kills in {studies} studies: {lost} acknowledged results lost, {doubled} not counted once, "
        f"{different} studies with other decisions, {unsound} not verified; {again} runs carried out again",
        file=sys.stderr,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="promo-kills-") as place:
        os.chdir(place)
        Path("trial.promo").write_text(trivial("local"), encoding="utf-8")
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        measured(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
