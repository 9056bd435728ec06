"""`promo compare`."""

import json
from argparse import Namespace
from itertools import pairwise
from pathlib import Path

from tabulate import tabulate

from promo.base.canonical import Json, exact, rounded
from promo.base.errors import ExitCode, PromoError
from promo.base.units import HOUR
from promo.cli.replay import curves_of
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.decision.comparators import integer_rungs
from promo.driver.compare import Comparison, MethodResult, compare_methods
from promo.spec.values import Study

MOST_DRAWS = 100_000


def compare(options: Namespace) -> int:
    """Set the gates of a spec beside the usual methods, over recorded curves."""
    study, _ = compile_file(str(Path(options.spec))).sound()
    if options.eta < 2 or not 1 <= options.draws <= MOST_DRAWS:
        raise PromoError(f"--eta is at least 2, and --draws is from 1 to {MOST_DRAWS}")
    rungs = _rungs(options.rungs, options.eta) if options.rungs else None
    curves = curves_of(options, study)
    found = compare_methods(study, curves, eta=options.eta, draws=options.draws, seed=options.seed, rungs=rungs)
    put(json.dumps(_json(found), indent=1, sort_keys=True) if options.json else _text(found, study, options))
    return ExitCode.DONE


def _rungs(said: str, eta: int) -> tuple[int, ...]:
    least, dots, most = said.partition("..")
    words = (least, most) if dots else tuple(said.split(","))
    if not all(word.strip().isdecimal() for word in words):
        raise PromoError(f"--rungs '{said}' is neither A,B,C nor LEAST..MOST in whole numbers")
    numbers = tuple(int(word) for word in words)
    try:
        rungs = integer_rungs(numbers[0], numbers[1], eta) if dots else numbers
    except ValueError as fault:
        raise PromoError(f"--rungs '{said}': {fault}") from fault
    if rungs[0] < 1 or any(one >= two for one, two in pairwise(rungs)):
        raise PromoError(f"--rungs '{said}' do not rise from 1 on")
    return rungs


def _text(found: Comparison, study: Study, options: Namespace) -> str:
    unit = study.measure.unit
    head = ("method", f"regret ({unit})", "95% of draws", "hours", "95% of draws", "candidates", "no choice")
    rows = [
        (
            one.name,
            rounded(one.regret, 4),
            f"{rounded(one.regret_interval[0], 4)} .. {rounded(one.regret_interval[1], 4)}",
            rounded(one.spent_s / HOUR, 2),
            f"{rounded(one.spent_interval[0] / HOUR, 2)} .. {rounded(one.spent_interval[1] / HOUR, 2)}",
            rounded(one.trained, 1),
            str(one.without) if one.without else "",
        )
        for one in found.methods
    ]
    lines = [
        tabulate(rows, headers=head, disable_numparse=True),
        "",
        f"{found.draws} draws (seed {options.seed}) of {found.cells} cells, rungs {', '.join(map(str, found.rungs))}, "
        f"eta {options.eta}; recorded curves, nothing was trained.",
        f"Regret: how much worse a choice is than {found.best}, the best at the full budget over all recorded cells.",
        "Hyperband makes one pass over its brackets. Random search and the walk that from the reference changes",
        "one factor at a time may spend in each draw what this spec does; the others spend what their rungs ask for.",
        "Everyone draws from the candidates without replacement and pays only what is added when a run is carried on.",
        "Not compared: guards, reruns and samples of the dropped; recorded curves are no schedules of short runs.",
    ]
    return "\n".join(lines)


def _json(found: Comparison) -> dict[str, Json]:
    return {
        "promo_comparison": 1,
        "best": found.best,
        "rungs": list(found.rungs),
        "cells": found.cells,
        "draws": found.draws,
        "methods": [_method(one) for one in found.methods],
    }


def _method(one: MethodResult) -> dict[str, Json]:
    return {
        "name": one.name,
        "regret": exact(one.regret),
        "regret_interval": [exact(end) for end in one.regret_interval],
        "spent_s": exact(one.spent_s),
        "spent_interval": [exact(end) for end in one.spent_interval],
        "trained": exact(one.trained),
        "without_choice": one.without,
    }
