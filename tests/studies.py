"""
Real studies for tests of whoever reads a study folder: each is made by commands alone, most with the toy runner.

`STUDIES` leads from a name to the function that makes the study in the working folder, and to the exit code that a
verifier without keys gives it.  All but one take about a second, and `made` makes each once for all tests.
"""

import contextlib
import fcntl
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import INLINE, SOUND, TWO_MODELS, crashed, promo, recorded, spec

SSH = shutil.which("ssh-keygen")
FOLDER = Path("trial.study")
WHY = ("--by", "Ada", "--reason", "two are cheap enough")


def command(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def run(text, *more, code=0):
    """Write a spec into the working folder and carry it out."""
    Path("trial.promo").write_text(text, encoding="utf-8")
    found = promo("run", "trial.promo", "--quiet", *more)
    assert found == code, (found, code)


UNREAD = (
    'candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}',
    "factor size: units in 1..64 step 1 default 8",
    "factor ratio: units in [1, 4] default 1",
)
"""Parts of the sound spec that nothing reads where its stage `aside` is left out."""


def small(**parts):
    """The sound spec, without what nobody reads."""
    text = spec("use", **{"host": INLINE, **parts})
    for unread in UNREAD:
        text = text.replace(unread, "")
    return text


def behaving(name, behaviour):
    """The candidates of the sound spec, one of which behaves in some way."""
    said = next(line for line in SOUND["candidate"].splitlines() if f" {name} " in line)
    return SOUND["candidate"].replace(said, said.replace(" }", f'\n  behaviour = "{behaviour}"\n}}'))


def plain():
    """Two stages, a gate, a rule, and a stage that nobody reads."""
    run(spec(host=INLINE))


def anchored():
    """Vouched for before it began, and with seeds that were drawn."""
    study = SOUND["study"].replace("runner toy", "runner toy\n  anchor required\n  draw seeds from receipt")
    run(spec(host=INLINE, study=study), "--freeze-only")
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "w", "-f", "witness")
    command("ssh-keygen", "-q", "-Y", "sign", "-n", "promo-checkpoint", "-f", "witness", "trial.study/anchors/1.note")
    assert promo("anchor", "trial.promo", "trial.study/anchors/1.note.sig", "--key", "witness.pub") == 0
    assert promo("run", "trial.promo", "--quiet") == 0


def published():
    """Seeds drawn from a value that was published after the freeze."""
    study = SOUND["study"].replace("runner toy", 'runner toy\n  draw seeds from "the weather of tomorrow"')
    run(spec(host=INLINE, study=study), "--freeze-only")
    assert promo("anchor", "trial.promo", "--value", "fog") == 0
    assert promo("run", "trial.promo", "--quiet") == 0


def held():
    """A rule waits for a person."""
    rule = SOUND["rule"].replace("  absent skip", "  absent skip\n  else hold").replace("at most 0.5pt", "at most -5pt")
    run(spec(host=INLINE, rule=rule), code=5)


def decided():
    """A gate asked a person, who let two go on."""
    gate = SOUND["gate"].replace("  ties", "  demand mean loss at most 0pt else hold\n  ties")
    run(spec(host=INLINE, gate=gate), code=5)
    assert promo("decide", "trial.promo", "pick", "--promote", "base,good", *WHY) == 0
    assert promo("run", "trial.promo", "--quiet") == 0


def failing():
    """A candidate has no number: it is run again, and dropped."""
    run(spec(host=INLINE, candidate=behaving("good", "nan")))


def killed():
    """Real processes, of which one candidate's are killed."""
    run(small(host=SOUND["host"], candidate=behaving("good", "kill")))


def spending():
    """Runs that miss their budget are made again until the study's budget is used up; a larger one ends the study."""
    study = SOUND["study"].replace("runner toy", "runner toy\n  budget 0.005cpu_h\n  attempts 3")
    short = SOUND["stage short"].replace("seeds", "allowance 1min\n  tolerance 2%\n  seeds")
    run(spec(host=INLINE, study=study, stage_short=short, candidate=behaving("good", "worse")), code=7)
    assert promo("run", "trial.promo", "--quiet") == 7  # and no more starts until somebody says so
    assert promo("amend", "trial.promo", "--budget", "20s", *WHY) == 0
    assert promo("run", "trial.promo", "--quiet") == 0


def paying():
    """As `spending`, with two devices a run and by money; the longest run at `long` no longer fits."""
    study = SOUND["study"].replace("runner toy", "runner toy\n  budget 3.119usd\n  budget 1cpu_h")
    host = INLINE.replace("slots 2", "slots 2\n  devices 2\n  price 36usd\n  spot 18usd until 9999-12-31")
    run(spec(host=host, study=study, candidate=behaving("good", "worse")), code=7)
    assert promo("amend", "trial.promo", "--budget", "5usd", *WHY) == 0
    assert promo("run", "trial.promo", "--quiet") == 0


def stopped():
    """A candidate has no number, and the gate says stop."""
    gate = SOUND["gate"].replace("then drop", "then stop")
    run(spec(host=INLINE, candidate=behaving("good", "nan"), gate=gate), code=4)


def rerun():
    """A candidate fails once in each cell and is sound the second time; another one fails always."""
    rule = SOUND["rule"].replace("missing stop", "missing rerun 1, then stop")
    text = spec(host=INLINE, candidate=behaving("good", "once"), rule=rule)
    run(text.replace("candidate fair like base { quality = 3 }", 'candidate fair like base {\n  behaviour = "oom"\n}'))


def guarded():
    """A guard sets slow runs aside, which are run once more; another guard looks at seconds."""
    gate = SOUND["gate"].replace(
        "  missing",
        "  guard throughput within 30% of host, rerun 1, then drop\n  guard train at most 60s, drop\n  missing",
    )
    run(spec(host=INLINE, gate=gate, candidate=behaving("fair", "slow")))


def rich():
    """Gates and rules of many kinds: shares, margins, tests, samples, demands, agreement of hosts and of stages."""
    hosts = INLINE + "\n\n" + INLINE.replace("host box", "host den")
    gate = """frozen gate pick {
  from short to long
  rank by median loss over host, seed
  keep best 50% per host or mean gap to leader at most 0.25pt
  allow 0.01pt
  always base
  demand rank agreement of box, den at least 0.2 else keep top 3
  demand mean loss at most 9pt else stop
  sample 1 dropped seed 9
  missing rerun 1, then hold
  crash rerun 1, then worst
  ties by parameters, name
}"""
    rules = "\n\n".join(
        f"frozen rule {name} {{\n  judge good against base at long\n  require {asked}\n  missing skip\n  crash hold\n"
        f"  absent skip\n}}"
        for name, asked in {
            "close": "mean gap at most 0.5pt at 95% over cells",
            "by_signs": "mean gain at least 0.5pt at 60% over cells by sign_flip",
            "by_ranks": "median gain at least 0.5pt at 60% over cells by wilcoxon and not every gap at most -5pt",
            "by_sigma": "mean gain at least 0.5pt at 95% over cells with sigma 0.1pt",
            "alike": "equivalent within 2pt at 95% over cells",
            "ahead": "first in every cell or worst gap within 9pt",
            "stable": "rank agreement of short, long at least 0.5",
        }.items()
    )
    run(small(host=hosts, gate=gate, rule=rules).replace("on box", "on box, den"))


def continued():
    """A stage carries runs on, and another one those."""
    run("\n".join((
        "promo 1", SOUND["study"], INLINE, "factor quality: points in -100..100 default 0",
        "candidate base as reference { quality = 2 }", "candidate good like base { quality = 1 }",
        "candidate poor like base { quality = 4 }", "cohort three { members base, good, poor }",
        "stage short {\n  train three for 20steps\n  cap 1min\n  on box\n  seeds 3, 4\n}",
        "stage longer {\n  after pick\n  continue promoted from short to 50steps\n}",
        "stage last {\n  continue good from longer to 70steps\n  report only\n}",
        SOUND["gate"].replace("short to long", "short to longer").replace("always base", "always good"),
        "frozen rule close {\n  judge good against base at longer\n  require mean gap at most 0.5pt\n  missing stop\n}",
    )))  # fmt: skip


def widened():
    """Later stages have two devices a run where the host gives one; stages have a run in common, or not for that."""
    host = INLINE.replace("slots 2", "slots 2\n  price 36usd\n  spot 18usd until 9999-12-31")
    run("\n".join((
        "promo 1", SOUND["study"].replace("runner toy", "runner toy\n  budget 20usd"), host,
        "factor quality: points in -100..100 default 0",
        "candidate base as reference { quality = 2 }", "candidate good like base { quality = 1 }",
        "candidate poor like base { quality = 4 }", "cohort three { members base, good, poor }",
        "stage short {\n  train three for 20steps\n  cap 1min\n  on box\n  seeds 3, 4\n}",
        "stage longer {\n  after pick\n  continue promoted from short to 50steps\n  devices 2\n}",
        "stage last {\n  continue good from longer to 70steps\n  report only\n}",
        "stage again {\n  train good for 20steps\n  cap 1min\n  on box\n  devices 2\n"
        "  seeds 3, 4 shared\n  report only\n}",
        "stage same {\n  train good for 20steps\n  cap 1min\n  on box\n  devices 1\n"
        "  seeds 3, 4 shared\n  report only\n}",
        SOUND["gate"].replace("short to long", "short to longer").replace("always base", "always good"),
        "frozen rule close {\n  judge good against base at longer\n  require mean gap at most 0.5pt\n  missing stop\n}",
    )))  # fmt: skip


def amended_early():
    """A gate was amended before it decided."""
    run(small(), "--freeze-only")
    Path("trial.promo").write_text(small(gate=SOUND["gate"].replace("top 1", "top 2")), encoding="utf-8")
    assert promo("amend", "trial.promo", "--gate", "pick", *WHY) == 0
    assert promo("run", "trial.promo", "--quiet") == 0


def amended_late():
    """A gate and a rule were amended after they had decided."""
    run(small())
    gate = SOUND["gate"].replace("top 1", "top 2")
    Path("trial.promo").write_text(small(gate=gate), encoding="utf-8")
    assert promo("amend", "trial.promo", "--gate", "pick", *WHY) == 0
    text = Path("trial.promo").read_text(encoding="utf-8").replace("at most 0.5pt", "at most 0.25pt")
    Path("trial.promo").write_text(text, encoding="utf-8")
    assert promo("amend", "trial.promo", "--gate", "close", *WHY) == 0


TRAIN = """
import hashlib

from promo.run.contract import Outcome
from promo.run.function import runner
from promo.run.values import Counter, RunStatus, Used
from promo.study.values import BudgetKind


@runner(
    metrics={"loss": {"unit": "pt", "better": "lower"}},
    factors={
        "a": {"unit": "points", "default": 0, "low": -9, "high": 9},
        "b": {"unit": "points", "default": 0, "low": -9, "high": 9},
        "c": {"unit": "points", "default": 0, "low": -9, "high": 9},
    },
)
def train(a, b, c, seed, budget, record):
    noise = hashlib.sha256(f"{a}/{b}/{c}/{seed}/{budget}".encode()).digest()[0] / 2550
    value = 5 + a - 3 * b + noise
    record.point(step=1, charged_s=budget, loss=value)
    if (a, b, c, seed) == (1, 1, 1, 2):
        raise ValueError("it broke on purpose")
    used = Used(BudgetKind.WALL, str(budget), None, Counter.SIMULATED)
    return Outcome(RunStatus.OK, {"loss": value}, used=used)
"""
SCREEN = """promo 1

study trial {
  title    "A trial"
  measure  loss in pt, lower is better
  runner   "train.py"
}

host box {
  device   "cpu" on any
  slots    2
  executor inline
}

factor a: points in 0..1 step 1 default 0
factor b: points in 0..1 step 1 default 0
factor c: points in 0..1 step 1 default 0

design screen fraction 2^(3 - 1) {
  vary     a low 0 high 1
  vary     b low 0 high 1
  vary     c low 0 high 1
}
design refine full {
  vary     a low 0 high 1
  vary     b low 0 high 1
  vary     c low 0 high 1
}

cohort half { rows screen all }

stage short {
  train    half for 1s
  on       box
  seeds    1, 2
}
stage longer {
  train    half for 2s
  on       box
  seeds    3, 4
}
stage refined {
  after    fewer
  train    promoted for 3s
  on       box
  seeds    5
  report   only
}

effects penalties {
  from     short, longer
  model    main
  family   main
  rate     5%
}
frozen reduce fewer {
  from     penalties
  fix      factor when discovered and effect at least 0.5pt
  to       better level
  into     screen
  missing  rerun 1, then skip
}
baseline drawn {
  space    screen
  matched  short
  seed     7
}
baseline walked {
  space    screen
  matched  short
  from     default
}
"""


def screened():
    """Effects with a run that is missing, a reduction by them, and two baselines; the runner is a file."""
    Path("train.py").write_text(TRAIN, encoding="utf-8")
    text = SCREEN.replace("  into     screen", "  into     refine")
    Path("trial.promo").write_text(text, encoding="utf-8")
    pin = re.search(r"pinned sha256:\w+", _said("check", "trial.promo"))
    run(text.replace('"train.py"', f'"train.py" {pin[0]}'))


def divided():
    """Two hosts run different rows of a design, a reduction reads the effects, and a run is missing."""
    Path("train.py").write_text(TRAIN.replace("(1, 1, 1, 2)", "(1, 1, 0, 2)"), encoding="utf-8")
    den = "host den" + SCREEN.split("host box")[1].split("\n\n")[0]
    text = SCREEN.replace("factor a", f"{den}\n\nfactor a", 1).replace(
        "design screen fraction 2^(3 - 1)", "design screen full"
    )
    text = text.replace(
        "  on       box\n  seeds    1, 2", "  on       box, den\n  block    on host by a * b * c\n  seeds    1, 2"
    )
    text = text.replace("from     short, longer", "from     short").replace(
        "  model    main\n", "  model    main, pairs\n"
    )
    text = text.replace("  into     screen", "  into     refine").split("baseline drawn")[0]
    longer = text[text.index("stage longer") : text.index("stage refined")]
    text = text.replace(longer, "").replace("design refine", "## Again.\ndesign refine")
    Path("trial.promo").write_text(text, encoding="utf-8")
    pin = re.search(r"pinned sha256:\w+", _said("check", "trial.promo"))
    run(text.replace('"train.py"', f'"train.py" {pin[0]}'))


def _said(*words):
    """What a command complains of."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        promo(*words)
    return said.getvalue()


def grown():
    """Ways to grow are tried, one is chosen, and what it becomes is trained."""
    short = SOUND["stage short"].replace("seeds 1, 2", "seeds 1, 2\n  report only").replace("four", "two")
    growth = """
candidate base as reference { quality = 2 }
candidate good like base { quality = 1 }
candidate spare like base { size = 32 }
grow deeper {
  parent base at short
  stack size 8 -> 16 by [copy_top, interleave, identity]
  choose lowest loss after 50steps
  cap 3min
  becomes taller
}
stage grown {
  train taller, spare for 4s
  on box
  seeds 1, 2 shared
  report only
}
"""
    parts = {"cohort": "cohort two { members base, good }", "stage_short": short, "host": INLINE, "extra": growth}
    run(spec("use", "gate", "rule", "stage long", "candidate", **parts))


def looked():
    """A lag that ends by rule: one look has been enough for two ways to keep their order, and the best goes on."""
    short = SOUND["stage short"].replace("seeds 1, 2", "seeds 1, 2\n  report only").replace("four", "two")
    growth = """
candidate base as reference { quality = 2 }
candidate good like base { quality = 1 }
candidate spare like base { size = 32 }
grow deeper {
  parent base at short
  stack size 8 -> 16 by [copy_top, interleave]
  choose lowest loss once stable for 2 looks of 10steps, at most 30steps
  cap 3min
  becomes taller
}
stage grown {
  train taller, spare for 4s
  on box
  seeds 1, 2 shared
  report only
}
"""
    parts = {"cohort": "cohort two { members base, good }", "stage_short": short, "host": INLINE, "extra": growth}
    run(spec("use", "gate", "rule", "stage long", "candidate", **parts).replace("runner toy", "runner trunk"))


def replayed():
    """A replay of a small table, in which a run failed and was recorded again."""
    rest = (
        "stage short {\n  train two for 10s\n  on box\n  seeds 1, 2 shared\n}\n\n"
        "frozen rule close {\n  judge early against base at short\n  require mean gap at most 9pt\n"
        "  missing rerun 1, then skip\n  absent skip\n}\n"
    )
    Path("trial.promo").write_text(recorded("two", rest, base="a", early="b"), encoding="utf-8")
    rows = [f"{config},{seed},1,{at},{value - at / 100},ok" for config, value in (("a", 4.0), ("b", 3.0))
            for seed in (1, 2) for at in (5, 10)]  # fmt: skip
    rows[3:4] = []  # the second run of a broke off, and another was recorded
    rows[2] = rows[2].replace(",ok", ",crash")
    rows += ["a,2,2,5,3.9,ok", "a,2,2,10,3.8,ok"]
    table = "config,seed,attempt,seconds,loss,status\n" + "\n".join(rows) + "\n"
    Path("curves.csv").write_text(table, encoding="utf-8")
    assert promo("replay", "trial.promo", "--curves", "curves.csv", "--column", "status=status", "--quiet") == 0


LAB = (
    SOUND["host"]
    .replace("host box", "host lab")
    .replace("slots 2", "slots 9")
    .replace("any\n", "any\n  executor outside\n")
)
MIXED = "\n\n".join((
    "promo 1", SOUND["study"], INLINE, LAB, "factor quality: points in -100..100 default 0",
    "candidate base as reference { quality = 2 }", "candidate good like base { quality = 1 }",
    "cohort two { members base, good }",
    "stage short {\n  train two for 1s\n  on box, lab\n  seeds 1, 2\n}",
    "frozen rule close {\n  judge good against base at short\n  require mean gap at most 0.5pt\n"
    "  missing rerun 1, then stop\n  crash as missing\n}",
))  # fmt: skip
"""A study of which one host's runs are trained by somebody else's system."""


def attended(folder, sent="sent"):
    """Train a request that was sent, as promo does on a machine that has one."""
    command(sys.executable, "-m", "promo.run.attend", Path(sent) / folder)


def outside():
    """Half of it was trained outside: two runs by promo on another machine, two by who wrote a table of them."""
    run(MIXED + "\n", code=8)
    assert promo("ask", "trial.promo", "--out", "sent") == 0
    for seed in (1, 2):
        attended(f"runs/short/base-lab-s{seed}/attempt-1")
    assert promo("accept", "trial.promo", "sent", "--by", "Lab B") == 0
    rows = [f"good,{seed},{at},{3 - at + seed / 10}" for seed in (1, 2) for at in (0.5, 1)]
    Path("theirs.csv").write_text("config,seed,seconds,loss\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert promo("accept", "trial.promo", "theirs.csv", "--by", "Lab C") == 0
    assert promo("run", "trial.promo", "--quiet") == 0


KEEPS = (
    "import argparse, json, os, random, time\n"
    "from pathlib import Path\n\n"
    "p = argparse.ArgumentParser()\n"
    'for name, kind in (("steps", int), ("seed", int), ("width", int), ("pause", float), ("resume", str)):\n'
    '    p.add_argument(f"--{name}", type=kind)\n'
    'p.add_argument("--points")\n'
    "a = p.parse_args()\n"
    "step, rng, loss = 0, random.Random(a.seed), 4.0\n"
    "if a.resume:\n"
    "    kept = json.loads(Path(a.resume).read_text())\n"
    '    step, loss, (kind, numbers, spare) = kept["step"], kept["loss"], kept["rng"]\n'
    "    rng.setstate((kind, tuple(numbers), spare))\n"
    'print("begins at", step, flush=True)\n'
    "while step < a.steps:\n"
    "    time.sleep(a.pause if a.resume is None else 0)\n"
    "    step += 1\n"
    "    loss = loss * 0.99 + rng.random() / (100 * a.width)\n"
    "    if step % 10 == 0 or step == a.steps:\n"
    '        part = Path(f"ckpt-{step}.tmp")\n'
    '        part.write_text(json.dumps({"step": step, "loss": loss, "rng": rng.getstate()}))\n'
    '        part.rename(f"ckpt-{step}.pt")\n'
    '        with open(a.points, "a") as file:\n'
    '            file.write(json.dumps({"step": step, "loss": loss}) + "\\n")\n'
    'print("---")\n'
    'print("loss:", loss)\n'
    'print("steps:", step)\n'
)
"""A program that keeps its states, and comes to the same whether it is stopped on its way or not."""
KEEPER = """promo_runner = 1
name = "keeper"
budgets = ["steps"]

[metrics.loss]
unit = "pt"
better = "lower"

[factors.width]
unit = "channels"
default = 1
low = 1
whole = true

[factors.pause]
unit = "seconds"
default = 0
low = 0

[command]
argv = ["{python}", "{program}/keeps.py", "--steps", "{budget}", "--seed", "{seed}", "--width", "{width}",
        "--pause", "{pause}", "--points", "{points}"]
files = ["keeps.py"]

[state]
path = "ckpt-{step}.pt"
resume = ["--resume", "{state}"]
keep = 2
largest = 1_000_000

[summary]
after = "---"
metrics = { loss = "loss" }
figures = { steps = "steps" }
"""
KEEPING = """promo 1

study trial {{
  title    "A trial"
  measure  loss in pt, lower is better
  runner   "keeper.toml"
}}

host box {{
  device  "cpu" on any
  slots   2
}}

factor width: channels in 1..4 step 1 default 1
factor pause: seconds in 0..9 default {pause}

candidate base as reference
candidate good like base {{ width = 2 }}

cohort two {{ members base, good }}

stage short {{
  train    two for {steps}steps
  cap      1min
  on       box
  seeds    1
}}

stage longer {{ continue two from short to {more}steps }}

frozen rule close {{
  judge    good against base at longer
  require  mean gap at most 0.5pt
  missing  stop
  crash    as missing
}}
"""


def keeping(pause="0", steps=40, keeps=KEEPS, keeper=KEEPER):
    """Write the program, its runner and a spec, with its pin."""
    Path("keeps.py").write_text(keeps, encoding="utf-8")
    Path("keeper.toml").write_text(keeper, encoding="utf-8")
    text = KEEPING.format(pause=pause, steps=steps, more=steps + 20)
    Path("trial.promo").write_text(text, encoding="utf-8")
    pin = re.search(r"pinned sha256:\w+", _said("check", "trial.promo"))
    return text.replace('"keeper.toml"', f'"keeper.toml" {pin[0]}')


def stateful():
    """Somebody's program, whose states a later stage carries on."""
    run(keeping())


def belated():
    """The first attempt was given up, and left a result when another one had been counted already."""
    plain()
    ledger = FOLDER / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    start = next(place for place, line in enumerate(lines) if b'"is":"attempt.started"' in line)
    first = re.search(rb'"folder":"([^"]+)"', lines[start])[1].decode()
    result = FOLDER / first / "result.json"
    kept = result.read_bytes()
    result.unlink()
    result.with_name("exit.json").unlink()
    shutil.move(result.parent, "first")
    for name in ("runs", "evidence", "decisions"):
        shutil.rmtree(FOLDER / name)
    result.parent.parent.mkdir(parents=True)
    shutil.move("first", result.parent)
    crashed(ledger, b"".join(lines[: start + 1]))
    assert promo("run", "trial.promo", "--quiet") == 0
    crashed(ledger, b"".join(ledger.read_bytes().splitlines(keepends=True)[:-1]))
    result.write_bytes(kept)
    assert promo("run", "trial.promo", "--quiet") == 0


def bundled(sign=(), ask=()):
    """Two machines that never met, seen from one of them; bundles are written and taken in with these words."""
    hosts = INLINE.replace("host box", "host here") + "\n\n" + INLINE.replace("host box", "host there")
    text = small().replace(INLINE, hosts).replace("on box", "on here, there")
    sides = {"here": Path("trial.promo"), "there": Path("b/trial.promo")}
    for path in sides.values():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for _ in range(2):
        for host, path in sides.items():
            assert promo("run", path, "--host", host, "--quiet") == 6
            assert promo("bundle", path, "--out", f"{host}.bundle", *sign) == 0
        assert promo("import", "there.bundle", sides["here"], *ask) == 0
        assert promo("import", "here.bundle", sides["there"], *ask) == 0
    assert promo("run", "trial.promo", "--host", "here", "--quiet") == 0


def signed():
    """As `bundled`, with bundles that somebody signed."""
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "owner", "-f", "owner")
    bundled(("--key", "owner"), ("--key", "owner.pub"))


def texted():
    """Real training of the built-in runner on a text, and a branch from its trunk; it takes some seconds."""
    stages = "stage first {\n  train wide, narrow for 10steps\n  cooldown 20%\n  cap 1min\n  on here\n  seeds 1\n}\n"
    stages += "stage twig {\n  branch wide from first to 20steps\n  report only\n}\n"
    rule = (
        "frozen rule pays {\n  judge wide against narrow at first\n  require mean gain at least 0bpb\n  missing stop\n}"
    )
    study = 'study trial {\n  title "T"\n  measure val_bpb in bpb, lower is better\n  runner gpt\n}\n'
    run(f"promo 1\n\n{study}\n{TWO_MODELS}\n{stages}\n{rule}\n")


STUDIES = {
    "plain": (plain, 3), "anchored": (anchored, 3), "published": (published, 3), "held": (held, 2),
    "decided": (decided, 3), "failing": (failing, 3), "stopped": (stopped, 3), "rerun": (rerun, 3),
    "guarded": (guarded, 3), "rich": (rich, 3), "continued": (continued, 3), "widened": (widened, 3),
    "amended_early": (amended_early, 3),
    "amended_late": (amended_late, 3), "screened": (screened, 3), "divided": (divided, 3),
    "grown": (grown, 3), "replayed": (replayed, 3),
    "looked": (looked, 3), "outside": (outside, 3), "stateful": (stateful, 3),
    "belated": (belated, 3), "bundled": (bundled, 3), "signed": (signed, 3), "texted": (texted, 3),
    "spending": (spending, 3), "paying": (paying, 3), "killed": (killed, 3),
}  # fmt: skip
"""Name -> who makes it, and the exit code of both verifiers without a key."""


def made(name, factory):
    """
    The folder in which a study was made, once for all modules and all processes of the tests.

    Whoever changes anything there copies it first.

    Args:
        name: one of `STUDIES`.
        factory: pytest's factory of folders, whose processes have one folder above theirs.
    """
    if name in ("anchored", "signed") and not SSH:
        pytest.skip("needs ssh-keygen")
    if name == "texted":
        pytest.importorskip("torch")
    return once(name, factory, STUDIES[name][0])


def once(name, factory, make):
    """As `made`, of a folder of any name and of what makes it there."""
    above = factory.getbasetemp()
    above = (above.parent if "PYTEST_XDIST_WORKER" in os.environ else above) / "studies"
    above.mkdir(exist_ok=True)
    place, whole = above / name, above / f"{name}.made"
    with (above / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(place, ignore_errors=True)  # of a process that was ended while it made it
            place.mkdir()
            with contextlib.chdir(place), contextlib.redirect_stdout(io.StringIO()):
                make()
            whole.touch()
    return place
