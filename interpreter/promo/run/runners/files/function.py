"""Request to outcome through a decorated Python function, imported here and nowhere earlier."""

import importlib.util
import time
from pathlib import Path
from typing import Any

from promo.base.canonical import digest_bytes
from promo.run.contract import Outcome, Recorder
from promo.run.runners.files.program import ProgramError, program_of, settings_of
from promo.run.store import PROGRAM
from promo.run.values import Request, RunStatus


def train(request: Request, recorder: Recorder) -> Outcome:
    """
    Call the function of a request with what it asks for by name.

    It returns a number (the study's metric), a mapping of metrics, or an `Outcome`.
    """
    program = program_of(request)
    path = recorder.study / PROGRAM / program["file"]
    if digest_bytes(path.read_bytes()) != program["files"][program["file"]]:
        raise ProgramError(f"the program file {program['file']} is not the one the study was frozen with")
    with recorder.phase("import"):
        function = _loaded(path, program["function"])
    arguments = _arguments(request, recorder)
    code = function.__code__
    asked = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    before = recorder.seconds.get("train", 0.0)
    began = time.monotonic()
    found = function(**{name: arguments[name] for name in asked if name in arguments})
    if recorder.seconds.get("train", 0.0) == before:
        recorder.add("train", time.monotonic() - began)
    return _outcome(found, request)


def _loaded(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location("promo_user_runner", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


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


def _outcome(found: Any, request: Request) -> Outcome:
    if isinstance(found, Outcome):
        return found
    if isinstance(found, int | float):
        return Outcome(RunStatus.OK, {request.metric: float(found)})
    try:
        return Outcome(RunStatus.OK, {str(name): float(value) for name, value in dict(found).items()})
    except (TypeError, ValueError) as fault:
        raise ProgramError(f"the function returned {type(found).__name__}, not a number or metrics by name") from fault
