"""The report in a real browser: three widths, light and dark, no script, a keyboard, and an accessibility audit."""

import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest

from promo.base.resources import template_folder
from promo.driver.report import write_report
from promo.driver.study import StudyFolder
from promo.report.canvas import LEAST_PT, LEAST_PX
from promo.report.flows import Rung, ladder_svgs, ranks_svg
from promo.report.pictures import (
    Bar,
    Contrast,
    Course,
    Curve,
    Margins,
    Panel,
    Trend,
    Trends,
    Turning,
    courses_svg,
    curves_svg,
    effects_svg,
    half_normal_svg,
    trends_svg,
)
from steady import carried_out
from support import SOUND, promo, spec

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")
GALLERY = Path(__file__).parents[2] / "interpreter/docs/gallery"


INLINE = 'host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}'
EXTRA = """account {
  suppose all pick continue to long costs 1cpu_h / 450
}

design screen full {
  vary quality low 11 high 12
  vary size low 4 high 16
}

cohort rowed { rows screen all }

stage screen_1s {
  train rowed for 1s
  on box
  seeds 50, 51
}

stage screen_2s {
  train rowed for 2s
  on box
  seeds 60, 61
}

effects penalties {
  from screen_1s, screen_2s
  model main, pairs
  family main
  rate 5%
}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("browser")
    (place / "trial.promo").write_text(spec(host=INLINE, extra=EXTRA), encoding="utf-8")
    before, argv = Path.cwd(), sys.argv
    os.chdir(place)
    sys.argv = ["promo", "run", "deep/" * 40 + "trial.promo", "--quiet"]  # a report says how it was begun
    try:
        assert promo("run", "trial.promo", "--quiet") == 0
    finally:
        os.chdir(before)
        sys.argv = argv
    return StudyFolder(place / "trial.study")


@pytest.fixture(scope="module")
def browser():
    """Pages of a browser: one for each way to open it, for each is a process, whose start takes longer than a page."""
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield cache(lambda **options: running.new_context(**options).new_page())
        running.close()


WINDOW = {"width": 1280, "height": 720}


def shown(browser, path, *, policy=False, viewport=WINDOW, color_scheme=None, **options):
    """A page as it is opened; its own policy lets its script run, and nobody else's."""
    page = browser(bypass_csp=not policy, **options)
    page.set_viewport_size(viewport)
    page.emulate_media(media="null", color_scheme=color_scheme or "null")
    page.mouse.move(0, 0)
    page.goto(path.as_uri())
    return page


def opened(browser, study, **options):
    return shown(browser, study.path / "report.html", **options)


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (800, "dark"), (1280, "light")])
def test_it_fits_and_anyone_can_read_it(browser, study, width, scheme):
    asked = []

    def hear(request):
        asked.append(request.url)

    browser(bypass_csp=True).on("request", hear)
    page = opened(browser, study, viewport={"width": width, "height": 900}, color_scheme=scheme)

    across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = axe.Axe().run(page).response["violations"]
    page.remove_listener("request", hear)

    assert across <= 0
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert len(asked) == 1  # the file itself, and nothing else


UNDER_THE_BAR = """() => {
  document.documentElement.style.scrollBehavior = "auto";
  const bar = document.querySelector("nav");
  return [...document.querySelectorAll('nav a, .overview a[href^="#"]')].map((link) => {
    const place = document.querySelector(link.getAttribute("href"));
    place.scrollIntoView();
    const head = (place.querySelector("h2, h3") || place).getBoundingClientRect();
    return [link.textContent, Math.round(head.top - Math.max(bar.getBoundingClientRect().bottom, 0))];
  });
}"""


@pytest.mark.parametrize("width", [400, 700, 800, 1280])
def test_a_link_leads_to_a_heading_that_the_bar_of_links_does_not_cover(browser, study, width):
    page = opened(browser, study, viewport={"width": width, "height": 900})
    apart = page.evaluate(UNDER_THE_BAR)

    assert len(apart) > 10
    assert [one for one in apart if one[1] < 0] == []


def test_names_as_long_as_they_may_be_fit(browser, tmp_path, monkeypatch):
    """At any width: that of a small telephone, and on both sides of where the layout changes."""
    monkeypatch.chdir(tmp_path)
    text = spec("use", host=INLINE)
    for name in ("good", "base", "pick", "close", "long"):
        text = re.sub(rf"\b{name}\b", name + "_" + "x" * 50, text)
    (tmp_path / "trial.promo").write_text(text, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0
    for width in (320, 360, 398, 399, 400, 640, 641, 800, 960, 961, 1400):
        page = opened(browser, StudyFolder(tmp_path / "trial.study"), viewport={"width": width, "height": 900})
        across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        verdicts = page.locator(".why .verdict, .why, .overview .badge")
        ends = verdicts.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)")

        assert (width, across) <= (width, 0)
        assert max(ends) <= width


def test_two_studies_side_by_side_fit_and_anyone_can_read_them(browser, study, tmp_path):
    assert promo("report", study.path, study.path, "--out", tmp_path / "report.html") == 0
    page = opened(browser, StudyFolder(tmp_path), viewport={"width": 400, "height": 900})

    across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = axe.Axe().run(page).response["violations"]

    assert across <= 0
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_it_is_whole_without_script(browser, study):
    with_script = opened(browser, study)
    without = opened(browser, study, java_script_enabled=False)
    with_script.evaluate("document.querySelectorAll('.tool').forEach((one) => one.remove())")

    words = [page.inner_text("main").split() for page in (without, with_script)]
    assert words[0] == words[1]


def test_every_part_that_scrolls_is_reached_by_the_keyboard(browser, study):
    page = opened(browser, study, viewport={"width": 400, "height": 900})

    regions = page.locator(".scroll, figure.wide").count()
    reached = page.locator(".scroll[tabindex='0'], figure.wide[tabindex='0']").count()

    assert regions == reached > 3


def shaded(page, box):
    """Whether the edges of a box, left and right, look otherwise than without its background."""
    edges = [{**box, "width": 8}, {**box, "x": box["x"] + box["width"] - 8, "width": 8}]
    plain = page.add_style_tag(content=".scroll { background: none !important; }")
    without = [page.screenshot(clip=edge) for edge in edges]
    plain.evaluate("(one) => one.remove()")
    return [page.screenshot(clip=edge) != bare for edge, bare in zip(edges, without, strict=True)]


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (800, "dark")])
def test_a_table_that_goes_on_beyond_its_edge_shows_so_there(browser, study, width, scheme):
    page = opened(browser, study, viewport={"width": width, "height": 900}, color_scheme=scheme)
    tables = page.locator(".scroll:visible")
    beyond = "(one) => one.scrollWidth - one.clientWidth"
    seen = set()
    for table in tables.all():
        table.evaluate("(one) => one.scrollIntoView({ behavior: 'instant', block: 'end' })")
        more = table.evaluate(beyond)
        for at in {0, more // 2, more}:
            table.evaluate("(one, at) => { one.scrollLeft = at; }", at)
            box = table.bounding_box()
            box |= {"y": box["y"] + box["height"] - 40, "height": 30}
            left, right = shaded(page, box)
            seen.add((left, right))

            assert (left, right) == (at > 0, at < more), (table.get_attribute("aria-label"), at, more)

    assert {(False, True), (True, True), (True, False)} <= seen


def test_headings_sort_by_key_and_pointer_and_put_the_rows_back(browser, study):
    page = opened(browser, study, policy=True)  # the page's own policy lets its script run
    table = page.locator("#gate-pick table")
    rank, score = (table.locator("th button").nth(place) for place in (0, 3))

    def column(place):
        return table.locator(f"tbody tr > :nth-child({place})").all_inner_texts()

    before = column(1)

    score.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert table.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    assert column(4) == sorted(column(4), key=float, reverse=True)
    rank.click()
    assert table.locator("th[aria-sort=ascending]").inner_text().startswith("rank")
    assert column(1) == sorted(before)
    rank.click()
    rank.click()
    assert table.locator("th[aria-sort]").count() == 0
    assert column(1) == before


def test_rows_are_filtered_and_counted(browser, study):
    page = opened(browser, study, policy=True)
    runs = page.locator("#runs")

    runs.get_by_label("Show rows with").fill("good long")
    shown = runs.locator("tbody tr:visible").all_inner_texts()
    assert shown
    assert all("good" in row and "long" in row for row in shown)
    assert runs.locator("output").inner_text().startswith(f"{len(shown)} of ")


def test_whoever_is_pointed_at_stands_out_in_every_picture(browser, study):
    page = opened(browser, study, policy=True)

    page.locator("#gate-pick tbody tr", has_text="good").hover()
    on = page.locator(".k.on").evaluate_all("(all) => [...new Set(all.map((one) => one.classList[1]))]")
    pictures = page.locator("svg:has(.k.on)").count()
    assert on == ["k1"]
    assert pictures >= 3
    page.locator("h1").hover()
    assert page.locator(".k.on").count() == 0


FAULTS = """(least) => [...document.querySelectorAll("svg.picture")].flatMap((picture) => {
  const frame = picture.getBoundingClientRect();
  const texts = [...picture.querySelectorAll("text")];
  const boxes = texts.map((one) => one.getBoundingClientRect());
  const size = (one) => parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().a;
  const said = (number) => texts[number].textContent;
  const found = [];
  texts.forEach((one, number) => {
    const box = boxes[number];
    if (size(one) < least - 0.02) found.push(`${said(number)} is ${size(one)} px`);
    const across = box.left < frame.left - 1 || box.right > frame.right + 1;
    if (across || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
      found.push(`${said(number)} is cut off`);
    for (let other = 0; other < number; other += 1) {
      const [a, b] = [box, boxes[other]];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > 4) found.push(`${said(number)} lies on ${said(other)}`);
    }
  });
  return found;
})"""
"""What is wrong with the texts of pictures as they are shown: too small, cut off, or over each other."""


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_every_text_of_a_picture_is_large_enough_whole_and_by_itself(browser, study, width):
    page = opened(browser, study, viewport={"width": width, "height": 900})

    count = page.locator("svg.picture text").count()
    found = page.evaluate(FAULTS, LEAST_PX)

    assert count > 50
    assert found == []


LARGEST = sys.float_info.max
NAMES = [f"candidate_{number}" for number in range(48)]
CHANGED = [f"depth {number}, total_batch {2**number}" * (number > 0) for number in range(48)]


def drawn():
    """Pictures of what is rare: numbers of all sizes, many names, long ones, many hosts and stages."""
    for points in (
        [(1.0, LARGEST), (2.0, -LARGEST)],
        [(5e-324, 5e-324), (LARGEST, 1e-323)],
        [(1.0, 1.0), (2.0, 1.0000000000000002)],
        [(1e-10, 1e-10), (1e10, 1e20)],
        [(3.0, 7.0)],
        [],
    ):
        line = tuple(points)
        for hosts in (1, 2, 5):
            panels = [Panel(f"host_{number}", (Curve(0, line),)) for number in range(hosts)]
            yield curves_svg(panels, "seconds of training", "val_bpb (bpb)", "w", NAMES)
        turnings = [Turning(f"{one} to {one}", 1.0, 0.5, 2.0) for one in ("shape_of_24_characters", "b")]
        yield courses_svg([Course(0, line, line, (line,))], turnings, "compute (flop)", "val_bpb (bpb)", "w", NAMES)
    bars = [Bar("depth * " * 6, -LARGEST, (-LARGEST, LARGEST)), Bar("y", 5e-324, None), Bar("z", 1.0, (0.5, 2.0))]
    yield effects_svg(bars, "effect (bpb)", "w")
    yield effects_svg([], "effect (bpb)", "w")
    sizes = [Contrast("a", 5e-324, False), Contrast("b * c", 1.0, False), Contrast("d * e * f", LARGEST, True)]
    yield half_normal_svg(sizes, [0.2, 0.7, 1.4], Margins(1e-9, 1e-8, LARGEST), "size", "w")
    figures = tuple(
        Trend(f"effect_{one}", tuple((at, 10.0 ** (at - one), None) for at in range(9))) for one in range(9)
    )
    yield trends_svg(Trends("effect (bpb)", tuple(f"stage_{one}\n10min" for one in range(9)), figures), "w")
    yield ranks_svg(["first", "last\n1h"], [(one, (1 + one * 10, one + 1)) for one in range(48)], NAMES, "w")
    rungs = [
        Rung(
            f"stage_number_{one}",
            "10min a run\n1 h 20 min",
            tuple(range(9)),
            ("3.1416",) * 9,
            100,
            frozenset({0, 3}),
            True,
            one + 1,
            0.3,
        )
        for one in range(11)
    ]
    yield from ladder_svgs(
        [*rungs, Rung("last", "1h a run\n9 h", (3, 0), ("1", "2"), 0, frozenset(), False, None, 0.1)],
        NAMES,
        CHANGED,
        "w",
    )


def style() -> str:
    """Of a report, as it is today."""
    return "".join((template_folder() / name).read_text(encoding="utf-8") for name in ("picture.css", "report.css"))


@pytest.mark.parametrize("width", [400, 1400])
def test_rare_pictures_are_read_as_well(browser, tmp_path, width):
    figures = "".join(f'<figure class="wide">{picture}</figure>' for picture in drawn())
    place = tmp_path / "pictures.html"
    place.write_text(f"<!doctype html><meta charset=utf-8><style>{style()}</style>{figures}", encoding="utf-8")
    page = shown(browser, place, viewport={"width": width, "height": 900})

    found = page.evaluate(FAULTS, LEAST_PX)

    assert found == []


def test_every_picture_has_a_title_and_says_what_it_shows(browser, study):
    page = opened(browser, study)
    pictures = page.locator("svg.picture")
    titles = pictures.evaluate_all("(all) => all.map((one) => one.parentElement.closest('figure')?.ariaLabel)")
    words = pictures.evaluate_all("(all) => all.map((one) => one.ariaLabel)")

    assert len(titles) == len(words) >= 6
    assert all(title and len(said) > len(title) for title, said in zip(titles, words, strict=True))


A4 = {"width": 725, "height": 1062}
"""Pixels between the margins of a page."""


def test_five_candidates_and_two_stages_print_on_four_pages(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = carried_out("quickstart", tmp_path, monkeypatch)
    write_report(folder, folder.path / "report.html")
    page = opened(browser, folder)

    printed = page.pdf(prefer_css_page_size=True)

    assert 2 <= pages(printed) <= 4


def test_the_same_study_trained_for_real_prints_on_four_pages(browser):
    page = shown(browser, GALLERY / "quickstart.html")
    page.evaluate("(style) => { document.querySelector('style').textContent = style; }", style())

    printed = [page.pdf(prefer_css_page_size=True), page.pdf(prefer_css_page_size=True, print_background=True)]

    assert [pages(one) for one in printed] == [4, 4]


def test_both_columns_of_a_printed_table_have_headings(browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = carried_out("quickstart", tmp_path, monkeypatch)
    write_report(folder, folder.path / "report.html")
    page = opened(browser, folder, viewport=A4)
    shown = page.evaluate("[...document.querySelectorAll('.again')].map((row) => row.getClientRects().length)")
    page.emulate_media(media="print")
    tables = page.evaluate(
        """[...document.querySelectorAll("#stages table:has(.again)")].map((table) => {
          const [head, again] = [table.tHead.rows[0], table.querySelector(".again")];
          const [first, second] = [head, again].map((row) => row.cells[0].getBoundingClientRect());
          const rows = [...table.tBodies[0].rows].map((row) => row.cells[0].getBoundingClientRect());
          return {
            texts: [head, again].map((row) => [...row.cells].map((cell) => cell.textContent)),
            beside: second.left > first.right,
            above: rows.filter((row) => row.left === second.left && row.top < second.top).length,
          };
        })"""
    )

    assert set(shown) == {0}
    assert len(tables) >= 2
    for table in tables:
        assert table["texts"][0] == table["texts"][1]
        assert (table["beside"], table["above"]) == (True, 0)


def pages(printed: bytes) -> int:
    return max(map(int, re.findall(rb"/Count (\d+)", printed)))


SMALL = """(least) => [...document.querySelectorAll("body *")].flatMap((one) => {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !one.checkVisibility() || one.closest("style, script")) return [];
  const scale = one.getScreenCTM ? one.getScreenCTM().a : 1;
  const points = parseFloat(getComputedStyle(one).fontSize) * scale * 0.75;
  return points < least - 0.02 ? [`${one.textContent.slice(0, 40)} is ${points} pt`] : [];
})"""
"""Texts that are smaller on paper than one can read."""


def test_what_is_printed_can_be_read(browser, study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = carried_out("quickstart", tmp_path, monkeypatch)
    write_report(folder, folder.path / "report.html")
    found = {}
    for one in (study, folder):
        page = opened(browser, one, viewport=A4)
        page.emulate_media(media="print")
        found[one.path.name] = page.evaluate(SMALL, LEAST_PT)

    assert found == {"trial.study": [], "quickstart.study": []}


HINTS = """() => [...document.querySelectorAll("figure.wide")].filter((one) =>
  getComputedStyle(one, "::before").display !== "none").length"""
"""Pictures that say that one can scroll."""


@pytest.mark.parametrize(("media", "expected"), [("print", False), ("screen", True)])
def test_paper_does_not_say_that_it_scrolls(browser, study, media, expected):
    page = opened(browser, study, viewport=A4)
    page.emulate_media(media=media)
    hints = page.evaluate(HINTS)

    assert (hints > 0) is expected


BEYOND = """() => [...document.querySelectorAll("main *, header *")].flatMap((one) => {
  const right = one.getBoundingClientRect().right, wide = document.documentElement.clientWidth;
  return right > wide + 1 ? [`${one.tagName} ${one.textContent.slice(0, 30)} ${right}`] : [];
})"""
"""What reaches beyond the right edge."""


def test_what_is_printed_is_whole_and_what_is_closed_is_open(browser, study):
    page = opened(browser, study, viewport=A4)
    closed = page.locator("details table")
    on_screen = closed.evaluate_all("(all) => all.map((one) => one.checkVisibility())")
    page.emulate_media(media="print")
    on_paper = closed.evaluate_all("(all) => all.map((one) => one.checkVisibility())")
    beyond = page.evaluate(BEYOND)
    across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert len(on_screen) > 3
    assert not any(on_screen)
    assert all(on_paper)
    assert beyond == []
    assert across <= 0


@pytest.mark.parametrize("width", [400, 800, 1400])
def test_a_verdict_is_never_off_the_screen(browser, study, width):
    page = opened(browser, study, viewport={"width": width, "height": 900})
    boxes = page.locator("#gate-pick .verdict, #gate-pick .why, .overview .badge")
    ends = boxes.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)")

    assert len(ends) >= 9
    assert max(ends) <= width


@pytest.mark.parametrize("width", [800, 1400])
def test_a_rule_about_several_has_its_margin_and_confidence_on_the_screen(browser, tmp_path, monkeypatch, width):
    monkeypatch.chdir(tmp_path)
    rule = SOUND["rule"].replace("judge good", "judge promoted")
    candidates = SOUND["candidate"].replace("quality = 3", "quality = 3\n  size = 16\n  ratio = 4")
    text = spec("use", host=INLINE, candidate=candidates, gate=SOUND["gate"].replace("top 1", "top 2"), rule=rule)
    (tmp_path / "trial.promo").write_text(text, encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0
    page = opened(browser, StudyFolder(tmp_path / "trial.study"), viewport={"width": width, "height": 900})
    row = page.locator(".overview tbody tr td:nth-child(-n+6)")
    ends = row.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().right)")
    seen = page.locator(".scroll:has(.overview)").evaluate("(one) => one.getBoundingClientRect().right")

    assert len(ends) == 5
    assert max(ends) <= seen <= width


def test_it_prints(browser, study):
    page = opened(browser, study)

    printed = page.pdf(format="A4")

    assert printed.startswith(b"%PDF")
    assert len(printed) > 10_000
