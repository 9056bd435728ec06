"""`promo new`: a runner file and a first spec for somebody's own script, which is read and never run."""

import importlib.util
import re
import sys
from argparse import Namespace
from itertools import count
from pathlib import Path
from shlex import quote

from promo.base.classes import evolve
from promo.base.diagnostics import errors
from promo.base.errors import ExitCode, PromoError
from promo.base.source import Source
from promo.cli.spec import but_seals, print_diagnostics
from promo.cli.terminal import put
from promo.driver.pipeline import compile_source
from promo.driver.study import SUFFIX
from promo.files import read_given
from promo.run.program import LONGEST_FILE
from promo.run.runners.files.declare import content_of, read_runner
from promo.run.runners.files.table import RunnerFileError
from promo.sketch.choose import drafted
from promo.sketch.runner import runner_text
from promo.sketch.script import read_script
from promo.sketch.spec import spec_text
from promo.sketch.tell import told
from promo.sketch.values import Draft, Script, SketchError, Wish

PIN = 12
"""Characters of a pin, as `promo check` writes it."""
WAY = "name the script: promo new --from train.py"


def new(options: Namespace) -> int:
    """Draft, write, check, and say what to edit."""
    asks = options.script is None
    if asks and not sys.stdin.isatty():
        raise PromoError("promo new asks on a terminal, and there is none", hint=WAY)
    path = Path(options.script or _asked("Which script trains?", _only_script()))
    script = _script(path)
    name = _name(options.name or path.stem)
    _refuse_taken(name, path)
    wish = _wish(options, path.parent)
    try:
        draft = drafted(name, script, wish, path.parent.resolve().as_posix())
        if asks:
            draft = drafted(name, script, _answered(wish, draft), path.parent.resolve().as_posix())
    except SketchError as fault:
        raise PromoError(fault.message, hint=fault.hint) from fault
    options.spec = str(path.parent / f"{draft.name}.promo")
    return _write(draft, path.parent)


# --- what is asked and read --------------------------------------------------------------------------------------


def _asked(question: str, default: str) -> str:
    """An answer on the terminal; an empty one is the default."""
    while True:
        sys.stdout.write(f"{question}{f' [{default}]' if default else ''} ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise PromoError("nothing was answered, and nothing was written", hint=WAY)
        if line.strip() or default:
            return line.strip() or default


def _only_script() -> str:
    """The one Python file here; empty where there are several."""
    found = sorted(path.name for path in Path().glob("*.py"))
    return found[0] if len(found) == 1 else ""


def _answered(wish: Wish, draft: Draft) -> Wish:
    """The two other questions, with what was guessed as their defaults."""
    metric = wish.metric or _asked("Which printed number decides?", draft.printed.key)
    takes = _asked("About how long does one run take?", wish.takes)
    return evolve(wish, metric=metric, takes=takes)


def _name(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", text.removesuffix(".promo")).strip("._-")
    if not name:
        raise PromoError(f"'{text}' is not a name for a spec", hint="write: promo new NAME --from train.py")
    return name[:60]


def _script(path: Path) -> Script:
    """What the source tells."""
    content = read_given(path, LONGEST_FILE)
    if path.suffix == ".ipynb":
        hint = f"make a script of it: jupyter nbconvert --to script {path}"
        raise PromoError(f"{path} is a notebook, and promo reads scripts", hint=hint)
    if set("{}") & set(path.name) or not path.name.isprintable():
        raise PromoError(f"{path}: a runner file cannot name it: braces stand for what is filled in", hint="rename it")

    def read(name: str) -> str | None:
        try:
            found = content if name == path.name else content_of(path.parent / name, name)
            return None if found is None else found.decode()
        except (RunnerFileError, UnicodeDecodeError):
            return None

    def is_there(name: str) -> bool:
        try:
            return (path.parent / name).exists()
        except OSError:
            return False

    try:
        return read_script(path.name, read, is_there)
    except SketchError as fault:
        raise PromoError(fault.message, hint=fault.hint) from fault


def _wish(options: Namespace, folder: Path) -> Wish:
    vary, _, levels = (options.vary or "").partition("=")
    given = {}
    for pair in options.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise PromoError(f"'{pair}' sets nothing", hint="write it like this: --set data=PATH")
        given[name.strip().lstrip("-").replace("-", "_").lower()] = _placed(value, folder)
    return Wish(
        metric=options.metric or "",
        better=options.better or "",
        vary=vary.strip(),
        levels=tuple(filter(None, (one.strip() for one in levels.split(",")))),
        takes=options.takes,
        given=given,
    )


def _placed(value: str, folder: Path) -> str:
    """A path that is there, as a whole one: a run has a folder of its own."""
    if not value or "\0" in value or len(value) > 1_000:
        return value
    for place in (Path(value), folder / value):
        try:
            if place.exists():
                return place.resolve().as_posix()
        except OSError:
            continue
    return value


# --- what is written ---------------------------------------------------------------------------------------------


def _write(draft: Draft, folder: Path) -> int:
    runner_file, spec = folder / f"{draft.name}.toml", folder / f"{draft.name}.promo"
    text = runner_text(draft)

    def read(name: str) -> bytes | None:
        return text.encode() if name == runner_file.name else content_of(folder / name, name)

    try:
        pin = read_runner(runner_file.name, read).digest
    except RunnerFileError as fault:
        raise PromoError(f"{draft.script.file} cannot be run as it is: {fault}") from fault
    _create(runner_file, text)
    source = Source(str(spec), spec_text(draft, f"sha256:{pin[:PIN]}"))
    _create(spec, source.text)
    found = compile_source(source, folder, None).diagnostics
    shown = but_seals(found)
    print_diagnostics(shown)
    _say(draft, runner_file, spec, sound=not any(errors(shown)))
    return ExitCode.FINDINGS if any(errors(shown)) else ExitCode.DONE


def _refuse_taken(name: str, script: Path) -> None:
    """Before anything is asked: where a file of that name lies already, a name is told that is free."""
    taken = _taken(name, script.parent)
    if taken:
        free = next(f"{name}_{number}" for number in count(2) if not _taken(f"{name}_{number}", script.parent))
        hint = f"give another name: promo new {quote(free)} --from {quote(str(script))}"
        raise PromoError(f"{taken[0]} is there already, and promo new overwrites nothing", hint=hint)


def _taken(name: str, folder: Path) -> list[Path]:
    """Which of the places that a draft of that name needs are taken."""
    places = (folder / f"{name}{ending}" for ending in (".promo", ".toml", SUFFIX))
    return [place for place in places if place.exists() or place.is_symlink()]


def _create(path: Path, text: str) -> None:
    """Write a file that is not there yet."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as fault:
        raise PromoError(f"{path} is there already, and promo new overwrites nothing") from fault
    except OSError as fault:
        raise PromoError(f"{path} cannot be written: {fault.strerror or fault}") from fault


def _say(draft: Draft, runner_file: Path, spec: Path, *, sound: bool) -> None:
    put(f"{spec}: {'written; it checks' if sound else 'written'}")
    put(f"{runner_file}: written; how promo runs {draft.script.file} and reads its number")
    put("")
    put(f"What promo found in {draft.script.file}, and the options that change it:")
    for word, words in told(draft):
        put(f"  {word:10}  {words}")
    absent = [name for name in draft.script.modules if not _is_installed(name)]
    if absent:
        put("")
        put(f"This Python has no {' and no '.join(absent)}: {sys.executable} -m pip install {' '.join(absent)}")
    put("")
    put(f"Edit {spec} where its # comments ask you to.")


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
