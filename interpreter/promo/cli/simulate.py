"""`promo simulate`: how often the gates would keep the best, in a world that is supposed."""

import json
from argparse import Namespace
from typing import TYPE_CHECKING

from attrs import evolve

from promo.base.errors import ExitCode, PromoError
from promo.cli.spec import compile_file, print_diagnostics
from promo.cli.terminal import put
from promo.plan.compile import compile_plan
from promo.report.simulate import figures_to_json, simulation_text, sweep_text
from promo.spec.judgement import Top
from promo.spec.values import Study

if TYPE_CHECKING:
    from promo.decision.simulate import World

VARIED = ("noise", "gap", "relax", "seeds", "keep")


def simulate(options: Namespace) -> int:
    """Simulate a study's gates and rules."""
    try:
        from promo.decision.simulate import World
        from promo.decision.simulate import simulate as run
    except ModuleNotFoundError as fault:
        if fault.name != "numpy":
            raise
        raise PromoError("promo simulate needs numpy", hint="pip install promo-lang[simulate]") from fault
    compiled = compile_file(options.spec)
    study, plan = compiled.priced()
    print_diagnostics(compiled.diagnostics, "text")
    if not study.gates:
        raise PromoError(f"{study.name} has no gates to simulate")
    if options.draws < 1 or options.seed < 0:
        raise PromoError("--draws is at least 1, and --seed is not negative")
    noise, source = _noise(options, study)
    gap = noise if options.gap is None else options.gap
    world = World(noise, gap, options.spread, options.relax, options.exponent, options.shared, options.host_noise)
    if min(world.noise, world.gap, world.spread, world.relax, world.exponent, world.shared, world.host) < 0:
        raise PromoError("noise, gaps, spreads and exponents are not negative")
    settings = []
    for setting in _settings(options.vary):
        varied, changed = _vary(study, world, options.vary[0] if options.vary else "", setting)
        settings.append((setting, changed, run(varied, compile_plan(varied), changed, options.draws, options.seed)))
    if options.json:
        found = [{"setting": name, **figures_to_json(at, figures)} for name, at, figures in settings]
        put(json.dumps({"promo_simulation": 1, "vary": options.vary, "found": found}, indent=1, sort_keys=True))
        return ExitCode.DONE
    if not options.vary:
        put(simulation_text(study, plan, world, source, settings[0][2]))
        return ExitCode.DONE
    put(simulation_text(study, plan, world, source, run(study, plan, world, options.draws, options.seed)))
    put("")
    put(sweep_text(options.vary[0], [(name, figures) for name, _, figures in settings], plan))
    return ExitCode.DONE


def _noise(options: Namespace, study: Study) -> tuple[float, str]:
    if options.noise is not None:
        return options.noise, "given"
    if study.noise is not None:
        return float(study.noise), "the spec's noise"
    raise PromoError("nothing says how noisy a run is", hint=f"--noise SD, in {study.measure.unit}")


def _settings(vary: list[str] | None) -> list[str]:
    if not vary:
        return [""]
    name, text = vary
    if name not in VARIED:
        raise PromoError(f"--vary takes one of {', '.join(VARIED)}, not {name}")
    try:
        if ".." in text and name in ("seeds", "keep"):
            low, high = (int(part) for part in text.split(".."))
            found = [str(one) for one in range(low, high + 1)]
        else:
            found = text.split(",")
        numbers = [float(int(one)) if name in ("seeds", "keep") else float(one.removesuffix("x")) for one in found]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < (1 if name in ("seeds", "keep") else 0):
        raise PromoError(f"--vary {name} cannot read {text}", hint="seeds and keep: 1..4 or 1,2,4; others: 0.01,2x")
    return found


def _vary(study: Study, world: "World", name: str, setting: str) -> tuple[Study, "World"]:
    if name in ("noise", "gap", "relax"):
        number = float(setting.removesuffix("x")) * (getattr(world, name) if setting.endswith("x") else 1)
        return study, evolve(world, **{name: number})
    if name == "keep":
        gates = {key: evolve(one, keep=_top(one.name, one.keep, int(setting))) for key, one in study.gates.items()}
        return evolve(study, gates=gates), world
    if name == "seeds":
        stages = {key: evolve(one, seeds=tuple(range(1, int(setting) + 1))) for key, one in study.stages.items()}
        return evolve(study, stages=stages), world
    return study, world


def _top(gate: str, keep: object, count: int) -> Top:
    if not isinstance(keep, Top):
        raise PromoError(f"--vary keep needs gates that keep top N, and {gate} does not")
    return evolve(keep, count=count)
