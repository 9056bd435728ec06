"""`promo simulate`: how often the gates would keep the best, in a world that is supposed."""

import json
from argparse import Namespace
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from promo.base.canonical import Json, exact_sum, from_exact
from promo.base.classes import evolve
from promo.base.errors import ExitCode, PromoError
from promo.base.floats import nearest, root
from promo.base.units import float_of, whole_of
from promo.cli.effects import effects_json, effects_text, simulate_effects
from promo.cli.lags import simulate_lags
from promo.cli.spec import but_seals, compile_file, print_diagnostics, write_text
from promo.cli.terminal import put, put_wrapped
from promo.curves.conditions import tabled
from promo.curves.read import LARGEST as LARGEST_TABLE
from promo.curves.replay import read_curves
from promo.curves.settings import with_spec
from promo.curves.values import OK, Column, Settings
from promo.files import read_given
from promo.plans.compile import compile_plan
from promo.report.changed import changes, planned
from promo.report.simulate import figures_to_json, simulation_text, sweep_svg, sweep_text
from promo.report.words import listed, plural
from promo.study.flow import entrants_again
from promo.study.judgement import (
    Agreement,
    Best,
    Both,
    Condition,
    Difference,
    Either,
    Equivalent,
    First,
    Gate,
    Isnt,
    Level,
    Method,
    Projected,
    Rule,
    Top,
    primitives,
)
from promo.study.values import Stage, Study

if TYPE_CHECKING:
    from promo.decision.simulate import Figures, World

VARIED = ("noise", "gap", "relax", "exponent", "seeds", "hosts", "keep", "share", "margin")
VARIES = {
    "noise": "noise is the sd of a run",
    "gap": "gap is the lead of the truly best",
    "relax": "relax is the sd of the penalties at the first budget",
    "exponent": "penalties fall as budget^-exponent, so a larger one relaxes sooner",
    "seeds": "seeds are those of every stage that a gate or rule reads",
    "hosts": "hosts are the first so many of the study",
    "keep": "keep is N of every gate's top N",
    "share": "share is that of every gate's best share",
    "margin": "margin is a factor on every bound of a difference in the gates, and on what they allow",
}
COUNTED = ("seeds", "hosts", "keep")
FEWEST_VALUES = 3
UNKNOWN, RANGE = "assumed, since none is declared; the table below varies it", (0.25, 0.5, 1, 2, 4)
"""Where a noise comes from that nobody knows, and how far around it is looked."""
SMALLEST, LARGEST = 1e-100, 1e100
"""Sizes that can be supposed: their squares, and ratios of these, are floats."""
STEEPEST = 10
"""Largest exponent of a budget: its powers are floats, too."""


def simulate(options: Namespace) -> int:
    """Simulate a study's gates and rules, and say what its effects would find."""
    compiled = compile_file(options.spec)
    study, plan = compiled.priced()
    if study.effects and (not study.gates or study.beyond_gates):
        print_diagnostics(but_seals(compiled.diagnostics))
        return _effects_alone(options, study)
    try:
        from promo.decision.simulate import simulate as run
    except ModuleNotFoundError as fault:
        if fault.name != "numpy":
            raise
        raise PromoError("promo simulate needs numpy", hint="pip install 'promo-lang[simulate]'") from fault
    print_diagnostics(but_seals(compiled.diagnostics))
    world, source = _world(options, study)
    if study.grows:
        _plain(world)
        known = source != UNKNOWN
        return simulate_lags(options, study, world.noise if known else 0.0, source if known else "")
    _sensible(options, study)

    def figures(varied: Study, changed: "World") -> "Figures":
        _plain(changed)
        _can_speak(varied)
        return run(varied, compile_plan(varied), changed, options.draws, options.seed, options.best, options.near)

    vary, settings = options.vary, []
    if not vary and source == UNKNOWN:
        vary = ["noise", ",".join(f"{times * world.noise:g}" for times in RANGE)]
    for setting in _settings(vary):
        varied, changed = _vary(study, world, vary[0] if vary else "", setting)
        settings.append((setting, changed, figures(varied, changed)))
    if options.json:
        found = [{"setting": name, **figures_to_json(at, one)} for name, at, one in settings]
        told: dict[str, Json] = (
            {"effects": effects_json(options, study, world.noise)} if study.effects and world.noise else {}
        )
        told["changed"] = {name: words for name, words in changes(study, planned(study, plan)).items() if words}
        put(json.dumps({"promo_simulation": 1, "vary": vary, "found": found, **told}, indent=1, sort_keys=True))
    else:
        first = figures(study, world) if vary else settings[0][2]
        defaults = " (the default: one standard deviation of the noise)" if options.gap is None else ""
        effects = effects_text(options, study, world.noise, source) if study.effects and world.noise else ""
        said = simulation_text(study, plan, world, source, first, defaults=defaults, near=options.near, effects=effects)
        put_wrapped(said.split("\n"))
        if vary:
            put("")
            put(sweep_text(vary[0], [(name, one) for name, _, one in settings], plan))
            put(f"\nEverything else as above; {VARIES[vary[0]]}.")
        if source == UNKNOWN:
            put_wrapped([f"The noise of a run is not known. {_ways_to_know(study)}"])
    if options.plot:
        title = vary[0] if vary else ""
        write_text(Path(options.plot), sweep_svg(title, [(name, one) for name, _, one in settings], plan))
    return ExitCode.DONE


def _effects_alone(options: Namespace, study: Study) -> int:
    """What is known of effects, where nothing else chooses by a ranking."""
    noise, source = _noise(options, study)
    if not all(one == 0 or SMALLEST <= one <= LARGEST for one in (noise, options.host_noise)) or not noise:
        raise PromoError(f"--noise is from {SMALLEST:g} to {LARGEST:g}, and --host-noise is not negative")
    if source == UNKNOWN:
        raise PromoError("nothing says how noisy a run is", hint=_ways_to_know(study))
    return simulate_effects(options, study, noise, source)


def _world(options: Namespace, study: Study) -> "tuple[World, str]":
    """What is supposed to be true, and where the noise comes from."""
    from promo.decision.simulate import World

    noise, source = _noise(options, study)
    gap = noise if options.gap is None else options.gap
    world = World(
        noise, gap, options.spread, options.relax, options.exponent, options.shared, options.host_noise, options.level
    )
    return world, source


def _plain(world: "World") -> None:
    sizes = (world.noise, world.gap, world.spread, world.relax, world.shared, world.host)
    if not all(one == 0 or SMALLEST <= one <= LARGEST for one in sizes) or not abs(world.level or 0) <= LARGEST:
        raise PromoError(f"noise, gaps and spreads are not negative: 0, or from {SMALLEST:g} to {LARGEST:g}")
    if not 0 <= world.exponent <= STEEPEST:
        raise PromoError(f"--exponent is not negative, and at most {STEEPEST}")


def _sensible(options: Namespace, study: Study) -> None:
    """Options that ask for something there is."""
    if options.correlation is not None:
        raise PromoError("--correlation is for growths, and this spec has none")
    asking = [name for name, one in study.deciding.items() if any(isinstance(part, Projected) for part in _parts(one))]
    if asking or study.told_by:
        who = (*study.told_by, *asking)
        message = f"{listed(who)} {'uses' if len(who) == 1 else 'use'} a law, and a supposed world has none"
        raise PromoError(message, hint="simulate a spec of candidates, gates and rules alone")
    if study.beyond_gates:
        look = "looks" if len(study.beyond_gates) == 1 else "look"
        message = f"{listed(study.beyond_gates)} {look} at factors, and a supposed world has candidates without factors"
        raise PromoError(message, hint="simulate a spec of candidates, gates and rules alone")
    if not study.gates:
        raise PromoError(f"{study.name} has no gates to simulate")
    if options.draws < 1 or options.seed < 0:
        raise PromoError("--draws is at least 1, and --seed is not negative")
    names = {name for there in study.entrants.values() for name in there.possible}
    if options.near is not None and not 0 < options.near <= LARGEST:
        raise PromoError("--near is a distance above zero")
    if options.best is not None and options.best not in names:
        raise PromoError(f"the study trains no '{options.best}'", hint=f"it trains: {', '.join(sorted(names))}")
    asking = [name for name, one in study.deciding.items() if any(isinstance(part, Level) for part in _parts(one))]
    if asking and options.level is None:
        metric, ask = study.measure.metric, "asks" if len(asking) == 1 else "ask"
        message = f"{listed(asking)} {ask} for a value of {metric} itself, and nothing says where values lie"
        raise PromoError(message, hint=f"--level X, in {study.measure.unit}: the true value of those behind the best")


def _parts(one: object) -> Iterator[Condition]:
    """What a gate or rule asks for, without not, and, or."""
    asked = one.asked if isinstance(one, Gate) else (one.require,) if isinstance(one, Rule) else ()
    return (part for condition in asked for part in primitives(condition))


def _can_speak(study: Study) -> None:
    """Student's t needs two cells, and agreement the hosts it names, which a study with fewer may not have."""
    asking: list[Gate | Rule] = [*study.gates.values(), *study.rules.values()]
    for one in asking:
        stage = study.stages[one.source if isinstance(one, Gate) else one.stage]
        parts = list(_parts(one))
        tests = [part.test for part in parts if isinstance(part, Difference | Equivalent) and part.test]
        if any(test.method is Method.T for test in tests) and len(stage.cells) < 2:
            raise PromoError(
                f"{one.name} has one cell at {stage.name}, which has no spread, so the t test is undefined"
            )
        named = {name for part in parts if isinstance(part, Agreement) and part.of_hosts for name in part.between}
        if lost := sorted(named - set(stage.hosts)):
            raise PromoError(f"{one.name} asks for agreement of {listed(lost)}, which {stage.name} is not on")


def _noise(options: Namespace, study: Study) -> tuple[float, str]:
    place = options.noise_from if options.noise is None else None
    if options.column is not None and (place is None or Path(place).is_dir()):
        message = "--column names a column of a table, and the noise is not measured from one"
        raise PromoError(message, hint="leave it out, or give a table: --noise-from FILE")
    if options.noise is not None:
        return options.noise, "given"
    if options.noise_from is not None:
        return _measured(Path(options.noise_from), options.column, study)
    if study.noise is not None:
        return nearest(study.noise), "the spec's noise"
    return _scale(options.gap, study), UNKNOWN


def _scale(gap: float | None, study: Study) -> float:
    """
    A noise to begin from where none is known: what has to be told apart.

    That is the lead that was asked for, else the largest difference that a gate or rule asks for, else one of the
    measure's unit: with ranks alone nothing but lead over noise matters, whatever their unit.
    """
    parts = [part for one in study.deciding.values() for part in _parts(one)]
    margins = [abs(part.bound.value) for part in parts if isinstance(part, Difference)]
    margins += [part.margin for part in parts if isinstance(part, Equivalent)]
    return gap or nearest(max(margins, default=Fraction(0))) or 1.0


def _ways_to_know(study: Study) -> str:
    unit = study.measure.unit
    return f"Measure it: --noise-from STUDY, a finished study or a table; or declare it: noise 0.01{unit} in the study."


def _measured(place: Path, column: str | None, study: Study) -> tuple[float, str]:
    """Standard deviation between repetitions, pooled: of a finished study, or of a table of recorded runs."""
    groups = _of_study(place) if place.is_dir() else _of_table(place, column, study)
    repeated = [values for values in groups.values() if len(values) > 1]
    degrees = sum(len(values) - 1 for values in repeated)
    if degrees < FEWEST_VALUES:
        raise PromoError(f"{place} repeats too little to tell the noise", hint="give it with --noise")
    squares = exact_sum(map(_squares, repeated))
    words = f"measured from {place}: {plural(len(repeated), 'group')}, {degrees} degrees of freedom"
    return root(squares / degrees), words


def _squares(values: list[Fraction]) -> Fraction:
    """Squared distances from their mean, added up."""
    middle = exact_sum(values) / len(values)
    return exact_sum((value - middle) ** 2 for value in values)


def _of_study(place: Path) -> dict[str, list[Fraction]]:
    """Values of the last stage of a study, by candidate and host."""
    from promo.driver.study import StudyFolder

    folder = StudyFolder(place)
    state, compiled = folder.state(), folder.compiled()
    study, _ = compiled.sound()
    closed = [name for name in study.stages if name in state.closed]
    if not closed:
        raise PromoError(f"no stage of {place} has ended yet")
    groups: dict[str, list[Fraction]] = {}
    for row in folder.evidence(compiled, state, closed[-1]).rows:
        for cell in row.cells:
            if cell.value is not None:
                groups.setdefault(f"{row.candidate} on {cell.host}", []).append(from_exact(cell.value))
    return groups


def _of_table(place: Path, column: str | None, study: Study) -> dict[str, list[Fraction]]:
    """Last value of each run of a table, by config and host; without a column of steps its rows are in order."""
    content = read_given(place, LARGEST_TABLE)
    settings = with_spec(Settings(columns={Column.VALUE: column} if column else {}), study)
    groups: dict[str, list[Fraction]] = {}
    for curve in read_curves(study.measure, place.name, content, settings, ends=True, factors=tabled(study)):
        if curve.status == OK and curve.points:
            groups.setdefault(f"{curve.config} on {curve.host}", []).append(curve.points[-1].value)
    return groups


def _settings(vary: list[str] | None) -> list[str]:
    if not vary:
        return [""]
    name, text = vary
    if name not in VARIED:
        raise PromoError(f"--vary takes one of {', '.join(VARIED)}, not {name}")
    try:
        if ".." in text and name in COUNTED:
            low, high = (whole_of(part) for part in text.split(".."))
            found = [str(one) for one in range(low, high + 1)]
        else:
            found = text.split(",")
        numbers = [
            float(whole_of(one)) if name in COUNTED else float_of(one.removesuffix("x").rstrip("%")) for one in found
        ]
    except ValueError:
        numbers = []
    if not numbers or not all((1 if name in COUNTED else 0) <= one <= LARGEST for one in numbers):
        raise PromoError(
            f"--vary {name} cannot read {text}",
            hint="seeds, hosts and keep: 1..4 or 1,2,4; share: 25%,50%; margin: 0.5x,2x; others: 0.01,2x",
        )
    return found


def _vary(study: Study, world: "World", name: str, setting: str) -> tuple[Study, "World"]:
    if name in ("noise", "gap", "relax", "exponent"):
        number = float(setting.removesuffix("x")) * (getattr(world, name) if setting.endswith("x") else 1)
        return study, evolve(world, **{name: number})
    if name == "keep":
        gates = {key: evolve(one, keep=_top(one.name, one.keep, int(setting))) for key, one in study.gates.items()}
        return _again(evolve(study, gates=gates)), world
    if name == "share":
        gates = {key: evolve(one, keep=_best(one.name, one.keep, setting)) for key, one in study.gates.items()}
        return _again(evolve(study, gates=gates)), world
    if name == "margin":
        return evolve(study, gates=_scaled(study, Fraction(setting.removesuffix("x")))), world
    if name in ("seeds", "hosts"):
        return _again(evolve(study, stages=_stages(study, name, int(setting)))), world
    return study, world


def _again(study: Study) -> Study:
    return evolve(study, entrants=entrants_again(study))


def _stages(study: Study, name: str, count: int) -> dict[str, Stage]:
    """The stages that gates and rules read, with so many seeds or hosts each."""
    if name == "hosts" and count > len(study.hosts):
        raise PromoError(f"the study has {len(study.hosts)} hosts, not {count}")

    def changed(stage: Stage) -> Stage:
        if name == "seeds":
            return evolve(stage, seeds=tuple(range(count)))
        return evolve(stage, hosts=tuple(study.hosts)[:count])

    return {key: one if one.report_only else changed(one) for key, one in study.stages.items()}


def _scaled(study: Study, factor: Fraction) -> dict[str, Gate]:
    """Gates whose margins are wider or narrower by a factor."""
    gates = {
        name: evolve(gate, keep=_wider(gate.keep, factor), allowance=gate.allowance * factor)
        for name, gate in study.gates.items()
    }
    if gates == study.gates and factor != 1:
        raise PromoError("--vary margin needs gates that keep by a difference to another candidate")
    return gates


def _wider(condition: Condition, factor: Fraction) -> Condition:
    match condition:
        case Difference():
            return evolve(condition, bound=evolve(condition.bound, value=condition.bound.value * factor))
        case Equivalent():
            return evolve(condition, margin=condition.margin * factor)
        case Isnt():
            return evolve(condition, condition=_wider(condition.condition, factor))
        case Both() | Either():
            return evolve(condition, conditions=tuple(_wider(one, factor) for one in condition.conditions))
        case Top() | Best() | Level() | Agreement() | Projected() | First():
            return condition
        case _:
            assert_never(condition)


def _top(gate: str, keep: object, count: int) -> Top:
    if not isinstance(keep, Top):
        raise PromoError(f"--vary keep needs gates that keep top N, and {gate} does not")
    return evolve(keep, count=count)


def _best(gate: str, keep: object, setting: str) -> Best:
    if not isinstance(keep, Best):
        raise PromoError(f"--vary share needs gates that keep a best share, and {gate} does not")
    share = Fraction(setting.removesuffix("%")) / (100 if setting.endswith("%") else 1)
    if not 0 < share < 1:
        raise PromoError(f"a share lies between 0% and 100%, and {setting} does not")
    return evolve(keep, share=share)
