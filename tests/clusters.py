"""
What tests of executors share: a study whose runs pause, and what its ledger says of their attempts.

promo is imported where it is needed, so that whoever asks what a machine lacks for a cluster need not have it.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CODE = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
TRAINER = """
import os
import socket
import time
from pathlib import Path

from promo.run.function import runner


def meet(rank, count):
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if rank == 0:
        with socket.create_server(("", place[1])) as server:
            others = [server.accept()[0] for _ in range(count - 1)]
            assert sorted(int(one.recv(10)) for one in others) == list(range(1, count))
        return
    for _ in range(1000):
        try:
            with socket.create_connection(place) as first:
                first.sendall(b"%d" % rank)
                return
        except ConnectionRefusedError:
            time.sleep(0.02)


@runner(
    metrics={"loss": {"unit": "pt", "better": "lower"}},
    factors={
        "quality": {"unit": "points", "default": 1, "low": 0, "high": 9},
        "pause": {"unit": "points", "default": 0, "low": 0, "high": 600},
    },
)
def train(quality, pause, request, record):
    print(f"clock {time.time():.3f} is what this node takes it for", flush=True)
    if request.attempt == 1 and request.run.stage == "short" and pause:
        Path("../checkpoint.json").write_text('{"kept": 1}')
        until = time.monotonic() + float(pause)
        while time.monotonic() < until:
            time.sleep(0.05)
        Path("../checkpoint.json").unlink()
    if "RANK" in os.environ:
        meet(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
        Path(f"node-{os.environ['NODE_RANK']}-{os.environ['LOCAL_RANK']}-of-{os.environ['WORLD_SIZE']}").touch()
    with record.training():
        time.sleep(0.2)
    return float(quality)
"""
SPEC = """promo 1

study trial {{
  title    "A trial on a cluster"
  measure  loss in pt, lower is better
  runner   "train.py"
}}

host node {{
  device   "cpu" on any
  slots    {slots}
{wide}  executor {executor}
{options}}}

factor quality: points in 0..9 default 1
factor pause: points in 0..600 default 0

candidate base as reference
candidate good like base {{
  quality = 0
  pause = {pause}
}}
candidate poor like base {{
  quality = 5
}}

cohort three {{
  members  base, good, poor
}}

stage short {{
  train    three for 1s
  tolerance 90%
  on       node
  seeds    1
}}

stage long {{
  after    pick
  train    promoted for 1s
  tolerance 90%
  on       node
{later}  seeds    2
  report   only
}}

frozen gate pick {{
  from     short to long
  rank     by mean loss over host, seed
  keep     top 1
  missing  drop
  crash    as missing
  ties     by name
}}
"""


def write_study(folder, executor, *, pause=0, slots=2, wide="", later="", **options):
    """A frozen spec and its runner; what is written of it."""
    (folder / "train.py").write_text(TRAINER, encoding="utf-8")
    lines = "".join(f"  option {name} = {value}\n" for name, value in options.items())
    text = SPEC.format(executor=executor, pause=pause, slots=slots, wide=wide, later=later, options=lines)
    (folder / "trial.promo").write_text(text, encoding="utf-8")
    command("check", "--fix", "trial.promo", folder=folder)  # which pins the runner
    code, said = command("freeze", "trial.promo", folder=folder)
    assert code == 0, said
    return folder / "trial.study"


def process(*words, folder):
    """A command under way."""
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


def command(*words, folder):
    """A command from start to end, in this process: its exit status and what it printed."""
    from promo.cli.main import main

    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = main([*map(str, words)])
    return status, said.getvalue()


def state(study):
    """What a study's ledger adds up to; nothing where it has none yet."""
    from promo.ledger.chain import decode
    from promo.ledger.state import state_of

    ledger = study / "ledger.jsonl"
    return state_of(decode(ledger.read_bytes()).events if ledger.exists() else ())


def attempts(study, candidate="good", stage="short"):
    return [one for one in state(study).every_attempt(stage) if one.candidate == candidate]


def endings(study, candidate="good", stage="short"):
    """How each attempt of a candidate ended, in order."""
    return [one.loss.value if one.loss else one.ending for one in attempts(study, candidate, stage)]


def sound(study):
    """Whether both verifiers find nothing that differs, and the gate chose whom it has to."""
    assert state(study).promoted("pick") == ("good",)
    code, said = command("verify", study, folder=study.parent)
    assert code == 3, said
    return bool(rechecked(study))


def rechecked(study):
    """What the second verifier says of a study that it finds nothing wrong with."""
    import support

    done = support.rechecked(study)
    assert done.returncode == 3, done.stdout
    return done.stdout


def request(study, attempt):
    return json.loads((study / attempt.folder / "request.json").read_text(encoding="utf-8"))


def ran(place, ends=0):
    """What a study that was run to such an end said, by a process of its own."""
    promo = process("run", "trial.promo", folder=place)
    said = promo.communicate(timeout=120)[0]
    assert promo.returncode == ends, said
    return said
