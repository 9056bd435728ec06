"""Runners kept in files: whole studies through a function, a program and a script, and what is wrong with them."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from promo.base.codec import from_json
from promo.driver.study import StudyFolder
from promo.evidence.values import Evidence
from promo.run.runners.files.constants import ScriptError, replaced
from promo.run.runners.files.declare import read_runner
from promo.run.runners.files.formula import FormulaError, value_of
from promo.run.values import Work
from promo.study.judgement import Answer
from support import promo

SPEC = """promo 1

study trial {
  title    "Somebody's trainer"
  measure  val_loss in nats, lower is better
  runner   "trainers/RUNNER"
}

host box {
  device   "cpu" on any
  slots    2
}

factor depth: layers in [4, 6] default 4
factor aspect: ratio in [16, 20, 32] default 16
factor pattern: kind in ["L", "S"] default "L"

candidate base as reference
candidate deep like base { depth = 6 }
candidate wide like base { aspect = 32 }

stage short {
  train    base, deep, wide for 100steps
  cap      1min
  on       box
  seeds    1, 2
}

frozen rule deep_is_better {
  judge    deep against base at short
  require  every gain at least 0.1nats
  missing  stop
}

frozen rule wide_is_better {
  judge    wide against base at short
  require  mean gain at least 0nats
  missing  stop
}
"""

FUNCTION = '''
"""A trainer that would import something heavy."""
import not_installed_at_check_time_only_if_imported_lazily as heavy  # noqa
from promo.run.function import runner


@runner(
    name="mine",
    version=3,
    budgets=["steps", "wall"],
    metrics={"val_loss": {"unit": "nats", "better": "lower"}},
    factors={
        "depth": {"unit": "layers", "default": 4, "low": 1, "high": 64, "whole": True},
        "aspect": {"unit": "ratio", "default": 16, "low": 1, "whole": True},
        "pattern": {"unit": "kind", "choices": ["L", "S"], "default": "L"},
    },
    effective={"width": "-(-depth * aspect // 32) * 32"},
    left_out=["aspect"],
    size={"parameters": "12 * depth * width ** 2"},
)
def train(depth, aspect, pattern, seed, budget, record):
    record.point(step=budget, charged_s=0.001, val_loss=4.0)
    return 4.0 - depth / 10 - aspect / 1000 + seed / 1e6 + budget * 0
'''.replace(
    "import not_installed_at_check_time_only_if_imported_lazily as heavy  # noqa\n", "import decimal as heavy\n"
)

DECLARED = """promo_runner = 1
name = "program"
version = 1
budgets = ["steps", "wall"]
left_out = ["aspect"]

[metrics.val_loss]
unit = "nats"
better = "lower"

[factors.depth]
unit = "layers"
default = 4
whole = true
CONSTANT_DEPTH

[factors.aspect]
unit = "ratio"
default = 16
whole = true
CONSTANT_ASPECT

[factors.pattern]
unit = "kind"
choices = ["L", "S"]
default = "L"
CONSTANT_PATTERN

[effective]
width = "-(-depth * aspect // 32) * 32"

[size]
parameters = "12 * depth * width ** 2"
"""

COMMAND = (
    "\n".join(line for line in DECLARED.splitlines() if "CONSTANT" not in line)
    + """
[command]
argv = ["{python}", "{program}/go.py", "--depth={depth}", "--aspect={aspect}", "--seed={seed}", "--out={result}"]
files = ["go.py"]
"""
)
GO = """
import json, sys
given = dict(word[2:].split("=", 1) for word in sys.argv[1:])
value = 4.0 - int(given["depth"]) / 10 - int(given["aspect"]) / 1000 + int(given["seed"]) / 1e6
json.dump({"metrics": {"val_loss": value}, "train_s": 0.25, "steps": 100, "tokens": 700}, open(given["out"], "w"))
"""

SCRIPT = (
    DECLARED.replace("CONSTANT_DEPTH", 'constant = "DEPTH"')
    .replace("CONSTANT_ASPECT", 'constant = "ASPECT_RATIO"')
    .replace("CONSTANT_PATTERN", 'constant = "WINDOW_PATTERN"')
    + """
[script]
file = "train.py"
files = ["prepare.py"]

[script.constants]
"prepare.py/TIME_BUDGET" = "{budget}"

[script.calls]
"torch.manual_seed" = "{seed}"

[summary]
after = "---"
metrics = { val_loss = "val_loss" }
figures = { train_s = "training_seconds", steps = "num_steps", tokens = "total_tokens_M * 1e6" }
failures = { FAIL = "nan" }
"""
)
TRAIN = """
from prepare import TIME_BUDGET

class torch:
    def manual_seed(seed):
        torch.seed = seed

# Model size. \u00e9
ASPECT_RATIO = 64       # width = depth * ASPECT_RATIO
DEPTH, = (8,)
DEPTH_OTHER = 1
WINDOW_PATTERN = "SSSL"
torch.manual_seed(42)
value = 4.0 - DEPTH / 10 - ASPECT_RATIO / 1000 + torch.seed / 1e6
assert TIME_BUDGET == 100, TIME_BUDGET
assert WINDOW_PATTERN == "L"
print("step 1: loss 9.0")
print("---")
print(f"val_loss:         {value:.6f}")
print("training_seconds: 0.4")
print("total_tokens_M:   12.5")
print(f"num_steps:        {TIME_BUDGET}")
print("mfu_percent:      39.80")
""".replace("DEPTH, = (8,)", "DEPTH = 2**3  # layers")
PREPARE = "TIME_BUDGET = 300        # seconds\n"

KINDS = {
    "function": ("mine.py", {"mine.py": FUNCTION}),
    "command": ("mine.toml", {"mine.toml": COMMAND, "go.py": GO}),
    "script": ("mine.toml", {"mine.toml": SCRIPT, "train.py": TRAIN, "prepare.py": PREPARE}),
}


def lay_out(workplace, name, files, *, spec=SPEC):
    (workplace / "trainers").mkdir(exist_ok=True)
    for file, text in files.items():
        (workplace / "trainers" / file).write_text(text, encoding="utf-8")
    path = workplace / "trial.promo"
    path.write_text(spec.replace("RUNNER", name), encoding="utf-8")
    return path


def pinned(path, capsys):
    """Pin the runner as the message says."""
    promo("check", path)
    error = capsys.readouterr().err
    pin = error[error.index("pinned sha256:") :].split()[1]
    text = path.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("  runner"))
    path.write_text(text.replace(line, f"{line} pinned {pin}"), encoding="utf-8")


@pytest.mark.parametrize(("name", "files"), KINDS.values(), ids=KINDS)
def test_a_study_through_somebody_elses_trainer(workplace, capsys, name, files):
    path = lay_out(workplace, name, files)
    pinned(path, capsys)

    assert promo("check", path) == 0
    assert promo("run", path, "--quiet") == 0

    folder = StudyFolder(workplace / "trial.study")
    evidence = from_json(Evidence, json.loads((folder.path / "evidence" / "short.json").read_bytes()))
    seen = {row.candidate: [float(cell.value) for cell in row.cells] for row in evidence.rows}
    assert seen["base"] == pytest.approx([3.584001, 3.584002], abs=2e-6)
    assert seen["deep"] == pytest.approx([3.384001, 3.384002], abs=2e-6)
    assert seen["wide"] == pytest.approx([3.568001, 3.568002], abs=2e-6)
    assert folder.state().decisions["deep_is_better"].verdict.answer is Answer.HOLDS
    assert promo("verify", path) == 3
    # Nothing outside the study folder is needed any more.
    for file in (workplace / "trainers").iterdir():
        file.unlink()
    assert promo("verify", folder.path) == 3
    assert promo("report", folder.path) == 0


def test_what_was_replaced_in_a_script_is_in_the_evidence(workplace, capsys):
    name, files = KINDS["script"]
    path = lay_out(workplace, name, files)
    pinned(path, capsys)
    promo("run", path, "--quiet")

    folder = StudyFolder(workplace / "trial.study")
    attempt = next(tried[0] for tried in folder.state().attempts.values() if tried[0].candidate == "deep")
    body = folder.result(attempt).body
    changes = body.details["changes"]
    assert "-DEPTH = 2**3  # layers" in changes
    assert "+DEPTH = 6  # layers" in changes
    assert "-torch.manual_seed(42)" in changes
    assert body.work == Work(steps=100, tokens=12500000, tokens_per_s="31250000.0")
    assert body.details["reported"] == {"mfu_percent": "39.80"}
    assert folder.result(attempt).charged_s == "0.400000"
    assert len(changes) == 10


def test_a_pin_that_does_not_fit_is_refused(workplace, capsys):
    name, files = KINDS["script"]
    path = lay_out(workplace, name, files)
    pinned(path, capsys)
    (workplace / "trainers" / "prepare.py").write_text("TIME_BUDGET = 301\n", encoding="utf-8")

    assert promo("check", path) == 1
    assert "is not the one that was pinned" in capsys.readouterr().err


def test_candidates_that_a_file_resolves_to_one_model_are_found(workplace, capsys):
    name, files = KINDS["function"]
    path = lay_out(workplace, name, files)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("aspect = 32", "aspect = 20"), encoding="utf-8")  # 64 and 80 round to 64 and 96

    assert promo("check", path) == 1
    assert "train the same model" not in capsys.readouterr().err
    (workplace / "trainers" / name).write_text(FUNCTION.replace("// 32) * 32", "// 64) * 64 + 0 * aspect"), "utf-8")
    path.write_text(text.replace("depth = 6", "aspect = 16").replace("aspect = 32", "aspect = 16"), encoding="utf-8")
    assert promo("check", path) == 1
    assert "train the same model" in capsys.readouterr().err


WRONG = {
    "no such file": ("none.toml", {}, "there is no file 'trainers/none.toml'"),
    "another ending": ("mine.yaml", {"mine.yaml": ""}, "ends in .toml"),
    "no TOML": ("mine.toml", {"mine.toml": "promo_runner = = 1"}, "it is not TOML"),
    "another form": ("mine.toml", {"mine.toml": "promo_runner = 2"}, "promo_runner = 1"),
    "an unknown word": ("mine.toml", {"mine.toml": COMMAND + "colour = 1\n", "go.py": GO}, "command.colour"),
    "an unknown place": (
        "mine.toml",
        {"mine.toml": COMMAND.replace("{depth}", "{dept}"), "go.py": GO},
        "there is no '{dept}'",
    ),
    "a missing program file": ("mine.toml", {"mine.toml": COMMAND}, "there is no file 'trainers/go.py'"),
    "a constant that is not there": (
        "mine.toml",
        {"mine.toml": SCRIPT, "train.py": TRAIN.replace("DEPTH = ", "LAYERS = "), "prepare.py": PREPARE},
        "'train.py': it has no top-level constant DEPTH",
    ),
    "a constant assigned twice": (
        "mine.toml",
        {"mine.toml": SCRIPT, "train.py": TRAIN + "DEPTH = 3\n", "prepare.py": PREPARE},
        "it assigns DEPTH 2 times",
    ),
    "a call that is not there": (
        "mine.toml",
        {"mine.toml": SCRIPT, "train.py": TRAIN.replace("torch.manual_seed(42)", ""), "prepare.py": PREPARE},
        "it never calls torch.manual_seed",
    ),
    "no Python": ("mine.py", {"mine.py": "def ("}, "it is no Python"),
    "no decorated function": ("mine.py", {"mine.py": "def train(): pass"}, "there are 0"),
    "a declaration that must be run": (
        "mine.py",
        {"mine.py": FUNCTION.replace('"low": 1, "high": 64', '"low": int("1")')},
        "factors of @runner is no literal value",
    ),
    "choices that are no list": (
        "mine.py",
        {"mine.py": FUNCTION.replace('"choices": ["L", "S"]', '"choices": 5')},
        "factors.pattern.choices is a list",
    ),
    "choices that are one text": (
        "mine.py",
        {"mine.py": FUNCTION.replace('"choices": ["L", "S"]', '"choices": "LS"')},
        "factors.pattern.choices is a list",
    ),
    "an argument that nothing fills": (
        "mine.py",
        {"mine.py": FUNCTION.replace("seed, budget", "seeds, budget")},
        "train asks for 'seeds'",
    ),
    "a formula that is none": (
        "mine.py",
        {"mine.py": FUNCTION.replace("12 * depth * width ** 2", "__import__('os')")},
        "size.parameters: '__import__' is no number",
    ),
}


@pytest.mark.parametrize(("name", "files", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_runner_file_is_one_clear_message(workplace, capsys, name, files, words):
    path = lay_out(workplace, name, files)

    assert promo("check", path) == 1
    error = capsys.readouterr().err
    assert words in error
    assert "P0211" in error
    assert "Traceback" not in error


def test_a_budget_that_a_program_does_not_keep_to_is_refused(workplace, capsys):
    name, files = KINDS["command"]
    path = lay_out(workplace, name, files)
    pinned(path, capsys)
    text = path.read_text(encoding="utf-8").replace("for 100steps", "for 100tok")
    path.write_text(text, encoding="utf-8")

    assert promo("check", path) == 1
    assert "P0224" in capsys.readouterr().err


def test_a_program_that_cannot_carry_a_run_on_is_not_asked_to(workplace, capsys):
    name, files = KINDS["command"]
    path = lay_out(workplace, name, files)
    pinned(path, capsys)
    more = "\nstage longer {\n  continue base from short to 200steps\n  report   only\n}\n"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")

    assert promo("check", path) == 1
    assert "P0225" in capsys.readouterr().err


ONE_SEED = SPEC.replace("seeds    1, 2", "seeds    1").replace("  slots    2\n", "  slots    2\n  executor inline\n")
"""For what every run does alike; its program alone has a process."""
ENDINGS = {
    "an error": ("raise ValueError('boom')", "crash", "ValueError: boom"),
    "out of memory": ("raise MemoryError('torch.OutOfMemoryError: tried to allocate')", "oom", "allocate"),
    "a declared failure": ("print('FAIL'); raise SystemExit(1)", "nan", "it printed: FAIL"),
    "not a number": ("print('---\\nval_loss: nan')", "nan", "val_loss is nan"),
    "nothing": ("print('---')", "invalid", "it reported no metric; its last line: ---"),
    "a metric that is no number": (
        "print('---\\nval_loss: about 3')",
        "invalid",
        "'val_loss: about 3' in its summary is no number",
    ),
    "a figure that is no number": ("print('---\\nval_loss: 3\\nnum_steps: many')", "invalid", "'num_steps: many' in"),
    "no summary": ("print('done')", "invalid", "it printed no line '---'"),
    "a signal": ("import os; os.kill(os.getpid(), 9)", "killed", "signal 9 ended it"),
}


@pytest.mark.parametrize(("code", "status", "cause"), ENDINGS.values(), ids=ENDINGS)
def test_every_way_a_program_can_fail_has_its_cause(workplace, capsys, code, status, cause):
    name, files = KINDS["script"]
    broken = TRAIN.replace('print("step 1: loss 9.0")', code + "\nraise SystemExit")
    path = lay_out(workplace, name, {**files, "train.py": broken}, spec=ONE_SEED)
    pinned(path, capsys)

    assert promo("run", path, "--quiet") == 4
    folder = StudyFolder(workplace / "trial.study")
    ended = [(one.status, one.cause) for tried in folder.state().attempts.values() for one in tried]
    assert {found.value for found, _ in ended} == {status}
    assert cause in ended[0][1]


GOOD = {
    "program.result.json": '{"metrics": {"val_loss": 1.5}, "train_s": 0.25, "steps": 100}',
    "program.points.jsonl": '{"step": 1, "val_loss": 2}',
}
PLANTED = {
    "link": ("os.symlink('there', NAME)", "a link"),
    "pipe": ("os.mkfifo(NAME)", "a pipe"),
    "folder": ("os.mkdir(NAME)", "a folder"),
    "file": ("os.replace('there', NAME)", ""),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("program.result.json", "link"),
        ("program.result.json", "file"),
        ("program.points.jsonl", "pipe"),
        ("program.points.jsonl", "folder"),
    ],
)
def test_what_is_no_file_where_a_program_writes_is_refused_and_leaves_a_study_that_can_be_verified(
    workplace, capsys, name, kind
):
    """Whatever a link leads to: here, to what would have been taken."""
    runner, files = KINDS["command"]
    code, words = PLANTED[kind]
    lines = [
        "import os",
        "os.chdir('..')",
        f"open('there', 'w').write({GOOD[name]!r})",
        code.replace("NAME", repr(name)),
    ]
    lines += [f"open({one!r}, 'w').write({said!r})" for one, said in GOOD.items() if one != name]
    path = lay_out(workplace, runner, {**files, "go.py": "\n".join(lines)}, spec=ONE_SEED)
    pinned(path, capsys)
    promo("run", path, "--quiet")
    folder = StudyFolder(workplace / "trial.study")
    ended = {(one.status.value, one.cause) for tried in folder.state().attempts.values() for one in tried}

    what = name.split(".")[1]
    fault = f"its {what} file cannot be read: it is {words}, not a file"
    assert ended == ({("invalid", fault)} if words else {("ok", "")})
    assert kind in ("folder", "file") or not list(folder.path.rglob(name))
    assert promo("verify", path) == 3


def test_formulas_are_exact_and_run_nothing():
    values = {"depth": 6, "aspect": 48}
    assert value_of("-(-depth * aspect // 128) * 128", values) == 384
    assert value_of("0.1 + 0.2", values) * 10 == 3
    for text in ("depth.real", "open('x')", "[depth]", "depth if 1 else 2", "9 ** 99999", "1 / 0", "2 **", "x" * 500):
        with pytest.raises(FormulaError):
            value_of(text, values)


def test_only_declared_constants_change_and_everything_else_stays():
    text = '# \u00e9\u00df\U0001f600\nA = "\u00e9" # keep\nB: int = 3\ndef f():\n    A = 1\n    g.h(A, 2)\n'

    new = replaced(text, {"A": "x", "B": 2.5}, {"g.h": 7})

    assert new == "# \u00e9\u00df\U0001f600\nA = 'x' # keep\nB: int = 2.5\ndef f():\n    A = 1\n    g.h(7, 2)\n"
    with pytest.raises(ScriptError, match="no top-level constant C"):
        replaced(text, {"C": 1}, {})


def test_the_documented_runner_of_a_script_is_sound():
    page = (Path(__file__).parents[3] / "interpreter" / "README.md").read_text(encoding="utf-8")
    toml = page.split("```toml\n")[1].split("```")[0]
    script = "".join(f"{name} = 1\n" for name in ("DEPTH", "ASPECT_RATIO", "TOTAL_BATCH_SIZE", "MATRIX_LR"))
    script += "torch.manual_seed(42)\ntorch.cuda.manual_seed(42)\n"
    files = {"a.toml": toml, "train.py": script, "prepare.py": "TIME_BUDGET = 300\n"}

    runner = read_runner("a.toml", lambda name: files[name].encode() if name in files else None)

    assert runner.name == "autoresearch"
    levels = {name: factor.default for name, factor in runner.factors.items()}
    one = runner.resolve({**levels, "depth": Fraction(6), "aspect": Fraction(48)})
    other = runner.resolve({**levels, "depth": Fraction(6), "aspect": Fraction(64)})
    assert one == other  # 288 and 384 round up to the same width
