"""The live page: the report, for this machine, and nothing else."""

import json
import shutil
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from promo.cli.serve import page_server
from promo.driver.study import StudyFolder
from promo.ledger.values import Decided, StageClosed
from support import crashed, promo, trained


@pytest.fixture
def study(trial):
    return trial[0]


@contextmanager
def served(folder):
    server = page_server(folder, 0, refresh_s=1)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers, method=headers.pop("method", "GET"))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code, fault.read().decode(), dict(fault.headers)


def partly(folder, place, events=6):
    """A copy of a study whose ledger has only its first events, and the whole ledger."""
    copy = place / "part.study"
    shutil.copytree(folder.path, copy)
    whole = (copy / "ledger.jsonl").read_bytes()
    crashed(copy / "ledger.jsonl", b"".join(whole.splitlines(keepends=True)[:events]))
    return StudyFolder(copy), whole


def test_the_report_is_the_report_and_a_finished_study_is_not_looked_at_again(study):
    with served(study) as address:
        status, page, headers = get(f"{address}/")
        report = get(f"{address}/report")[1]
        now = json.loads(get(f"{address}/now")[1])

    assert status == 200
    assert report == (study.path / "report.html").read_text(encoding="utf-8")
    assert 'http-equiv="refresh"' not in page + report
    assert 'data-going="no"' in page
    assert (now["going"], now["words"][0][:34]) == (False, f"13 of 13 runs; simulated {trained(study)} s of a")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"


def test_only_this_machine_may_ask_and_only_for_the_page(study):
    with served(study) as address:
        assert address.startswith("http://127.0.0.1:")
        assert get(f"{address}/", Host="attacker.example:80")[0] == 403
        assert get(f"{address}/ledger.jsonl")[0] == 404
        assert get(f"{address}/../trial.promo")[0] == 404
        for method in ("POST", "PUT", "DELETE"):
            assert get(f"{address}/", method=method)[0] == 501


def test_a_study_that_goes_on_shows_what_is_new_and_says_what_is_wrong(study, tmp_path):
    part, whole = partly(study, tmp_path)
    ledger = part.path / "ledger.jsonl"
    with served(part) as address:
        first, report = get(f"{address}/")[1], get(f"{address}/report")[1]
        ledger.write_bytes(whole)
        second = get(f"{address}/report")[1]
        ledger.write_bytes(whole[:1000] + b"damaged\n")
        third, now = get(f"{address}/report")[1], json.loads(get(f"{address}/now")[1])
        ledger.unlink()
        gone = get(f"{address}/report")[1]
    ledger.write_bytes(whole)
    (part.path / "spec.promo").write_text("nonsense")
    with served(part) as address:
        page, told = get(f"{address}/report")[1], json.loads(get(f"{address}/now")[1])

    assert "P0101" in page
    assert "P0101" in told["words"][0]
    assert '<noscript><meta http-equiv="refresh"' in first
    assert 'data-going="yes"' in first
    assert "not finished" in report
    assert "not finished" not in second
    assert "ledger line" in third
    assert now["going"] and "ledger line" in now["words"][0]
    assert "there is no study" in gone


def test_a_browser_shows_the_new_report_where_the_reader_was(study, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium here")
    part, whole = partly(study, tmp_path, events=whole_stage(study))
    with served(part) as address, playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 900, "height": 600})
        asked, wrong = set(), []
        page.on("request", lambda request: asked.add((request.method, request.url.removeprefix(address))))
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(address)
        report = page.frame_locator("#report")
        report.locator("details summary").first.click()
        page.evaluate("document.getElementById('report').contentWindow.scrollTo({top: 300, behavior: 'instant'})")
        before = page.inner_text("#now")
        (part.path / "ledger.jsonl").write_bytes(whole)
        report.locator(".badge", has_text="is finished").or_(report.locator(".badge.good")).first.wait_for(timeout=9000)
        page.wait_for_function("document.getElementById('report').contentWindow.scrollY > 250", timeout=5000)
        opened = page.evaluate("document.getElementById('report').contentDocument.querySelector('details').open")
        after = page.inner_text("#now")
        browser.close()

    assert before.startswith("9 of 13 runs;") and after.startswith("13 of 13 runs;")
    assert opened
    assert asked == {("GET", "/"), ("GET", "/report"), ("GET", "/now")}
    assert wrong == []


def whole_stage(folder):
    """How many events a ledger has when its first stage with a gate has closed."""
    happened = [event.event for event in folder.chain().events]
    decided = next(seq for seq, one in enumerate(happened) if isinstance(one, Decided))
    return 1 + next(seq for seq, one in enumerate(happened) if seq > decided and isinstance(one, StageClosed))


def test_a_port_that_is_taken_is_said(study, capsys):
    with served(study) as address:
        port = address.rpartition(":")[2]

        assert promo("serve", study.path, "--port", port) == 2
    assert "cannot be listened on" in capsys.readouterr().err


def test_watching_a_finished_study_ends(study, capsys):
    assert promo("status", study.path, "--watch") == 0
    assert "is finished" in capsys.readouterr().out
