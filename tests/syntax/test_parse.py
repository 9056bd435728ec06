"""The table-driven parser against Lark itself, and its recovery from mistakes."""

import contextlib
import random
import re
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark, Tree
from lark.exceptions import UnexpectedInput

from injected import any_lines, clause_lines, exchanged, found_of_injected, mistaken, slipped
from promo.base.diagnostics import Confidence
from promo.base.edits import apply
from promo.base.resources import grammar_file
from promo.base.source import Source
from promo.syntax import tables
from promo.syntax.lex import lexemes
from promo.syntax.nodes import Node
from promo.syntax.parse import parse
from promo.syntax.tables import GRAMMAR, TABLES, compile_grammar
from support import SOUND, named, spec

ROOT = Path(__file__).parents[2]
EXAMPLES = [*sorted((ROOT / "specs").glob("*.promo")), *sorted((Path(__file__).parent / "good").glob("*.promo"))]


@cache
def lark():
    """Lark's own parser; to make its tables takes as long as many tests, so nobody does who runs none that needs it."""
    return Lark(
        grammar_file(GRAMMAR).read_text(encoding="utf-8"),
        parser="lalr",
        lexer="contextual",
        propagate_positions=True,
        maybe_placeholders=False,
    )


def shape_of_lark(part):
    if isinstance(part, Tree):
        return str(part.data), tuple(shape_of_lark(child) for child in part.children)
    return part.type, str(part), part.start_pos, part.end_pos


def shape(part):
    if isinstance(part, Node):
        return part.kind, tuple(shape(child) for child in part.children)
    return part.kind, part.text, part.start, part.end


def test_the_stored_tables_are_those_of_the_grammar():
    stored = grammar_file(TABLES).read_text(encoding="utf-8").splitlines()

    assert stored == compile_grammar(grammar_file(GRAMMAR).read_bytes()), "run: python -m promo.syntax.tables"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: None,
        lambda content: b"",
        lambda content: b"{}\n" + content,
        lambda content: b"[]\n" + content,
        lambda content: content.replace(b'"actions"', b'"action"', 1),
        lambda content: content[:100],
        lambda content: content.split(b"\n", 1)[0],
        lambda content: content[: len(content) // 2],
        lambda content: b"\n".join(content.split(b"\n")[:100]),
        lambda content: content[:-20],
        lambda content: b"\n".join([content.split(b"\n", 1)[0], *(b"{" for _ in content.split(b"\n"))]),
        lambda content: content[:-9] + b"\xff" + content[-8:],
    ],
)
def test_tables_that_are_damaged_are_made_anew(damage, tmp_path, monkeypatch):
    whole, stored = tables.load(), grammar_file(TABLES).read_bytes()
    content = damage(stored)
    (tmp_path / GRAMMAR).write_bytes(grammar_file(GRAMMAR).read_bytes())
    if content is not None:
        (tmp_path / TABLES).write_bytes(content)
    monkeypatch.setattr(tables, "grammar_file", tmp_path.joinpath)
    monkeypatch.setattr(tables, "compile_grammar", lambda grammar: stored.decode().splitlines())  # takes a second

    made = tables.load()

    for part in ("actions", "gotos", "rules"):
        assert [*getattr(made, part).every()] == [*getattr(whole, part).every()]
    assert made.examples == whole.examples
    assert (made.start, made.words) == (whole.start, whole.words)


def test_the_grammar_has_no_conflict_and_no_colliding_terminals():
    Lark(grammar_file(GRAMMAR).read_text(encoding="utf-8"), parser="lalr", lexer="contextual", strict=True)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_gives_the_tree_that_lark_gives(path):
    text = path.read_text(encoding="utf-8")

    found = parse(Source(path.name, text))

    assert found.diagnostics == ()
    assert shape(found.tree.root) == shape_of_lark(lark().parse(text))


def test_every_rule_of_the_grammar_has_an_example_that_parses_inside_the_examples():
    """Each declaration and clause of the grammar occurs in some good spec."""
    kinds = set()
    for path in EXAMPLES:
        waiting = [parse(Source("x", path.read_text(encoding="utf-8"))).tree.root]
        while waiting:
            node = waiting.pop()
            kinds.add(node.kind)
            waiting += [child for child in node.children if isinstance(child, Node)]
    grammar = grammar_file(GRAMMAR).read_text(encoding="utf-8")
    rules = set(re.findall(r"^([a-z]\w*):", grammar, re.MULTILINE)) - {"start"}

    assert rules - kinds == set()


words = sorted({word for text in SOUND.values() for word in re.findall(r"[a-z_]+|\d+\w*|[{}\[\],=]|\n", text)})


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(words), max_size=40))
def test_parser_and_lark_agree_on_word_salad(salad):
    """Same verdict on any sequence of the language's own words, and the first fault no later than Lark's."""
    agree("promo 1\n" + " ".join(salad))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.deferred(lambda: from_lark(lark())))
def test_parser_and_lark_agree_on_texts_grown_from_the_grammar(text):
    """Where terminals that are grown side by side run together, Lark cuts words apart; promo rightly does not."""
    text = re.sub(r"promo[ \t]*\d+", "promo 1", text, count=1)  # the grammar leaves the edition open
    ends = []
    with contextlib.suppress(UnexpectedInput):
        ends = [token.end_pos for token in lark().parse_interactive(text).iter_parse()]
    if not any(re.fullmatch(r"\w\w", text[end - 1 : end + 1]) for end in ends):
        agree(text)


def agree(text):
    found = parse(Source("x", text))
    try:
        tree = lark().parse(text)
    except UnexpectedInput as fault:
        assert found.diagnostics, text
        at = len(text) if fault.pos_in_stream is None else fault.pos_in_stream
        assert min(one.span.start for one in found.diagnostics) <= at or "$END" in str(fault)
    else:
        assert not found.diagnostics, text
        assert shape(found.tree.root) == shape_of_lark(tree)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_line_costs_one_message_and_no_other_declaration(data):
    text = spec()
    lines = text.splitlines()
    inside = [n for n, line in enumerate(lines) if line.startswith("  ") and not line.rstrip().endswith("{")]
    number = data.draw(st.sampled_from(inside))
    words_of = lines[number].split(" ")
    place = data.draw(st.integers(0, len(words_of) - 1))
    words_of[place] = "%%"
    lines[number] = " ".join(words_of)

    found = parse(Source("x", "\n".join(lines)))
    whole = parse(Source("x", text))

    assert [one.span.source.position(one.span.start)[0] for one in found.diagnostics] == [number + 1]
    assert [node.kind for node in found.tree.declarations] == [node.kind for node in whole.tree.declarations]


def test_three_injected_mistakes_are_reported_and_little_else():
    """The figures that LANGUAGE asked for: at least 98 % reported, at most half a false line a file."""
    lines = (ROOT / "specs" / "staged_promotion.promo").read_text(encoding="utf-8").splitlines()

    reported, false = found_of_injected(lines, clause_lines(lines), mistakes=3, files=100, seed=7)

    assert reported >= 0.98
    assert false <= 0.5


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_at_all_gives_a_tree_and_diagnostics(text):
    found = parse(Source("x", text))

    assert found.tree.root.kind == "start"
    for one in found.diagnostics:
        assert 0 <= one.span.start <= one.span.end <= len(text) + 1


@pytest.mark.parametrize(
    "text",
    [
        "promo 1\n" + "(" * 200_000,
        "promo 1\nlet a = " + "-" * 200_000 + "1",
        "promo 1\n" + "\0" * 10_000,
        "promo 1\n" + '"' + "x" * 2_000_000,
        "promo 1\nlet a = " + "9" * 2_000_000,
        "promo 1\n" + "}\n" * 100_000,
        "\ud800",
    ],
    ids=["parentheses", "minus signs", "NUL", "long text", "long number", "braces", "surrogate"],
)
def test_hostile_texts_are_read_in_linear_time(text):
    found = parse(Source("x", text))

    assert len(found.diagnostics) <= 200


CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


def test_what_fuzzing_found_gives_diagnostics_only():
    for path in CORPUS:
        with named(path.name):
            text = path.read_bytes().decode("utf-8-sig", errors="replace")

            assert parse(Source(path.name, text)).tree.root.kind == "start"


def test_text_behind_a_closing_brace_costs_that_text_only():
    text = "promo 1\nhost a {\n  slots 1\n} gap to x\nlet b = 1\n}\nlet c = 2\n"

    found = parse(Source("x", text))

    assert [one.span.source.position(one.span.start)[0] for one in found.diagnostics] == [4, 6]
    assert [node.kind for node in found.tree.declarations] == ["host", "let", "let"]


@given(st.text(alphabet=' \t\n"#{}[]=;abc123.min', max_size=80))
def test_lexemes_lose_nothing_but_spaces(text):
    gaps, end = [], 0
    for _, word, start, stop in lexemes(text):
        assert text[start:stop] == word
        gaps.append(text[end:start])
        end = stop

    assert set("".join([*gaps, text[end:]])) <= {" ", "\t"}


def test_documentation_is_the_comment_directly_above():
    tree = parse(
        Source("x", "promo 1\n## not mine\n\n## mine,\n## all of it\n# not\n\n## really mine\nlet a = 1\n")
    ).tree

    assert tree.documentation(tree.declarations[0]) == "really mine"


def test_what_stands_behind_a_closing_brace_does_not_open_the_block_again():
    found = parse(Source("x", "promo 1\nhost a { slots 1 } slots 2\nslots 3\n}\nlet b = 1\n"))

    assert [node.kind for node in found.tree.declarations] == ["host", "let"]
    assert len(found.tree.declarations[0].children) == 2
    assert [one.span.source.position(one.span.start)[0] for one in found.diagnostics] == [2]


def braces() -> list[tuple[str, str, int]]:
    """Every brace of the example specs: a file, its text, and where the brace stands."""
    found = []
    for path in EXAMPLES:
        text = path.read_text(encoding="utf-8")
        code = re.sub(r'#[^\n]*|"[^"\n]*"', lambda quiet: "_" * len(quiet[0]), text)
        found += [(path.name, text, brace.start()) for brace in re.finditer(r"[{}]", code)]
    return found


@cache
def whole(text):
    """The tree of a text that has all its braces."""
    return parse(Source("x", text)).tree.root


def test_a_missing_brace_costs_one_message_whose_repair_gives_the_tree_back():
    tried = 0
    for name, text, at in braces():
        broken = text[:at] + text[at + 1 :]
        found = parse(Source("x", broken)).diagnostics
        line = text.count("\n", 0, at) + 1
        assert [one.confidence for one in found] == [Confidence.SURE], (name, line, found)

        again = parse(Source("x", apply(broken, found[0].edits)))

        assert again.diagnostics == (), (name, line)
        assert again.tree.root == whole(text), (name, line)
        tried += 1

    assert tried > 250


def test_a_brace_on_a_line_of_its_own_costs_one_message_and_no_clause():
    for name, text, at in braces():
        if text[at : at + 2] != "{\n":
            continue
        broken = text[:at].rstrip() + "\n{\n" + text[at + 2 :]

        found = parse(Source("x", broken))

        assert [one.code for one in found.diagnostics] == ["P0114"], name
        assert apply(broken, found.diagnostics[0].edits) == text
        if not text[:at].splitlines()[-1].startswith("candidate"):  # which is whole without a block
            assert found.tree.root == whole(text)


@pytest.mark.parametrize(
    "damage", ["stage short extra {", "stagge short {", "stage {", "stagge short", "stage short extra"]
)
def test_a_damaged_head_costs_one_message_whether_its_brace_is_there_or_not(damage):
    found = parse(Source("x", spec().replace("stage short {", damage)))

    assert len(found.diagnostics) == 1


def test_one_brace_too_many_costs_one_message_and_the_lines_behind_it():
    early = parse(Source("x", spec().replace("  on box\n  seeds 1, 2\n", "  on box\n}\n  seeds 1, 2\n")))
    late = parse(Source("x", spec().replace("  on box\n  seeds 1, 2\n}\n", "  on box\n  seeds 1, 2\n}\n}\n")))

    assert [one.code for one in (*early.diagnostics, *late.diagnostics)] == ["P0109", "P0115"]
    assert [one.confidence for one in late.diagnostics] == [Confidence.SURE]


def test_documentation_of_a_long_file_is_found_in_linear_time():
    def seconds(count):
        tree = parse(Source("x", "promo 1\n" + "".join(f"## v{n}\nlet v{n} = {n}\n" for n in range(count)))).tree
        began = time.process_time()
        found = [tree.documentation(block) for block in tree.declarations]
        assert found == [f"v{n}" for n in range(count)]
        return time.process_time() - began

    assert seconds(8_000) < 4 * max(seconds(4_000), 0.005)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_any_slip_anywhere_is_told_with_a_place_in_the_text(path):
    text, draw = path.read_text(encoding="utf-8"), random.Random(path.name)
    lines = text.splitlines()
    slips = [slipped(text, draw) for _ in range(200)]
    slips += [exchanged(lines, mistaken(lines, any_lines(lines), 10, draw)) for _ in range(20)]
    for slip in slips:
        found = parse(Source("x", slip)).diagnostics

        assert all(one.message and 0 <= one.span.start <= one.span.end <= len(slip) for one in found)
        assert all(edit.span.end <= len(slip) for one in found for edit in one.edits)


def test_a_level_with_a_colon_gets_the_line_to_write():
    (found,) = parse(Source("x", spec().replace("  size = 16", "  size: 16"))).diagnostics

    assert (found.code, found.hint) == ("P0113", "write: size = 16")


def test_a_block_that_is_not_closed_on_the_first_line_is_told_with_nothing_above_it():
    found = parse(Source("x", "# a comment\nstage s { ")).diagnostics

    assert [(one.code, one.edits) for one in found if one.code == "P0106"] == [("P0106", ())]
