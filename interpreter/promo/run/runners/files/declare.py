"""
A runner file to a runner: what a program says of itself, read and never executed.

A `.toml` file describes a program (`[command]`) or a script whose constants are replaced (`[script]`).  A `.py` file
holds a function under the decorator `promo.run.function.runner`; its arguments are literals, so the declaration is
read from the syntax tree and neither the file nor its training library is imported before a worker does.
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import assert_never

from promo.base.canonical import digest, digest_bytes, exact
from promo.base.classes import frozen
from promo.base.reading import NotPlainError, read_plain
from promo.ledger.attempts import RunStatus
from promo.run.program import (
    LONGEST_FILE,
    OUTPUT_BYTES,
    STEP,
    Command,
    Function,
    Program,
    Script,
    States,
    Summary,
    Which,
)
from promo.run.redact import redact_text
from promo.run.runners.files.constants import ScriptError, replaced
from promo.run.runners.files.figures import FIGURES, NUMBER
from promo.run.runners.files.formula import FormulaError, names_in, value_of
from promo.run.runners.files.table import (
    RunnerFileError,
    Toml,
    all_read,
    fail,
    listed_in,
    number_in,
    said_yes,
    table_in,
    texts_in,
    whole_in,
    yes_or_no,
)
from promo.study.given import Level
from promo.study.limits import BudgetKind
from promo.study.ports import ConditionError, RunnerFactor, RunnerMetric
from promo.study.values import Effective

FORM = 1
"""Version of the runner file."""
GIVEN = ("seed", "budget", "budget_kind", "device", "threads", "request", "record", "data")
"""What a function may ask for by name, beside its factors."""
PLACES = (
    "python", "program", "request", "result", "points", "seed", "budget", "budget_kind", "device", "left", "spent",
    "devices", "nodes", "port",
)  # fmt: skip
"""What stands in braces in an argument, beside the names of factors."""

STATE_PATH = re.compile(r"(?!/)(?!(.*/)?\.{1,2}(/|$))[!-\[\]-~ ]{1,512}")

Read = Callable[[str], bytes | None]


@frozen
class FileRunner:
    """A runner as its file declares it; *program* goes into every request, *files* are kept in the study."""

    name: str
    version: int
    factors: Mapping[str, RunnerFactor]
    metrics: Mapping[str, RunnerMetric]
    budgets: tuple[BudgetKind, ...]
    needs_data: bool
    needs_modules: tuple[str, ...]
    can_continue: bool
    effective: Mapping[str, str]
    """Setting -> formula, in order; later ones may use earlier ones."""
    left_out: tuple[str, ...]
    parameters: str
    flops_per_token: str
    program: Program
    folder: str
    """Where its files lie, below the spec's folder; `.` beside the spec."""
    files: Mapping[str, str]

    @property
    def trainer(self) -> str:
        """What the worker imports."""
        match self.program.does:
            case Function():
                return "promo.run.runners.files.function:train"
            case Command() | Script():
                return "promo.run.runners.files.program:train"
            case _:
                assert_never(self.program.does)

    @property
    def digest(self) -> str:
        """Digest of the declaration and every file it names."""
        return digest([[name, digest_bytes(text.encode())] for name, text in sorted(self.files.items())])

    @property
    def keyed(self) -> tuple[str, ...]:
        """Its files with what looks like a key, which the study would keep as they are."""
        return tuple(name for name, text in sorted(self.files.items()) if redact_text(text) != text)

    @property
    def not_frozen(self) -> tuple[str, ...]:
        """Words of its command line that start something else than promo's own Python and the files that it names."""
        match self.program.does:
            case Function():
                return ()
            case Command() | Script() as does:
                first = () if does.argv[0].startswith(("{python}", "{program}")) else does.argv[:1]
                return (*first, *(word for word in does.argv[1:] if PurePosixPath(word).is_absolute()))
            case _:
                assert_never(self.program.does)

    def resolve(self, levels: Mapping[str, Level]) -> Effective:
        """The condition, with the declared settings worked out."""
        numbers = {name: level for name, level in levels.items() if isinstance(level, Fraction)}
        settings: dict[str, int | str] = {name: level for name, level in levels.items() if isinstance(level, str)}
        at = ""
        try:
            for at, formula in self.effective.items():
                numbers[at] = value_of(formula, numbers)
            parameters, flops = (
                int(value_of(formula, numbers)) if formula else 0
                for at, formula in (("parameters", self.parameters), ("flops_per_token", self.flops_per_token))
            )
        except FormulaError as fault:
            raise ConditionError(at, f"{at}: {fault}") from fault
        settings |= {name: int(n) if n.denominator == 1 and abs(n) < 2**53 else exact(n) for name, n in numbers.items()}
        kept = ((name, value) for name, value in settings.items() if name not in self.left_out)
        return Effective(tuple(sorted(kept)), parameters, flops)


def read_runner(path: str, read: Read) -> FileRunner:
    """
    The runner that a file declares; its path, and those that are read, are below the spec's folder.

    Raises:
        RunnerFileError: the file is missing, says something unknown, or names what is not there.
    """
    text = _text(path, read)
    if path.endswith(".toml"):
        return _from_table(path, _toml(text), text, read)
    if path.endswith(".py"):
        return _from_function(path, text, read)
    raise RunnerFileError("a runner file ends in .toml (a program or script) or .py (a function)")


def content_of(place: Path, name: str) -> bytes | None:
    """
    A file that a runner consists of; None when it is not there or may not be read.

    Raises:
        RunnerFileError: it is no file, or too long.
    """
    try:
        return read_plain(place, LONGEST_FILE)
    except NotPlainError as fault:
        raise RunnerFileError(f"'{name}' cannot be read: {fault.strerror}") from fault
    except OSError:
        return None


def _text(path: str, read: Read) -> str:
    content = read(path)
    if content is None:
        raise RunnerFileError(f"there is no file '{path}' beside this spec")
    try:
        return content.decode()
    except UnicodeDecodeError as fault:
        raise RunnerFileError(f"'{path}' is not UTF-8 text") from fault


def _toml(text: str) -> dict[str, Toml]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise RunnerFileError(f"it is not TOML: {fault}") from fault


def _from_table(path: str, table: dict[str, Toml], text: str, read: Read) -> FileRunner:
    if table.pop("promo_runner", None) != FORM:
        raise RunnerFileError(f"it does not say: promo_runner = {FORM}")
    kinds = [kind for kind in ("command", "script") if kind in table]
    if len(kinds) != 1:
        raise RunnerFileError("it has either a [command] or a [script]")
    kind = kinds[0]
    part = dict(table_in(table, kind))
    constants = _constants(table)
    named = [*texts_in(part.pop("files", []), f"{kind}.files")]
    does: Command | Script
    if kind == "script":
        file = str(part.pop("file", "")) or fail("script.file is missing")
        named.insert(0, file)
        constants |= _names(part, "constants", "script")
        argv = texts_in(part.pop("argv", ["{python}", "{program}/" + file]), "script.argv")
        does = Script(argv, file, constants, _names(part, "calls", "script"), said_yes(part, "once", "script"))
    else:
        if constants:
            raise RunnerFileError("'constant' belongs to a [script]")
        argv = texts_in(part.pop("argv", []), "command.argv") or fail("command.argv is missing")
        does = Command(argv, said_yes(part, "once", "command"))
    all_read(part, kind)
    base = PurePosixPath(path).parent
    files = {path: text} | {(base / name).as_posix(): _text((base / name).as_posix(), read) for name in named}
    runner = _runner(path, does, table, {name: files[(base / name).as_posix()] for name in named}, files)
    _check_places(runner, does.argv, f"{kind}.argv")
    if runner.program.state is not None:
        _check_places(runner, runner.program.state.resume, "state.resume", "state")
    if isinstance(does, Script):
        _check_script(does, {name: files[(base / name).as_posix()] for name in named})
    return runner


def _constants(table: dict[str, Toml]) -> dict[str, str]:
    """Constants of a script that factors say they are."""
    found: dict[str, str] = {}
    for name, factor in table_in(table, "factors").items():
        if isinstance(factor, dict) and "constant" in factor:
            found[str(factor.pop("constant"))] = "{" + name + "}"
    return found


def _names(table: dict[str, Toml], name: str, where: str) -> dict[str, str]:
    """A table of texts, or of numbers that stand for themselves."""
    found = table_in(table, name)
    table.pop(name, None)
    bad = next((key for key, value in found.items() if not isinstance(value, str | int | float)), None)
    if bad is not None:
        raise RunnerFileError(f"{where}.{name}.{bad} is neither a text nor a number")
    return {str(key): str(value) for key, value in found.items()}


def _from_function(path: str, text: str, read: Read) -> FileRunner:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as fault:
        raise RunnerFileError(f"it is no Python: {fault}") from fault
    found = [
        (node, call)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for call in node.decorator_list
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "runner"
    ]
    if len(found) != 1:
        raise RunnerFileError(f"one function is decorated with @runner(...), and there are {len(found)}")
    function, call = found[0]
    table: dict[str, Toml] = {"name": function.name}
    for keyword in call.keywords:
        try:
            table[keyword.arg or "**"] = ast.literal_eval(keyword.value)
        except ValueError as fault:
            raise RunnerFileError(f"{keyword.arg} of @runner is no literal value") from fault
    if call.args:
        raise RunnerFileError("@runner takes keyword arguments only")
    base, file = PurePosixPath(path).parent, PurePosixPath(path).name
    named = texts_in(table.pop("files", []), "files of @runner")
    files = {path: text} | {(base / name).as_posix(): _text((base / name).as_posix(), read) for name in named}
    texts = {name: files[(base / name).as_posix()] for name in (file, *named)}
    runner = _runner(path, Function(file, function.name), table, texts, files)
    arguments = function.args
    asked = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    unknown = [name for name in asked if name not in runner.factors and name not in GIVEN]
    if unknown or arguments.posonlyargs or arguments.vararg:
        names = f"'{unknown[0]}'" if unknown else "positional arguments"
        raise RunnerFileError(f"{function.name} asks for {names}; it can have: {', '.join((*runner.factors, *GIVEN))}")
    return runner


def _runner(
    path: str,
    does: Function | Command | Script,
    table: dict[str, Toml],
    texts: Mapping[str, str],
    files: Mapping[str, str],
) -> FileRunner:
    """The runner; *texts* are the files that a run gets, by the names that they have there."""
    state = _state(table_in(table, "state"), does)
    program = Program(
        does=does,
        files={name: digest_bytes(text.encode()) for name, text in texts.items()},
        summary=_summary(table_in(table, "summary")),
        environment=texts_in(table.pop("env", []), "env"),
        output_bytes=_output(table.pop("output_bytes", OUTPUT_BYTES)),
        state=state,
    )
    for known in ("command", "script", "summary", "state"):
        table.pop(known, None)
    factors = {name: _factor(name, one) for name, one in table_in(table, "factors").items()}
    metrics = {name: _metric(name, one) for name, one in table_in(table, "metrics").items()}
    if not metrics:
        raise RunnerFileError("it declares no metric: [metrics.NAME] with unit and better")
    effective = {name: str(formula) for name, formula in table_in(table, "effective").items()}
    size = table_in(table, "size")
    version = table.pop("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RunnerFileError("version is a whole number from 1 up")
    runner = FileRunner(
        name=str(table.pop("name", PurePosixPath(path).stem)),
        version=version,
        factors=factors,
        metrics=metrics,
        budgets=_budgets(table.pop("budgets", ["wall"])),
        needs_data=bool(table.pop("needs_data", False)),
        needs_modules=texts_in(table.pop("needs_modules", []), "needs_modules"),
        can_continue=state is not None,
        effective=effective,
        left_out=texts_in(table.pop("left_out", []), "left_out"),
        parameters=str(size.pop("parameters", "")),
        flops_per_token=str(size.pop("flops_per_token", "")),
        program=program,
        folder=PurePosixPath(path).parent.as_posix(),
        files=files,
    )
    for part in ("factors", "metrics", "effective", "size"):
        table.pop(part, None)
    all_read(size, "size")
    all_read(table, "")
    _check_formulas(runner)
    return runner


def _factor(name: str, table: Toml) -> RunnerFactor:
    if not isinstance(table, dict):
        raise RunnerFileError(f"factors.{name} is no table")
    given = dict(table)
    choices = tuple(str(one) for one in listed_in(given.pop("choices", []), f"factors.{name}.choices"))
    if "default" not in given:
        raise RunnerFileError(f"factors.{name} has no default")
    default = given.pop("default")
    factor = RunnerFactor(
        unit=str(given.pop("unit", "number")),
        default=str(default) if choices or isinstance(default, str) else number_in(default, f"factors.{name}.default"),
        low=number_in(given.pop("low"), f"factors.{name}.low") if "low" in given else None,
        high=number_in(given.pop("high"), f"factors.{name}.high") if "high" in given else None,
        whole=bool(given.pop("whole", False)),
        choices=choices,
        meaning=str(given.pop("meaning", "")),
    )
    all_read(given, f"factors.{name}")
    return factor


def _metric(name: str, table: Toml) -> RunnerMetric:
    if not isinstance(table, dict) or table.get("better") not in ("lower", "higher"):
        raise RunnerFileError(f'metrics.{name} does not say: better = "lower" or "higher"')
    given = dict(table)
    metric = RunnerMetric(str(given.pop("unit", "")), given.pop("better") == "lower", str(given.pop("meaning", "")))
    if not metric.unit.isidentifier():
        raise RunnerFileError(f"metrics.{name} has no unit")
    all_read(given, f"metrics.{name}")
    return metric


def _budgets(names: Toml) -> tuple[BudgetKind, ...]:
    try:
        return tuple(BudgetKind(str(name)) for name in listed_in(names, "budgets")) or fail("budgets is empty")
    except ValueError as fault:
        known = ", ".join(kind.value for kind in BudgetKind)
        raise RunnerFileError(f"budgets is a list of: {known}") from fault


def _summary(table: dict[str, Toml]) -> Summary | None:
    """How figures are read from what a program prints; None: it writes a result file."""
    if not table:
        return None
    given = dict(table)
    failures = _names(given, "failures", "summary")
    ways = {status.value: status for status in RunStatus if status is not RunStatus.OK}
    wrong = next((line for line, status in failures.items() if status not in ways), None)
    if wrong is not None:
        raise RunnerFileError(f"summary.failures: '{failures[wrong]}' is none of: {', '.join(ways)}")
    said = Summary(
        after=str(given.pop("after", "")),
        separator=str(given.pop("separator", ":")) or fail("summary.separator is empty"),
        within=yes_or_no(given.pop("within", False), "summary.within"),
        which=_which(given.pop("which", None)),
        metrics=_names(given, "metrics", "summary"),
        figures=_figures(_names(given, "figures", "summary")),
        failures={line: ways[status] for line, status in failures.items()},
    )
    all_read(given, "summary")
    return said


def _state(table: dict[str, Toml], does: Function | Command | Script) -> States | None:
    """Where a program keeps its states and how it goes on from one; None: it does not."""
    if not table:
        return None
    if isinstance(does, Function):
        raise RunnerFileError("'state' belongs to a [command] or a [script]: a function keeps its states itself")
    given = dict(table)
    path, resume = given.pop("path", None), texts_in(given.pop("resume", []), "state.resume")
    restarts = texts_in(given.pop("restarts", []), "state.restarts")
    if not isinstance(path, str) or not STATE_PATH.fullmatch(path):
        raise RunnerFileError("state.path names a file below the folder that the program runs in, perhaps with {step}")
    if path.count(STEP) > 1 or set(places_in(path)) - {"step"}:
        raise RunnerFileError("state.path: {step} may stand in it, once, and nothing else in braces")
    if not any("{state}" in word for word in resume):
        raise RunnerFileError('state.resume does not say where {state} goes: resume = ["--resume", "{state}"]')
    strange = next((name for name in restarts if name not in FIGURES[:2]), None)
    if strange is not None:
        raise RunnerFileError(f"state.restarts: there is no '{strange}'; it can have: {', '.join(FIGURES[:2])}")
    if "steps" in restarts and STEP not in path:
        raise RunnerFileError(
            "state.restarts has 'steps', so state.path needs {step}: how far would a state have come?"
        )
    keep = whole_in(given.pop("keep", 1), "state.keep", 1, 99)
    largest = whole_in(given.pop("largest", None), "state.largest, in bytes,", 1, 10**13)
    all_read(given, "state")
    return States(path, resume, keep, largest, restarts)


def _which(said: Toml) -> Which | None:
    if said is None:
        return None
    try:
        return Which(said)
    except ValueError as fault:
        raise RunnerFileError(f"summary.which is one of: {', '.join(which.value for which in Which)}") from fault


def _figures(said: dict[str, str]) -> dict[str, str]:
    unknown = next((name for name in said if name not in FIGURES), None)
    if unknown is not None:
        raise RunnerFileError(f"summary.figures: there is no '{unknown}'; it can have: {', '.join(FIGURES)}")
    for name, called in said.items():
        factor = called.partition("*")[2].strip()
        if factor and not NUMBER.fullmatch(factor):
            raise RunnerFileError(f"summary.figures.{name}: '{factor}' is no number to multiply by")
    return said


def _output(said: Toml) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 1_000 <= said <= 10**9:
        raise RunnerFileError("output_bytes is a whole number from 1000 to 1000000000")
    return said


def _check_formulas(runner: FileRunner) -> None:
    known = {name for name, factor in runner.factors.items() if isinstance(factor.default, Fraction)}
    formulas = {
        **runner.effective,
        "size.parameters": runner.parameters,
        "size.flops_per_token": runner.flops_per_token,
    }
    for name, formula in formulas.items():
        if not formula:
            continue
        try:
            unknown = sorted(names_in(formula) - known)
        except FormulaError as fault:
            raise RunnerFileError(f"{name}: {fault}") from fault
        if unknown:
            raise RunnerFileError(f"{name}: '{unknown[0]}' is no number that a formula can use")
        known.add(name)
    strangers = [name for name in runner.left_out if name not in (*runner.factors, *runner.effective)]
    if strangers:
        raise RunnerFileError(f"left_out: there is no '{strangers[0]}'")


def _check_places(runner: FileRunner, argv: Iterable[str], where: str, *also: str) -> None:
    for argument in argv:
        for name in places_in(argument):
            if name not in (*PLACES, *also) and name not in runner.factors and name not in runner.effective:
                raise RunnerFileError(f"{where}: there is no '{{{name}}}' to fill in")


def _check_script(script: Script, texts: Mapping[str, str]) -> None:
    """Every declared constant is in its script, once; found now, before anything is paid."""
    for name, (constants, calls) in script.by_file().items():
        if name not in texts:
            raise RunnerFileError(f"script: '{name}' is not among the files")
        try:
            replaced(texts[name], dict.fromkeys(constants, 0), dict.fromkeys(calls, 0))
        except ScriptError as fault:
            raise RunnerFileError(f"'{name}': {fault}") from fault


def places_in(text: str) -> list[str]:
    """Names in braces."""
    parts = text.split("{")[1:]
    return [part.partition("}")[0] for part in parts if "}" in part]
