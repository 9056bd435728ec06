"""The three worked changes of `.github/CONTRIBUTING.md`, made as they stand there, and a study run with each."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import promo as package_of_promo
from support import INLINE, SOUND, spec

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
CHANGES = [(name, text) for language, name, text in BLOCKS if language == "diff"]
CLAUSE = sorted({name for name, _ in CHANGES})
PLUGIN = ROOT / "tests" / "plugin"
INSTALLED = Path(package_of_promo.__file__).parent


def section(title):
    """The blocks below a heading."""
    text = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return {name: body for _, name, body in re.findall(r"^```(\w+) (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)}


def run(*words, path, folder, ends=(0,)):
    """A command with other packages in front; what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode in ends, said
    return said


def promo(*words, path, folder, ends=(0,)):
    code = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return run("-c", code, *words, path=path, folder=folder, ends=ends)


def changed(tree, *, without=""):
    """Make the change of the page in a copy of the tree, but for one file."""
    for name, text in CHANGES:
        lines = text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        content = (tree / name).read_text(encoding="utf-8")
        assert content.count(before) == 1, f"{name} has other lines than the page says"
        if name != without:
            (tree / name).write_text(content.replace(before, after), encoding="utf-8")


def copied(place):
    """
    A copy of everything that is installed, as one package; and of its tests.

    What Python made of the modules comes along, for its commands would make it again of all that the page leaves alone.
    """
    tree, library = place / "tree", place / "library"
    for name in ("grammar", "interpreter", "templates", "tests", "specs"):
        left_out = ("__pycache__", "*.study", *["promo"] * (name == "interpreter"))
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns(*left_out))
    left_out = ("grammar", "templates", "*.pyc.*")  # the last are being written just now
    shutil.copytree(INSTALLED, tree / "interpreter" / "promo", ignore=shutil.ignore_patterns(*left_out))
    shutil.copy(ROOT / "pyproject.toml", tree)
    (library / "promo").mkdir(parents=True)
    for one in (tree / "interpreter" / "promo").iterdir():
        (library / "promo" / one.name).symlink_to(one)
    for name in ("grammar", "templates"):
        (library / "promo" / name).symlink_to(tree / name)
    return tree, library


@pytest.fixture
def package(tmp_path):
    """Writes the package of a section, installed; the folders where it and a spec lie."""

    def write(title):
        place, name = tmp_path / "package", title.split()[-1]
        for file, text in section(title).items():
            target = place / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        groups = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
        about = place / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        lines = [
            f"[{group}]\n" + "".join(f"{one} = {at}\n" for one, at in these.items()) for group, these in groups.items()
        ]
        (about / "entry_points.txt").write_text("".join(lines), encoding="utf-8")
        return place

    return write


def test_the_gate_clause_of_the_page_works_from_the_text_to_both_verifiers(tmp_path):
    tree, library = copied(tmp_path)
    changed(tree)
    path = (library, PLUGIN)
    run("-m", "promo.syntax.tables", path=path, folder=tmp_path)
    gate = SOUND["gate"].replace("rank by mean", "rank by trimmed")
    stage = SOUND["stage short"].replace("seeds 1, 2", "seeds 1, 2, 5")
    (tmp_path / "trial.promo").write_text(spec(gate=gate, stage_short=stage, host=INLINE), encoding="utf-8")

    promo("check", "trial.promo", path=path, folder=tmp_path)
    promo("freeze", "trial.promo", path=path, folder=tmp_path)
    assert "rank by trimmed loss" in promo("read", "trial.promo", path=path, folder=tmp_path)
    promo("run", "trial.promo", "--quiet", path=path, folder=tmp_path)
    promo("verify", "trial.study", path=path, folder=tmp_path, ends=(3,))
    said = run(tmp_path / "trial.study" / "recheck.py", "trial.study", path=(), folder=tmp_path, ends=(3,))
    assert "nothing differs" in said


TYPES = ("study/judgement.py", "decision/stats.py", "decision/arrays.py", "report/aloud.py")
COMPLAINS = {
    "grammar/promo.lark": ("tests/base/test_house.py", "a_choice_of_words"),
    "templates/recheck.py": ("tests/recheck/test_forms.py", "every_word_of_every_choice"),
    **{f"interpreter/promo/{name}": ("mypy", "TRIMMED") for name in TYPES},
}
"""File of the clause -> what complains when it is forgotten, and with which word."""


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPLAINS)
def test_forgetting_a_file_of_the_clause_is_found(tmp_path, name):
    tree, library = copied(tmp_path)
    changed(tree, without=name)
    path = (library, tree / "tests" / "plugin", tree / "tests")
    run("-m", "promo.syntax.tables", path=path, folder=tmp_path)
    tool, word = COMPLAINS[name]
    words = ["mypy"] if tool == "mypy" else ["pytest", "-q", "-k", word, tool]

    assert word in run("-m", *words, path=path, folder=tree, ends=(1,))


def test_every_file_of_the_clause_is_left_out_once():
    assert set(COMPLAINS) == set(CLAUSE)


def test_a_clause_touches_six_product_files_at_the_most():
    assert len(CLAUSE) <= 6


def test_the_runner_of_the_page_keeps_the_contract_and_runs_a_study(package):
    place = package("A runner")
    path = (place, PLUGIN)

    promo("runner", "line", "--try", path=path, folder=place)
    promo("check", "line.promo", path=path, folder=place)
    promo("fmt", "--check", "line.promo", path=path, folder=place)
    promo("freeze", "line.promo", path=path, folder=place)
    said = promo("run", "line.promo", path=path, folder=place)
    assert "pick promoted fast (rate 0.5) to long" in said
    promo("verify", "line.study", path=path, folder=place, ends=(3,))


def test_the_executor_of_the_page_runs_a_study(package):
    place = package("An executor")
    path = (place, PLUGIN)
    host = SOUND["host"].replace("any\n", "any\n  executor child\n")
    broken = SOUND["candidate"].replace("quality = 4", 'quality = 4\n  behaviour = "kill"')
    once = {f"stage_{name}": SOUND[f"stage {name}"].replace(", 2", "").replace(", 4", "") for name in ("short", "long")}
    text = spec("use", host=host, candidate=broken, **once)
    (place / "trial.promo").write_text(text, encoding="utf-8")

    promo("freeze", "trial.promo", path=path, folder=place)
    said = promo("run", "trial.promo", path=path, folder=place)
    assert "pick promoted good (quality 1) and base to long" in said
    promo("verify", "trial.study", path=path, folder=place, ends=(3,))
    ledger = (place / "trial.study" / "ledger.jsonl").read_text(encoding="utf-8")
    assert '"status":"killed"' in ledger
