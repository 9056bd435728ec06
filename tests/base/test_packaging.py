"""The installed package, its contracts, and the lists that have to agree."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from promo import plugins
from promo.base.errors import PromoError

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_on_disk_is_packaged():
    source = ROOT / "interpreter" / "promo"
    on_disk = {"promo"} | {
        ".".join(("promo", *path.parent.relative_to(source).parts)) for path in source.rglob("*/__init__.py")
    }

    assert set(PROJECT["tool"]["setuptools"]["packages"]) == on_disk | {"promo.grammar", "promo.templates"}


def test_built_in_plugins_are_the_declared_entry_points():
    declared = PROJECT["project"]["entry-points"]

    assert declared["promo.runners"] == plugins.RUNNERS
    assert declared["promo.executors"] == plugins.EXECUTORS


def test_a_plugin_of_another_package_is_found_by_its_entry_point():
    assert "toy" in {point.name for point in entry_points(group="promo.runners")}
    assert plugins.runner("toy").name == "toy"


def test_a_plugin_that_cannot_be_loaded_is_an_error():
    with pytest.raises(PromoError, match="broken"):
        plugins.runner("broken")


def test_the_top_level_holds_only_what_was_agreed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    top = {name.split("/")[0] for name in tracked if not name.startswith(".")}

    assert top <= {"LICENSE", "README.md", "grammar", "interpreter", "pyproject.toml", "specs", "templates", "tests"}


def test_what_is_installed_without_an_extra_is_light():
    names = {re.split(r"[<>=!~ ]", one)[0] for one in PROJECT["project"]["dependencies"]}

    assert names == {"attrs", "jinja2", "lark", "psutil", "rich", "tabulate"}  # 22 MB; see tests/bench/README.md


@pytest.mark.parametrize("command", ["check", "fmt --check", "plan", "show spec"])
def test_reading_commands_never_import_torch_or_numpy(command):
    words = [*command.split(), str(ROOT / "specs" / "staged_promotion.promo")]
    code = (
        "import sys\nfrom promo.cli.main import main\n"
        f"code = main({words!r})\n"
        "heavy = {'torch', 'numpy', 'ray', 'matplotlib', 'rich', 'lark', 'jinja2', 'pygls', 'pygments'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if heavy or code else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
