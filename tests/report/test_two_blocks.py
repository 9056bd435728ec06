"""A whole study of one run of each condition, half of them on each host: tested by Lenth's error, and drawn."""

import re
from html import unescape
from itertools import combinations

import pytest

from evidence.test_published import FILTRATION, FOUR
from promo.study.design import standard_rows
from study.test_blocked import text
from support import promo

TRIPLES = ", ".join(" * ".join(some) for some in combinations(FOUR, 3))


@pytest.fixture
def told(workplace):
    """The report's markup; Montgomery (2013), example 7.2: rows in which a * b * c * d is high came out 20 lower."""
    spec = text(FOUR, block="a * b * c * d").replace("  model main\n", f"  model main, pairs, {TRIPLES}\n")
    spec = spec.replace("  seeds 1, 2\n", "  seeds 1\n  report only\n").replace("family main", "family all")
    (workplace / "t.promo").write_text(spec, encoding="utf-8")
    lines = ["a,b,c,d,host,seed,seconds,y"]
    for row, value in zip(standard_rows(FOUR, {}), FILTRATION, strict=True):
        high = row[0] * row[1] * row[2] * row[3] > 0
        lines.append(f"{','.join(map(str, row))},h{int(high)},1,90,{value - 20 * high}")
    (workplace / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert promo("replay", "t.promo", "--curves", "t.csv") == 0
    return (workplace / "t.study" / "report.html").read_text(encoding="utf-8")


def test_two_blocks_without_a_degree_of_freedom_are_tested_and_drawn(told):
    """The error is that of the fourteen contrasts within blocks, and the block that of example 7.2, -18.625."""
    said = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", told)))
    (picture,) = (one for one in re.findall(r"<svg.*?</svg>", told, re.S) if "half-normal quantile" in one)
    words = [unescape(one) for one in re.findall(r"<text[^>]*>(.*?)</text>", picture, re.S)]
    marks = re.findall(r'<path class="(c\d)" d="([^"]*)" fill', picture)

    assert "Lenth's pseudo standard error 3.1875 with 4.667 degrees of freedom, margin 8.3729" in said
    assert "a: 1 worse than -1 by 21.6250 ± 8.3729 u" in said
    assert "above the mean of all: h0 +9.3125 and h1 -9.3125" in said
    legend = {"not discovered", "discovered", "Lenth's pseudo standard error", "margin of one contrast"}
    assert legend | {"margin of all at once", "size (u)", "a * c"} <= set(words)
    # Four are discovered, and have a colour and a mark of their own, in the legend too.
    counts = {kind: sorted(one.count("M") for other, one in marks if other == kind) for kind, _ in marks}
    assert counts == {"c0": [1, 10], "c1": [1, 4]}
    shapes = {kind: {re.sub(r"M[\d.]+ [\d.]+", "", one[: one.index("z")]) for other, one in marks if other == kind}
              for kind in counts}  # fmt: skip
    assert shapes["c0"].isdisjoint(shapes["c1"])
