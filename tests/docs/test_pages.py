"""Every command on every page is given, in the order of the page, and prints what the page shows."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from promo.cli.main import COMMANDS
from walked import SHELL, carried_out, matches, read_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "interpreter" / "docs"
# The worked changes of CONTRIBUTING.md are made by tests/base/test_contributing.py.
PAGES = sorted(
    path
    for path in (
        ROOT / one
        for one in subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    )
    if path.name not in ("CHANGELOG.md", "CONTRIBUTING.md") and path.parent.name != "pages"
)
TUTORIAL = DOCS / "tutorial.md"
AFTER_THE_TUTORIAL = ("how-to/review.md", "how-to/hosts.md", "how-to/register.md", "python.md")
"""Pages that begin in the folder in which the tutorial ends."""
NOT_GIVEN = {
    "python3 -m venv .venv": "it is how promo is installed; CI gives the second of them in a fresh clone",
    "promo executor slurm --try": "there has to be a cluster; tests/executors/ has a pretended and a real one",
    "promo executor ray --try": "there has to be a cluster; tests/executors/ has a pretended and a real one",
    "python -m pip install 'promo-lang[ray]'": "nothing is released yet; the gate needs no Ray",
    "umask 077; mkdir -p ~/.ray": "it is the reader's home",
    "export RAY_AUTH_MODE=token": "it speaks to the next two",
    "ray start": "it listens on every interface; tests/ray_here.py starts one where nobody else is",
    "promo run study.promo": "of a study on such a cluster",
    "mkdir -p ~/.": "it is the reader's home; tests/editors/ asks Vim itself, and compares what the parser reads",
    "cc -shared": "tests/editors/ builds the parser, where there is a compiler",
    "cp promo.so": "it is the reader's home",
    "cp grammar/editors/tree-sitter-promo": "it is the reader's home",
    "cd grammar/editors/tree-sitter-promo": "tests/editors/ does, where tree-sitter is installed",
    "ssh-keygen -Y sign -n promo-checkpoint -f KEY 1.note": "KEY is somebody's; how-to/register.md does it with one",
    "promo run --freeze-only trial.promo": "how-to/register.md does it",
    "promo anchor trial.promo": "how-to/register.md does it",
    "promo run trial.promo": "how-to/register.md does it",
    "promo verify trial.promo": "how-to/register.md does it",
}
"""Beginnings of the commands of a page that no test gives -> why."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture
def alike(monkeypatch):
    """The width and the language that the pages were written with."""
    for name, value in {"COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}.items():
        monkeypatch.setenv(name, value)


def followed(path: Path, update: bool) -> None:
    """Do what a page says; with *update*, put into it what was printed."""
    page = read_page(path)
    done = carried_out(page, NOT_GIVEN, update=update)
    if update and done.text != page.text:
        path.write_text(done.text, encoding="utf-8")


def test_the_tutorial_and_the_pages_that_begin_where_it_ends(tmp_path, monkeypatch, alike, request):
    update = request.config.getoption("--update-golden")
    (tmp_path / "tutorial").mkdir()
    monkeypatch.chdir(tmp_path / "tutorial")
    followed(TUTORIAL, update)
    for name in AFTER_THE_TUTORIAL:
        place = tmp_path / Path(name).stem
        shutil.copytree(tmp_path / "tutorial", place)
        monkeypatch.chdir(place)
        followed(DOCS / name, update)


def test_what_varies_is_that_of_one_study_throughout_the_tutorial():
    text = TUTORIAL.read_text(encoding="utf-8")
    decided = re.findall(r"decision (sha256:\w+)|pick: decided again, (sha256:\w+)", text)
    length = r"(\d[\w. ]*?)"
    spent = re.findall(rf"runs spent {length} in training .* took {length} of slot time", text)
    spent += re.findall(rf"hours: {length} of slot time spent in training, {length} with", text)
    spent += re.findall(rf"(?m)^{length} of training; {length} of slot time", text)

    assert len(decided) == 2 and len({one or other for one, other in decided}) == 1
    assert len(spent) == 3 and len({*spent}) == 1


ALONE = [
    path
    for path in PAGES
    if read_page(path).steps and path not in (TUTORIAL, *(DOCS / name for name in AFTER_THE_TUTORIAL))
]


@pytest.mark.parametrize("path", ALONE, ids=name_of)
def test_what_a_page_says_is_so(path, workplace, alike, request):
    if path.parent.name == "specs":
        shutil.copytree(path.parent, workplace / "specs")
    followed(path, request.config.getoption("--update-golden"))


def commands():
    """Every command of every page, with the page."""
    return [(path, step.text) for path in PAGES for step in read_page(path).steps if step.kind == "command"]


def test_what_is_not_given_is_on_a_page_and_names_a_command():
    for beginning in NOT_GIVEN:
        assert any(text.startswith(beginning) for _, text in commands()), beginning
    for path, text in commands():
        if text.startswith("promo ") and not SHELL.search(text):
            assert shlex.split(text)[1] in COMMANDS, f"{path}: {text}"


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nb\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("a.b\n", "axb\n", False),
        ("10:00:01  x sha256:0123456789ab\n", "23:59:59  x sha256:ffffffffffff\n", True),
        ("loss 2.31\n", "loss 2.32\n", False),
        ("x\n", "x\n10:00:00  3 of 9 runs; spent 1 s of it\n", True),
    ],
)
def test_what_is_shown_is_what_is_printed_but_for_what_varies(shown, said, same):
    assert matches(shown, said) is same
