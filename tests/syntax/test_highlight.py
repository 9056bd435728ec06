"""Colours outside the language server: the Pygments lexer and the word lists of the TextMate grammar."""

import json
import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, Error, Keyword, Name, Number, String

from editors.written import coloured, word_lists
from promo.syntax.highlight import PromoLexer
from promo.syntax.lex import grammar

ROOT = Path(__file__).parents[2]
TEXTMATE = ROOT / "grammar" / "editors" / "vscode" / "syntaxes" / "promo.tmLanguage.json"
EVERYTHING = (Path(__file__).parent / "good" / "everything.promo").read_text(encoding="utf-8")


def tokens(text: str) -> list[tuple[object, str]]:
    return [(kind, word) for _, kind, word in PromoLexer().get_tokens_unprocessed(text)]


# --- Pygments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [EVERYTHING, "", "keep top 8", 'no spec at all \x00 "', EVERYTHING.replace("\n", "\r\n")]
)
def test_no_character_is_lost_or_moved(text):
    at = 0
    for start, _, word in PromoLexer().get_tokens_unprocessed(text):
        assert text[start : start + len(word)] == word
        assert start == at
        at += len(word)

    assert at == len(text)


def test_a_sound_spec_has_no_errors_and_a_soft_keyword_is_a_name_where_it_is_one():
    found = tokens(EVERYTHING)

    assert Error not in {kind for kind, _ in found}
    assert (Name.Class, "gate") in found
    assert (Keyword, "gate") in found
    assert (Name, "seed") in found
    assert (Keyword, "seed") in found


def test_a_fragment_without_a_header_is_coloured_too():
    found = tokens('## why\nkeep top 8  # eight\ntitle "x"\n')

    assert {(Comment.Special, "## why"), (Keyword, "keep"), (Number.Integer, "8"), (String.Double, '"x"')} <= set(found)


def test_the_lexer_is_an_entry_point():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    module, _, name = project["project"]["entry-points"]["pygments.lexers"]["promo"].partition(":")

    assert getattr(import_module(module), name) is PromoLexer


def test_the_installed_lexer_is_found_by_the_name_of_a_file():
    assert type(get_lexer_for_filename("study.promo")) is PromoLexer


# --- TextMate ------------------------------------------------------------------------------------------------


def test_the_word_lists_of_the_textmate_grammar_are_those_of_the_grammar():
    text = TEXTMATE.read_text(encoding="utf-8")
    rules = json.loads(text)["repository"]

    assert coloured(text, grammar()) == text, "run: python tests/editors/written.py"
    for rule, words in word_lists(grammar()).items():
        listed = max(re.findall(r"\(([a-z|]+)\)", rules[rule]["match"]), key=len)

        assert listed.split("|") == words


def test_a_word_of_the_grammar_that_a_list_lacks_is_put_in():
    text = TEXTMATE.read_text(encoding="utf-8")

    assert coloured(text.replace("|keep|", "|"), grammar()) == text


def test_the_textmate_grammar_colours_a_word_by_its_place():
    rules = json.loads(TEXTMATE.read_text(encoding="utf-8"))["repository"]
    frozen = re.match(rules["declaration"]["match"], "frozen gate pick sealed")

    assert frozen.groups() == ("frozen", "gate", "pick")
    assert re.match(rules["declaration"]["match"], "host = 3") is None
    assert re.search(rules["clause"]["match"], "  keep     top 8")[1] == "keep"
    assert re.search(rules["setting"]["match"], "  seed = 10")[1] == "seed"
    assert re.search(rules["quantity"]["match"], "for 5min").groups() == ("5", "min")
    assert re.search(rules["quantity"]["match"], "1e-4") is None


def test_the_words_of_a_symbol_are_all_that_a_word_can_be():
    assert set().union(*word_lists(grammar()).values()) | {"promo", "frozen"} == {
        word for word in grammar().words if word.isalpha()
    }
