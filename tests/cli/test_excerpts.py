"""Diagnostics as people see them: carets under what they mean, several places, several lines, several files."""

import pytest

from promo.base.diagnostics import Diagnostic, Label
from promo.base.source import Source, Span
from promo.cli.diagnostics import LONGEST_LINE, as_text
from promo.cli.terminal import wants_colour
from support import without_escapes


def source_of(text: str, name: str = "t.promo") -> Source:
    return Source(name, text)


def span_of(source: Source, words: str) -> Span:
    start = source.text.index(words)
    return Span(source, start, start + len(words))


def shown(source: Source, words: str, *labels: Label) -> list[str]:
    """The excerpt of a fault at *words*, without the line of the message."""
    return as_text(Diagnostic("P0201", "wrong", span_of(source, words), labels=labels), colour=False).splitlines()[1:]


@pytest.mark.parametrize(
    ("line", "words", "line_shown", "carets"),
    [
        ("keep bad", "bad", "keep bad", "     ^^^"),
        ("\tkeep\tbad", "bad", "    keep    bad", "            ^^^"),
        ("\u754c\u754c bad", "bad", "\u754c\u754c bad", "     ^^^"),
        ("bad \u754c\u754c", "\u754c\u754c", "bad \u754c\u754c", "    ^^^^"),
        ("e\u0301e\u0301 bad", "bad", "e\u0301e\u0301 bad", "   ^^^"),
        ("e\u0301 x", "e\u0301", "e\u0301 x", "^"),
        ("\U0001f600 bad", "bad", "\U0001f600 bad", "   ^^^"),
        ("a\x1bb bad", "bad", "a[U+001B]b bad", "           ^^^"),
    ],
    ids=["plain", "tabs", "behind wide", "on wide", "behind combining", "on combining", "behind astral", "control"],
)
def test_carets_stand_under_what_they_mean(line, words, line_shown, carets):
    lines = shown(source_of(line + "\n"), words)

    assert lines[2:] == [f"1 | {line_shown}", f"  | {carets}"]


def test_the_column_counts_characters_of_the_text():
    assert shown(source_of("\t\u754c\U0001f600 bad"), "bad")[0] == " --> t.promo:1:5"


def test_places_of_one_file_stand_in_the_order_of_the_text_under_one_arrow():
    source = source_of("one\ntwo\nthree\nfour\nfive six\n")
    labels = (Label(span_of(source, "one"), "first"), Label(span_of(source, "three"), "third"))

    assert shown(source, "five", *labels) == [
        " --> t.promo:5:1",
        "  |",
        "1 | one",
        "  | --- first",
        "2 | two",
        "3 | three",
        "  | ----- third",
        "4 | four",
        "5 | five six",
        "  | ^^^^",
    ]


def test_lines_far_apart_are_parted_by_dots():
    source = source_of("\n".join(f"line{number:02}" for number in range(1, 13)))
    lines = shown(source, "line12", Label(span_of(source, "line02"), "here"))

    assert lines[2:] == [" 2 | line02", "   | ------ here", "...", "12 | line12", "   | ^^^^^^"]


def test_two_marks_of_one_line_have_a_row_each():
    source = source_of("stage short for 2min\n")
    lines = shown(source, "2min", Label(span_of(source, "short"), "declared here"))

    assert lines[2:] == ["1 | stage short for 2min", "  |                 ^^^^", "  |       ----- declared here"]


def test_a_label_in_another_file_names_that_file():
    other = source_of("promo 1\ncandidate winner\n", "other.promo")
    lines = shown(source_of("use winner\n"), "winner", Label(span_of(other, "winner"), "declared there"))

    assert lines[4:] == [
        " ::: other.promo:2:11",
        "  |",
        "2 | candidate winner",
        "  |           ------ declared there",
    ]


def test_a_fault_of_several_lines_is_marked_on_each():
    lines = shown(source_of("gate pick {\n  keep top 1\n} x\n"), "pick {\n  keep top 1\n}")

    assert lines[2:] == [
        "1 | gate pick {",
        "  |      ^^^^^^",
        "2 |   keep top 1",
        "  |   ^^^^^^^^^^",
        "3 | } x",
        "  | ^",
    ]


def test_of_a_long_fault_the_beginning_and_the_end_are_shown():
    text = "\n".join(f"line{number}" for number in range(1, 10))

    assert [line for line in shown(source_of(text), text)[2:] if "^" not in line] == [
        "1 | line1",
        "2 | line2",
        "...",
        "9 | line9",
    ]


def test_of_a_very_long_line_the_part_around_the_fault_is_shown():
    lines = shown(source_of("x" * 1000 + "bad" + "y" * 1000), "bad")
    content, carets = lines[2].removeprefix("1 | "), lines[3].removeprefix("  | ")

    assert len(content) == LONGEST_LINE + 6
    assert content[carets.index("^") : carets.index("^") + 3] == "bad"


def test_a_fault_behind_the_last_character_still_has_a_caret():
    source = source_of("keep")
    found = Diagnostic("P0114", "wrong", Span(source, 4, 4))

    assert as_text(found, colour=False).splitlines()[-1] == "  |     ^"


def test_colours_change_nothing_but_the_colour():
    source = source_of("keep bad\n")
    found = Diagnostic("P0201", "wrong", span_of(source, "bad"), "mend it")
    coloured = as_text(found, colour=True)

    assert "\033[" in coloured
    assert without_escapes(coloured) == as_text(found, colour=False)


class Terminal:
    def __init__(self, answer: bool) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return self.answer


@pytest.mark.parametrize(
    ("terminal", "variables", "wanted"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(monkeypatch, terminal, variables, wanted):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert wants_colour(Terminal(terminal)) is wanted
