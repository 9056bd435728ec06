"""`promo amend`: change a gate, a rule or the budget of a study that has begun, on the record."""

import getpass
import json
import os
import re
from argparse import Namespace
from fractions import Fraction
from pathlib import Path

from promo.base.codec import to_json
from promo.base.errors import ExitCode, PromoError
from promo.base.units import UNITS, Dimension
from promo.cli.places import go_on, study_of
from promo.cli.spec import compile_file, write_text
from promo.cli.terminal import put
from promo.driver.amend import amend_budget, amend_study
from promo.driver.pipeline import lock_path, read_lock
from promo.driver.study import REPORT
from promo.ledger.state import StudyState
from promo.report.amendments import amendment_lines
from promo.run.clock import SystemClock
from promo.run.provenance import commit_of
from promo.study.lock import reseal
from promo.study.money import Money


def amend(options: Namespace) -> int:
    """Record an amendment, and seal the spec anew where it is one of a gate or rule."""
    path = Path(options.spec)
    if options.budget is not None:
        return _budget(options)
    if path.is_dir():
        raise PromoError("an amendment starts from the changed spec", hint="promo amend SPEC --study FOLDER ...")
    compiled = compile_file(options.spec)
    folder = study_of(options.spec, options.study)
    made = amend_study(
        folder,
        compiled,
        options.gate,
        reason=options.reason,
        by=options.by or _user(),
        commit=commit_of(path.parent, os.environ),
        clock=SystemClock(),
    )
    study, _ = compiled.amendable()
    _, lock = reseal(study, compiled.source.text, read_lock(lock_path(path)), made.seal)
    write_text(path, made.text)
    write_text(lock_path(path), json.dumps(to_json(lock), indent=2, sort_keys=True) + "\n")
    for line in amendment_lines(made.data, made.at):
        put(line)
    put("recorded" if made.fresh else "recorded before; the spec is sealed now")
    from promo.driver.report import write_report

    state = folder.state()
    if (folder.path / REPORT).exists():
        write_report(folder, folder.path / REPORT)
        put(f"report, with both verdicts: {folder.path / REPORT}")
    if state.study is StudyState.OPEN:
        put(f"next: promo {go_on(options.spec, folder.path, replay=bool(state.replay))}")
    return ExitCode.DONE


def _budget(options: Namespace) -> int:
    """Record a larger budget; the spec keeps the one that was frozen."""
    new, by = _amount(options.budget), options.by or _user()
    folder = study_of(options.spec, options.study)
    amend_budget(folder, new, reason=options.reason, by=by, clock=SystemClock())
    put(f"recorded: the study has a budget of {options.budget} from now on")
    put(f"next: promo {go_on(options.spec, folder.path)}")
    return ExitCode.DONE


def _amount(said: str) -> int | Money:
    """A time of devices as a spec writes it, `170gpu_h` or `90min`, in whole seconds; or money, `400usd`."""
    found = re.fullmatch(r"([0-9_]+(?:\.[0-9]+)?)([a-z_]+)", said)
    dimension, size = UNITS.get(found[2], (None, Fraction(0))) if found else (None, Fraction(0))
    if found and dimension is Dimension.MONEY and float(found[1].replace("_", "")) > 0:
        return Money(Fraction(found[1].replace("_", "")), found[2])
    timed = dimension in (Dimension.TIME, Dimension.DEVICE_TIME)
    seconds = Fraction(found[1].replace("_", "")) * size if found and timed else Fraction(0)
    if seconds < 1 or seconds.denominator != 1:
        hint = "write it like this: --budget 170gpu_h, or --budget 400usd"
        raise PromoError(f"'{said}' is not a budget in whole seconds or money", hint=hint)
    return int(seconds)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as fault:
        raise PromoError("your name is not known here", hint="add --by NAME") from fault
