"""`promo runner`: what can be trained, and whether a runner keeps to the contract."""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from promo.base.canonical import Json, exact
from promo.base.errors import ExitCode, PromoError
from promo.base.units import whole_of
from promo.cli.terminal import put, put_table, put_wrapped
from promo.study.levels import shown
from promo.study.ports import Runner, RunnerFactor, shapes_of


def runner(options: Namespace) -> int:
    """List runners, describe one, or try it."""
    before = frozenset(sys.modules)
    if options.name is None:
        return _list()
    found = _found(options.name)
    if options.check or options.attempt or options.threads:
        if not found.trainer:
            message = f"the runner '{found.name}' trains nothing: it stands for runs that were recorded"
            raise PromoError(message, hint="try it with: promo replay SPEC --curves FILE")
        return _paces(found, options) if options.threads else _held(found, before, options)
    if options.json:
        put(json.dumps(_as_json(found), indent=1))
    else:
        _describe(found)
    return ExitCode.DONE


def _list() -> int:
    """Every installed runner; one that cannot be loaded is said, not left out."""
    from promo import plugins

    broken = 0
    for name in plugins.runner_names():
        try:
            one = plugins.runner(name)
        except PromoError as fault:
            broken += 1
            put(f"{name}: {fault.message}")
            continue
        assert one is not None
        measures = ", ".join(one.metrics) or "what the study names, in recorded curves"
        count = "1 factor" if len(one.factors) == 1 else f"{len(one.factors)} factors"
        put(f"{one.name}, version {one.version}: measures {measures}; {count}")
    return ExitCode.FINDINGS if broken else ExitCode.DONE


def _found(name: str) -> Runner:
    from promo import plugins

    if not name.endswith((".toml", ".py")):
        known = plugins.runner(name)
        if known is None:
            hint = f"installed: {', '.join(plugins.runner_names())}; or name a .toml or .py file"
            raise PromoError(f"no runner '{name}' is installed", hint=hint)
        return known
    from promo.run.runners.files.declare import content_of, read_runner
    from promo.run.runners.files.table import RunnerFileError

    folder = Path(name).parent

    def read(path: str) -> bytes | None:
        return content_of(folder / path, path)

    try:
        return read_runner(Path(name).name, read)
    except RunnerFileError as fault:
        raise PromoError(f"{name}: {fault}") from fault


def _describe(found: Runner) -> None:
    rows = [(name, one.unit, _values(one), shown(one.default), one.meaning) for name, one in found.factors.items()]
    put(f"{found.name}, version {found.version}")
    for name, metric in found.metrics.items():
        way = "lower" if metric.lower_is_better else "higher"
        put_wrapped(
            [f"measure  {name} in {metric.unit}, {way} is better" + (f": {metric.meaning}" if metric.meaning else "")]
        )
    put(f"budgets  {', '.join(kind.value for kind in found.budgets)}")
    put(f"continues trained runs: {'yes' if found.can_continue else 'no'}")
    for factor, ways in _ways(found).items():
        put_wrapped([f"grows {factor} by: {', '.join(ways)}"])
    for factor, ways in shapes_of(found).items():
        put_wrapped([f"changes {factor} during a run" + (f" by: {', '.join(ways)}" if ways else "")])
    put("")
    put_table(rows, ("factor", "unit", "values", "default", "meaning"))


def _ways(found: Runner) -> Mapping[str, tuple[str, ...]]:
    ways: Mapping[str, tuple[str, ...]] = getattr(found, "ways", {})  # a runner of before has none
    return ways


def _values(factor: RunnerFactor) -> str:
    if factor.choices:
        return ", ".join(f'"{choice}"' for choice in factor.choices)
    if isinstance(factor.default, str):
        return "any text"
    low = "" if factor.low is None else exact(factor.low)
    high = "" if factor.high is None else exact(factor.high)
    whole = "whole " if factor.whole else ""
    return f"{whole}{low}..{high}" if low or high else f"any {whole}number"


def _as_json(found: Runner) -> dict[str, Json]:
    return {
        "promo_runner": 1,
        "name": found.name,
        "version": found.version,
        "budgets": [kind.value for kind in found.budgets],
        "can_continue": found.can_continue,
        "ways": {factor: list(ways) for factor, ways in _ways(found).items()},
        "shapes": {factor: list(ways) for factor, ways in shapes_of(found).items()},
        "metrics": {
            name: {"unit": one.unit, "better": "lower" if one.lower_is_better else "higher", "meaning": one.meaning}
            for name, one in found.metrics.items()
        },
        "factors": {
            name: {
                "unit": one.unit,
                "default": one.default if isinstance(one.default, str) else exact(one.default),
                "low": None if one.low is None else exact(one.low),
                "high": None if one.high is None else exact(one.high),
                "whole": one.whole,
                "choices": list(one.choices),
                "meaning": one.meaning,
            }
            for name, one in found.factors.items()
        },
    }


def _held(found: Runner, before: frozenset[str], options: Namespace) -> int:
    from promo.driver.conformance import declared, tried

    given = dict(_pair(text) for text in options.set)
    wrong = 0
    for held in declared(found, before):
        wrong += _say(held.name, held.good, held.words)
    if options.attempt and not wrong:
        for held in tried(found, given, os.environ):
            wrong += _say(held.name, held.good, held.words)
    put("")
    put("all conformance checks passed" if not wrong else f"{wrong} of these conformance checks failed")
    return ExitCode.FINDINGS if wrong else ExitCode.DONE


def _paces(found: Runner, options: Namespace) -> int:
    """Tokens a second by number of threads, alone and for each processor, and what a host block could say."""
    from tabulate import tabulate

    from promo.driver.conformance import paces

    try:
        counts = [whole_of(one) for one in options.threads.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1 or len(set(counts)) < len(counts):
        raise PromoError(f"'{options.threads}' is not a list of numbers of threads", hint="write: --threads 1,2")
    measured = paces(found, dict(_pair(text) for text in options.set), os.environ, counts)
    rows = []
    for one in measured:
        spread = f"{min(one.tokens_per_s):,.0f} to {max(one.tokens_per_s):,.0f}"
        rows.append((one.threads, f"{one.median:,.0f}", spread, f"{one.median / one.threads:,.0f}"))
    headers = ("threads", "tokens/s of a run", "seen", "tokens/s a thread")
    put(tabulate(rows, headers=headers, disable_numparse=True, colalign=("right",) * 4))
    together = max(measured, key=lambda one: one.median / one.threads).threads
    alone = max(measured, key=lambda one: one.median).threads
    slots = max((os.cpu_count() or 1) // together, 1)
    put("")
    put(f"most tokens in all, with every processor of this machine busy: slots {slots}, threads {together}")
    put(f"a single run ends soonest with: slots 1, threads {alone}")
    return ExitCode.DONE


def _say(name: str, good: bool | None, words: str) -> bool:
    put(f"{ {True: 'ok', False: 'WRONG', None: 'note'}[good]:6} {name}: {words}")
    return good is False


def _pair(text: str) -> tuple[str, str]:
    name, equals, level = text.partition("=")
    if not equals:
        raise PromoError(f"'{text}' sets nothing", hint="write it like this: --set depth=1")
    return name.strip(), level.strip()
