"""The VS Code extension: it can be packaged, and the package holds what it needs and nothing else."""

import hashlib
import json
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "grammar" / "editors" / "vscode"
MANIFEST = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))


def ran(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which(words[0])
    return subprocess.run([program, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_every_file_the_manifest_names_is_there():
    contributed = MANIFEST["contributes"]
    named = [MANIFEST["main"], *(one["path"] for one in contributed["grammars"])]
    named += [one["configuration"] for one in contributed["languages"]]

    assert [name for name in named if not (EXTENSION / name).is_file()] == []


def test_the_licence_is_the_project_s():
    assert (EXTENSION / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_built_things_are_not_kept():
    kept = subprocess.run(["git", "ls-files", str(EXTENSION)], cwd=ROOT, capture_output=True, text=True, check=False)

    assert not [name for name in kept.stdout.split() if "node_modules" in name or name.endswith(".vsix")]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_client_is_valid_javascript():
    done = ran(["node", "--check", "client.js"], EXTENSION)

    assert done.returncode == 0, done.stderr


def installed(cache):
    """
    A folder with the packages that the lock names, and nothing else.

    npm takes nine seconds for their 13,000 files, so they are installed once for a lock, a manifest and an npm, and
    kept where pytest keeps things between runs: whole or not at all.
    """
    names = ("package.json", "package-lock.json")
    said = [*((EXTENSION / name).read_bytes() for name in names), ran(["npm", "--version"], EXTENSION).stdout.encode()]
    place = cache.mkdir("vscode") / hashlib.sha256(b"\0".join(said)).hexdigest()
    if not place.exists():
        if ran(["npm", "ping", "--fetch-retries=0", "--fetch-timeout=10000"], EXTENSION).returncode:
            pytest.skip("the npm registry cannot be reached")
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            fresh = Path(folder) / "fresh"
            fresh.mkdir()
            for name in names:
                shutil.copy(EXTENSION / name, fresh)
            done = ran(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], fresh)
            assert done.returncode == 0, done.stderr
            fresh.rename(place)
    return place


@pytest.mark.skipif(shutil.which("npm") is None or shutil.which("npx") is None, reason="needs node with npm and npx")
def test_the_extension_is_packaged(tmp_path, pytestconfig):
    folder = installed(pytestconfig.cache)
    for old in folder.iterdir():
        if old.name != "node_modules":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    built = shutil.ignore_patterns("node_modules", "*.vsix")
    shutil.copytree(EXTENSION, folder, ignore=built, dirs_exist_ok=True)

    done = ran(["npm", "run", "package", "--", "--out", str(tmp_path)], folder)

    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(tmp_path / f"promo-{MANIFEST['version']}.vsix") as package:
        names = set(package.namelist())
    wanted = {"client.js", "language-configuration.json", "syntaxes/promo.tmLanguage.json", "LICENSE.txt"}
    assert {f"extension/{name}" for name in wanted} <= names
    assert "extension/node_modules/vscode-languageclient/node.js" in names
    assert not [name for name in names if "/@vscode/" in name or "/vsce" in name]
