"""One layout: nothing is lost, nothing moves twice, and it still means the same."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promo.base.source import Source
from promo.syntax.format import format_text
from promo.syntax.lex import COMMENT, NEWLINE, lexemes
from promo.syntax.parse import parse
from support import named, spec

ROOT = Path(__file__).parents[2]
GOOD = [*sorted((ROOT / "specs").glob("*.promo")), Path(__file__).parent / "good" / "everything.promo"]


def formatted(text: str) -> str:
    laid_out = format_text(Source("x", text))
    assert laid_out is not None
    return laid_out


def tokens(text: str) -> list[str]:
    return [word for kind, word, _, _ in lexemes(text) if kind not in (NEWLINE, COMMENT)]


def comments(text: str) -> list[str]:
    return [word.rstrip() for kind, word, _, _ in lexemes(text) if kind == COMMENT]


def mangled(text: str, draw: random.Random) -> str:
    """The same text with other spacing, blank lines and comments sprinkled in."""
    lines = []
    for line in text.splitlines():
        if draw.random() < 0.2:
            lines.append(draw.choice(["", "   ", "# a remark", "\t# another"]))
        line = re.sub(r"(?<=\S) +(?=\S)", lambda _: " " * draw.randint(1, 4), line) if '"' not in line else line
        lines.append(" " * draw.randint(0, 5) + line.strip() + " " * draw.randint(0, 3))
        if draw.random() < 0.1 and line.strip() and "#" not in line:
            lines[-1] += "# behind"
    return "\n".join(lines)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_the_examples_are_formatted(path):
    text = path.read_text(encoding="utf-8")

    assert formatted(text) == text if path.parent.name == "specs" else formatted(formatted(text)) == formatted(text)


@pytest.mark.parametrize("seed", range(60))
def test_formatting_keeps_tokens_and_comments_and_is_idempotent(seed):
    draw = random.Random(seed)
    text = mangled(draw.choice(GOOD).read_text(encoding="utf-8"), draw)

    once = formatted(text)

    assert tokens(once) == tokens(text)
    assert comments(once) == comments(text)
    assert formatted(once) == once
    assert parse(Source("x", once)).tree.root == parse(Source("x", text)).tree.root


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet=st.sampled_from(list(' \t\n\r"#{}[]()=;,^-+abkp19.:%é')), max_size=120))
def test_a_text_that_does_not_parse_has_no_layout(text):
    source = Source("x", "promo 1\nlet a = 1" + text)

    assert (format_text(source) is None) is bool(parse(source).diagnostics)


LINES = st.sampled_from(
    [" ", "\n", "\r\n", "# why\n", "[", "]", "(", ")", "-", "+", "1", "2tok", ",", "{", "}", "let a = "]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(LINES, max_size=30))
def test_a_text_that_parses_is_formatted_once_and_for_all(parts):
    text = "promo 1\nlet b = " + "".join(parts)
    once = format_text(Source("x", text))
    if once is not None:
        assert tokens(once) == tokens(text)
        assert comments(once) == comments(text)
        assert formatted(once) == once


CASES = Path(__file__).parents[1] / "cases"


def test_an_unclosed_bracket_joins_no_lines():
    assert format_text(Source("x", (CASES / "open_bracket.promo").read_text(encoding="utf-8"))) is None


def test_the_layout_itself():
    text = """promo   1
study s{title "a"
# own line
  measure m   in u , lower is better   # behind


}
let a=-3+ -( 2 ^-4)*5 - 6
factor z : share in [ 1 ,
 2, # two
 -3 ]
candidate q { a=1 }
candidate r {}"""

    assert formatted(text) == (
        "promo 1\n"
        "study s {\n"
        '  title    "a"\n'
        "  # own line\n"
        "  measure  m in u, lower is better  # behind\n"
        "}\n"
        "let a = -3 + -(2^-4) * 5 - 6\n"
        "factor z: share in [1, 2,  # two\n"
        "  -3]\n"
        "candidate q {\n"
        "  a = 1\n"
        "}\n"
        "candidate r {}\n"
    )


def test_long_lists_are_wrapped():
    text = "promo 1\nlet x = [" + ", ".join(str(10**n) for n in range(12, 30)) + "]\n"

    lines = formatted(text).splitlines()

    assert max(map(len, lines)) <= 100
    assert formatted("\n".join(lines)) == formatted(text)


def test_carriage_returns_become_line_ends():
    assert formatted(spec().replace("\n", "\r\n")) == formatted(spec())


CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_what_fuzzing_found_is_formatted_once_and_for_all_or_not_at_all():
    for path in CORPUS:
        with named(path.name):
            source = Source("x", path.read_bytes().decode("utf-8-sig", errors="replace"))
            once = format_text(source)

            assert (once is None) is bool(parse(source).diagnostics)
            assert once is None or formatted(once) == once


def test_a_comma_inside_a_string_does_not_break_a_long_list_there():
    words = ", ".join(f'"level {n}, so to say"' for n in range(12))
    text = f"promo 1\n\nfactor kind: kind in [{words}]\n"

    once = formatted(text)

    assert len(once.splitlines()) > 4
    assert tokens(once) == tokens(text)
    assert formatted(once) == once
