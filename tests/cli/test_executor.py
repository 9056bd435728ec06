"""`promo executor`: what can start runs, and the port that anyone's executor can be held to."""

import os
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from promo import plugins
from promo.cli.executor import _value
from promo.driver.executor_conformance import tried
from promo.driver.study import StudyFolder
from promo.ledger.losses import Loss
from promo.plugins import executor_names, executor_options
from promo.run.attend import NOBODY
from promo.run.executors.local import LocalExecutor
from promo.run.locks import is_given_up
from promo.run.values import Exit
from studies import LAB, MIXED
from support import promo, rechecked


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_installed_executors_are_listed_with_their_options(capsys):
    assert promo("executor") == 0
    said = capsys.readouterr().out
    assert "local: no options" in said
    assert "slurm: account, constraint, cpus" in said
    assert promo("executor", "slurm") == 0
    assert 'option partition = "gpu"' in capsys.readouterr().out
    assert promo("executor", "lokal") == 2


@pytest.mark.parametrize("words", [("local",), ("outside",), ("queue", "--option", "waits=1")])
def test_an_executor_that_keeps_to_its_port(here, capsys, words):
    assert promo("executor", *words, "--try") == 0
    said = capsys.readouterr().out
    assert "WRONG" not in said
    assert said.rstrip().endswith("all conformance checks passed")
    assert not list(here.iterdir())


class Forgetful(LocalExecutor):
    """Says of everything that it has ended well, and finds nothing again."""

    def look(self, handles):
        super().look(handles)
        return [Exit(0) for _ in handles]


def test_an_executor_that_lies_is_found_out(monkeypatch, capsys):
    monkeypatch.setattr("promo.plugins.EXECUTORS", {"local": f"{__name__}:Forgetful"})
    monkeypatch.setattr("promo.plugins._load", lambda place: Forgetful)

    assert promo("executor", "local", "--try") == 1
    assert "WRONG  run" in capsys.readouterr().out


ELSEWHERE = """
import os
import secrets
import signal
import subprocess
import sys
import time

from promo.base.errors import PromoError
from promo.ledger.losses import Loss
from promo.run.disk import DISK
from promo.run.locks import give_up_alone, has_begun
from promo.run.store import read_exit
from promo.run.values import Exit, Phase, Reason

STARTED, CLOSED = {}, []


class Plain:
    here, options = False, {}

    def name(self, folder):
        return "plain-" + secrets.token_hex(4)

    def start(self, attempt):
        words = [sys.executable, "-P", "-m", "promo.run.attend", str(attempt.folder)]
        with (attempt.folder / "supervisor.txt").open("ab") as log:
            process = subprocess.Popen(words, env=dict(attempt.environment), stdout=log, stderr=log)
        STARTED[attempt.folder] = process
        return attempt.folder, process

    def prepare(self, handle):
        pass

    def find(self, folder, job, options):
        began = folder in STARTED or has_begun(folder) or not give_up_alone(folder)
        return (folder, None) if began and read_exit(DISK, folder) is None else None

    def look(self, handles):
        return [self.stand(*handle) for handle in handles]

    def stand(self, folder, process):
        ended = read_exit(DISK, folder)
        if ended is None and process is not None and process.poll() is not None:
            return Exit(process.returncode, Reason.SUPERVISOR)
        return ended or (Phase.RUNNING if has_begun(folder) else Phase.QUEUED)

    def cancel(self, handles):
        for folder, process in handles:
            give_up_alone(folder)
            process.terminate()
            process.wait()

    def close(self):
        pass


class Forgets(Plain):
    def look(self, handles):
        return super().look(handles)[:-1]


class Raises(Plain):
    def look(self, handles):
        raise RuntimeError("no such engine")


class Stubborn(Raises):
    def cancel(self, handles):
        raise RuntimeError("no such engine")


class Trusting(Plain):
    def find(self, folder, job, options):
        return folder, None


class Unstartable(Trusting):
    def start(self, attempt):
        raise OSError("no such engine")


class Refusing(Trusting):
    def start(self, attempt):
        raise PromoError("this account may not")


class Awaited(Plain):
    def start(self, attempt):
        os.kill(os.getpid(), signal.SIGINT)
        raise PromoError("no engine answers")


class Silent(Unstartable):
    def look(self, handles):
        return [Phase.UNKNOWN for _ in handles]


class Lost(Unstartable):
    def find(self, folder, job, options):
        raise RuntimeError("no memory")

    def cancel(self, handles):
        raise RuntimeError("no such engine")


class Begins(Trusting):
    def start(self, attempt):
        folder, _ = super().start(attempt)
        while not has_begun(folder):
            time.sleep(0.01)
        raise OSError("no answer")


class Waits(Plain):
    def start(self, attempt):
        return attempt.folder, None

    def look(self, handles):
        return [Phase.QUEUED for _ in handles]

    def cancel(self, handles):
        for folder, _ in handles:
            give_up_alone(folder)

    def close(self):
        CLOSED.append(self)


class Parts(Plain):
    def start(self, attempt):
        if attempt.folder.name != "attempt-1":
            return super().start(attempt)
        (attempt.folder / "claim").write_bytes(b"a node that is gone")
        return attempt.folder, None

    def look(self, handles):
        return [Loss.NODE if process is None else self.stand(folder, process) for folder, process in handles]


class Nameless(Plain):
    def name(self, folder):
        return 7


class Counts(Plain):
    def __init__(self):
        self.named = 0

    def name(self, folder):
        self.named += 1
        return f"job-{self.named}"


class Few(Plain):
    def start_all(self, attempts):
        return []


class Unlisted(Plain):
    def cancel(self, handles):
        super().cancel(handles)
        raise KeyError("no such job")

    def look(self, handles):
        raise RuntimeError("no such engine")

    def close(self):
        raise RuntimeError("closed")


class Lasting(Plain):
    def find(self, folder, job, options):
        raise RuntimeError("no memory")

    def look(self, handles):
        raise RuntimeError("no such engine")

    def cancel(self, handles):
        return handles


class Open(Plain):
    def close(self):
        raise RuntimeError("still open")


class Odd(Plain):
    def look(self, handles):
        return ["done" for _ in handles]


class Lets(Plain):
    def cancel(self, handles):
        pass


class Early(Plain):
    def stand(self, folder, process):
        stand = super().stand(folder, process)
        return Phase.RUNNING if stand is Phase.QUEUED else stand

    def cancel(self, handles):
        for folder, _ in handles:
            give_up_alone(folder)


class Denies(Plain):
    def find(self, folder, job, options):
        return None


class Unmade(Plain):
    def __init__(self):
        raise ValueError("no such file")


class Undeclared(Plain):
    options = None
"""


@pytest.fixture
def elsewhere(tmp_path_factory, monkeypatch):
    """Executors of an installed package that promo knows nothing of; what one of them lets run on is ended here."""
    place = tmp_path_factory.mktemp("site")
    (place / "elsewhere.py").write_text(ELSEWHERE, encoding="utf-8")
    (place / "elsewhere-1.0.dist-info").mkdir()
    (place / "elsewhere-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n"
    )
    kinds = re.findall(r"^class (\w+)", ELSEWHERE, re.MULTILINE)
    points = "".join(f"{kind.lower()} = elsewhere:{kind}\n" for kind in kinds)
    (place / "elsewhere-1.0.dist-info" / "entry_points.txt").write_text(f"[promo.executors]\n{points}")
    monkeypatch.syspath_prepend(place)
    plugins._installed.cache_clear()
    yield
    plugins._installed.cache_clear()
    module = sys.modules.pop("elsewhere", None)
    for process in getattr(module, "STARTED", {}).values():
        process.terminate()
        process.wait()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("name", "code", "wrong"),
    [
        ("plain", 0, ""),
        ("forgets", 1, "run: a look at 2 attempts gives 1 answers"),
        ("raises", 1, "look-up: it raised RuntimeError: no such engine (elsewhere.py, line"),
        ("odd", 1, "given up: 'done' says of no attempt where it stands"),
        ("counts", 1, "names: it makes up job-1 twice"),
        ("lets", 1, "cancel: its run goes on"),
        ("early", 1, "cancel: its run goes on"),
        ("denies", 1, "look-up: it says that the attempt will never begin or continue, and it continues"),
        ("unmade", 2, "the plug-in 'unmade' of promo.executors cannot be made: ValueError: no such file"),
        ("undeclared", 2, "the plug-in 'undeclared' of promo.executors has no `options`"),
    ],
)
def test_an_executor_of_any_package_is_held_to_the_port_and_each_fault_of_it_is_said(capsys, name, code, wrong):
    assert promo("executor", name, "--try") == code
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert (f"WRONG  {wrong}" in said.out if code == 1 else wrong in said.err) or not wrong


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", ["raises", "stubborn"])
def test_what_an_executor_that_raises_has_begun_is_ended_when_the_try_of_it_ends(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    assert promo("executor", name, "--try") == 1
    assert "WRONG  cancel: it raised RuntimeError: no such engine" in capsys.readouterr().out
    for process in sys.modules["elsewhere"].STARTED.values():
        process.wait(20)

    assert time.monotonic() - began < 60  # and not the ten minutes that some of them were to take
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("name", ["trusting", "plain", "queue"])
def test_an_executor_that_waits_for_what_nobody_has_started_is_found_out(tmp_path, name):
    checks = tried(
        partial(plugins.executor, name), (), os.environ, tmp_path, patience_s=20.0 if name == "queue" else 3.0
    )
    held = next(one for one in checks if one.name == "never started")

    waits = "it says that one is queued which nobody has started"
    assert (held.good, held.words == waits) == (name != "trusting", name == "trusting")


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in executor_names() for option in executor_options(name)]
)
def test_what_is_shown_as_an_example_of_an_option_is_taken(name, option):
    declared = executor_options(name)[option]

    assert _value(declared, declared.example.strip('"'), option) is not None


def test_what_an_executor_needs_and_a_pattern_that_cannot_work_are_named(capsys):
    assert promo("executor", "submit", "--try", "--option", "queued=r") == 2
    assert "starts nothing without the options 'cancel', 'number'" in capsys.readouterr().err
    assert promo("executor", "submit", "--try", "--option", "queued=(") == 2
    assert "'queued=(' is no regular expression" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["waits", "waits=x", "colour=red", "grace=3"])
def test_an_option_that_means_nothing_is_named(capsys, given):
    assert promo("executor", "queue", "--try", "--option", given) == 2
    assert given in capsys.readouterr().err


TWO_RUNS = (MIXED.replace(f"{LAB}\n\n", "").replace("box, lab", "box").replace("seeds 1, 2", "seeds 1")) + "\n"


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forgets", "'look': a look at 2 attempts gives 1 answers"),
        ("raises", "'look': it raised RuntimeError: no such engine (elsewhere.py, line"),
        ("odd", "'look': 'done' says of no attempt where it stands"),
        ("nameless", "'name': 7 is no name of a job"),
        ("open", "'close': it raised RuntimeError: still open (elsewhere.py, line"),
    ],
)
def test_a_faulty_executor_of_another_package_is_one_message_and_its_study_goes_on_once_it_is_fixed(
    tmp_path, monkeypatch, capsys, name, words
):
    monkeypatch.chdir(tmp_path)
    place = Path("trial.promo")
    place.write_text(TWO_RUNS.replace("executor inline", f"executor {name}"), encoding="utf-8")
    capsys.readouterr()
    assert promo("run", place, "--quiet") == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: the plug-in '{name}' of promo.executors failed in {words}")
    assert said.count("error:") == 1
    assert "Traceback" not in said
    assert f"promo executor {name} --try checks it), then run again" in said
    module = sys.modules["elsewhere"]
    setattr(module, name.capitalize(), module.Plain)
    assert promo("run", place, "--quiet") == 0
    assert promo("verify", place) == 3

    assert rechecked(Path("trial.study")).returncode == 3


@pytest.mark.usefixtures("elsewhere")
def test_what_a_faulty_executor_lets_go_on_is_taken_up_when_it_is_fixed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    place = Path("trial.promo")
    place.write_text(TWO_RUNS.replace("executor inline", "executor lasting"), encoding="utf-8")
    assert promo("run", place, "--quiet") == 2
    assert promo("run", place, "--quiet") == 2
    assert "failed in 'find': it raised RuntimeError: no memory" in capsys.readouterr().err
    module = sys.modules["elsewhere"]
    module.Lasting = module.Plain
    assert promo("run", place, "--quiet") == 0

    assert {one.number for one in StudyFolder(Path("trial.study")).state().every_attempt()} == {1}


FAILED = "the plug-in '{name}' of promo.executors failed in "


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("mended", ["plain", "trusting"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("unstartable", f"{FAILED}'start': it raised OSError: no such engine (elsewhere.py, line"),
        ("silent", f"{FAILED}'start': it raised OSError: no such engine (elsewhere.py, line"),
        ("lost", f"{FAILED}'start': it raised OSError: no such engine (elsewhere.py, line"),
        ("few", f"{FAILED}'start_all': 2 attempts to start give 0 handles"),
        ("refusing", "error: this account may not"),
    ],
)
def test_what_a_faulty_executor_did_not_start_is_lost_whatever_it_says_of_it_later(
    tmp_path, monkeypatch, capsys, name, words, mended
):
    monkeypatch.chdir(tmp_path)
    Path("trial.promo").write_text(TWO_RUNS.replace("executor inline", f"executor {name}"), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 2
    assert words.format(name=name) in capsys.readouterr().err
    folders = [Path("trial.study") / one.folder for one in StudyFolder(Path("trial.study")).state().every_attempt()]
    assert len(folders) == 2
    for folder in folders:  # whoever was asked after all comes too late
        late = [sys.executable, "-m", "promo.run.attend", str(folder.resolve())]
        assert subprocess.run(late, check=False).returncode == NOBODY
    module = sys.modules["elsewhere"]
    setattr(module, name.capitalize(), getattr(module, mended.capitalize()))
    assert promo("run", "trial.promo", "--quiet") == 0

    attempts = list(StudyFolder(Path("trial.study")).state().every_attempt())
    assert sorted((one.number, one.ending) for one in attempts) == [(1, "lost")] * 2 + [(2, "ok")] * 2
    assert [one.device_s for one in attempts if one.number == 1] == ["0", "0"]
    assert promo("verify", "trial.promo") == 3
    assert rechecked(Path("trial.study")).returncode == 3


@pytest.mark.usefixtures("elsewhere")
def test_what_a_faulty_executor_has_begun_when_its_start_fails_is_taken_up_and_counts_once(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("trial.promo").write_text(TWO_RUNS.replace("executor inline", "executor begins"), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 2
    assert "failed in 'start': it raised OSError: no answer" in capsys.readouterr().err
    module = sys.modules["elsewhere"]
    module.Begins = module.Plain
    assert promo("run", "trial.promo", "--quiet") == 0

    attempts = StudyFolder(Path("trial.study")).state().every_attempt()
    assert sorted(one.ending for one in attempts) == ["lost", "ok", "ok"]
    assert promo("verify", "trial.promo") == 3
    assert rechecked(Path("trial.study")).returncode == 3


@pytest.mark.usefixtures("elsewhere")
def test_what_a_faulty_executor_did_not_end_stays_under_way(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("trial.promo").write_text(TWO_RUNS.replace("executor inline", "executor unlisted"), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 2
    words = "failed in 'look': it raised RuntimeError: no such engine (elsewhere.py, line"
    assert f"the plug-in 'unlisted' of promo.executors {words}" in capsys.readouterr().err

    assert {one.ending for one in StudyFolder(Path("trial.study")).state().every_attempt()} == {"running"}


@pytest.mark.usefixtures("elsewhere")
def test_a_faulty_executor_keeps_no_other_from_ending_what_it_has_under_way(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = MIXED.replace("executor inline", "executor unlisted").replace("executor outside", "executor waits")
    Path("trial.promo").write_text(text + "\n", encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 2

    state = StudyFolder(Path("trial.study")).state()
    waited = [Path("trial.study") / one.folder for one in state.every_attempt() if one.host == "lab"]
    assert waited
    assert all(is_given_up(folder) for folder in waited)
    assert sys.modules["elsewhere"].CLOSED


@pytest.mark.usefixtures("elsewhere")
def test_ctrl_c_while_an_executor_waits_for_its_engine_is_an_interruption_whatever_it_says_then(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("trial.promo").write_text(TWO_RUNS.replace("executor inline", "executor awaited"), encoding="utf-8")

    assert promo("run", "trial.promo", "--plain") == 130
    said = capsys.readouterr()
    assert (said.out + said.err).count("warning: no engine answers\n") == 1
    assert "error:" not in said.err


@pytest.mark.usefixtures("elsewhere")
def test_both_verifiers_say_the_same_of_results_that_came_after_the_end_of_their_study(tmp_path, monkeypatch, capsys):
    """Of attempts that were declared lost, and trained on."""
    monkeypatch.chdir(tmp_path)
    Path("trial.promo").write_text(TWO_RUNS.replace("executor inline", "executor parts"), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet") == 0
    lost = [one for one in StudyFolder(Path("trial.study")).state().every_attempt() if one.ending == "lost"]
    assert [one.loss for one in lost] == [Loss.NODE] * 2
    for folder in (Path("trial.study", one.folder).resolve() for one in lost):
        (folder / "claim").unlink()  # it trains on under the eyes of nobody
        subprocess.run([sys.executable, "-m", "promo.run.attend", folder], check=True)
    capsys.readouterr()

    assert promo("verify", "trial.promo") == 3
    said = capsys.readouterr().out
    checked = rechecked(Path("trial.study"))
    assert checked.returncode == 3
    words = re.findall(r"came after they had been declared lost.* they were last seen", said.replace("\n", " "))
    assert len(words) == 1
    assert f"2 results of attempts that {words[0]}" in checked.stdout
