"""The reference page: its examples are sound specs, and it leaves no word of the grammar out."""

import json
import re
from pathlib import Path

import pytest

from promo.base.codec import from_json, to_json
from promo.base.diagnostics import errors
from promo.base.units import UNITS
from promo.study.values import Study
from promo.syntax.parse import declaration_words
from support import compiled, promo

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "grammar" / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^(\*instead\*\n\n)?```promo ?([a-z-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples():
    return [(bool(instead), tag, text) for instead, tag, text in EXAMPLE.findall(PAGE)]


def whole() -> str:
    return "\n".join(text for instead, tag, text in examples() if not instead and not tag)


def replaced(text: str, other: str) -> str:
    """*text* with its declaration of the same word and name as *other* replaced."""
    word, name = re.match(r"(?:##[^\n]*\n)*(\w+) (\w+)", other).groups()
    start = text.index(f"\n{word} {name} ") + 1
    return text[:start] + other + text[text.index("\n}\n", start) + 3 :]


def found(text: str) -> list[str]:
    return [f"{one.code} {one.message}" for one in errors(compiled(text).diagnostics)]


def test_the_examples_of_the_reference_are_one_sound_spec():
    assert found(whole()) == []


def test_every_instead_is_sound_in_its_place():
    for instead, tag, text in examples():
        if instead and not tag:
            changed = replaced(whole(), text)
            changed = changed.replace("  expect   24 runs\n", "").replace(
                "  rows     screen [3, 4]", "  rows     screen [1]"
            )
            changed = changed.replace("  expect   6 candidates\n", "")
            if "without" in text:
                assert {one.split()[0] for one in found(changed)} == {"P0730"}
                model = re.search(r"`(model main, .*)`: six rows cannot estimate", PAGE).group(1)
                changed = re.sub(r"(from     screened\n  )model    main, pairs", rf"\1{model}", changed)

            assert {one.split()[0] for one in found(changed)} <= {"P0602"}, (text, found(changed))


@pytest.mark.parametrize("what", ["syntax", "spec", "plan"])
def test_every_word_of_the_reference_is_shown_and_laid_out(what, tmp_path, capsys):
    path = tmp_path / "all.promo"
    path.write_text(whole(), encoding="utf-8")

    assert promo("show", what, path) == 0

    shown = json.loads(capsys.readouterr().out)
    if what == "spec":
        parts = {
            "grows",
            "schedules",
            "laws",
            "forecasts",
            "baselines",
            "effects",
            "reductions",
            "curves",
            "neighbourhoods",
        }
        assert parts <= {*filter(shown.get, shown)}
        assert to_json(from_json(Study, shown)) == shown
    assert promo("fmt", path) == 0
    assert promo("fmt", "--check", path) == 0


def test_the_reference_names_every_word_of_the_grammar_and_every_unit():
    grammar = (ROOT / "grammar" / "promo.lark").read_text(encoding="utf-8")
    code = "\n".join(line.split("//")[0] for line in grammar.splitlines())
    words = set(re.findall(r'"([a-z]{2,})"', code))
    shown = set(
        re.findall(r"[a-z_]+", "\n".join(re.findall(r"`([^`\n]+)`", PAGE) + [text for _, _, text in examples()]))
    )

    assert words - shown == set()
    assert {unit for unit in UNITS if f"`{unit}`" not in PAGE} == set()


def test_the_page_begins_with_every_declaration_and_where_it_is_told():
    links = dict(re.findall(r"\[`([a-z]+)`\]\(#([a-z-]+)\)", PAGE))
    headings = {one.lower().replace(" ", "-") for one in re.findall(r"^##+ (.+)$", EXAMPLE.sub("", PAGE), re.MULTILINE)}

    assert set(links) == declaration_words() - {"frozen", "promo"}
    assert set(links.values()) <= headings
