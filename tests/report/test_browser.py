"""The report in a real browser: three widths, light and dark, no script, a keyboard, and an accessibility audit."""

import os
import shutil
from pathlib import Path

import pytest

from promo.driver.study import StudyFolder
from support import promo, spec

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")


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
    before = Path.cwd()
    os.chdir(place)
    try:
        assert promo("run", "trial.promo", "--quiet") == 0
    finally:
        os.chdir(before)
    return StudyFolder(place / "trial.study")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield running
        running.close()


def opened(browser, study, **options):
    context = browser.new_context(bypass_csp=True, **options)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((study.path / "report.html").as_uri())
    return page, asked


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (800, "dark"), (1280, "light")])
def test_it_fits_and_anyone_can_read_it(browser, study, width, scheme):
    page, asked = opened(browser, study, viewport={"width": width, "height": 900}, color_scheme=scheme)

    across = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = axe.Axe().run(page).response["violations"]
    page.context.close()

    assert across <= 0
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    assert len(asked) == 1  # the file itself, and nothing else


def test_it_is_whole_without_script(browser, study):
    with_script, _ = opened(browser, study)
    without, _ = opened(browser, study, java_script_enabled=False)

    assert without.inner_text("main") == with_script.inner_text("main")
    for page in (with_script, without):
        page.context.close()


def test_every_part_that_scrolls_is_reached_by_the_keyboard(browser, study):
    page, _ = opened(browser, study, viewport={"width": 400, "height": 900})

    regions = page.locator(".scroll, figure.wide").count()
    reached = page.locator(".scroll[tabindex='0'], figure.wide[tabindex='0']").count()
    page.context.close()

    assert regions == reached > 3


def test_it_prints(browser, study):
    page, _ = opened(browser, study)

    printed = page.pdf(format="A4")
    page.context.close()

    assert printed.startswith(b"%PDF")
    assert len(printed) > 10_000
