"""
Runners and executors by name.

All of them are entry points (`promo.runners`, `promo.executors`).  The built-in ones are also listed here, because
asking the packaging system for them costs more than all the rest of `promo check`; a test compares both lists.  A
plug-in that cannot be loaded is an error, never a silent absence.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from promo.base.canonical import digest, digest_bytes
from promo.base.errors import PromoError
from promo.study.ports import ExecutorOption, Runner

if TYPE_CHECKING:  # the records of running cost 3 ms of start-up, and reading a spec needs none of them
    from promo.run.ports import Executor

RUNNERS = {
    "gpt": "promo.run.runners.gpt.declare:RUNNER",
    "recorded": "promo.run.runners.recorded.declare:RUNNER",
}
EXECUTORS = {
    "local": "promo.run.executors.local:LocalExecutor",
    "outside": "promo.run.executors.outside:OutsideExecutor",
    "ray": "promo.run.executors.ray:RayExecutor",
    "slurm": "promo.run.executors.slurm:SlurmExecutor",
    "submit": "promo.run.executors.submit:SubmitExecutor",
    "warm": "promo.run.executors.local:WarmExecutor",
}


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def _installed(group: str) -> dict[str, Any]:
    """Entry points of a group that come from other packages."""
    from importlib.metadata import entry_points

    built_in = RUNNERS if group == "promo.runners" else EXECUTORS
    return {point.name: point for point in entry_points(group=group) if point.name not in built_in}


def runner(name: str) -> Runner | None:
    """
    The runner of that name; None when none is installed.

    Raises:
        PromoError: it is installed but cannot be loaded.
    """
    return cast("Runner | None", _plugin("promo.runners", RUNNERS, name))


def executor(name: str) -> "Executor | None":
    """
    A new executor of that kind; None when none is installed.

    Raises:
        PromoError: it is installed but cannot be loaded or made.
    """
    kind = _plugin("promo.executors", EXECUTORS, name)
    try:
        return None if kind is None else cast("Executor", kind())
    except Exception as fault:
        message = f"the plug-in '{name}' of promo.executors cannot be made: {type(fault).__name__}: {fault}"
        raise PromoError(message, hint="fix or remove its package") from fault


def executor_options(name: str) -> "Mapping[str, ExecutorOption] | None":
    """
    What a host's block may say to an executor of that name; None when none is installed.

    Raises:
        PromoError: it is installed but cannot be loaded.
    """
    kind = _plugin("promo.executors", EXECUTORS, name)
    if kind is None:
        return None
    options = getattr(kind, "options", None)
    if not isinstance(options, Mapping) or not all(isinstance(one, ExecutorOption) for one in options.values()):
        message = f"the plug-in '{name}' of promo.executors has no `options`: a mapping of ExecutorOption by name"
        raise PromoError(message, hint="fix or remove its package")
    return options


def executor_spreads(name: str) -> bool:
    """
    Whether a run of that executor can have several machines; so long as it is not installed, nobody says no.

    Raises:
        PromoError: it is installed but cannot be loaded.
    """
    kind = _plugin("promo.executors", EXECUTORS, name)
    return kind is None or bool(getattr(kind, "spreads", False))  # one of before has none


def _plugin(group: str, built_in: dict[str, str], name: str) -> Any:
    if name in built_in:
        return _load(built_in[name])
    point = _installed(group).get(name)
    if point is None:
        return None
    try:
        return point.load()
    except Exception as fault:
        message = f"the plug-in '{name}' of {group} cannot be loaded: {type(fault).__name__}: {fault}"
        raise PromoError(message, hint=f"fix or remove the package {point.dist.name}") from fault


def runner_names() -> tuple[str, ...]:
    """Every installed runner."""
    return tuple(sorted({*RUNNERS, *_installed("promo.runners")}))


def executor_names() -> tuple[str, ...]:
    """Every installed executor."""
    return tuple(sorted({*EXECUTORS, *_installed("promo.executors")}))


def code_digest(declared: Runner) -> str:
    """Digest of the source files beside a runner's declaration: its own code, as it is installed."""
    module = importlib.import_module(type(declared).__module__)
    folder = Path(str(module.__file__)).parent
    return digest([[path.name, digest_bytes(path.read_bytes())] for path in sorted(folder.glob("*.py"))])
