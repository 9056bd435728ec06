"""`promo completion`: the shells themselves complete commands, options, choices and files."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from promo.cli.completion import SHELLS, commands
from support import promo

EVERY = tuple(commands())


def script(capsys, shell):
    assert promo("completion", shell) == 0
    return capsys.readouterr().out


@pytest.fixture
def offered(workplace, capsys):
    """What bash offers for the last of some words."""
    for name in ("trial.promo", "other.txt", "a b.promo"):
        (workplace / name).write_text("promo 1\n", encoding="utf-8")
    (workplace / "trial.study").mkdir()
    (workplace / "completion.bash").write_text(script(capsys, "bash"), encoding="utf-8")

    def ask(*many):
        lines = ["source ./completion.bash"]
        for words in many:
            listed = " ".join(f"'{word}'" for word in words)
            lines.append(f"COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; _promo")
            lines.append('for one in "${COMPREPLY[@]}"; do echo "$one"; done; echo \'#\'')
        done = subprocess.run(["bash", "-c", "\n".join(lines)], capture_output=True, text=True, check=True, timeout=60)
        assert "command not found" not in done.stderr
        return [sorted(part.splitlines()) for part in done.stdout.split("#\n")[:-1]]

    return ask


def test_bash_offers_commands_options_choices_and_files(offered):
    found = offered(
        ("promo", "che"),
        ("promo", "check", "--f"),
        ("promo", "check", "--format", "s"),
        ("promo", "check", "t"),
        ("promo", "check", ""),
        ("promo", "status", "t"),
        ("promo", "plan", "trial.promo", "--out", "o"),
        ("promo", "completion", ""),
        ("promo", "new", "--vary", ""),
        ("promo", "check", "--format", "=", "s"),
        ("promo", "check", "--format", "="),
        ("promo", "plan", "trial.promo", "--out", "=", "o"),
        ("promo", "show", "pl"),
        ("promo", "--"),
    )

    assert found == [
        ["check", "checkpoint"],
        ["--fix", "--format"],
        ["sarif"],
        ["trial.promo", "trial.study"],
        ["a b.promo", "trial.promo", "trial.study"],
        ["trial.promo", "trial.study"],
        ["other.txt"],
        ["bash", "fish", "zsh"],
        [],
        ["sarif"],
        ["github", "json", "sarif", "text"],
        ["other.txt"],
        ["plan"],
        ["--help", "--version"],
    ]


def test_bash_offers_every_option_of_every_command(offered):
    found = offered(("promo", ""), *(("promo", one.name, "--") for one in EVERY))

    assert found[0] == sorted(one.name for one in EVERY)
    for command, flags in zip(EVERY, found[1:], strict=True):
        expected = [flag for word in command.options for flag in word.flags if flag.startswith("--")]
        assert flags == sorted(expected)
        assert "--help" in flags


@pytest.mark.parametrize("command", EVERY, ids=lambda one: one.name)
def test_the_words_are_those_of_the_parser(capsys, command):
    assert promo(command.name, "--help") == 0
    page = capsys.readouterr().out
    usage = re.sub(r"\s+", " ", page.split("\n\n")[0])

    assert {*re.findall(r"(?<![\w-])--[a-z][a-z-]*", usage)} == {
        flag for word in command.options for flag in word.flags if flag not in ("--help", "--rule")
    }


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_told_of_every_command_and_option(capsys, shell):
    text = script(capsys, shell)

    for command in EVERY:
        assert command.name in text
        for word in command.options:
            for flag in word.flags:
                assert (f"-l {flag[2:]} " in text or f"-l {flag[2:]}" in text) if shell == "fish" else flag in text


def test_another_shell_is_a_usage_error(capsys):
    assert promo("completion", "tcsh") == 2
    assert "invalid choice" in capsys.readouterr().err


def test_fish_offers_commands_choices_and_files(workplace, capsys):
    fish = shutil.which("fish") or pytest.skip("fish is not installed")
    (workplace / "completion.fish").write_text(script(capsys, "fish"), encoding="utf-8")
    (workplace / "trial.promo").write_text("promo 1\n", encoding="utf-8")

    def ask(words):
        code = f"source completion.fish; complete -C '{words}'"
        done = subprocess.run([fish, "-N", "-c", code], capture_output=True, text=True, check=True, timeout=60)
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    assert ask("promo che") == ["check", "checkpoint"]
    assert ask("promo check --format ") == ["github", "json", "sarif", "text"]
    assert "trial.promo" in ask("promo run tr")
    assert {"--curves", "--column"} <= {*ask("promo replay --c")}
    assert ask("promo check --format=sa") == ["--format=sarif"]
    assert ask("promo --") == ["--help", "--version"]


def test_zsh_offers_commands_choices_and_files(workplace, capsys):
    zsh = shutil.which("zsh") or pytest.skip("zsh is not installed")
    (workplace / "completion.zsh").write_text(script(capsys, "zsh"), encoding="utf-8")
    (workplace / "trial.promo").write_text("promo 1\n", encoding="utf-8")

    assert "promo check" in typed(zsh, workplace, "promo che", "promo check")
    assert "promo check --format sarif" in typed(zsh, workplace, "promo check --format s", "promo check --format sarif")
    assert "promo run trial.promo" in typed(zsh, workplace, "promo run tri", "promo run trial.promo")
    assert "promo new --metric" in typed(zsh, workplace, "promo new --met", "promo new --metric")
    assert "promo why --study" in typed(zsh, workplace, "promo why --st", "promo why --study")
    assert "promo check --format=sarif" in typed(zsh, workplace, "promo check --format=s", "promo check --format=sarif")
    assert "promo show plan" in typed(zsh, workplace, "promo show pl", "promo show plan")
    assert "promo --version" in typed(zsh, workplace, "promo --v", "promo --version")


def typed(zsh, folder, words, wanted, until_s=10.0):
    """What a zsh of its own shows once *words* and a tab were typed, until what is wanted stands there."""
    child, line = pty.fork()
    if not child:
        os.chdir(folder)
        os.environ.update(TERM="dumb", HOME=str(folder))
        os.execv(zsh, [zsh, "-f", "-i"])
    try:
        os.write(line, b"autoload -U compinit; compinit -u -D; source ./completion.zsh; PS1=; echo rea''dy\n")
        seen(line, "ready\r\n", until_s)
        os.write(line, words.encode() + b"\t")
        return seen(line, wanted, until_s)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(line)


def seen(line, words, until_s):
    """What a terminal shows until some words stand there, but not for ever."""
    got, end = b"", time.monotonic() + until_s
    while time.monotonic() < end and words.encode() not in got:
        if select.select([line], [], [], 0.1)[0]:
            got += os.read(line, 65_536)
    return got.decode(errors="replace")
