"""`promo simulate` of a spec with growths: the chance that a lag chooses the best way."""

import json
from argparse import Namespace

from promo.base.errors import ExitCode, PromoError
from promo.base.units import float_of
from promo.cli.terminal import put, put_wrapped
from promo.report.lags import assumptions, lag_text, lags_to_json
from promo.report.words import between
from promo.study.values import Study

CORRELATIONS = "0,0.25,0.5,0.75,0.9,0.95,1"
MOST_DRAWS = 10**7
OF_GATES = ("vary", "plot", "gap", "best", "near", "level", "relax", "shared", "host_noise")
"""Options that suppose or show something of gates, which a lag has no use for."""


def simulate_lags(options: Namespace, study: Study, noise: float, source: str) -> int:
    """
    Print what the lag of each growth is worth.

    Args:
        options: of `promo simulate`.
        study: one with growths.
        noise: standard deviation of a run, in the measure's unit; 0 where nothing says it.
        source: where the noise comes from, in words; empty where nothing says it.
    """
    from promo.decision.lags import lag_chances

    correlations = _correlations(options)
    found = []
    for grow in study.grows.values():
        ways, cells = len(grow.strategies), len(study.stages[grow.name].cells)
        chances = lag_chances(ways, options.spread, noise, cells, correlations, draws=options.draws, seed=options.seed)
        found.append((grow, chances))
    if options.json:
        told = [lags_to_json(*one) for one in found]
        put(json.dumps({"promo_lags": 1, "noise": noise, "spread": options.spread, "found": told}, indent=1))
        return ExitCode.DONE
    spread = between(f"{noise:g}", study.measure.unit)
    words = f"sd {spread} ({source})" if source else "none is supposed, since nothing says it"
    for grow, chances in found:
        put_wrapped([*lag_text(study, grow, chances, words).split("\n"), ""])
    put_wrapped(assumptions(study, options.spread, options.draws, options.seed))
    return ExitCode.DONE


def _correlations(options: Namespace) -> list[float]:
    """The correlations asked for; every other option is sensible, too."""
    given = [name for name in OF_GATES if getattr(options, name)]
    if given:
        name = given[0].replace("_", "-")
        raise PromoError(f"--{name} is about gates, and a growth is simulated by its lag alone")
    if not options.spread:
        raise PromoError(
            "nothing says how far apart the ways lie",
            hint="give --spread SD, the standard deviation of their values at the end of training",
        )
    if not 1 <= options.draws <= MOST_DRAWS or options.seed < 0:
        raise PromoError(f"--draws is from 1 to {MOST_DRAWS:,}, and --seed is not negative")
    try:
        found = [float_of(one) for one in (options.correlation or CORRELATIONS).split(",")]
    except ValueError:
        found = []
    if not found or not all(-1 <= one <= 1 for one in found):
        raise PromoError(f"--correlation cannot read {options.correlation}", hint="numbers from -1 to 1: 0.5,0.8")
    return found
