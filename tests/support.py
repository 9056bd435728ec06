"""Specs to vary, and short ways from a text to each value."""

import contextlib
import io
import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from subprocess import CompletedProcess

from promo.base.classes import evolve
from promo.base.source import Source
from promo.cli.main import main
from promo.cli.spec import compile_file
from promo.driver.pipeline import Compiled, compile_source
from promo.ledger.chain import GENESIS, decode, encode, line_digest
from promo.ledger.values import Event, Happening

SOUND = {
    "study": 'study trial {\n  title "A trial"\n  measure loss in pt, lower is better\n  runner toy\n}',
    "host": 'host box {\n  device "cpu" on any\n  slots 2\n}',
    "factor quality": "factor quality: points in -100..100 default 0",
    "factor size": "factor size: units in 1..64 step 1 default 8",
    "factor ratio": "factor ratio: units in [1, 4] default 1",
    "factor behaviour": (
        'factor behaviour: kind in ["ok", "nan", "crash", "oom", "memory", "hang", "exit", "kill", "nothing", '
        '"forged", "once", "slow", "worse"] default "ok"'
    ),
    "candidate": (
        "candidate base as reference { quality = 2 }\ncandidate good like base { quality = 1 }\n"
        "candidate fair like base { quality = 3 }\ncandidate poor like base { quality = 4 }\n"
        'candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n'
        "}"
    ),
    "cohort": "cohort four { members base, good, fair, poor }",
    "stage short": "stage short {\n  train four for 1s\n  on box\n  seeds 1, 2\n}",
    "stage long": "stage long {\n  after pick\n  train promoted for 2s\n  on box\n  seeds 3, 4\n}",
    "gate": (
        "frozen gate pick {\n  from short to long\n  rank by mean loss over host, seed\n  keep top 1\n  always base\n"
        "  missing rerun 1, then drop\n"
        "  crash as missing\n  ties by name\n}"
    ),
    "rule": (
        "frozen rule close {\n  judge good against base at long\n  require mean gap at most 0.5pt\n  missing stop\n"
        "  absent skip\n}"
    ),
    "use": "stage aside {\n  train spare for 1s\n  on box\n  seeds 9\n  report only\n}",
}
"""A sound spec in parts; a test replaces some and leaves the rest."""

INLINE = SOUND["host"].replace("any\n", "any\n  executor inline\n")
"""Its host with runs in the process of the test, for tests of what is made of them: no process is started for each."""

TWO_MODELS = """data words {
  source   "builtin:synth/1"
  holdout  5%
  score    2_048tok in windows of 32tok
}

host here {
  device   "cpu" on any
  slots    1
  executor warm
}

factor depth: layers in [1]
factor aspect: ratio in [16, 32] default 32
factor head_size: channels in [16]
factor context: tokens in [32]
factor total_batch: tokens in [256]
factor window: pattern in ["L"]

candidate wide as reference
candidate narrow {
  aspect = 16
}
"""
"""
Text, host, factors and two models of the built-in runner that train in seconds.

One process carries out all runs, for each one that starts imports torch, which takes longer than all the rest.
"""


@contextlib.contextmanager
def named(case: object):
    """Cases that take no time are one test, which says with what it failed; each test of its own takes milliseconds."""
    try:
        yield
    except BaseException as fault:
        fault.add_note(f"with {case}")
        raise


def spec(*leave_out: str, **parts: str) -> str:
    """The sound spec with parts replaced (underscores stand for spaces) or left out, and `extra` at the end."""
    replaced = {name.replace("_", " "): text for name, text in parts.items() if name != "extra"}
    assert set(replaced) | set(leave_out) <= set(SOUND), f"no such part: {replaced}"
    chosen = {**SOUND, **replaced}
    body = "\n\n".join(text for name, text in chosen.items() if name not in leave_out)
    return f"promo 1\n\n{body}\n\n{parts.get('extra', '')}\n"


def recorded(cohort: str, rest: str, **configs: str) -> str:
    """A spec of recorded curves: candidates with the labels of their curves, the first as reference, and the rest."""
    (first, label), *others = configs.items()
    labels = ", ".join(f'"{one}"' for one in configs.values())
    candidates = "".join(f'candidate {name} like {first} {{\n  config = "{one}"\n}}\n\n' for name, one in others)
    return (
        'promo 1\n\nstudy trial {\n  title    "A trial"\n'
        "  measure  loss in pt, lower is better\n  runner   recorded\n}\n\n"
        'host box {\n  device  "cpu" on any\n  slots   1\n}\n\n'
        f'factor config: label in [{labels}] default "{label}"\n\n'
        f"candidate {first} as reference\n\n{candidates}"
        f"cohort {cohort} {{\n  members  {', '.join(configs)}\n}}\n\n{rest}"
    )


def compiled(text: str, folder: Path = Path()) -> Compiled:
    """A text through every pass."""
    return compile_source(Source("test.promo", text), folder, None)


def opened(text: str, path: Path | None = None, encoding: str = "utf-16"):
    """A text as the language server holds it."""
    from promo.server.document import open_document  # needs the language server's packages

    return open_document(path.as_uri() if path else "untitled:one", path, text, 1, encoding)


def pin_runner(path: Path) -> None:
    """Write into a spec, behind the file of its runner, the pin that `promo check` asks for."""
    hints = " ".join(found.hint for found in compile_file(str(path)).diagnostics)
    said = re.search(r"pinned sha256:\w+", hints)
    assert said, hints
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r'(?m)^  runner +".*"$', rf"\g<0> {said[0]}", text), encoding="utf-8")


def study_of(text: str):
    """The resolved study of a sound text."""
    return compiled(text).sound()[0]


def plan_of(text: str):
    """The plan of a sound text."""
    return compiled(text).sound()[1]


def codes(text: str) -> list[str]:
    """Codes of all diagnostics of a text."""
    return [found.code for found in compiled(text).diagnostics]


def crashed(ledger: Path, content: bytes) -> None:
    """A ledger as a crash or a forger would leave it, and no checkpoint of what it was before beside it."""
    ledger.write_bytes(content)
    ledger.with_name("checkpoint.note").unlink(missing_ok=True)


def rewritten(ledger: Path, change: Callable[[Event], Happening | None]) -> None:
    """A ledger in which somebody changed events, left out those that became None, and chained all of it again."""
    head, lines = GENESIS, []
    for event in decode(ledger.read_bytes()).events:
        changed = change(event)
        if changed is None:
            continue
        lines.append(encode(evolve(event, seq=len(lines), event=changed, prev=head)))
        head = line_digest(lines[-1])
    crashed(ledger, b"".join(line + b"\n" for line in lines))


def promo(*words: object) -> int:
    """Run a command in this process; its exit status, or that of argparse."""
    try:
        return int(main([str(word) for word in words]))
    except SystemExit as ended:
        return int(ended.code or 0)


def rechecked(study: Path) -> CompletedProcess[str]:
    """
    The second verifier of a study, carried out in this process, as if it had been started.

    Every study has the same file, and it runs alone: `driver/test_recheck` says so.
    """
    from promo.templates import recheck

    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = recheck.main([str(study)])
    return CompletedProcess(["recheck.py"], code, said.getvalue(), "")


def without_escapes(text: str) -> str:
    """A text without terminal colours."""
    return re.sub(r"\033\[[0-9;]*m", "", text)


def trivial(executor: str) -> str:
    """The sound spec, made small: three candidates, one seed in each stage, one run at a time."""
    return (
        spec("use")
        .replace("members base, good, fair, poor", "members base, good, fair")
        .replace("candidate poor like base { quality = 4 }\n", "")
        .replace('candidate spare like base {\n  size = 16\n  ratio = 4\n  behaviour = "ok"\n}', "")
        .replace("factor size: units in 1..64 step 1 default 8", "")
        .replace("factor ratio: units in [1, 4] default 1", "")
        .replace("seeds 1, 2", "seeds 1")
        .replace("seeds 3, 4", "seeds 3")
        .replace("  slots 2\n", f"  slots 1\n  executor {executor}\n")
    )


def promoted_and_answers(state):
    """Gate or rule -> what it decided."""
    verdicts = {name: one.verdict for name, one in state.decisions.items()}
    return {name: one.promoted if one.answer is None else one.answer.value for name, one in verdicts.items()}


def trained(folder):
    """Seconds that the attempts of a study trained, failed ones too, summed from its ledger as it lies there."""
    lines = (folder.path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line)["event"] for line in lines]
    found = [one["seconds"]["train"] for one in events if one["is"] == "result.accepted"]
    return sum(map(Fraction, [*found, *(one["train_s"] or 0 for one in events if one["is"] == "attempt.failed")]))
