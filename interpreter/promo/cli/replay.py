"""`promo replay`."""

import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

from promo.base.classes import evolve
from promo.base.errors import PromoError
from promo.base.reading import RECORD
from promo.base.units import is_digits
from promo.cli.run import display_of, print_end
from promo.cli.spec import but_seals, compile_file, print_diagnostics
from promo.curves.read import LARGEST
from promo.curves.replay import Replay, build_replay
from promo.curves.settings import column_of, seed_of, with_mapping, with_spec
from promo.curves.values import Settings
from promo.driver.run import run_study
from promo.driver.study import study_folder
from promo.files import read_given
from promo.run.clock import SystemClock
from promo.run.provenance import origin_of
from promo.study.values import Study


def replay(options: Namespace) -> int:
    """Run a spec's gates and rules over recorded curves, and write its report."""
    spec = Path(options.spec)
    compiled = compile_file(str(spec))
    study, _ = compiled.sound()
    print_diagnostics(but_seals(compiled.diagnostics))
    curves = curves_of(options, study)
    folder = study_folder(spec, Path(options.study) if options.study else None)
    ending = run_study(
        compiled,
        spec.parent,
        folder,
        clock=SystemClock(),
        environment=os.environ,
        display=display_of(options, folder),
        origin=origin_of(spec.parent, os.environ, sys.argv[1:]),
        replay=curves,
    )
    print_end(folder)
    return ending.exit_code


def curves_of(options: Namespace, study: Study) -> Replay:
    """The table that the options name, read as they say."""
    if study.grows:
        message = f"{', '.join(study.grows)} grows a trained model, and recorded curves keep no model states"
        raise PromoError(message, hint="train it: promo run SPEC; or leave the growth out")
    if study.schedules:
        message = (
            f"{', '.join(study.schedules)} changes the shape of a model in training, and recorded curves are whole"
        )
        raise PromoError(message, hint="train it: promo run SPEC; or leave the schedule and what follows it out")
    table = Path(options.curves)
    return build_replay(study, table.name, read_given(table, LARGEST), settings_of(options, study))


def reading_options(options: Namespace) -> list[str]:
    """Those that were given of the options that say how a table is read."""
    given = {"from": options.layout != "table", "seeds": options.seeds != "auto"}
    given |= {name: bool(getattr(options, name)) for name in ("column", "unit", "map", "mapping", "interpolate")}
    return [f"--{name}" for name, is_given in given.items() if is_given]


def settings_of(options: Namespace, study: Study) -> Settings:
    """Settings from the options, which go before a mapping file, which goes before the spec."""
    columns = {column_of(name): text for name, text in _pairs("--column", options.column)}
    units = {column_of(name): text for name, text in _pairs("--unit", options.unit)}
    settings = Settings(options.layout, columns, units, seeds_by=options.seeds)
    settings = evolve(settings, interpolate=options.interpolate == "linear")
    for name, label in _pairs("--map", options.map):
        if name in study.candidates:
            settings = evolve(settings, candidates={**settings.candidates, name: label})
        elif name in study.hosts:
            settings = evolve(settings, hosts={**settings.hosts, name: label})
        elif is_digits(name):
            settings = evolve(settings, seeds={**settings.seeds, seed_of(name): label})
        else:
            raise PromoError(f"--map {name}: the spec has no candidate, host or seed of that name")
    if options.mapping is not None:
        content = read_given(Path(options.mapping), RECORD)
        try:
            settings = with_mapping(settings, options.mapping, content.decode("utf-8-sig"))
        except UnicodeDecodeError as fault:
            raise PromoError(f"{options.mapping} is not UTF-8 text: byte {fault.start}") from fault
    return with_spec(settings, study)


def _pairs(option: str, said: Iterable[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for one in said:
        name, equals, text = one.partition("=")
        if not (name and equals and text):
            raise PromoError(f"{option} '{one}' is not of the form NAME=TEXT")
        if name in dict(pairs):
            raise PromoError(f"{option} says two things of '{name}': {dict(pairs)[name]} and {text}")
        pairs.append((name, text))
    return pairs
