"""`promo design`: the rows of a design, what they can and cannot tell apart, and what they would find."""

import json
from argparse import Namespace

from promo.base.errors import ExitCode, PromoError
from promo.cli.spec import compile_file
from promo.cli.terminal import put
from promo.report.design import array_json, array_text, design_json, design_text
from promo.study.space import Array, Design
from promo.study.values import Study

LARGEST = 1e100
"""Sizes that can be supposed: their ratios and squares are floats."""
MOST_COUNTED = 10_000
"""Hosts or seeds that can be supposed."""


def design(options: Namespace) -> int:
    """Print the designs of a spec."""
    study, _ = compile_file(options.spec).priced()
    every: dict[str, Design | Array] = {**study.designs, **study.arrays}
    if options.name and options.name not in every:
        known = ", ".join(every) or "none"
        raise PromoError(f"the spec has no design '{options.name}'", hint=f"it has: {known}")
    if not every:
        raise PromoError("the spec has no design", hint="write: design NAME fraction 2^(5 - 1) { vary ... }")
    chosen = [every[options.name]] if options.name else list(every.values())
    if options.power:
        _power(options, study, [one.name for one in chosen if isinstance(one, Design)])
        return ExitCode.DONE
    if options.json:
        content = [
            array_json(one) if isinstance(one, Array) else design_json(one, study.designs, options.split)
            for one in chosen
        ]
        put(json.dumps(content[0] if options.name else content, indent=1))
    else:
        texts = (
            array_text(one) if isinstance(one, Array) else design_text(one, study.designs, options.split)
            for one in chosen
        )
        put("\n\n".join(texts))
    return ExitCode.DONE


def _power(options: Namespace, study: Study, designs: list[str]) -> None:
    """Print the power of effects of two-level designs."""
    # What power needs is not loaded to print rows.
    from promo.base.floats import nearest
    from promo.decision.power import Supposed, powers
    from promo.report.power import power_json, power_text

    if not designs:
        raise PromoError("the spec has no design of two levels", hint="power is that of effects of two levels")
    if options.noise is not None:
        noise: float = options.noise
    elif study.noise is not None:
        noise = nearest(study.noise)
    else:
        raise PromoError("nothing says how noisy a run is", hint="--noise SD, or declare it: noise 0.01 in the study")
    for name, value in (("--noise", noise), ("--size", options.size)):
        if value is not None and not 1 / LARGEST <= abs(value) <= LARGEST:
            raise PromoError(f"{name} is a size from {1 / LARGEST:g} to {LARGEST:g}")
    counts = [count for count in (options.hosts, options.seeds) if count is not None]
    if noise < 0 or not all(1 <= count <= MOST_COUNTED for count in counts):
        raise PromoError(f"--noise is not negative, and --hosts and --seeds are from 1 to {MOST_COUNTED}")
    if not 0.5 <= options.wanted < 1:
        raise PromoError("--wanted is a power from 0.5 to less than 1")
    supposed = Supposed(noise, options.size, options.wanted, options.hosts, options.seeds)
    found = list(powers(study, designs, supposed))
    if options.json:
        put(json.dumps(power_json(found, supposed), indent=1))
    else:
        source = "given" if options.noise is not None else "the spec's"
        put(power_text(found, supposed, study, source))
