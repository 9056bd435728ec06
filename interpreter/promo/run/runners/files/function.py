"""Request to outcome through a decorated Python function, imported here and nowhere earlier."""

import sys
import time
from collections.abc import Mapping
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, assert_never

from promo.base.canonical import digest_bytes
from promo.base.classes import evolve
from promo.base.reading import read_plain
from promo.run.contract import Outcome, Recorder
from promo.run.program import LONGEST_FILE, Function, Program
from promo.run.ranks import own_rank, together
from promo.run.runners.files.figures import NoNumberError, number
from promo.run.runners.files.program import ProgramError, program_of, put_files, settings_of
from promo.run.store import PROGRAM
from promo.run.values import TRAIN, Counter, Request, RunStatus, Used
from promo.study.limits import BudgetKind

MODULE = "promo_user_runner"


def train(request: Request, recorder: Recorder) -> Outcome:
    """
    Call the function of a request with what it asks for by name.

    It returns a number (the study's metric), a mapping of metrics, or an `Outcome`.  What it marks as training is
    charged, and where it marks nothing all of it is.  With several devices it is called in a process for each of them,
    which finds the variables of `torchrun` in its environment; what it returns in the first one counts.
    """
    program = program_of(request)
    assert isinstance(program.does, Function)
    if not own_rank():
        put_files(program, recorder.study / PROGRAM, recorder.attempt / PROGRAM, {})
    with together(recorder.attempt, request):
        return _called(program, program.does, request, recorder)


def _called(program: Program, does: Function, request: Request, recorder: Recorder) -> Outcome:
    """What the function says, called in this process."""
    with recorder.phase("import"):
        function = _loaded(recorder.attempt / PROGRAM / does.file, does, program.files)
    arguments = _arguments(request, recorder)
    code = function.__code__
    asked = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    began, processor = time.monotonic(), time.process_time()
    found = function(**{name: arguments[name] for name in asked if name in arguments})
    if not recorder.marked:
        recorder.add(TRAIN, time.monotonic() - began)
        recorder.cpu_s = time.process_time() - processor
    outcome = _outcome(found, request)
    return outcome if outcome.used is not None else evolve(outcome, used=_used(request, recorder))


def _loaded(path: Path, function: Function, files: Mapping[str, str]) -> Any:
    """
    The function, made of the bytes that were frozen: what an earlier import left of the file is not looked at.

    Modules among its files are found beside it and nowhere else, wherever promo was started.
    """
    pinned = _Pinned(path.parents[len(Path(function.file).parts) - 1], files)
    sys.meta_path[:] = [pinned, *(one for one in sys.meta_path if not isinstance(one, _Pinned))]
    sys.path.insert(0, str(pinned.place))
    spec = spec_from_loader(MODULE, _Bytes(pinned.content(function.file), path), origin=str(path))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[MODULE] = module  # where classes that it defines are looked up when they are pickled
    spec.loader.exec_module(module)
    return getattr(module, function.name)


class _Bytes(InspectLoader):
    """Imports what it was given, and looks for nothing compiled beside it."""

    def __init__(self, content: bytes, path: Path) -> None:
        self._content, self._path = content, path

    def exec_module(self, module: ModuleType) -> None:
        """Run it; it knows where its file lies."""
        module.__file__ = str(self._path)
        super().exec_module(module)

    def get_source(self, fullname: str) -> str:
        """The text of the module."""
        del fullname
        return decode_source(self._content)

    def get_code(self, fullname: str) -> CodeType:
        """The text, compiled; mistakes in it are told with its path."""
        return self.source_to_code(self.get_source(fullname), str(self._path))


class _Pinned(MetaPathFinder):
    """Finds the modules among the files of a runner, of the bytes that were frozen."""

    def __init__(self, place: Path, files: Mapping[str, str]) -> None:
        self.place, self._files = place, files

    def content(self, name: str) -> bytes:
        """
        The bytes of a file.

        Raises:
            ProgramError: they are not those that were frozen.
        """
        content = read_plain(self.place / name, LONGEST_FILE)
        if digest_bytes(content) != self._files[name]:
            raise ProgramError(f"the program file {name} is not the one the study was frozen with")
        return content

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """The module of that name, if it is one of the files."""
        del path, target
        for name, inside in ((f"{fullname.replace('.', '/')}{end}", end) for end in (".py", "/__init__.py")):
            if name in self._files:
                where, package = self.place / name, inside != ".py"
                spec = spec_from_loader(
                    fullname, _Bytes(self.content(name), where), origin=str(where), is_package=package
                )
                if spec is not None and package:
                    spec.submodule_search_locations = [str(where.parent)]
                return spec
        return None


def _arguments(request: Request, recorder: Recorder) -> dict[str, Any]:
    return {
        **settings_of(request),
        "seed": request.run.seed,
        "budget": request.budget.amount,
        "budget_kind": request.budget.kind.value,
        "device": request.device,
        "threads": request.threads,
        "request": request,
        "record": recorder,
        "data": request.data,
    }


def _used(request: Request, recorder: Recorder) -> Used | None:
    """How much of the budget was used: by the clock around what was marked, or by the last point that was recorded."""
    kind, last = request.budget.kind, recorder.last
    how = Counter.MARKED if recorder.marked else Counter.WHOLE
    match kind:
        case BudgetKind.WALL | BudgetKind.UPSTREAM:
            return Used(kind, f"{recorder.seconds.get(TRAIN, 0.0):.6f}", None, how)
        case BudgetKind.CPU:
            return Used(kind, f"{recorder.cpu_s:.6f}", None, how)
        case BudgetKind.STEPS:
            known = last is not None and last.step is not None
            return Used(kind, str(last.step), "1", Counter.REPORTED) if known and last else None
        case BudgetKind.TOKENS:
            known = last is not None and last.tokens is not None
            return Used(kind, str(last.tokens), None, Counter.REPORTED) if known and last else None
        case BudgetKind.FLOPS:
            tokens = None if last is None else last.tokens
            flops = request.flops_per_token
            return Used(kind, str(tokens * flops), None, Counter.REPORTED) if tokens is not None and flops else None
        case _:
            assert_never(kind)


def _outcome(found: Any, request: Request) -> Outcome:
    if isinstance(found, Outcome):
        return found
    try:
        values = found if isinstance(found, Mapping) else {request.metric: found}
        return Outcome(RunStatus.OK, {str(name): number(value) for name, value in values.items()})
    except NoNumberError as fault:
        raise ProgramError(f"the function returned {fault}, and neither a number nor numbers by name") from fault
