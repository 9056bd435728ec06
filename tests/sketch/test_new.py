"""`promo new`: scripts that nobody wrote for promo have a study that runs, and no input ends in a traceback."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promo.api import check
from promo.driver.study import StudyFolder
from promo.ledger.values import RunStatus
from promo.run.runners.files.declare import read_runner
from promo.run.runners.files.figures import Lines
from support import promo

SCRIPTS = Path(__file__).parent / "scripts"
ALL = {
    "mlp": "lr_0_09",
    "bigram": "learning_rate_1_5",
    "curve": "learning_rate_0_15",
    "groups": "learning_rate_0_09",
    "variables": "lr_0_15",
}
"""Script -> a candidate that its study has."""


@pytest.fixture
def beside(workplace):
    """A folder with the scripts, in which commands run."""
    shutil.copytree(SCRIPTS, workplace, dirs_exist_ok=True)
    return workplace


def drafted(folder: Path, source: str, *words: str) -> int:
    (folder / "one.py").write_text(source, encoding="utf-8")
    return promo("new", "--from", "one.py", *words)


def carried_out(spec: Path, *, one_seed: bool = False) -> int:
    """A drafted study, whose programs are the only processes: one of promo's own for each run takes thrice as long."""
    text = spec.read_text(encoding="utf-8")
    if one_seed:
        text = re.sub(r"(?m)^  expect .*\n", "", text)
        text = re.sub(r"(?m)^(  seeds +\d+),.*$", r"\1", text)
    spec.write_text(text.replace("  slots    1\n", "  slots    1\n  executor inline\n"), encoding="utf-8")
    assert "executor inline" in spec.read_text(encoding="utf-8")
    return promo("run", spec, "--quiet")


AS_IT_IS = "curve"
"""The script whose study is carried out just as it is drafted."""


@pytest.mark.parametrize("name", ALL)
def test_a_script_of_a_stranger_has_a_running_study_and_no_failing_round(beside, capsys, name):
    before = (beside / f"{name}.py").read_bytes()
    for words in (
        ("new", "--from", f"{name}.py", "--takes", "10s"),
        ("fmt", "--check", f"{name}.promo"),
        ("check", f"{name}.promo"),
        ("plan", f"{name}.promo"),
    ):
        assert promo(*words) == 0, capsys.readouterr()
    spec = Path(f"{name}.promo")
    code = promo("run", spec, "--quiet") if name == AS_IT_IS else carried_out(spec)
    assert code == 0, capsys.readouterr()
    folder = StudyFolder(beside / f"{name}.study")
    statuses = [attempt.status for attempts in folder.state().attempts.values() for attempt in attempts]

    assert statuses == [RunStatus.OK] * 12
    assert (folder.path / "report.html").exists()
    assert ALL[name] in capsys.readouterr().out
    assert (beside / f"{name}.py").read_bytes() == before


GUESSES = {
    "mlp": (
        "val_loss, lower",
        "--max-steps: 1500 in the short stage, 6000",
        "seed        --seed",
        "--verbose: a flag",
    ),
    "bigram": ("test_loss, lower", "--epochs: 2 in", "poem.txt, into", "--shuffle: a flag"),
    "groups": ("val, lower", "--max-steps: 100 in the short stage, 600", "seed        --seed"),
    "variables": (
        "mse, lower",
        "ITERS: 80 in the short stage, 400",
        "seed        SEED",
        "0.015, 0.15 besides its 0.05",
    ),
    "curve": ("validation_mse, lower", "ITERATIONS: 400 in", "seed        SEED", "0.015, 0.15 besides its 0.05"),
}


@pytest.mark.parametrize("name", ALL)
def test_it_says_what_it_guessed_and_what_to_edit(beside, capsys, name):
    assert promo("new", "--from", f"{name}.py") == 0
    said = capsys.readouterr().out

    for words in GUESSES[name]:
        assert words in said
    assert f"Edit {name}.promo where its # comments ask you to." in said
    assert said.rstrip().endswith(f"next: promo plan {name}.promo")


ARGV = {
    "a group of click": (
        "import click\n@click.group()\n@click.option('--gpu', default=0)\ndef cli(gpu): ...\n"
        "@cli.command()\n@click.option('--lr', default=0.1)\ndef train(lr): print('val_loss:', lr)\n"
        "@cli.command()\n@click.option('--ckpt', default='x')\ndef evaluate(ckpt): ...\ncli()\n",
        ["--gpu={gpu}", "train", "--lr={lr}"],
    ),
    "parents and helpers of argparse": (
        "import argparse\nc = argparse.ArgumentParser(add_help=False)\nc.add_argument('--lr', type=float, default=.1)\n"
        "p = argparse.ArgumentParser()\ns = p.add_subparsers()\nt = s.add_parser('fit', parents=[c])\n"
        "e = s.add_parser('eval', parents=[c])\ndef more(q): q.add_argument('--dim', type=int, default=8)\nmore(t)\n"
        "for each in (t, e): each.add_argument('--seed', type=int, default=0)\nprint('val_loss:', 1)\n",
        ["fit", "--lr={lr}", "--dim={dim}", "--seed={seed}"],
    ),
    "a dataclass in a dataclass, by tyro": (
        "import tyro\nfrom dataclasses import dataclass, field\n@dataclass\nclass Optim:\n    max_lr: float = 1e-2\n"
        "@dataclass\nclass Config:\n    optim: Optim\n    dim: int = field(default=8)\n    fast: bool = False\n"
        "c = tyro.cli(Config)\nprint('val_loss:', 1)\n",
        ["--optim.max-lr={optim_max_lr}", "--dim={dim}"],
    ),
    "a dataclass, by transformers": (
        "from transformers import HfArgumentParser\nclass Config:\n    max_lr: float = 1e-2\n"
        "c = HfArgumentParser((Config,)).parse_args_into_dataclasses()\nprint('val_loss:', 1)\n",
        ["--max_lr={max_lr}"],
    ),
    "a function, by fire": (
        "import fire\ndef main(lr=0.1, *, dim=8): print('val_loss:', lr)\nfire.Fire(main)\n",
        ["--lr={lr}", "--dim={dim}"],
    ),
    "a function, by typer": (
        "import typer\ndef main(max_lr: float = typer.Option(0.1, help='rate')): print('val_loss:', 1)\n"
        "typer.run(main)\n",
        ["--max-lr={max_lr}"],
    ),
    "the only command of an app, by typer": (
        "import typer\nfrom typing import Optional\napp = typer.Typer()\n@app.command()\n"
        "def main(max_lr: float = typer.Option(0.1), seed: Optional[int] = None): print('val_loss:', 1)\napp()\n",
        ["--max-lr={max_lr}", "--seed={seed}"],
    ),
    "a command of an app, by typer": (
        "import typer\napp = typer.Typer()\n@app.command()\ndef train(max_lr: float = 0.1, *, dim: int = 8):\n"
        "    print('val_loss:', 1)\n@app.command('test')\ndef check(ckpt: str = 'x', batch: int = 4): ...\napp()\n",
        ["train", "--max-lr={max_lr}", "--dim={dim}"],
    ),
    "a function whose first parameter has no default, by typer": (
        "import typer\ndef main(steps: int, *, max_lr: float = 0.1): print('val_loss:', 1)\ntyper.run(main)\n",
        ["--max-lr={max_lr}", "{steps}"],
        "--set",
        "steps=9",
    ),
}


@pytest.mark.parametrize("case", ARGV.values(), ids=ARGV)
def test_arguments_are_given_where_and_as_their_library_takes_them(workplace, case):
    source, argv, *wishes = case
    assert drafted(workplace, source, "--takes", "10s", *wishes) == 0

    written = tomllib.loads((workplace / "one.toml").read_text(encoding="utf-8"))["command"]["argv"]
    assert written == ["{python}", "{program}/one.py", *argv]


HYDRA = """import hydra
@hydra.main(version_base=None, config_path="conf", config_name="main")
def main(cfg): print(f"val_loss: {cfg.optim.lr}")
main()
"""
SETTINGS = {
    "conf/main.yaml": "defaults:\n  - _self_\n  - model: small  # a group\n  - other: one\n"
    "  - override hydra/launcher: x\nseed: 1\ntrainer:\n  max_steps: 1_00  # of the optimizer\n"
    "  name: '3'\n  devices: [1, 2]\noptim: \n  lr: 4e-3\n"
    "  width: ${model.width}\nlast: -.5\n",
    "conf/model/small.yaml": "width: 64\ninner:\n  width: 2\n",
    "conf/other/one.yaml": "# @package _global_\nunknown: 1\n",
}


def test_numbers_in_hydras_files_are_settings_and_their_files_are_copied(workplace, capsys):
    for name, text in SETTINGS.items():
        (workplace / name).parent.mkdir(parents=True, exist_ok=True)
        (workplace / name).write_text(text, encoding="utf-8")
    assert drafted(workplace, HYDRA) == 0
    command = tomllib.loads((workplace / "one.toml").read_text(encoding="utf-8"))["command"]

    assert command["argv"][2:] == [
        "model.width={model_width}",
        "model.inner.width={model_inner_width}",
        "seed={seed}",
        "trainer.max_steps={budget}",
        "optim.lr={lr}",
        "last={last}",
    ]
    assert command["files"] == ["one.py", *SETTINGS]
    said = capsys.readouterr().out
    assert "trains for  max_steps: 20 in" not in said
    assert "trains for  trainer.max_steps: 20 in the short stage, 100 in the long one" in said
    assert "not copied" not in said


def test_nothing_of_a_script_is_run_or_imported(workplace, capsys):
    marker = workplace / "ran"
    source = f'open({str(marker)!r}, "w").write("x")\nLR = 0.1\nSTEPS = 10\nprint("val_loss:", LR)\n'
    assert drafted(workplace, source) == 0
    assert not marker.exists()


def test_nothing_is_overwritten(beside, capsys):
    assert promo("new", "--from", "mlp.py") == 0
    spec, runner = (beside / name for name in ("mlp.promo", "mlp.toml"))
    before = spec.read_bytes(), runner.read_bytes()
    capsys.readouterr()
    assert promo("new", "--from", "mlp.py", "--takes", "1h") == 2
    said = capsys.readouterr().err

    assert "overwrites nothing" in said
    assert "promo new mlp_2 --from mlp.py" in said
    assert (spec.read_bytes(), runner.read_bytes()) == before
    spec.unlink()
    assert promo("new", "--from", "mlp.py") == 2
    assert not spec.exists()
    assert promo("new", "again", "--from", "mlp.py") == 0


ONE = "LR = 0.1\nSTEPS = 100\n"
READ = {
    "f-string": ('x = 1.0\nprint(f"val_loss: {x:.4f}")', 'metrics = { val_loss = "val_loss" }'),
    "two words": ('x = 1.0\nprint("val_loss", x)', 'separator = " "'),
    "percent": ('x = 1.0\nprint("val_loss = %.3f" % x)', 'separator = "="'),
    "format": ('x = 1.0\nprint("eval/loss: {0:g}".format(x))', 'metrics = { eval_loss = "eval/loss" }'),
    "joined": ('x = 1.0\nprint("val loss: " + str(x))', 'metrics = { val_loss = "val loss" }'),
    "two lines at once": ('x = 1.0\nprint(f"done\\nval_loss: {x}")', 'metrics = { val_loss = "val_loss" }'),
    "standard output": (
        'import sys\nx = 1.0\nsys.stdout.write(f"val_loss: {x}\\n")',
        'metrics = { val_loss = "val_loss" }',
    ),
    "accuracy": ('x = 1.0\nprint("accuracy:", x)', 'better = "higher"'),
    "held out before training": (
        'x = 1.0\nprint("train_loss:", x)\nprint("dev_loss:", x)\nprint("loss:", x)',
        "dev_loss",
    ),
}


@pytest.mark.parametrize(("source", "words"), READ.values(), ids=READ)
def test_how_a_number_is_printed_is_read(workplace, source, words):
    assert drafted(workplace, ONE + source) == 0
    assert words in (workplace / "one.toml").read_text(encoding="utf-8")


ARGPARSE = "import argparse\np = argparse.ArgumentParser()\n"
LONGER = {
    "a line of nanoGPT": 'for s in range(3):\n  print(f"step {s}: train loss {x + 1:.4f}, val loss {x:.4f}")',
    "a line of modded-nanogpt": 'print(f"step:{1}/{9} val_loss:{x:.4f} train_time:{3:.0f}ms step_avg:{2:.2f}ms")',
    "two lines of an example of PyTorch": (
        'print("Train Epoch: {} Loss: {:.6f}".format(1, x + 1))\n'
        'print("\\nTest set: Average loss: {:.4f}, Accuracy: {}/{}\\n".format(\n  x, 2, 3))'
    ),
    "bars between": 'print(f"epoch {1:3d} | val_loss {x:8.4f} | lr {LR:.1e}")',
    "a sum": 'print("val_loss:", x / 2 + x / 2)',
    "a sum among texts": 'print("step " + str(3) + " val_loss " + str(x) + " done")',
    "a unit before it": 'print(f"{3:.1f}s val_loss {x:.4f}")',
    "f-string with =": 'val_loss = x\nprint(f"{3=} {val_loss=:.4f}")',
    "no end of the line": 'print(f"val_loss: {x:.4f}", end=" ")\nprint("in", 3, "s")',
    "over itself": 'for s in range(3):\n  print(f"\\rstep {s} val_loss={x + 2 - s:.4f}", end="")',
    "a dict": 'print({"step": 3, "train_loss": 9.0, "val_loss": round(x, 4)})',
    "a dict with a name": 'log = {"step": 3, "val_loss": x}\nlog["x"] = 1\nprint(log)',
    "a dict made by dict": "print(dict(step=3, val_loss=x))",
    "a dict as JSON": 'import json\nprint(json.dumps({"step": 3, "val_loss": x}))',
    "logging": (
        "import logging\nlogging.basicConfig(level=logging.INFO)\n"
        'logging.getLogger(__name__).info("step %d val_loss %.4f (%.1f s)", 3, x, 0.5)'
    ),
    "logging with its time": (
        "import logging\nlogging.basicConfig(level='INFO', format='%(asctime)s %(levelname)s %(message)s')\n"
        'logger = logging.getLogger("train")\nlogger.info(f"val_loss: {x:.4f}")'
    ),
    "a dict that is logged": (
        "import logging\nlogging.basicConfig(level=20)\nlog = logging.getLogger()\n"
        'log.info("%s", {"val_loss": x})\nlog.info({"val_loss": x})'
    ),
}
"""How scripts print, with x = 1.25 as the number that decides."""
TQDM = {
    "postfix": "bar.set_postfix(loss=9.0, val_loss=x)",
    "postfix of a dict": 'bar.set_postfix({"loss": 9.0, "val_loss": f"{x:.4f}"})',
    "description": 'bar.set_description(f"val_loss {x:.4f}")',
}


def read_from(folder, source):
    """The number that the drafted runner file reads from what the script prints."""
    runner = read_runner("one.toml", lambda name: (folder / name).read_bytes() if (folder / name).exists() else None)
    done = subprocess.run(
        [sys.executable, "one.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    )
    lines = Lines(runner.program.summary)
    for line in done.stdout.decode().split("\n"):
        lines.line(line)
    said = lines.end()
    assert said.unread == ""
    return said.metrics


@pytest.mark.parametrize("source", LONGER.values(), ids=LONGER)
def test_a_number_in_a_longer_line_is_drafted_and_read(workplace, source):
    assert drafted(workplace, f"{ONE}x = 1.25\n{source}\n") == 0
    assert [*read_from(workplace, source).values()] == [1.25]


@pytest.mark.parametrize("source", TQDM.values(), ids=TQDM)
def test_what_a_bar_shows_beside_itself_is_drafted_and_read(workplace, source):
    pytest.importorskip("tqdm")
    words = f"from tqdm import tqdm\nx = 1.25\nbar = tqdm(range(3))\nfor _ in bar:\n  {source}\n"
    assert drafted(workplace, ONE + words) == 0
    assert [*read_from(workplace, source).values()] == [1.25]


COMPUTED = """LR = 0.1
MIN_LR = LR / 10
STEPS = 1_000
WARMUP = STEPS // 10
EVAL_EVERY = WARMUP * 5
DIM = 16
for step in range(1, STEPS + 1):
    if step % EVAL_EVERY == 0:
        print("val_loss:", LR + MIN_LR + WARMUP + DIM)
"""


def test_a_constant_that_is_computed_from_another_follows_it(workplace, capsys):
    assert drafted(workplace, COMPUTED) == 0
    said = capsys.readouterr().out
    runner = tomllib.loads((workplace / "one.toml").read_text(encoding="utf-8"))

    assert [*runner["factors"]] == ["lr", "dim"]
    assert "trains for  STEPS: 200 in the short stage, 1000 in the long one" in said
    assert "left alone  MIN_LR: computed from LR" in said
    assert "left alone  WARMUP: computed from STEPS" in said
    assert "left alone  EVAL_EVERY: computed from STEPS and WARMUP" in said


def test_what_the_user_asks_for_is_varied_although_it_is_computed(workplace):
    assert drafted(workplace, COMPUTED, "--vary", "WARMUP=10,50") == 0
    runner = tomllib.loads((workplace / "one.toml").read_text(encoding="utf-8"))

    assert [*runner["factors"]] == ["lr", "warmup", "dim"]
    assert runner["factors"]["warmup"]["default"] == 100


def test_a_default_of_an_argument_that_is_computed_from_the_budget_follows_it(workplace):
    source = (
        "STEPS = 100\n"
        + ARGPARSE
        + (
            "p.add_argument('--lr', type=float, default=0.1)\n"
            "p.add_argument('--warmup', type=int, default=STEPS // 10)\n"
            "a = p.parse_args()\nfor s in range(STEPS): pass\nprint('val_loss:', a.lr)\n"
        )
    )
    assert drafted(workplace, source) == 0
    runner = tomllib.loads((workplace / "one.toml").read_text(encoding="utf-8"))

    assert [*runner["factors"]] == ["lr"]


def test_what_is_told_every_few_steps_says_nothing_of_epochs(workplace, capsys):
    source = ARGPARSE + (
        "p.add_argument('--lr', type=float, default=0.1)\np.add_argument('--epochs', type=int, default=14)\n"
        "p.add_argument('--log-interval', type=int, default=10)\nprint('val_loss:', p.parse_args().lr)\n"
    )
    assert drafted(workplace, source) == 0
    assert "--epochs: 3 in the short stage, 14 in the long one" in capsys.readouterr().out


def test_what_is_printed_elsewhere_or_is_of_no_line_is_not_taken(workplace, capsys):
    source = 'LR = 0.1\nwith open("log", "w") as f:\n  print("val_loss:", LR, file=f)\nf.write(f"val_loss: {LR}")\n'
    assert drafted(workplace, source) == 2
    assert "prints no number that promo recognizes" in capsys.readouterr().err


def test_a_metric_that_the_source_does_not_show_is_looked_for_anywhere_in_a_line(workplace):
    source = "print(str(dict(eval_loss=1.25)).replace('x', ''))"
    assert drafted(workplace, ONE + "x = 'eval' + '_loss'\nprint({x: 1.25})", "--metric", "eval_loss") == 0
    assert read_from(workplace, source) == {"eval_loss": 1.25}


CANNOT = {
    "no such file": (None, "there is no file one.py"),
    "it does not parse": ("def f(:\n", "does not parse: line 1"),
    "nothing is printed": ("LR = 0.1\n", "prints no number that promo recognizes"),
    "a share in a longer line": (
        'LR = 0.1\nprint(f"step {LR} acc {LR}/{LR}")',
        "prints no number that promo recognizes",
    ),
    "nothing is a measure": ('LR = 0.1\nprint("colour:", LR)', "it prints 'colour'"),
    "a percent sign": ('LR = 0.1\nprint(f"accuracy: {LR:.1%}")', "as something else than a plain number (line 2)"),
    "a percent sign behind it": (
        'LR = 0.1\nprint(f"step {LR} test accuracy {LR:.1f}% lr {LR}")',
        'add below it, indented alike: print("test_accuracy:", LR)',
    ),
    "a better number that is not plain": (
        'LR = 0.1\nprint(f"step 1 train_loss: {LR} val_loss: {LR:,}")',
        "prints 'val_loss' as something else",
    ),
    "nothing to vary": ('print("val_loss:", 1)', "has nothing that promo can vary"),
    "a budget alone": ('EPOCHS = 3\nprint("val_loss:", 1 / EPOCHS)', "besides budget and seed, no argument and no"),
    "a flag alone": (
        ARGPARSE + 'p.add_argument("--fast", action="store_true")\nprint("loss:", 1)',
        "--fast: a flag",
    ),
    "a required argument": (
        'import argparse\np = argparse.ArgumentParser()\np.add_argument("--lr", type=float, default=1e-3)\n'
        'p.add_argument("--data", required=True)\nprint("loss:", 1)',
        "--set data=VALUE",
    ),
    "subcommands of which none trains by its name": (
        "import argparse\ns = argparse.ArgumentParser().add_subparsers()\na = s.add_parser('left')\n"
        "b = s.add_parser('right')\nprint('loss:', 1)",
        "has the subcommands left, right, and promo cannot tell which of them trains",
    ),
    "Hydra": (
        "import hydra\n@hydra.main(config_path='conf')\ndef main(cfg):\n    print('loss:', cfg.lr)\nmain()\n",
        'config_name="config") names',
    ),
    "NUL": ("LR = 0.1\0", "does not parse"),
    "deep": ("LR = " + "-" * 100_000 + "1\n", "does not parse"),
    "long sums": (  # Python 3.13 parses them
        'print("loss: "' + " + str(1)" * 5_000 + ")\n",
        "does not parse" if sys.version_info < (3, 13) else "nests too deep",
    ),
    "sums that parse": ('print("loss: " + f(' + "f(" * 150 + "1" + ")" * 150 + " + 1" * 800 + "))\n", "nests too deep"),
}


@pytest.mark.parametrize(("source", "words"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_be_drafted_is_one_clear_message_and_nothing_is_written(workplace, capsys, source, words):
    if source is None:
        assert promo("new", "--from", "one.py") == 2
    else:
        assert drafted(workplace, source) == 2
    said = capsys.readouterr().err

    assert words in said
    assert "Traceback" not in said
    assert not list(workplace.glob("one.[tp][or]*o*")) and not (workplace / "one.toml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "asks on a terminal"),
        (("--from", "."), "it is a folder"),
        (("--from", "mlp.py", "--vary", "colour"), "it has: lr, hidden"),
        (("--from", "mlp.py", "--vary", "lr=fast"), "is no number"),
        (("--from", "mlp.py", "--vary", "optimizer=adam"), "it can be: sgd"),
        (("--from", "mlp.py", "--takes", "soon"), "--takes 10min"),
        (("--from", "mlp.py", "--set", "lr"), "sets nothing"),
        (("--from", "mlp.py", "--set", "colour=1"), "it has no setting 'colour'"),
        (("--from", "mlp.py", "--better", "larger"), "invalid choice"),
        (("---", "--from", "mlp.py"), "unrecognized"),
        (("///", "--from", "mlp.py"), "is not a name for a spec"),
    ],
)
def test_wrong_wishes_are_one_clear_message(beside, capsys, words, said):
    assert promo("new", *words) == 2
    assert said in capsys.readouterr().err
    assert not list(beside.glob("*.toml"))


def test_wishes_overrule_guesses(beside):
    words = ("--vary", "hidden=4,16", "--set", "lr=0.05", "--takes", "2h", "--better", "higher")
    assert promo("new", "trial", "--from", "mlp.py", *words) == 0
    spec, runner = ((beside / name).read_text(encoding="utf-8") for name in ("trial.promo", "trial.toml"))

    assert "factor hidden: channels in [4, 8, 16] default 8" in spec
    assert "let one_run = 2h" in spec
    assert "higher is better" in spec
    assert '[factors.lr]\nunit = "rate"\ndefault = 0.05' in runner


def test_a_script_with_a_required_path_gets_it_whole(workplace):
    (workplace / "data").mkdir()
    source = (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float, default=1e-3)\n"
        "p.add_argument('data')\na = p.parse_args()\nprint('loss:', a.lr)\n"
    )
    assert drafted(workplace, source, "--set", "data=data") == 0
    assert f'"{(workplace / "data").resolve().as_posix()}"]' in (workplace / "one.toml").read_text(encoding="utf-8")


def test_a_seed_that_is_written_there_is_replaced(workplace):
    source = "import random\nLR = 0.1\nrandom.seed(0)\nprint('loss:', LR * random.random())\n"
    assert drafted(workplace, source, "--takes", "5s") == 0
    assert '"random.seed" = "{seed}"' in (workplace / "one.toml").read_text(encoding="utf-8")
    assert carried_out(Path("one.promo"), one_seed=True) == 0


def test_modules_of_its_own_are_copied_and_others_are_needed(workplace, capsys):
    (workplace / "lib").mkdir()
    (workplace / "lib" / "__init__.py").write_text("", encoding="utf-8")
    (workplace / "lib" / "loss.py").write_text("from . import more\n", encoding="utf-8")
    (workplace / "lib" / "more.py").write_text("", encoding="utf-8")
    source = "import no_such_package\nfrom lib import loss\nLR = 0.1\nprint('loss:', LR)\n"
    assert drafted(workplace, source) == 0
    written = (workplace / "one.toml").read_text(encoding="utf-8")

    assert '"lib/__init__.py", "lib/loss.py", "lib/more.py"' in written
    assert 'needs_modules = ["no_such_package"]' in written
    assert "-m pip install no_such_package" in capsys.readouterr().out


class Terminal:
    def __init__(self, *lines: str) -> None:
        self.lines = [f"{line}\n" for line in lines]

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.lines.pop(0) if self.lines else ""


def test_on_a_terminal_it_asks_three_questions(beside, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("mlp.py", "", "30s"))
    assert promo("new") == 0
    said = capsys.readouterr().out

    assert said.count("?") == 3
    assert "Which printed number decides? [val_loss]" in said
    assert "let one_run = 30s" in (beside / "mlp.promo").read_text(encoding="utf-8")


def test_a_name_that_is_taken_is_told_before_anything_else_is_asked_with_a_free_one(beside, capsys, monkeypatch):
    (beside / "my scripts").mkdir()
    shutil.copy("mlp.py", beside / "my scripts")
    for taken in ("mlp.toml", "mlp_2.study"):
        (beside / "my scripts" / taken).write_text("", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", Terminal("my scripts/mlp.py"))
    assert promo("new") == 2
    said = capsys.readouterr()

    assert said.out.count("?") == 1
    assert "give another name: promo new mlp_3 --from 'my scripts/mlp.py'" in said.err
    assert promo("new", "mlp_3", "--from", "my scripts/mlp.py") == 0


def test_who_answers_nothing_gets_nothing(beside, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("mlp.py"))
    assert promo("new") == 2
    assert "nothing was written" in capsys.readouterr().err
    assert not (beside / "mlp.promo").exists()


LINES = r"""
LR = 0.1
lr = 1e-400
SIZE = 2 ** 9999
N = -1
STEPS = 10 // 0
POINTS = 'a\u202eb'
SEED = 1 << 3
import argparse, click
p = argparse.ArgumentParser()
p.add_argument('--lr', type=float, default=float('nan'))
p.add_argument('-n', '--base', default=7, type=int)
p.add_argument('short', choices=['a"b', 'c\\d'], default='a"b')
p.add_argument(*words)
p.add_argument('--budget', default=1.5)
p.add_argument('--xs', nargs='+')
@click.option('--w', type=click.IntRange(1, 3), default=2)
def g(w): print(f'val_loss: {w}')
for i in range(3): print(f'{i}: loss {i:,} x')
print('val_loss:', lr, sep='')
print('%d%% loss: %s' % (1, 2))
print('{} acc {}'.format(1))
print(f'test {1!r:>{2}}: {3}')
print(*[1], end='')
print('loss =>', 1)
x = 1; x += 1
from . import y
import os; os.environ['HOME']
open('one.py'); open('..')
random.seed(3)
""".strip().splitlines()


@settings(max_examples=60)
@given(lines=st.lists(st.sampled_from(LINES), max_size=12))
def test_any_script_is_drafted_soundly_or_refused_in_one_message(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("any")
    (folder / "one.py").write_text("\n".join(lines), encoding="utf-8")
    status = promo("new", "--from", folder / "one.py")

    assert status in (0, 2)
    assert (folder / "one.promo").exists() == (status == 0)
    if status == 0:
        assert {one.code for one in check(folder / "one.promo")} == {"P0414"}
        assert promo("fmt", "--check", folder / "one.promo") == 0


SECONDS = """
import time
RATE = 0.1
TIME_BUDGET = 2
begun, x = time.monotonic(), 1.0
while time.monotonic() - begun < TIME_BUDGET:
    x -= RATE * x * 1e-3
    time.sleep(0.01)  # the seconds are what counts, and others need the processor
print("loss:", x)
"""
PAIRS = """import random
BLOCK, (LAYERS, HEADS) = 64, (3, 4)
LR, WD = 6e-3, 0.1
EPOCHS, STEPS_PER_EPOCH = 3, 20
random.seed(1)
loss = 3.0
for _ in range(EPOCHS * STEPS_PER_EPOCH):
    loss -= LR * loss * LAYERS - random.gauss(0, 0.001)
print(f"val_loss: {loss:.4f}")
"""
ONE_CHOICE = ARGPARSE + (
    "p.add_argument('--optimizer', choices=['sgd', 'adam'], default='sgd')\n"
    "print('loss:', 1.0 if p.parse_args().optimizer == 'sgd' else 0.5)\n"
)


@pytest.mark.parametrize(
    ("source", "words", "told"),
    [
        (
            SECONDS,
            "train    base, rate_0_3 for 1s\n  tolerance 90%",
            "TIME_BUDGET: 1 in the short stage, 2 in",
        ),
        (ONE_CHOICE, "train    promoted, base for 1steps", "as long as it does"),
        (PAIRS, "factor lr: rate in [0.0018, 0.006, 0.018] default 0.006", "EPOCHS: 1 in the short stage, 3 in"),
    ],
    ids=["seconds of its own", "no duration and one alternative", "constants in pairs"],
)
def test_scripts_with_other_ends_run_as_drafted(workplace, capsys, source, words, told):
    vary = ("--vary", "rate=0.3") if "RATE" in source else ()
    assert drafted(workplace, source, "--takes", "10s", *vary) == 0
    said = capsys.readouterr()
    assert told in said.out
    assert said.err == ""
    spec, runner = ((workplace / f"one.{end}").read_text(encoding="utf-8") for end in ("promo", "toml"))
    assert words in spec
    assert ("# The script has more settings" in spec) is (runner.count("[factors.") > 1)
    assert carried_out(Path("one.promo"), one_seed=True) == 0
    attempts = StudyFolder(workplace / "one.study").state().attempts.values()
    assert {attempt.status for each in attempts for attempt in each} == {RunStatus.OK}


CLICK = "import click\n@click.command()\n@click.option('--lr', default=0.1)\n@click.option('--epochs', {})\n"
CLICK += "def main(lr, epochs): print('val_loss:', lr / epochs)\nmain()\n"
CONSTANTS = "LR = 0.1\nEPOCHS = {}\nprint('val_loss:', LR / EPOCHS)\n"
LENGTHS = {
    "one epoch": (CONSTANTS.format(1), (1, 5), (2, 10)),
    "two epochs": (CONSTANTS.format(2), (1, 2), (1, 2)),
    "three at most": (CLICK.format("default=1, type=click.IntRange(1, 3)"), (1, 3), (2, 6)),
    "four at least": (CLICK.format("default=4, type=click.IntRange(4, 90)"), (4, 20), (2, 10)),
    "no more than one": (CLICK.format("default=1, type=click.IntRange(1, 1)"), (1, 1), (2, 2)),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_the_long_stage_trains_for_longer_than_the_short_one_where_the_script_can(workplace, capsys, case):
    source, (short, long), caps = LENGTHS[case]
    assert drafted(workplace, source) == 0
    said, spec = capsys.readouterr().out, (workplace / "one.promo").read_text(encoding="utf-8")

    own = ", as in the script, and" if case != "two epochs" else ","
    assert f"{short} in the short stage{own} {long} in the long one" in said
    assert f"train    base, lr_0_03, lr_0_3 for {short}steps" in spec
    assert f"train    promoted for {long}steps" in spec
    assert re.findall(r"cap +(.*)", spec) == ["one_run" if one == 1 else f"{one} * one_run" for one in caps]
    assert ("write how long a final run should train" in spec) is (case not in ("two epochs", "no more than one"))
    assert ("# As long as the first stage, since --epochs can be no more." in spec) is (long == 1)
    assert promo("fmt", "--check", "one.promo") == 0


@pytest.mark.parametrize(
    ("source", "unit"),
    [
        ("import math\nLR = 0.1\nprint('val_loss:', -math.log(LR))\n", "nats"),
        ("import torch.nn.functional as F\nLR = 0.1\nprint('val_loss:', F.cross_entropy(LR))\n", "nats"),
        ("LR = 0.1\nprint('val_loss:', LR ** 2)\n", "units"),
        ("import logging\nLR = 0.1\nlogging.log(1, 'x')\nprint('val_loss:', LR ** 2)\n", "units"),
        ("LR = 0.1\nprint('val_nll:', LR ** 2)\n", "nats"),
        ("LR = 0.1\nprint('val_bpb:', LR ** 2)\n", "bpb"),
        ("LR = 0.1\nprint('val_acc:', LR ** 2)\n", "share"),
        ("LR = 0.1\nprint('val_mse:', LR ** 2)\n", "units"),
    ],
)
def test_a_loss_is_in_nats_only_where_the_script_takes_logarithms(workplace, source, unit):
    assert drafted(workplace, source) == 0

    assert f" in {unit}, " in (workplace / "one.promo").read_text(encoding="utf-8")


def test_a_script_without_a_duration_is_told_what_would_make_its_first_stage_short(workplace, capsys):
    assert drafted(workplace, "LR = 0.1\nprint('val_loss:', LR)\n") == 0
    spec = (workplace / "one.promo").read_text(encoding="utf-8")

    assert "as long as it does, in both stages" in capsys.readouterr().out
    assert "# it trains, EPOCHS = 5 at its top, and draft again." in spec
    assert spec.count("cap      2 * one_run") == 2  # of a whole run, in both


def test_what_modules_of_its_own_say_of_the_duration_and_where_its_data_lies_is_replaced(workplace, capsys):
    (workplace / "prepare.py").write_text("TIME_BUDGET = 300\n", encoding="utf-8")
    (workplace / "data").mkdir()
    source = (
        "import os\nfrom prepare import TIME_BUDGET\nLR = 0.1\n"
        "DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data')\nprint('loss:', LR)\n"
    )
    assert drafted(workplace, source) == 0
    written = (workplace / "one.toml").read_text(encoding="utf-8")
    said = capsys.readouterr().out

    assert '"prepare.py/TIME_BUDGET" = "{budget}"' in written
    assert f'"DATA" = "{workplace.resolve().as_posix()}/data"' in written
    assert 'budgets = ["wall"]' in written
    assert "prepare.py/TIME_BUDGET: 60 in the short stage, 300 in the long one" in said
    assert "not kept in the study" in said


TOLD = {
    "in an if": ("range(1, STEPS + 1)", "if i % 300 == 0:\n        print('val_loss:', LR)", 300),
    "the nearest multiple": ("range(1, STEPS + 1)", "if not i % 150:\n        print('val_loss:', LR)", 150),
    "by a name": ("range(1, STEPS + 1)", "if i % SHOWN == 0:\n        print('val_loss:', LR)", 400),
    "after a continue": ("range(1, STEPS + 1)", "if i % 300:\n        continue\n    print('val_loss:', LR)", 300),
    "with something else": ("range(1, STEPS + 1)", "if i and i % 300 == 0:\n        print('val_loss:', LR)", 300),
    "in a function": ("range(1, STEPS + 1)", "if i % 300 == 0:\n        print(f'{i} | val_loss: {LR}')", 300),
    "from 0": ("range(STEPS)", "if i % 300 == 0:\n        print('val_loss:', LR * 2 ** -i)", 301),
    "from 0, numbered": ("range(STEPS)", "if (i + 1) % 300 == 0:\n        print('val_loss:', LR)", 300),
    "from 0, the last of each": ("range(STEPS)", "if i % 300 == 299:\n        print('val_loss:', LR)", 300),
    "enumerated": ("enumerate([0] * STEPS)", "if i[0] % 300 == 0:\n        print('val_loss:', LR)", 300),
    "at the end as well": (
        "range(STEPS)",
        "if i % 300 == 0 or i == STEPS - 1:\n        print('val_loss:', LR)",
        200,
    ),
    "of something else": ("range(STEPS)", "if i % 7 == 0:\n        LR + 1\nprint('val_loss:', LR)", 200),
}
"""Where it counts, what it does there, and for how long the short stage has to train."""


@pytest.mark.parametrize("case", TOLD)
def test_the_short_stage_is_ends_where_a_value_is_printed(workplace, capsys, case):
    loop, body, short = TOLD[case]
    source = f"LR = 0.5\nSTEPS = 1000\nSHOWN = 400\nfor i in {loop}:\n    {body}\n"

    assert drafted(workplace, source, "--takes", "10s") == 0
    assert f"STEPS: {short} in the short stage, 1000 in the long one" in capsys.readouterr().out
    exec(source.replace("STEPS = 1000", f"STEPS = {short}"), {})  # as its runs do
    assert "val_loss: " in capsys.readouterr().out


def test_runs_of_a_short_stage_that_ends_where_a_value_is_printed_are_sound(workplace):
    loop, body, _ = TOLD["from 0"]
    source = f"LR = 0.5\nSTEPS = 1000\nfor i in {loop}:\n    {body}\n"

    assert drafted(workplace, source, "--takes", "10s") == 0
    assert promo("run", "one.promo", "--quiet") == 0
    attempts = StudyFolder(workplace / "one.study").state().attempts.values()
    assert {attempt.status for several in attempts for attempt in several} == {RunStatus.OK}


SEEDED = {
    "argparse": "p.add_argument('--seed', type=int, default=None)",
    "argparse without a word of it": "p.add_argument('--random-seed', type=int)",
    "argparse in the words of scikit-learn": "p.add_argument('--random-state', type=int)",
}


@pytest.mark.parametrize("case", SEEDED)
def test_a_seed_that_may_be_left_out_is_given(workplace, capsys, case):
    source = (
        "import argparse, random\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float, default=0.1)\n"
        f"{SEEDED[case]}\na = p.parse_args()\nprint('val_loss:', a.lr)\n"
    )

    assert drafted(workplace, source) == 0
    assert "left alone" not in capsys.readouterr().out
    assert re.search(r"--(random-)?(seed|state)={seed}", (workplace / "one.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("call", "word"),
    [
        ("r = random.Random(a.start)", "--start={seed}"),
        ("random.seed(a.start)", "--start={seed}"),
        ("split(random_state=a.start)", "--start={seed}"),
        ("start = a.start; set_up(seed=start)", "--start={seed}"),
        ("set_up(rng_seed=a.start, **{})", "--start={seed}"),
        ("r = random.Random(a.start); b.seed(a.seed)", "--seed={seed}"),  # what is called one comes first
        ("r = a.start", "--start={start}"),
    ],
)
def test_what_starts_the_random_numbers_is_the_seed_whatever_its_name(workplace, call, word):
    more = "p.add_argument('--seed', type=int, default=0)\n" if "a.seed" in call else ""
    source = (
        "import argparse, random\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float, default=0.1)\n"
        f"p.add_argument('--start', type=int, default=42)\n{more}a = p.parse_args()\n{call}\nprint('val_loss:', a.lr)\n"
    )

    assert drafted(workplace, source) == 0
    assert word in (workplace / "one.toml").read_text(encoding="utf-8")


def test_of_a_script_without_a_seed_nothing_is_said_that_its_source_does_not_tell(workplace, capsys):
    """`torch.Generator().manual_seed(0)` makes all of its runs alike."""
    source = "import torch\nLR = 0.1\ng = torch.Generator().manual_seed(0)\nprint('val_loss:', LR)\n"

    assert drafted(workplace, source) == 0
    told = capsys.readouterr().out
    assert "none that promo can set: seeds only number the runs, which may all be alike" in told


def test_a_seed_of_a_dataclass_that_may_be_left_out_is_given(workplace):
    source = (
        "from dataclasses import dataclass\nfrom typing import Optional\nimport tyro\n\n\n@dataclass\nclass Config:\n"
        "    lr: float = 0.1\n    seed: Optional[int] = None\n\n\ncfg = tyro.cli(Config)\nprint('val_loss:', cfg.lr)\n"
    )

    assert drafted(workplace, source) == 0
    assert "--seed={seed}" in (workplace / "one.toml").read_text(encoding="utf-8")
