"""
Studies to the reports of the gallery, and to the picture of the README.

`python interpreter/docs/gallery.py` makes all of them again, or those that are named: `train`, `quickstart`,
`replay_prefix`.  Times and machines differ from run to run.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SPECS = HERE.parents[1] / "specs"
GALLERY = HERE / "gallery"
NAMES = ("train", "quickstart", "replay_prefix")
WIDTH, HEIGHT = 1100, 760
"""Of the picture, in pixels of a page."""


def promo(folder: Path, *words: str) -> None:
    """One command, in a folder."""
    code = "import sys; from promo.cli.main import main; sys.exit(main(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", code, *words], cwd=folder, check=True)


def tutorial(folder: Path) -> None:
    """What the tutorial makes of its script: its file, its change, and its commands."""
    page = (HERE / "tutorial.md").read_text(encoding="utf-8")
    script = re.search(r"^```python train\.py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    change = re.search(r"^```diff train\.promo\n-(.*)\n\+(.*)\n```$", page, re.MULTILINE)
    drafted = re.search(r"^\$ promo (new .*)$", page, re.MULTILINE)
    assert script and change and drafted, "the tutorial has another shape"
    (folder / "train.py").write_text(script[1], encoding="utf-8")
    promo(folder, *drafted[1].split())
    spec = folder / "train.promo"
    spec.write_text(spec.read_text(encoding="utf-8").replace(change[1], change[2]), encoding="utf-8")


def made(name: str, folder: Path) -> Path:
    """The report of a study that runs in a folder."""
    if name == "train":
        tutorial(folder)
    else:
        for path in SPECS.glob(f"{name}.*"):
            shutil.copy(path, folder)
    table = f"{name}.csv"
    words = ("replay", f"{name}.promo", "--curves", table) if (folder / table).exists() else ("run", f"{name}.promo")
    promo(folder, *words, "--quiet")
    return folder / f"{name}.study" / "report.html"


def drawn(report: Path, picture: Path) -> None:
    """The first screen of a report as a browser shows it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.as_uri())
        page.screenshot(path=picture)
        browser.close()


def main() -> None:
    """Make what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], help="default: all of them")
    options = parser.parse_args()
    GALLERY.mkdir(exist_ok=True)
    for name in options.names or NAMES:
        with tempfile.TemporaryDirectory() as place:
            report = made(name, Path(place))
            shutil.copy(report, GALLERY / f"{name}.html")
        if name == "quickstart":
            drawn(GALLERY / f"{name}.html", GALLERY / f"{name}.png")


if __name__ == "__main__":
    main()
