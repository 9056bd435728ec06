"""`promo design`: the rows of a design, what they can and cannot tell apart, and what they would find."""

import json
from argparse import Namespace
from collections.abc import Mapping

from promo.base.canonical import Json
from promo.base.classes import frozen
from promo.base.errors import ExitCode, PromoError
from promo.cli.spec import compile_file, designs_alone
from promo.cli.terminal import put, put_wrapped
from promo.report.design import array_json, array_text, design_json, design_text
from promo.study.space import Array, Design
from promo.study.values import Study

LARGEST = 1e100
"""Sizes that can be supposed: their ratios and squares are floats."""
MOST_COUNTED = 10_000
"""Hosts or seeds that can be supposed."""


@frozen
class _Given:
    """The designs of a file, and the study that has them if it declares one."""

    designs: Mapping[str, Design]
    arrays: Mapping[str, Array]
    study: Study | None


def design(options: Namespace) -> int:
    """Print the designs of a spec."""
    given = _given(options.spec)
    every: dict[str, Design | Array] = {**given.designs, **given.arrays}
    if options.name and options.name not in every:
        known = ", ".join(every) or "none"
        raise PromoError(f"the spec has no design '{options.name}'", hint=f"it has: {known}")
    if not every:
        raise PromoError("the spec has no design", hint="write: design NAME fraction 2^(5 - 1) { vary ... }")
    chosen = [every[options.name]] if options.name else list(every.values())
    if options.power:
        _power(options, given, [one.name for one in chosen])
        return ExitCode.DONE
    if options.json:
        content = [{**_json(one, given, options.split), "effects": _models(given, one.name)} for one in chosen]
        put(json.dumps(content[0] if options.name else content, indent=1))
    else:
        texts = (
            array_text(one) if isinstance(one, Array) else design_text(one, given.designs, options.split)
            for one in chosen
        )
        said = "\n\n".join([*texts, *_model_text(given, [one.name for one in chosen])])
        put_wrapped(said.split("\n"))
    return ExitCode.DONE


def _json(one: Design | Array, given: _Given, split: int) -> dict[str, Json]:
    return array_json(one) if isinstance(one, Array) else design_json(one, given.designs, split)


def _models(given: _Given, design: str) -> list[Json]:
    """What the error of the effects that read a design will be."""
    if given.study is None or not given.study.effects:
        return []
    from promo.report.models import models_json

    return models_json(given.study, [design])


def _model_text(given: _Given, designs: list[str]) -> list[str]:
    if given.study is None or not given.study.effects:
        return []
    from promo.report.models import model_lines

    found = "\n".join(model_lines(given.study, designs))
    return [found] if found else []


def _given(path: str) -> _Given:
    """The designs of a study, or of a file that has factors and designs and nothing else."""
    compiled = compile_file(path)
    if compiled.study is None:
        alone = designs_alone(path)
        if alone is not None:
            return _Given(alone.designs, alone.arrays, None)
    study, _ = compiled.priced()
    return _Given(study.designs, study.arrays, study)


def _power(options: Namespace, given: _Given, designs: list[str]) -> None:
    """Print the power of effects of designs."""
    # What power needs is not loaded to print rows.
    from promo.decision.power import Supposed, powers, powers_unasked
    from promo.report.power import power_json, power_text

    noise, source = _noise(options, given.study)
    for name, value in (("--noise", noise), ("--size", options.size)):
        if value is not None and not 1 / LARGEST <= abs(value) <= LARGEST:
            raise PromoError(f"{name} is a size from {1 / LARGEST:g} to {LARGEST:g}")
    counts = [count for count in (options.hosts, options.seeds) if count is not None]
    if noise < 0 or not all(1 <= count <= MOST_COUNTED for count in counts):
        raise PromoError(f"--noise is not negative, and --hosts and --seeds are from 1 to {MOST_COUNTED}")
    if not 0.5 <= options.wanted < 1:
        raise PromoError("--wanted is a power from 0.5 to less than 1")
    supposed = Supposed(noise, options.size, options.wanted, options.hosts, options.seeds)
    study = given.study
    every: dict[str, Design | Array] = {**given.designs, **given.arrays}
    found = list(powers_unasked(every, designs, supposed) if study is None else powers(study, designs, supposed))
    if options.json:
        put(json.dumps(power_json(found, supposed), indent=1))
    else:
        put_wrapped(power_text(found, supposed, "" if study is None else study.measure.unit, source).split("\n"))


def _noise(options: Namespace, study: Study | None) -> tuple[float, str]:
    """The standard deviation of a run that is supposed, and where it comes from."""
    from promo.base.floats import nearest

    if options.noise is not None:
        return options.noise, "given"
    if study is None or study.noise is None:
        raise PromoError("nothing says how noisy a run is", hint="--noise SD, or declare it: noise 0.01 in the study")
    return nearest(study.noise), "the spec's"
