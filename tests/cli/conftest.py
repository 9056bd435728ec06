"""One study, run once on a terminal, for every test here that needs one that has run."""

import os
import pty
import sys
import threading

import pytest

from promo.driver.study import StudyFolder
from support import promo, spec


@pytest.fixture(scope="session")
def on_a_terminal():
    """Run a command with a terminal as its output: its exit status, and everything the terminal got."""

    def run(*words, encoding="utf-8"):
        ours, theirs = pty.openpty()
        got = []

        def read():
            try:
                while data := os.read(ours, 65536):
                    got.append(data)
            except OSError:  # how Linux says that the other side is closed
                pass

        reader = threading.Thread(target=read)
        reader.start()
        before, sys.stdout = sys.stdout, os.fdopen(theirs, "w", encoding=encoding)
        try:
            status = promo(*words)
        finally:
            sys.stdout.close()
            sys.stdout = before
            reader.join()
            os.close(ours)
        return status, b"".join(got).decode()

    return run


@pytest.fixture(scope="session")
def trial(tmp_path_factory, on_a_terminal):
    """A finished study whose title is markup and in which one run crashed once; and what the terminal got."""
    place = tmp_path_factory.mktemp("trial")
    host = 'host box {\n  device "cpu" on any\n  slots 2\n  executor inline\n}'
    text = (
        spec(host=host).replace('"A trial"', '"[red]A[/red] <b>trial</b>"').replace("quality = 3", 'behaviour = "once"')
    )
    (place / "trial.promo").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "100")
        status, got = on_a_terminal("run", place / "trial.promo")
    assert status == 0
    return StudyFolder(place / "trial.study"), got
