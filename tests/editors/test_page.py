"""What the page about editors tells to write: it is whole, it starts the server, and the files it names are there."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EDITORS = ROOT / "grammar" / "editors"
PAGE = (EDITORS / "README.md").read_text(encoding="utf-8")
SHELL, TOML, LUA, ELISP = (
    re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for language in ("sh", "toml", "lua", "elisp")
)
MODE = (EDITORS / "emacs" / "promo-ts-mode.el").read_text(encoding="utf-8")


def test_every_file_that_is_copied_or_compiled_is_there():
    named = {word for lines in (*SHELL, *ELISP) for word in re.findall(r"grammar/editors/[\w./*-]+", lines)}

    assert len(named) >= 6
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_the_lines_for_helix_start_the_server():
    told = tomllib.loads(TOML[0])

    assert told["language-server"]["promo"] == {"command": "promo", "args": ["lsp"]}
    assert told["language"][0]["language-servers"] == ["promo"]
    assert told["language"][0]["file-types"] == ["promo"]


def test_the_lines_for_zed_name_the_grammar():
    extension, language = (tomllib.loads(lines) for lines in TOML[1:])
    grammar = language["grammar"]

    assert (ROOT / extension["grammars"][grammar]["path"] / "src" / "parser.c").is_file()
    assert language["path_suffixes"] == ["promo"]


def test_the_lines_for_neovim_and_emacs_are_whole_and_start_the_server():
    assert '{ "promo", "lsp" }' in LUA[0]
    assert '"promo" "lsp"' in MODE
    for lines in (*LUA, *ELISP, MODE):
        bare = re.sub(r'"(\\.|[^"\\])*"|^\s*;.*$', "", lines, flags=re.MULTILINE)
        assert all(bare.count(one) == bare.count(other) for one, other in ("()", "{}"))


def test_the_mode_for_emacs_has_a_face_for_every_colour():
    """Of two names that begin alike the longer one is replaced first, or the rest of it would stay behind the face."""
    query = (EDITORS / "tree-sitter-promo" / "queries" / "highlights.scm").read_text(encoding="utf-8")
    named = re.findall(r'\("([a-z.]+)" \. font-lock', MODE)
    lines = [line for line in query.splitlines() if "(comment)" not in line and not line.startswith(";")]

    assert set(named) == {one for line in lines for one in re.findall(r"@([a-z.]+)", line)}
    for place, name in enumerate(named):
        assert not any(later.startswith(name) for later in named[place + 1 :])


def test_the_file_for_tree_sitter_s_program_names_the_queries():
    folder = EDITORS / "tree-sitter-promo"
    (told,) = json.loads((folder / "tree-sitter.json").read_text(encoding="utf-8"))["grammars"]

    assert (told["name"], told["file-types"]) == ("promo", ["promo"])
    assert (folder / told["highlights"]).is_file()


@pytest.mark.parametrize(
    ("path", "attribute", "value"),
    [
        ("specs/quickstart.promo", "linguist-language", "HCL"),
        ("specs/quickstart.promo", "linguist-detectable", "unset"),
        ("specs/quickstart.promo", "gitlab-language", "hcl"),
        ("grammar/editors/tree-sitter-promo/src/parser.c", "linguist-generated", "set"),
    ],
)
def test_this_repository_tells_code_hosts_what_the_page_says(path, attribute, value):
    words = ["git", "check-attr", attribute, "--", path]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == f"{path}: {attribute}: {value}\n"
    assert "*.promo linguist-language=HCL -linguist-detectable gitlab-language=hcl\n" in PAGE
