"""The VS Code extension: it can be packaged, and the package holds what it needs and nothing else."""

import json
import shutil
import subprocess
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


@pytest.mark.skipif(shutil.which("npm") is None or shutil.which("npx") is None, reason="needs node with npm and npx")
def test_the_extension_is_packaged(tmp_path):
    folder = tmp_path / "vscode"
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "*.vsix"))
    if ran(["npm", "ping", "--fetch-retries=0", "--fetch-timeout=10000"], folder).returncode:
        pytest.skip("the npm registry cannot be reached")
    # What is optional is for publishing: keys, and a signature.
    quick = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--prefer-offline"]
    installed = ran(["npm", "ci", *quick], folder)
    assert installed.returncode == 0, installed.stderr

    done = ran(["npm", "run", "package"], folder)

    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / f"promo-{MANIFEST['version']}.vsix") as package:
        names = set(package.namelist())
    wanted = {"client.js", "language-configuration.json", "syntaxes/promo.tmLanguage.json", "LICENSE.txt"}
    assert {f"extension/{name}" for name in wanted} <= names
    assert "extension/node_modules/vscode-languageclient/node.js" in names
    assert not [name for name in names if "/@vscode/" in name or "/vsce" in name]
