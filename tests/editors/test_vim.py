"""The Vim files: the syntax file is the tables', and Vim itself colours every good spec as the parser reads it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pygments.token import Comment, Keyword, Name, Number, String

from editors.written import GROUPS, vim_syntax, word_lists
from promo.syntax.highlight import PromoLexer
from promo.syntax.lex import grammar

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grammar" / "editors" / "vim"
WRITTEN = (FOLDER / "syntax" / "promo.vim").read_text(encoding="utf-8")
GOOD = sorted([*(ROOT / "tests" / "syntax" / "good").glob("*.promo"), *(ROOT / "specs").glob("*.promo")])
SAYS = {
    Comment.Single: {"Comment"},
    Comment.Special: {"Documentation"},
    String.Double: {"String", "Escape"},
    String.Symbol: {"Digest"},
    Number: {"Number", "Quantity", "Date"},
    Number.Integer: {"Number"},
    Number.Float: {"Number"},
    Name.Class: {"Name"},
    Keyword.Reserved: {"Frozen"},
    Keyword: {"Declaration", "Clause", "Word", "Edition"},
}
"""Kind of a token by the parser -> the groups that Vim may give to each of its characters."""


def test_the_syntax_file_is_that_of_the_grammar():
    assert vim_syntax(grammar()) == WRITTEN, "run: python tests/editors/written.py"


def test_every_word_of_the_grammar_stands_in_it_and_every_group_has_a_colour():
    for words in word_lists(grammar()).values():
        assert r"\%(" + r"\|".join(words) + r"\)" in WRITTEN
    for group in GROUPS:
        assert f"match promo{group} " in WRITTEN or f"region promo{group} " in WRITTEN


def has_syntax(vim):
    done = subprocess.run([vim, "--version"], capture_output=True, text=True, check=False)
    return "+syntax" in done.stdout and "+eval" in done.stdout


DUMP = """
set nocompatible
let &runtimepath = FOLDER . ',' . $VIMRUNTIME
filetype plugin on
syntax on
edit SPEC
let found = [&filetype, &commentstring]
let row = 1
while row <= line('$')
  let groups = []
  let column = 1
  while column <= len(getline(row))
    call add(groups, synIDattr(synID(row, column, 1), 'name'))
    let column += 1
  endwhile
  call add(found, groups)
  let row += 1
endwhile
call writefile([json_encode(found)], OUT)
qall!
"""


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_vim_colours_a_good_spec_as_the_parser_reads_it(path, tmp_path):
    vim = shutil.which("vim")
    if vim is None or not has_syntax(vim):
        pytest.skip("no vim with +syntax is installed")
    (tmp_path / "t.promo").write_bytes(path.read_bytes())
    names = {"FOLDER": f"'{FOLDER}'", "SPEC": str(tmp_path / "t.promo"), "OUT": f"'{tmp_path / 'out.json'}'"}
    script = DUMP
    for name, value in names.items():
        script = script.replace(name, value)
    (tmp_path / "dump.vim").write_text(script, encoding="utf-8")
    words = [vim, "-u", "NONE", "-i", "NONE", "-n", "-es", "-S", str(tmp_path / "dump.vim")]
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    filetype, comment, *lines = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    groups = [group.removeprefix("promo") for line in lines for group in [*line, ""]]
    assert text.isascii()  # so that Vim's columns, which are bytes, are characters
    wrong = []
    for start, kind, word in PromoLexer().get_tokens_unprocessed(text):
        if kind in SAYS:
            seen = {*groups[start : start + len(word)]}
            if not seen <= SAYS[kind]:
                wrong.append((text[:start].count("\n") + 1, word, seen, kind))

    assert (filetype, comment) == ("promo", "# %s")
    assert len(groups) == len(text)
    assert wrong == []


def test_vim_looks_for_the_files_where_they_lie():
    assert {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.vim")} == {
        "ftdetect/promo.vim",
        "ftplugin/promo.vim",
        "syntax/promo.vim",
    }
