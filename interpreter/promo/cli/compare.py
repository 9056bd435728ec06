"""`promo compare`."""

import json
from argparse import Namespace
from itertools import pairwise
from pathlib import Path

from promo.base.errors import ExitCode, PromoError
from promo.base.units import is_digits
from promo.cli.replay import curves_of
from promo.cli.spec import compile_file, write_text
from promo.cli.terminal import put
from promo.decision.comparators import integer_rungs
from promo.driver.compare import compare_methods
from promo.report.compare import comparison_json, comparison_text, comparison_view
from promo.report.render import render_compare

MOST_DRAWS = 100_000


def compare(options: Namespace) -> int:
    """Set the gates of a spec beside the usual methods, over recorded curves."""
    study, _ = compile_file(str(Path(options.spec))).sound()
    if options.eta < 2 or not 1 <= options.draws <= MOST_DRAWS:
        raise PromoError(f"--eta is at least 2, and --draws is from 1 to {MOST_DRAWS}")
    rungs = _rungs(options.rungs, options.eta) if options.rungs else None
    curves = curves_of(options, study)
    found = compare_methods(study, curves, eta=options.eta, draws=options.draws, seed=options.seed, rungs=rungs)
    table = f"{curves.name}, sha256:{curves.digest[:12]}"
    view = comparison_view(found, study, table, eta=options.eta, seed=options.seed)
    if options.html:
        write_text(Path(options.html), render_compare(view))
    put(json.dumps(comparison_json(found), indent=1, sort_keys=True) if options.json else comparison_text(view))
    return ExitCode.DONE


def _rungs(said: str, eta: int) -> tuple[int, ...]:
    least, dots, most = said.partition("..")
    words = (least, most) if dots else tuple(said.split(","))
    if not all(is_digits(word.strip()) for word in words):
        raise PromoError(f"--rungs '{said}' is neither A,B,C nor LEAST..MOST in whole numbers")
    numbers = tuple(int(word) for word in words)
    try:
        rungs = integer_rungs(numbers[0], numbers[1], eta) if dots else numbers
    except ValueError as fault:
        raise PromoError(f"--rungs '{said}': {fault}") from fault
    if rungs[0] < 1 or any(one >= two for one, two in pairwise(rungs)):
        raise PromoError(f"--rungs '{said}' do not rise from 1 on")
    return rungs
