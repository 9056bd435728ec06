"""
`promo completion SHELL`: what a shell needs to complete commands, options and files, made from the parsers' own table.

Each command's options are declared once, in `promo.cli.options`; here something that looks like a parser takes them
down, so that no list of them is kept twice.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import assert_never

from promo.base.classes import frozen
from promo.base.errors import ExitCode


class Takes(Enum):
    """What a shell can offer for a value."""

    NOTHING = "nothing"
    """A flag, or a value that only the user knows."""
    SPEC = "spec"
    STUDY = "study"
    """A study folder, or the spec beside it."""
    FILE = "file"


@frozen
class Word:
    """An option, or a word in its place."""

    flags: tuple[str, ...]
    """Empty for a word in its place."""
    has_value: bool
    choices: tuple[str, ...]
    takes: Takes
    help: str


FIRST = {"--help": "list the commands", "--version": "print the version"}
"""Options that stand where a command would."""
FILES = {
    "FILE",
    "PATH",
    "PUB",
    "PEM",
    "RECEIPT",
    "NOTE",
    "BUNDLE",
    "FOLDER",
    "PLACE",
    "OLD",
    "SCRIPT",
    "NAME|FILE",
    "SPEC|PLAN",
}
"""Names of values that are files."""


class Declared:
    """Takes down what a command tells a parser."""

    def __init__(self) -> None:
        self.words: list[Word] = [Word(("--help",), False, (), Takes.NOTHING, "show the options")]

    def add_argument(self, *flags: str, **given: object) -> None:
        """Take down a word."""
        choices, metavar = given.get("choices", ()), given.get("metavar", "")
        assert isinstance(choices, Sequence)
        self.words.append(
            Word(
                flags=tuple(flag for flag in flags if flag.startswith("-")),
                has_value="action" not in given or given["action"] == "append",
                choices=tuple(map(str, choices)),
                takes=_takes(metavar if isinstance(metavar, str) else ""),
                help=str(given.get("help", "")).replace("%%", "%"),
            )
        )

    def add_mutually_exclusive_group(self, **given: object) -> "Declared":
        """Words of a group are words like others."""
        del given
        return self


def _takes(metavar: str) -> Takes:
    if metavar in FILES:
        return Takes.FILE
    parts = set(metavar.split("|"))
    if "STUDY" in parts:
        return Takes.STUDY
    return Takes.SPEC if "SPEC" in parts else Takes.NOTHING


@frozen
class Command:
    """A command with all that may stand behind it."""

    name: str
    does: str
    words: tuple[Word, ...]

    @property
    def options(self) -> tuple[Word, ...]:
        """Words that begin with dashes."""
        return tuple(word for word in self.words if word.flags)

    @property
    def places(self) -> tuple[Word, ...]:
        """Words that stand in their places."""
        return tuple(word for word in self.words if not word.flags)

    @property
    def files(self) -> Takes:
        """What files stand in its places: studies before specs, for those are offered with them."""
        found = {word.takes for word in self.places}
        return next((one for one in (Takes.STUDY, Takes.SPEC, Takes.FILE) if one in found), Takes.NOTHING)


def commands() -> Iterator[Command]:
    """Every command, in the order of `promo --help`."""
    from promo.cli.main import COMMANDS
    from promo.cli.options import OPTIONS

    for name, (_, _, does) in COMMANDS.items():
        declared = Declared()
        tell: Callable[..., None] = OPTIONS[name]
        tell(declared)
        yield Command(name, does, tuple(declared.words))


def completion(options: Namespace) -> int:
    """Print the script of a shell."""
    sys.stdout.write(SHELLS[options.shell](tuple(commands())))
    return ExitCode.DONE


# --- bash --------------------------------------------------------------------------------------------------------

BASH = r"""# promo in bash.  In ~/.bashrc:  eval "$(promo completion bash)"
_promo_files() {
  local IFS=$'\n'
  compopt -o filenames 2>/dev/null
  case "$1" in
    spec | study) COMPREPLY=($(compgen -f -X '!*.promo' -- "$2") $(compgen -d -- "$2")) ;;
    file) COMPREPLY=($(compgen -f -- "$2")) ;;
  esac
}
_promo() {
  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    if [ "${cur:0:1}" = - ]; then COMPREPLY=($(compgen -W "@FIRST@" -- "$cur"))
    else COMPREPLY=($(compgen -W "@COMMANDS@" -- "$cur")); fi
    return
  fi
  if [ "$cur" = = ]; then cur=
  elif [ "$prev" = = ]; then prev="${COMP_WORDS[COMP_CWORD-2]}"; fi  # bash takes --format=json for three words
  case "${COMP_WORDS[1]} $prev" in
@VALUES@
  esac
  case "${COMP_WORDS[1]}" in
@PLACES@
  esac
}
complete -F _promo promo
"""


def bash(every: Sequence[Command]) -> str:
    """The script for bash, from version 3.2."""
    values, places = [], []
    for command in every:
        for word in command.options:
            if word.has_value:
                pattern = " | ".join(f'"{command.name} {flag}"' for flag in word.flags)
                values.append(f"    {pattern}) {_bash_value(word)}; return ;;")
        flags = " ".join(flag for word in command.options for flag in word.flags)
        chosen = " ".join(one for word in command.places for one in word.choices)
        dashed = f'if [ "${{cur:0:1}}" = - ]; then COMPREPLY=($(compgen -W "{flags}" -- "$cur"))'
        listed = (
            f'; elif [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "{chosen}" -- "$cur"))' if chosen else ""
        )
        files = "" if command.files is Takes.NOTHING else f'; else _promo_files {command.files.value} "$cur"'
        places.append(f"    {command.name}) {dashed}{listed}{files}; fi ;;")
    text = BASH.replace("@COMMANDS@", " ".join(one.name for one in every)).replace("@FIRST@", " ".join(FIRST))
    return text.replace("@VALUES@", "\n".join(values)).replace("@PLACES@", "\n".join(places))


def _bash_value(word: Word) -> str:
    if word.choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(word.choices)}" -- "$cur"))'
    return ":" if word.takes is Takes.NOTHING else f'_promo_files {word.takes.value} "$cur"'


# --- zsh ---------------------------------------------------------------------------------------------------------

ZSH = r"""#compdef promo
# promo in zsh.  In ~/.zshrc, behind compinit:  eval "$(promo completion zsh)"
_promo() {
  local -a commands
  commands=(
@COMMANDS@
  )
  if (( CURRENT == 2 )); then
    if [[ $words[2] = -* ]]; then _arguments @FIRST@; else _describe command commands; fi
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
@CASES@
  esac
}
if [ "$funcstack[1]" = _promo ]; then _promo "$@"; else compdef _promo promo; fi
"""


def zsh(every: Sequence[Command]) -> str:
    """The script for zsh; it may also lie in a folder of `fpath`, as `_promo`."""
    listed = [f"    {_quoted(f'{one.name}:{one.does}')}" for one in every]
    cases = []
    for command in every:
        specs = [_quoted(spec) for word in command.options for spec in _zsh_option(word)]
        specs += map(_quoted, _zsh_places(command))
        cases.append(f"    {command.name}) _arguments {' '.join(specs)} ;;")
    first = " ".join(_quoted(f"{flag}[{told}]") for flag, told in FIRST.items())
    text = ZSH.replace("@COMMANDS@", "\n".join(listed)).replace("@CASES@", "\n".join(cases))
    return text.replace("@FIRST@", first)


def _zsh_option(word: Word) -> Iterator[str]:
    told = word.help.replace("\\", "").replace("[", "(").replace("]", ")").replace(":", ";")
    for flag in word.flags:
        joined = "=" if word.has_value and flag.startswith("--") else ""  # both `--format json` and `--format=json`
        yield f"*{flag}{joined}[{told}]" + (f":value:{_zsh_action(word)}" if word.has_value else "")


def _zsh_places(command: Command) -> Iterator[str]:
    """Words in their places: choices are those of the first, files of all."""
    chosen = [one for word in command.places for one in word.choices]
    if chosen:
        yield f"1:word:({' '.join(chosen)})"
    if command.files is not Takes.NOTHING:  # a word that only the user knows would keep options from zsh
        yield f"*:word:{_zsh_action(Word((), True, (), command.files, ''))}"


def _zsh_action(word: Word) -> str:
    if word.choices:
        return f"({' '.join(word.choices)})"
    match word.takes:
        case Takes.NOTHING:
            return " "
        case Takes.SPEC | Takes.STUDY:
            return '_files -g "*.(promo|study)"'
        case Takes.FILE:
            return "_files"
        case _:
            assert_never(word.takes)


def _quoted(text: str) -> str:
    """One word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


# --- fish --------------------------------------------------------------------------------------------------------

FISH = "# promo in fish.  In ~/.config/fish/config.fish:  promo completion fish | source\ncomplete -c promo -f\n"


def fish(every: Sequence[Command]) -> str:
    """The script for fish."""
    lines = [
        f"complete -c promo -n __fish_use_subcommand -l {flag[2:]} -d {_fish_quoted(told)}"
        for flag, told in FIRST.items()
    ]
    for command in every:
        told = _fish_quoted(command.does)
        lines.append(f"complete -c promo -n __fish_use_subcommand -a {command.name} -d {told}")
        here = f"complete -c promo -n '__fish_seen_subcommand_from {command.name}'"
        for word in command.options:
            flags = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in word.flags)
            lines.append(f"{here} {flags}{_fish_value(word)} -d {_fish_quoted(word.help)}")
        chosen = " ".join(one for word in command.places for one in word.choices)
        if chosen:
            lines.append(f"{here} -a {_fish_quoted(chosen)}")
        if command.files is not Takes.NOTHING:
            lines.append(f"{here} {_fish_files(command.files)}")
    return FISH + "\n".join(lines) + "\n"


def _fish_value(word: Word) -> str:
    if not word.has_value:
        return ""
    if word.choices:
        return f" -x -a {_fish_quoted(' '.join(word.choices))}"
    return " -x" if word.takes is Takes.NOTHING else f" -r {_fish_files(word.takes)}"


def _fish_files(takes: Takes) -> str:
    """Files of a kind; folders are always offered, for a file may lie in one."""
    return "-F" if takes is Takes.FILE else "-k -a '(__fish_complete_suffix .promo)'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
"""Shell -> what makes its script."""
