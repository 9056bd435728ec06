"""Commands as a user meets them: what is said, where, and with which exit code."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from promo import __version__
from promo.base import pages
from promo.base.errors import ExitCode
from promo.cli.main import COMMANDS, EXIT_CODES
from promo.cli.status import _stage_words
from support import promo, spec, without_escapes

ROOT = Path(__file__).parents[2]


def write(place: Path, content: str | bytes, name: str = "trial.promo") -> Path:
    path = place / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_help_reads_like_the_workflow(capsys):
    assert promo("--help") == 0
    page = capsys.readouterr().out
    places = [page.index(f"\n  {command} ") for command in COMMANDS]

    assert places == sorted(places)
    words = (
        "new runner executor check explain fmt read completion lsp show design plan simulate freeze run replay compare"
    )
    words += " status ask accept stop decide bundle import amend report why laws serve export"
    words += " checkpoint cosign anchor verify"
    assert list(COMMANDS) == words.split()
    for code in ExitCode:
        assert re.search(rf"^  {int(code)}\s", page, re.MULTILINE)
    assert promo() == 0
    assert capsys.readouterr().out == page


def test_the_version(capsys):
    assert promo("--version") == 0
    assert capsys.readouterr().out == f"promo {__version__}\n"


def test_promo_is_a_module_that_runs():
    done = subprocess.run([sys.executable, "-m", "promo", "--version"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, f"promo {__version__}\n")


def test_a_word_that_is_no_command_is_told_with_the_nearest_one(capsys):
    assert promo("chekc") == 2
    assert capsys.readouterr().err == "error: there is no command 'chekc'\n  = help: did you mean 'check'?\n"
    assert promo("xyzzy") == 2
    assert "promo --help lists the commands" in capsys.readouterr().err


WRITES = {"simulate": "--plot", "compare": "--html"}
WRITES |= dict.fromkeys(("plan", "ask", "bundle", "report", "export", "cosign"), "--out")


@pytest.mark.parametrize("command", WRITES)
@pytest.mark.parametrize("place", ["-", ""])
def test_a_stream_is_no_place_to_write_a_file_to_nor_is_nothing(workplace, capsys, command, place):
    assert promo(command, "x", f"{WRITES[command]}={place}") == 2
    assert f"argument {WRITES[command]}: '{place}' is no file; name one" in capsys.readouterr().err
    assert not [*workplace.iterdir()]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("check", "--fromat", "json", "x.promo"), "did you mean '--format'?"),
        (("check", "--fromat=json", "x.promo"), "did you mean '--format'?"),
        (("show", "plam", "x.promo"), "did you mean 'plan'?"),
        (("export", "--to", "mlfow"), "did you mean 'mlflow'?"),
        (("run", "--qqqqq", "x.promo"), "promo run --help lists the options"),
        (("check",), "promo check --help lists the options"),
        (("status", "trail.promo"), "did you mean trial.promo?"),
        (("new", "--from", "trian.py"), "did you mean train.py?"),
    ],
)
def test_a_slip_in_any_word_is_told_with_the_nearest_one(workplace, capsys, words, hint):
    for name in ("trial.promo", "train.py"):
        (workplace / name).write_text("", encoding="utf-8")

    assert promo(*words) == 2
    assert capsys.readouterr().err.endswith(f"  = help: {hint}\n")


def test_what_does_not_resume_is_not_said_to(workplace):
    child, line = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-m", "promo", "new"])
    said = b""
    with contextlib.suppress(OSError):  # a terminal that nobody writes to any more
        while True:
            said += os.read(line, 1024)
            if said.endswith(b"trains? "):
                os.write(line, b"\x03")
    os.close(line)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert said.decode().replace("\r", "").endswith("\ninterrupted\n")


def test_usage_errors_are_exit_code_2(capsys):
    assert promo("chekc") == 2
    assert promo("plan") == 2
    assert promo("plan", "a", "--nonsense") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_all_that_a_command_lacks_is_named_at_once(capsys):
    assert promo("accept") == 2
    assert "are required: SPEC|STUDY, --by\n" in capsys.readouterr().err
    assert promo("decide", "here") == 2
    assert "are required: GATE|RULE, --by, --reason\n" in capsys.readouterr().err


BAD_INPUT = {
    "no file": (lambda place: place / "none.promo", 2, "there is no file"),
    "a folder": (lambda place: place, 2, "is a folder"),
    "an empty file": (lambda place: write(place, ""), 1, "P0101"),
    "not UTF-8": (lambda place: write(place, b"promo 1\n# \xff\n"), 1, "P0117"),
    "not UTF-8 behind a mark": (
        lambda place: write(place, b"\xef\xbb\xbfpromo 1\n# \xff\n"),
        1,
        "byte 13 is 0xff",
    ),
    "2m": (lambda place: write(place, spec().replace("for 1s", "for 2m")), 1, "write 2min"),
    "2 min": (lambda place: write(place, spec().replace("for 1s", "for 2 min")), 1, "write 2min"),
    "unknown name": (
        lambda place: write(place, spec().replace("always base", "always bsae")),
        1,
        "did you mean 'base'?",
    ),
    "a gate that cannot reject": (lambda place: write(place, spec().replace("top 1", "top 3")), 1, "cannot reject"),
    "binary": (lambda place: write(place, bytes(range(256))), 1, "P01"),
    "a missing runner": (lambda place: write(place, spec().replace("runner toy", "runner none")), 1, "P0211"),
    "a runner that cannot be loaded": (
        lambda place: write(place, spec().replace("runner toy", "runner broken")),
        2,
        "broken",
    ),
    "a huge design": (
        lambda place: write(place, spec(extra="design d fraction 2^40 {\n  vary size low 1 high 2\n}")),
        1,
        "P0703",
    ),
    "over budget": (
        lambda place: write(
            place, spec().replace("runner toy", "runner toy\n  budget 10cpu_h").replace("for 1s", "for 5h")
        ),
        1,
        "P0601",
    ),
    "a circle": (
        lambda place: write(
            place,
            spec()
            .replace("train four for 1s", "after back\n  train promoted for 1s")
            .replace(
                "frozen gate pick",
                "gate back {\n from long to short\n rank by mean loss over host, seed\n keep top 1\n"
                " missing drop\n crash as missing\n ties by name\n}\nfrozen gate pick",
            ),
        ),
        1,
        "P0502",
    ),
}


@pytest.mark.parametrize("command", ["check", "plan", "run", "freeze", "show spec"])
@pytest.mark.parametrize(("make", "code", "words"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_gets_one_clear_answer(workplace, capsys, command, make, code, words):
    path = make(workplace)

    assert promo(*command.split(), path) == code

    said = capsys.readouterr()
    assert words in said.err + said.out
    assert "Traceback" not in said.err
    assert not list(workplace.glob("*.study"))


def test_carriage_returns_are_a_warning_that_fmt_mends(workplace, capsys):
    path = write(workplace, spec().replace("\n", "\r\n"))

    assert promo("check", path) == 0
    assert "P0902" in capsys.readouterr().err
    assert promo("fmt", path) == 0
    assert b"\r" not in path.read_bytes()


def test_a_diagnostic_shows_the_line_the_place_and_the_way_out(workplace, capsys):
    path = write(workplace, spec().replace("always base", "always bsae"), "t.promo")
    promo("check", "t.promo")
    error = capsys.readouterr().err
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "bsae" in text)

    assert (
        f"error[P0201]: no candidate is called 'bsae'\n"
        f"  --> t.promo:{line}:10\n"
        f"   |\n"
        f"{line} |   always bsae\n"
        f"   |          ^^^^\n"
        f"  = help: did you mean 'base'?\n"
    ) in error


def test_columns_are_right_behind_tabs_wide_and_astral_characters(workplace, capsys):
    write(workplace, "promo 1\n\tlet  界\U0001f600 = 1\n", "t.promo")
    promo("check", "t.promo")
    lines = capsys.readouterr().err.splitlines()
    shown = next(n for n, line in enumerate(lines) if "let" in line and "|" in line)

    assert "t.promo:2:7" in lines[shown - 2]
    assert lines[shown + 1].index("^") == lines[shown].index("界")


def test_findings_for_programs(workplace, capsys):
    write(workplace, spec().replace("always base", "always bsae"), "t.promo")

    assert promo("check", "t.promo", "--format", "json") == 1
    (found,) = [one for one in json.loads(capsys.readouterr().out)["diagnostics"] if one["severity"] == "error"]
    assert (found["code"], found["place"]["file"], found["edits"][0]["text"]) == ("P0201", "t.promo", "base")
    assert promo("check", "t.promo", "--format", "github") == 1
    assert "::error file=t.promo,line=" in capsys.readouterr().out


def test_no_colours_unless_on_a_terminal(workplace, capsys):
    write(workplace, "nonsense", "t.promo")
    promo("check", "t.promo")
    error = capsys.readouterr().err

    assert error == without_escapes(error)


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_on_a_terminal(workplace, variables, coloured):
    import pty

    write(workplace, "nonsense", "t.promo")
    ours, theirs = pty.openpty()
    code = "import sys; from promo.cli.main import main; sys.exit(main(['check', 't.promo']))"
    environment = {**os.environ, "TERM": "xterm", **variables}
    environment.pop("NO_COLOR", None) if "NO_COLOR" not in variables else None
    done = subprocess.run([sys.executable, "-c", code], stderr=theirs, env=environment, check=False)
    os.close(theirs)
    said = os.read(ours, 65536).decode()

    assert done.returncode == 1
    assert ("\033[" in said) == coloured


def test_fmt(workplace, capsys, monkeypatch):
    import io

    messy = spec().replace("keep top 1", "keep    top    1")
    path = write(workplace, messy, "t.promo")

    assert promo("fmt", "--check", "t.promo") == 1
    assert path.read_text() == messy
    assert promo("fmt", "--diff", "t.promo") == 1
    assert "+  keep     top 1" in capsys.readouterr().out
    assert promo("fmt", "t.promo") == 0
    assert promo("fmt", "--check", "t.promo") == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(messy.encode())))
    capsys.readouterr()
    assert promo("fmt", "-") == 0
    assert capsys.readouterr().out == path.read_text()


@pytest.mark.parametrize("how", [(), ("--check",), ("--diff",)])
def test_fmt_refuses_a_text_that_does_not_parse_and_goes_on_with_the_others(workplace, capsys, how):
    broken = (ROOT / "tests" / "cases" / "open_bracket.promo").read_text(encoding="utf-8")
    path, other = write(workplace, broken, "t.promo"), write(workplace, spec(), "u.promo")

    assert promo("fmt", *how, "t.promo", "u.promo") == 1

    said = capsys.readouterr()
    assert path.read_text(encoding="utf-8") == broken
    assert "error[P01" in said.err
    assert "t.promo: not formatted, because it cannot be read" in said.err
    assert (other.read_text(encoding="utf-8") == spec()) is bool(how)


def test_fmt_of_a_stream_that_does_not_parse_writes_nothing(capsys, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"promo 1\nlet a = [1\nlet b = 2\n")))

    assert promo("fmt", "-") == 1
    assert capsys.readouterr().out == ""


def test_a_file_of_another_kind_is_one_error(capsys):
    assert promo("check", ROOT / "README.md") == 1
    error = capsys.readouterr().err

    assert "P0101" in error
    assert error.count("error[") == 1


def test_a_spec_is_read_aloud(capsys):
    assert promo("read", ROOT / "specs" / "staged_promotion.promo") == 0
    said = capsys.readouterr().out

    assert (
        "Frozen gate pick_four: from repeat_10min to repeat_60min, rank by mean val_bpb over host and seed, "
        "keep the top three, always bridge; missing: rerun one, then drop; crash: as missing; ties by name." in said
    )
    assert "Frozen rule cheap_sentinel_is_close: judge d8_ar48 against bridge at confirm_12h" in said


def test_plans_twice_are_the_same_bytes(workplace, capsys):
    write(workplace, spec(), "t.promo")
    promo("plan", "t.promo", "--json")
    first = capsys.readouterr().out
    promo("plan", "t.promo", "--json")

    assert capsys.readouterr().out == first
    assert json.loads(first)["budget_s"] == 17


def test_plan_all_lists_every_possible_run(workplace, capsys):
    write(workplace, spec(), "t.promo")
    promo("plan", "t.promo", "--all")

    assert len(re.findall(r"^[0-9a-f]{16}  ", capsys.readouterr().out, re.MULTILINE)) == 8 + 8 + 1


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").exists(), reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(workplace, capsys):
    write(workplace, spec(), "t.promo")
    (workplace / "file").write_text("not a folder")

    assert promo("run", "t.promo", "--study", "file/inside", "--quiet") == 2
    assert "cannot be written" in capsys.readouterr().err
    assert promo("plan", "t.promo", "--out", "file/plan.json") == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "report", "serve", "verify", "show evidence"])
def test_commands_on_a_study_that_is_not_there(workplace, capsys, command):
    words = command.split()

    assert promo(*words, *(["nowhere"] if len(words) > 1 else [])) == 2
    assert "no study" in capsys.readouterr().err


def test_a_plan_file_that_is_none(workplace, capsys):
    write(workplace, "{", "x.json")

    assert promo("run", "x.json") == 2
    assert "is not a plan file" in capsys.readouterr().err
    assert promo("run", "y.json") == 2
    assert "there is no file" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(workplace):
    write(workplace, spec(), "t.promo")
    code = "import sys; from promo.cli.main import main; sys.exit(main(['plan', 't.promo', '--all', '--json']))"
    done = subprocess.run(
        f'{sys.executable} -c "{code}" | head -c 10', shell=True, capture_output=True, text=True, check=False
    )

    assert "Traceback" not in done.stderr


def test_every_exit_code_and_command_is_documented():
    page = (ROOT / "interpreter" / "docs" / "commands.md").read_text(encoding="utf-8")

    for command in COMMANDS:
        assert f"`promo {command}" in page, command
    for code in ExitCode:
        assert re.search(rf"^\| {int(code)} \|", page, re.MULTILINE), code


def test_every_code_is_listed_and_explained(capsys):
    assert promo("explain") == 0
    listed = capsys.readouterr().out
    assert promo("explain", "p0402", "P0101") == 0
    said = capsys.readouterr().out

    assert "P0402" in listed and "P04xx  gates, rules and seals" in listed
    assert "promo says:" in said and "error[P0402]" in said and "Put right:" in said
    assert promo("explain", "P0499") == 2
    assert "there is no code P0499" in capsys.readouterr().err


@pytest.mark.parametrize(("columns", "widest"), [("56", 56), ("80", 80), ("200", 80)])
def test_help_and_explanations_fit_80_columns_or_the_narrower_terminal_and_break_no_word(
    capsys, monkeypatch, columns, widest
):
    monkeypatch.setenv("COLUMNS", columns)
    said = []
    for words in [["--help"], *([command, "--help"] for command in COMMANDS), ["explain"]]:
        assert promo(*words) == 0
        said.append(capsys.readouterr().out)
    known = set(
        re.split(r"\s+", " ".join([*COMMANDS, *(does for _, _, does in COMMANDS.values()), *EXIT_CODES.values()]))
    )

    # Only what argparse holds together in a line of its own goes beyond, and at 80 columns nothing does.
    long = [line for page in said for line in page.splitlines() if len(line) > widest]
    assert not long if widest == 80 else all(line.strip()[0] in "[({" and line.strip()[-1] in "])}" for line in long)
    assert known <= set(" ".join(said).split())


def test_a_page_is_folded_to_the_width_and_its_code_is_as_it_was_written(capsys, monkeypatch):
    for columns in ("50", "80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        for code in pages.codes():
            page = pages.page(code)
            assert promo("explain", code) == 0
            said = capsys.readouterr().out
            code_lines = {f"    {line}".rstrip() for text in (page.wrong, page.right) for line in text.splitlines()}
            excerpts = {line for line in said.splitlines() if re.match(r" +(\d+ )?\|", line)}
            long = [line for line in said.splitlines() if len(line) > min(int(columns), 80)]

            assert code_lines <= set(said.splitlines())
            assert all(line in code_lines | excerpts or len(line.split()) <= 2 for line in long), (code, long)
            assert page.said.split() == said.partition("promo says:")[2].partition("Put right:")[0].split()
            assert page.meaning.split() == said.partition("For example:")[0].split("\n\n", 1)[1].split()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("P9999", "promo explain lists all"),
        ("foo", "promo explain lists all"),
        ("P0499", "promo explain lists all"),
        ("P0416", "near it are P0414, P0415, P0417, P0418; promo explain lists all"),
        ("P312", "near it is P0312; promo explain lists all"),
    ],
)
def test_codes_are_suggested_only_if_they_are_near(capsys, word, hint):
    assert promo("explain", word) == 2

    assert capsys.readouterr().err.rstrip().endswith(f"= help: {hint}")


def test_a_seal_is_explained(capsys):
    spec = ROOT / "specs" / "quickstart.promo"
    assert promo("explain", "seal", "pick_three", spec) == 0
    said = capsys.readouterr().out

    assert "sealed as it is now" in said
    assert "keep: top 2" in said
    assert "seeds: 1, 2" in said
    assert "It leaves out comments" in said
    assert promo("explain", "seal", "pick_thre", spec) == 2
    assert "did you mean 'pick_three'" in capsys.readouterr().err


def test_a_broken_seal_does_not_keep_a_plan_from_saying_what_changed(workplace, capsys):
    old = write(workplace, spec(), "old.promo")
    assert promo("freeze", old) == 0
    sealed = (workplace / "old.promo").read_text(encoding="utf-8")
    new = write(workplace, sealed.replace("top 1", "top 2"), "new.promo")
    capsys.readouterr()

    assert promo("plan", new, "--diff", old) == 1

    said = capsys.readouterr()
    assert "gate pick, keep: top 1 -> top 2" in said.out
    assert "P0401" in said.err
    assert promo("plan", new) == 1


def test_a_plan_says_what_changed_and_what_it_costs(workplace, capsys):
    old = write(workplace, spec(), "old.promo")
    new = write(
        workplace, spec().replace("keep top 1", "keep top 2").replace("seeds 3, 4", "seeds 3, 4, 5"), "new.promo"
    )
    assert promo("plan", old, "--out", "old.json") == 0
    capsys.readouterr()

    for before in (old, "old.json"):
        assert promo("plan", new, "--diff", before) == 0
        said = capsys.readouterr().out
        assert "gate pick, keep: top 1 -> top 2" in said
        assert "stage long, seeds: 3, 4 -> 3, 4, 5" in said
        assert "long: 4 runs, 8 s -> 9 runs, 18 s" in said
        assert "together: 13 runs, 17 s -> 18 runs, 27 s, +10 s" in said
    assert promo("plan", old, "--diff", "old.json") == 0
    assert "nothing changed" in capsys.readouterr().out
    assert promo("plan", old, "--diff", "none.json") == 2
    (workplace / "x.json").write_text("{}", encoding="utf-8")
    assert promo("plan", old, "--diff", "x.json") == 2


@pytest.mark.parametrize(
    ("failed", "lost", "said"),
    [
        (0, 1, "4 of 6 runs, 1 lost attempt"),
        (1, 0, "4 of 6 runs, 1 failed attempt"),
        (2, 1, "4 of 6 runs, 2 failed, 1 lost attempt"),
        (1, 2, "4 of 6 runs, 1 failed, 2 lost attempts"),
    ],
)
def test_one_attempt_is_not_called_attempts(failed, lost, said):
    stage = SimpleNamespace(phase=None, note="", done=4, runs=6, failed=failed, excluded=0, lost=lost)

    assert _stage_words(stage) == said


def test_a_hint_that_names_an_extra_can_be_pasted_into_any_shell():
    """zsh reads brackets that are not quoted as a pattern of file names."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "interpreter/promo").rglob("*.py")]
    hints = [hint for text in sources for hint in re.findall(r"pip install .promo-lang\S*", text)]

    assert len(hints) >= 6
    assert [one for one in hints if not one.startswith("pip install '")] == []
