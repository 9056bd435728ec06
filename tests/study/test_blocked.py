"""Stages whose hosts run different rows: who runs where, what that costs, and how advice to split is carried out."""

import re
from itertools import combinations

import pytest

from promo.base.diagnostics import errors
from promo.base.source import Source
from promo.report.design import design_json
from promo.study.blocked import CODE, confounded, place_of, spanned
from promo.study.design import best_split, standard_rows
from promo.syntax.clauses import ARGUMENTS
from promo.syntax.nodes import Node, names_in
from promo.syntax.parse import parse
from study.test_reference import whole
from support import compiled

FOUR = tuple("abcd")


def text(factors, design="full", *, hosts=2, block="a * b * c", more="", train="rowed", effects="", after=""):
    """A study that trains the rows of a design in blocks."""
    names = "\n".join(f"factor {name}: of in [-1, 0, 1] default 1" for name in factors)
    vary = "\n".join(f"  vary {name} low -1 high 1" for name in factors)
    places = "\n".join(f'host h{n} {{\n  device "cpu" on any\n  slots 1\n}}' for n in range(hosts))
    on = ", ".join(f"h{n}" for n in range(hosts))
    return f"""promo 1
study trial {{
  title "Blocks"
  measure y in u, lower is better
  runner recorded
}}
{places}
{names}
design screen {design} {{
{vary}
{more}
}}
cohort rowed {{
  rows screen all
}}
stage s {{
  train {train} for 90s
  on {on}
{f"  block on host by {block}" if block else ""}
  seeds 1, 2
}}
effects eff {{
  from s
  model main
{effects}  family main
  rate 5%
}}
{after}
"""


def study(*args, **more):
    found = compiled(text(*args, **more))
    assert found.study is not None, [one.message for one in errors(found.diagnostics)]
    return found.study


def test_the_low_side_of_the_product_runs_on_the_first_host():
    found = study(FOUR, block="a * b * c")
    points = found.designs["screen"].points
    sides = {name: {points[one][0] * points[one][1] * points[one][2] for one in found.stages[name].candidates}
             for name in ("s_h0", "s_h1")}  # fmt: skip

    assert list(found.stages) == ["s_h0", "s_h1"]
    assert sides == {"s_h0": {-1}, "s_h1": {1}}
    assert [len(one.candidates) for one in found.stages.values()] == [8, 8]
    assert [one.hosts for one in found.stages.values()] == [("h0",), ("h1",)]


def test_two_products_count_hosts_in_binary():
    found = study(FOUR, hosts=4, block="a * b, c * d")
    points = found.designs["screen"].points
    signs = [
        {(row[0] * row[1], row[2] * row[3]) for row in map(points.get, stage.candidates)}
        for stage in found.stages.values()
    ]

    assert signs == [{(-1, -1)}, {(1, -1)}, {(-1, 1)}, {(1, 1)}]


def test_runs_at_the_centre_and_references_run_on_every_host():
    vary = "\n".join(f"  vary {name} low -1 high 1 centre 0" for name in "abc")
    plain = text(tuple("abc"), train="rowed, base", after="candidate base as reference {\n  a = 0\n}")
    found = compiled(re.sub(r"  vary a.*?\n\n", vary + "\n", plain, flags=re.DOTALL)).study
    both = set(found.stages["s_h0"].candidates) & set(found.stages["s_h1"].candidates)

    assert both == {"screen_centre", "base"}
    assert [len(one.candidates) for one in found.stages.values()] == [6, 6]


def test_effects_of_a_stage_in_blocks_read_all_its_hosts_with_the_host_a_block():
    found = study(FOUR).effects["eff"]
    by_seed = study(FOUR, effects="  block seed\n").effects["eff"]

    assert (found.stages, found.block) == (("s_h0", "s_h1"), ("host", "seed", "stage"))
    assert by_seed.block == ("host", "seed", "stage")
    assert study(FOUR, effects="  block host\n").effects["eff"].block == ("host", "stage")


def test_each_host_is_priced_for_its_own_rows():
    plan = compiled(text(FOUR)).priced()[1]
    whole = compiled(text(FOUR, block="")).priced()[1]

    assert (plan.run_count.fewest, plan.run_count.planned) == (32, 32)
    assert plan.run_count.most * 2 == whole.run_count.most
    assert (plan.budget_s, plan.bound_s * 2) == (32 * 90, whole.bound_s)
    assert plan.budget_s * 2 == whole.budget_s
    assert plan.wall_s == 16 * 90


@pytest.mark.parametrize("count", [3, 4, 5, 6])
@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("size", [1, 2])
def test_the_advice_of_a_split_is_carried_out_by_its_one_clause(count, parts, size):
    """What the clause confounds with the hosts is what the advice says that the split loses, whatever the fraction."""
    factors = tuple("abcdef"[:count])
    rows = 2**count // size
    design = "full" if size == 1 else f"fraction {rows}"
    whole = compiled(text(factors, design, block="")).study.designs["screen"]
    said = design_json(whole, {"screen": whole}, parts)["split"]
    if said is None:
        assert rows < 2 * parts
        return
    mains = [lost for lost in said["lost"] if len(lost) == 1]

    assert bool(said["clause"]) == (not mains)
    if mains:
        return
    found = study(factors, design, hosts=parts, block=said["clause"].removeprefix("block on host by "))
    words = [tuple(part.split(" * ")) for part in said["clause"].removeprefix("block on host by ").split(", ")]
    assert sorted(map(list, confounded(factors, whole.rows, words))) == sorted(said["lost"])
    assert [len(one.candidates) for one in found.stages.values()] == [rows // parts] * parts
    entered = [name for one in found.stages.values() for name in one.candidates]
    assert sorted(entered) == sorted(whole.points)


def test_what_is_confounded_is_what_has_one_sign_on_each_host():
    """By counting: an effect of up to two factors is lost when no two rows of a host differ in its sign."""
    for words in [("abc",), ("ab",), ("abcd",), ("abc", "bcd"), ("ab", "cd")]:
        products = [tuple(word) for word in words]
        rows = standard_rows(FOUR, {})
        hosts = {}
        for row in rows:
            hosts.setdefault(place_of(FOUR, row, products), []).append(row)
        lost = []
        for size in (1, 2):
            for effect in combinations(range(4), size):
                signs = [{sum(row[place] < 0 for place in effect) % 2 for row in some} for some in hosts.values()]
                lost += [tuple(FOUR[place] for place in effect)] * all(len(one) == 1 for one in signs)

        assert list(confounded(FOUR, rows, products)) == lost, words


def test_products_of_products_are_given_up_as_well():
    assert spanned(FOUR, [tuple("abc"), tuple("bcd")]) == (tuple("abc"), tuple("bcd"), tuple("ad"))
    assert confounded(FOUR, standard_rows(FOUR, {}), [tuple("abc"), tuple("bcd")]) == (("a", "d"),)


def test_a_split_that_would_cost_a_main_effect_has_no_clause():
    rows = standard_rows(tuple("abcdefg"), {"d": (1, ("a", "b")), "e": (1, ("a", "c")), "f": (1, ("b", "c")),
                                            "g": (1, ("a", "b", "c"))})  # fmt: skip
    assert any(len(effect) == 1 for effect in best_split(tuple("abcdefg"), rows, 2).lost)
    whole = compiled(text(tuple("abcdefg"), "fraction 8", block="")).study.designs["screen"]

    assert design_json(whole, {"screen": whole}, 2)["split"]["clause"] == ""


def references():
    """The example of the reference page with a stage in blocks in the place of a stage, wherever one is named."""
    tree = parse(Source("page.promo", whole())).tree
    nodes = [*tree.declarations]
    for node in nodes:
        nodes += [child for child in node.children if isinstance(child, Node)]
        table = ARGUMENTS.get(node.kind)
        for place, name in enumerate(names_in(node)) if table is not None and table.names else ():
            if "stage" in table.name(place).kinds and not table.name(place).declares:
                yield node.kind, f"{whole()[: name.start]}divided{whole()[name.end :]}"


def test_whatever_else_reads_a_stage_in_blocks_is_refused_and_nothing_breaks():
    seen = set()
    for kind, changed in references():
        found = {one.code for one in errors(compiled(changed).diagnostics)}
        seen.add(kind)

        elsewhere = kind == "stages" and ("P0721" not in found or "P0503" in found)  # its rows never enter there
        assert CODE in found or elsewhere, (kind, found)

    assert {"route", "judged_at", "origin", "suppose", "matched", "parent", "agreement", "stages"} <= seen
