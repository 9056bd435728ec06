"""Which names of a text mean which declaration."""

import re
from pathlib import Path

import pytest

from promo.base.diagnostics import Edit
from promo.base.source import Source, Span
from promo.server.names import occurrences
from promo.study.lock import apply
from promo.syntax.nodes import Node
from promo.syntax.parse import parse
from support import compiled, opened, spec

SPECS = Path(__file__).parents[2] / "specs"
EVERYTHING = (Path(__file__).parents[1] / "syntax" / "good" / "everything.promo").read_text(encoding="utf-8")
"""Every clause of the language once."""


def unsealed(name: str) -> str:
    return re.sub(r" sealed sha256:[0-9a-f]+", "", (SPECS / name).read_text(encoding="utf-8"))


RICH = spec(
    extra=(
        "let most = 2\nlet wide = size * most\n"
        "design square full {\n  vary size low 4 high 32\n  vary quality low 1 high 5\n}\n"
        "cohort all_rows {\n  rows square all\n  members spare\n}\n"
        "stage other {\n  train all_rows, poor for 1s\n  on box\n  seeds 11\n}\n"
        "stage onward {\n  after second\n  continue promoted from other to 3s\n  report only\n}\n"
        "gate second {\n  from other to onward\n  rank by mean loss over host, seed\n"
        "  keep top most or mean gap to spare at most 1pt\n  missing drop\n  crash drop\n  ties by name\n}\n"
    )
)


def names_in(part) -> int:
    return sum(names_in(child) if isinstance(child, Node) else child.kind == "NAME" for child in part.children)


def test_every_name_of_every_clause_is_found_once():
    tree = parse(Source("everything.promo", EVERYTHING)).tree

    found = occurrences(tree)

    assert len(found) == sum(names_in(node) for node in tree.declarations)
    assert [one.start for one in found] == sorted({one.start for one in found})


@pytest.mark.parametrize(
    "text",
    [unsealed("staged_promotion.promo"), unsealed("quickstart.promo"), RICH],
    ids=["staged", "quickstart", "rich"],
)
def test_a_name_replaced_wherever_it_means_the_same_leaves_the_text_sound(text):
    document = opened(text)
    codes = [found.code for found in document.compiled.diagnostics]
    assert document.compiled.plan is not None, document.compiled.diagnostics
    for name, declaration in document.declared.items():
        if declaration.kind in ("factor", "design"):
            continue  # a factor's name is the runner's, and the rows of a design are called after it
        places = [one for one in document.occurrences if document.meant(one) is declaration]
        edits = [Edit(Span(document.compiled.source, one.start, one.end), "renamed") for one in places]
        assert re.search(rf"\b{name}\b", text)

        after = compiled(apply(text, edits))

        assert [found.code for found in after.diagnostics] == codes, name
        assert after.plan.run_count == document.compiled.plan.run_count, name


def test_a_keyword_that_is_a_name_here_is_a_name_here():
    document = opened(spec(host='host seed {\n  device "cpu" on any\n  slots 2\n}').replace("on box", "on seed"))

    places = [one for one in document.occurrences if document.meant(one) is document.declared["seed"]]

    assert len(places) == document.text.count("on seed") + 1
