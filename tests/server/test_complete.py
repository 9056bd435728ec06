"""What is offered where; `|` is the cursor."""

import pytest

from promo.server.complete import complete
from promo.syntax.lex import grammar
from support import opened, spec

SOUND = spec(extra="let short_time = 5s")


def offered(more: str) -> list[str]:
    document = opened(SOUND)
    text = SOUND + more
    offset = text.index("|")
    return [item.label for item in complete(document, text.replace("|", ""), offset)]


@pytest.mark.parametrize(
    ("more", "labels"),
    [
        ("stage x {\n  train |", {"base", "good", "fair", "poor", "spare", "four", "promoted"}),
        ("stage x {\n  train four, |\n}", {"base", "good", "fair", "poor", "spare", "four"}),
        ("stage x {\n  train four for |", {"short_time"}),
        ("stage x {\n  on |\n  seeds 1\n}", {"box"}),
        ("stage x {\n  after |\n}", {"pick"}),
        ("gate x {\n  from short to |", {"short", "long"}),
        ("gate x {\n  rank by |", {"mean", "median", "worst", "every"}),
        ("gate x {\n  rank by mean |", {"loss"}),
        ("gate x {\n  rank by mean loss over |", {"host", "seed"}),
        ("gate x {\n  ties by |", {"name", "order", "parameters"}),
        ("rule x {\n  judge |", {"base", "good", "fair", "poor", "spare"}),
        ("rule x {\n  judge good |", {"against", "at"}),
        ("rule x {\n  judge good against base at |", {"short", "long", "aside"}),
        ("cohort x { members |", {"base", "good", "fair", "poor", "spare"}),
        ("candidate x like |", {"base", "good", "fair", "poor", "spare"}),
        ("candidate x as |", {"reference", "comparator", "sentinel"}),
        ("candidate x {\n  size = 3\n  |\n}", {"quality", "ratio", "behaviour"}),
        ("design x full { vary |", {"quality", "size", "ratio", "behaviour"}),
        ("account {\n  suppose all |", {"pick"}),
        ('host x {\n  device "cpu" on |', {"any", "linux", "macos", "windows"}),
    ],
)
def test_names_of_the_wanted_kind_are_offered(more, labels):
    found = set(offered(more))

    assert labels <= found
    assert not {"base", "pick", "short", "box", "four"} - labels & found


def test_at_the_top_the_words_of_declarations_are_offered_and_nothing_else():
    found = set(offered("|"))

    assert {"stage", "gate", "frozen", "study"} <= found
    assert found <= set(grammar().words)
    assert not found & {"train", "keep", "mean"}


def test_only_clauses_that_a_block_does_not_have_yet_are_offered():
    found = set(offered("gate x {\n  keep top 1\n  demand first in every cell else hold\n  |\n  missing drop\n}"))

    assert {"from", "rank", "ties", "demand", "guard"} <= found
    assert not found & {"keep", "missing", "train"}


def test_units_are_offered_behind_a_number():
    found = offered("stage x {\n  train four for 5m|")

    assert {"5min", "5ms", "5h", "5steps", "5pt"} <= set(found)
    assert all(label.startswith("5") for label in found)


@pytest.mark.parametrize("more", ["# a comm|ent", 'study y {\n  title "in t|', "stage |", "stage x { train oh no |"])
def test_nothing_is_offered_where_nothing_known_can_stand(more):
    assert offered(more) == []


def test_the_end_of_a_block_is_left_to_the_keyboard_but_its_clauses_are_offered_inline():
    assert {"members", "rows", "expect"} <= set(offered("cohort x { |"))


def test_every_place_of_a_spec_can_be_asked():
    document = opened(SOUND)
    for offset in range(0, len(SOUND), 3):
        complete(document, SOUND[:offset], offset)
