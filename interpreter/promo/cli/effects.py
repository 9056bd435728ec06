"""`promo simulate` of effects: how often a real one would be found, and how often a study without any finds one."""

import json
from argparse import Namespace

from promo.base.canonical import Json
from promo.base.errors import ExitCode, PromoError
from promo.cli.terminal import put, put_wrapped
from promo.decision.power import Powers, Supposed, powers
from promo.report.hosts import supposed_json, supposed_lines
from promo.report.power import power_json, power_text
from promo.report.words import listed
from promo.study.values import Study

OF_GATES = ("vary", "plot", "gap", "best", "near", "level", "relax", "shared", "spread")
"""Options that suppose or show something of gates, which effects alone have no use for."""
SMALLEST, LARGEST = 1e-100, 1e100
"""Sizes that can be supposed: their ratios and squares are floats."""


def simulate_effects(options: Namespace, study: Study, noise: float, source: str) -> int:
    """
    Print what is known of the effects of a study of which nothing else can be simulated.

    Args:
        options: of `promo simulate`.
        study: one with effects, and without gates or with what looks at factors.
        noise: standard deviation of a run between seeds, in the measure's unit.
        source: where the noise comes from, in words.
    """
    given = [name for name in OF_GATES if getattr(options, name)]
    if given:
        raise PromoError(f"--{given[0]} is about gates, and {study.name} declares effects alone")
    if options.json:
        found = effects_json(options, study, noise)
        put(json.dumps({"promo_simulation": 1, "vary": None, "found": [], "effects": found}, indent=1, sort_keys=True))
    else:
        why = study.beyond_gates
        look = f"\ngates are not simulated, because {listed(why)} {'looks' if len(why) == 1 else 'look'} at factors"
        head = f"{study.name}: effects alone, by formulas and integrals; what is drawn says so{look if why else ''}\n\n"
        put_wrapped((head + effects_text(options, study, noise, source)).split("\n"))
    return ExitCode.DONE


def effects_text(options: Namespace, study: Study, noise: float, source: str) -> str:
    """Power of every effect of a study, and false discoveries where conditions differ between hosts."""
    supposed = _supposed(options, noise)
    lines = list(supposed_lines(study, noise, options.host_noise))
    return "\n".join(
        [
            power_text(_powers(study, supposed), supposed, study.measure.unit, source, options.host_noise),
            *([""] if lines else []),
            *lines,
        ]
    )


def effects_json(options: Namespace, study: Study, noise: float) -> dict[str, Json]:
    """The same as JSON."""
    supposed = _supposed(options, noise)
    return {
        **power_json(_powers(study, supposed), supposed),
        "false_discoveries": supposed_json(study, noise, options.host_noise),
    }


def _powers(study: Study, supposed: Supposed) -> list[Powers]:
    designs = dict.fromkeys(name for one in study.effects.values() for name in one.designs)
    return list(powers(study, list(designs), supposed))


def _supposed(options: Namespace, noise: float) -> Supposed:
    if options.size is not None and not SMALLEST <= abs(options.size) <= LARGEST:
        raise PromoError(f"--size is a size from {SMALLEST:g} to {LARGEST:g}")
    if not 0.5 <= options.wanted < 1:
        raise PromoError("--wanted is a power from 0.5 to less than 1")
    return Supposed(noise, options.size, options.wanted, None, None)
