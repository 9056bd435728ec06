"""The site is built of the folders' pages; a link to what is not there and a page that nobody leads to are errors."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if not all(map(find_spec, ("sphinx", "myst_parser", "furo"))):  # which a process that collects tests need not import
    pytest.skip("the extra `docs` is not installed", allow_module_level=True)
ROOT = Path(__file__).parents[2]


def build(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", *words, str(place)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_page_is_read_and_every_link_leads_somewhere(tmp_path):
    """All that a build does but writing pages, which takes four times as long."""
    done = build(tmp_path, "-b", "dummy", "-c", "interpreter/docs", ".")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    done = build(tmp_path, "-c", "interpreter/docs", ".")

    assert (done.returncode, done.stderr) == (0, "")
    tutorial = (tmp_path / "interpreter" / "docs" / "tutorial.html").read_text(encoding="utf-8")
    assert "gallery.html" in tutorial and "step 800 | val_loss" in tutorial
    assert (tmp_path / "grammar" / "pages" / "P0101.html").exists()


def test_a_link_to_a_page_that_is_not_there_is_a_finding(tmp_path):
    (tmp_path / "conf.py").write_text('extensions = ["myst_parser"]\nmyst_heading_anchors = 3\n', encoding="utf-8")
    (tmp_path / "index.md").write_text("# A\n\n[b](b.md), [c](#c)\n", encoding="utf-8")
    done = build(tmp_path / "out", str(tmp_path))

    assert done.returncode != 0
    assert "b.md" in done.stderr and "'c'" in done.stderr
