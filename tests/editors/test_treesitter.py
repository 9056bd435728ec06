"""
The tree-sitter grammar: its files are the grammar's and the table's, and a parser made of them reads what promo reads.

Every comparison is of whole trees: kinds, texts and places of all nodes, or that both find something wrong.  The root
alone may have other places: tree-sitter's goes to the end of the text, behind comments and spaces.
"""

import ctypes
import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String

from editors.written import tree_sitter_files, tree_sitter_form
from injected import slipped
from promo.base.resources import grammar_file
from promo.base.source import Source
from promo.syntax.clauses import BLOCKS
from promo.syntax.highlight import PromoLexer
from promo.syntax.lex import NAME, grammar, lexemes
from promo.syntax.nodes import Node
from promo.syntax.parse import parse
from promo.syntax.tables import GRAMMAR

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grammar" / "editors" / "tree-sitter-promo"
TEXT = grammar_file(GRAMMAR).read_text(encoding="utf-8")
EXAMPLES = sorted([*(ROOT / "tests" / "syntax" / "good").glob("*.promo"), *(ROOT / "specs").glob("*.promo")])
WRITTEN_BY = "tree-sitter 0.22.6"
"""What wrote the parser; others write the same one in other words."""
KEPT = {kind for kind, _ in grammar().lexemes}
"""Terminals that have a node of their own."""
KEYWORDS = sorted(word for word in grammar().words if word.isalpha())
SOFT = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


# --- the files -----------------------------------------------------------------------------------------------


def test_the_files_are_those_of_the_grammar():
    for name, text in tree_sitter_files(TEXT).items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name}: run python tests/editors/written.py"


def test_the_parser_is_that_of_the_grammar():
    """Its program writes grammar.json and parser.c together, from one reading of grammar.js."""
    written = json.loads((FOLDER / "src" / "grammar.json").read_text(encoding="utf-8"))
    wanted = tree_sitter_form(TEXT)

    assert {part: written[part] for part in wanted} == wanted, "run tree-sitter generate in its folder"
    assert list(written["rules"]) == list(wanted["rules"])


def test_the_program_writes_the_parser_that_is_kept(tmp_path):
    program = shutil.which("tree-sitter")
    if program is None or shutil.which("node") is None:
        pytest.skip("tree-sitter's program, or node, is not installed")
    shutil.copy(FOLDER / "grammar.js", tmp_path)

    subprocess.run([program, "generate", "--abi", "14"], cwd=tmp_path, capture_output=True, timeout=300, check=True)

    made, kept = tmp_path / "src", FOLDER / "src"
    rules = [json.loads((place / "grammar.json").read_text(encoding="utf-8"))["rules"] for place in (made, kept)]
    assert rules[0] == rules[1]
    version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    if not version.startswith(WRITTEN_BY):
        pytest.skip(f"the parser was written by {WRITTEN_BY}, not by {version.strip()}")
    for name in ("parser.c", "tree_sitter/parser.h"):
        assert (made / name).read_bytes() == (kept / name).read_bytes()


# --- the tree ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def binding():
    return pytest.importorskip("tree_sitter", reason="the Python package tree-sitter is not installed")


@pytest.fixture(scope="session")
def language(binding, tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler is installed")
    library = tmp_path_factory.mktemp("parser") / "promo.so"
    words = [compiler, "-shared", "-fPIC", "-O0", "-I", FOLDER / "src", FOLDER / "src" / "parser.c", "-o", library]
    subprocess.run([str(word) for word in words], capture_output=True, timeout=300, check=True)
    made = ctypes.CDLL(str(library)).tree_sitter_promo
    made.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return binding.Language(capsule(made(), b"tree_sitter.Language", None))


@pytest.fixture(scope="session")
def parser(binding, language):
    return binding.Parser(language)


def shape(part, places):
    """promo's tree, without the words that are a choice: tree-sitter has no named node for them."""
    if not isinstance(part, Node):
        return part.kind, part.text, places[part.start], places[part.end]
    kept = [shape(child, places) for child in part.children if isinstance(child, Node) or child.kind in KEPT]
    return part.kind, kept, places[part.start], places[part.end]


def shape_of(node):
    kind = NAME if node.type in ("declared", "known") else node.type.upper()
    if kind in KEPT:
        return kind, node.text.decode(), node.start_byte, node.end_byte
    kept = [shape_of(child) for child in node.named_children if child.type != "comment"]
    return node.type, kept, node.start_byte, node.end_byte


def agree(parser, text):
    """Whether the text is sound, once both have said the same of it."""
    root, found = parser.parse(text.encode()).root_node, parse(Source("x", text))
    if found.diagnostics:
        assert root.has_error, text
        return False
    places = [0]
    for character in text:
        places.append(places[-1] + len(character.encode()))

    assert not root.has_error, text
    assert shape_of(root)[:2] == shape(found.tree.root, places)[:2], text
    return True


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_good_spec_has_the_tree_that_promo_reads(path, parser):
    assert agree(parser, path.read_text(encoding="utf-8"))


def test_line_ends_of_other_systems_and_a_text_that_just_ends_are_read_alike(parser):
    for path in EXAMPLES:
        text = path.read_text(encoding="utf-8")
        for other in (text.replace("\n", "\r\n"), text.replace("\n", "\r"), text.rstrip(), "\n\n# first\n" + text):
            assert agree(parser, other)


def test_every_example_of_the_pages_is_read_alike(parser):
    sound = 0
    for page in [ROOT / "README.md", *ROOT.glob("interpreter/**/*.md"), *(ROOT / "grammar").rglob("*.md")]:
        for block in re.findall(r"^```promo[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
            sound += agree(parser, block if block.startswith("promo") else f"promo 1\n{block}")

    assert sound > 150


def test_every_bad_spec_is_read_alike(parser):
    wrong = sum(not agree(parser, path.read_text(encoding="utf-8")) for path in ROOT.glob("tests/cases/**/*.promo"))
    for path in sorted((ROOT / "tests" / "study" / "bad").glob("*.promo")):
        for case in re.split(r"^---\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            head, _, body = case.partition("\n")
            wrong += not agree(parser, body if head.endswith("whole") else f"promo 1\n{body}")

    assert wrong > 20


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_any_slip_is_read_alike(path, parser):
    text, draw = path.read_text(encoding="utf-8"), random.Random(path.name)

    assert {agree(parser, slipped(text, draw)) for _ in range(60)} >= {False}


@SOFT
@given(data=st.data())
def test_any_word_of_the_language_may_stand_for_a_name_where_promo_takes_it(data, parser):
    text = data.draw(st.sampled_from(EXAMPLES)).read_text(encoding="utf-8")
    names = [one for one in lexemes(text) if one[0] == NAME]
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    for _, _, start, end in sorted(chosen, key=lambda one: -one[2]):
        text = text[:start] + data.draw(st.sampled_from(KEYWORDS)) + text[end:]
    agree(parser, text)


@SOFT
@given(salad=st.lists(st.sampled_from([*KEYWORDS, "a", "b", "1", "2s", "{", "}", "=", ",", "\n"]), max_size=12))
def test_word_salad_is_read_alike(salad, parser):
    agree(parser, "promo 1\n" + " ".join(salad))


@settings(SOFT, max_examples=60)
@given(text=st.deferred(lambda: from_lark(Lark(TEXT, parser="lalr", lexer="contextual", maybe_placeholders=False))))
def test_texts_grown_from_the_grammar_are_read_alike(text, parser):
    """But for NUL, which ends a text for tree-sitter's lexers."""
    text = re.sub(r"promo[ \t]*\d+", "promo 1", text.replace("\0", " "), count=1)  # the grammar leaves the edition open
    agree(parser, text)


@pytest.mark.parametrize(
    "value",
    ["1", "1_000", "1.5", "1e5", "1e-4", "1.5E+3", "5%", "5eur", "1e5flop", "2^10", "1e", "-1", "4tok / 2", '"a"'],
)
def test_a_number_is_of_the_kind_that_promo_takes_it_for(value, parser):
    assert agree(parser, f"promo 1\nlet a = {value}\n")


@pytest.mark.parametrize("value", ["2026-01-02", "1e5e5", "1e5_", "-" * 500 + "1"])
def test_what_passes_without_lookahead_and_at_any_depth(value, parser):
    """All that the two are known to differ in."""
    text = f"promo 1\nlet a = {value}\n"

    assert parse(Source("x", text)).diagnostics
    assert not parser.parse(text.encode()).root_node.has_error


# --- the colours ---------------------------------------------------------------------------------------------


NUMBER = {"constant.numeric"}
SAYS = {
    Comment.Single: {"comment"},
    Comment.Special: {"comment.documentation"},
    String.Double: {"string"},
    String.Symbol: {"constant"},
    Number: NUMBER,
    Number.Integer: NUMBER,
    Number.Float: NUMBER,
    Name.Class: {"type.definition"},
    Keyword.Reserved: {"keyword.modifier"},
    Keyword: {"keyword"},
    Operator: {"operator"},
}
"""Kind of a token by the parser -> what the colours are called."""
OF_NAMES = (set(), {"constant.builtin"}, {"variable.member"}, {"type.definition"})
PUNCTUATION = ({"punctuation.bracket"}, {"punctuation.delimiter"})


@pytest.fixture(scope="session")
def captured(binding, language, parser):
    """Text and query -> place of what is captured, and as what."""

    def places(text, name):
        query = binding.Query(language, (FOLDER / "queries" / name).read_text(encoding="utf-8"))
        found = {}
        for colour, nodes in binding.QueryCursor(query).captures(parser.parse(text.encode()).root_node).items():
            for node in nodes:
                found.setdefault((node.start_byte, node.end_byte), set()).add(colour)
        return found

    return places


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_colours_are_what_the_parser_says_of_each_word(path, captured):
    text = path.read_text(encoding="utf-8")
    found = captured(text, "highlights.scm")
    wrong = []
    for start, kind, word in PromoLexer().get_tokens_unprocessed(text):
        colours = found.pop((start, start + len(word)), set())
        if kind in (Name, Punctuation):
            right = colours in (OF_NAMES if kind is Name else PUNCTUATION)
        else:
            right = colours == SAYS.get(kind, set())
        if not right:
            wrong.append((text[:start].count("\n") + 1, word, colours, kind))

    assert text.isascii()  # so that places in bytes are those of characters
    assert wrong == []
    assert found == {}


def test_names_are_coloured_by_what_the_table_of_clauses_says_of_them(captured):
    text = "promo 1\nstudy s {\n  measure loss in bpb, lower is better\n}\ncandidate c like b {\n  depth = deep\n}\n"
    found = captured(text, "highlights.scm")
    coloured = {text[start:end]: colours for (start, end), colours in found.items()}

    assert coloured["s"] == coloured["c"] == {"type.definition"}
    assert coloured["loss"] == coloured["bpb"] == {"constant.builtin"}
    assert coloured["depth"] == {"variable.member"}
    assert "b" not in coloured
    assert "deep" not in coloured


def test_every_block_folds(captured):
    text = (ROOT / "tests" / "syntax" / "good" / "everything.promo").read_text(encoding="utf-8")
    folded = captured(text, "folds.scm")
    blocks = [one for one in parse(Source("x", text)).tree.declarations if one.kind in BLOCKS]

    assert sorted(folded) == sorted((one.start, one.end) for one in blocks)
