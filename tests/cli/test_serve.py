"""The live page: the report, for this machine, and nothing else."""

import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from promo.cli.serve import page_server
from promo.driver.study import StudyFolder
from support import promo


@pytest.fixture
def study(trial):
    return trial[0]


@contextmanager
def served(folder):
    server = page_server(folder, 0)
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


def test_the_page_is_the_report_and_a_finished_one_stays(study):
    with served(study) as address:
        status, page, headers = get(f"{address}/")

    assert status == 200
    assert page == (study.path / "report.html").read_text(encoding="utf-8")
    assert 'http-equiv="refresh"' not in page
    assert headers["Cache-Control"] == "no-store"


def test_only_this_machine_may_ask_and_only_for_the_page(study):
    with served(study) as address:
        assert address.startswith("http://127.0.0.1:")
        assert get(f"{address}/", Host="attacker.example:80")[0] == 403
        assert get(f"{address}/ledger.jsonl")[0] == 404
        assert get(f"{address}/../trial.promo")[0] == 404
        for method in ("POST", "PUT", "DELETE"):
            assert get(f"{address}/", method=method)[0] == 501


def test_a_study_that_goes_on_refreshes_itself_and_shows_what_is_new(study, tmp_path):
    ledger = (study.path / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "part.study").mkdir()
    import shutil

    shutil.copytree(study.path, tmp_path / "part.study", dirs_exist_ok=True)
    place = tmp_path / "part.study" / "ledger.jsonl"
    place.write_bytes(b"".join(ledger[:6]))
    with served(StudyFolder(tmp_path / "part.study")) as address:
        first = get(f"{address}/")[1]
        place.write_bytes(b"".join(ledger))
        second = get(f"{address}/")[1]
        place.write_bytes(b"".join(ledger[:6]) + b"damaged\n")
        third = get(f"{address}/")[1]

    assert 'http-equiv="refresh"' in first
    assert "not finished" in first
    assert 'http-equiv="refresh"' not in second
    assert "cannot be made right now: ledger line" in third


def test_a_port_that_is_taken_is_said(study, capsys):
    with served(study) as address:
        port = address.rpartition(":")[2]

        assert promo("serve", study.path, "--port", port) == 2
    assert "cannot be listened on" in capsys.readouterr().err


def test_watching_a_finished_study_ends(study, capsys):
    assert promo("status", study.path, "--watch") == 0
    assert "is finished" in capsys.readouterr().out
