"""`promo plan`: what would run, and what it would cost."""

import json
import sys
from argparse import Namespace
from pathlib import Path

from promo.base.canonical import parse_json
from promo.base.codec import to_json
from promo.base.errors import ExitCode, PromoError
from promo.base.reading import RECORD
from promo.base.visible import visible
from promo.cli.spec import but_seals, compile_file, print_diagnostics
from promo.cli.terminal import how_wide, put, put_styled, styled, wants_colour
from promo.files import read_given, write_given
from promo.plans.values import Plan, SavedPlan, plan_from_json
from promo.run.clock import SystemClock

PLAN_HINT = "write one with: promo plan SPEC --out FILE"


def _change(old: str, made: Plan) -> str:
    """What changed since an earlier plan, which is a plan file or an earlier spec."""
    from promo.report.change import plan_change

    if old.endswith(".promo"):
        return plan_change(compile_file(old).priced()[1], made)
    try:
        before = plan_from_json(parse_json(read_given(Path(old), RECORD)))
    except ValueError as fault:
        raise PromoError(f"{old} is not a plan file that this promo reads: {fault}", hint=PLAN_HINT) from fault
    return plan_change(before, made)


def plan(options: Namespace) -> int:
    """Compile a spec and print its plan."""
    compiled = compile_file(options.spec)
    # What changed is asked most of all when a seal no longer fits.
    study, made = compiled.priced(*(["P0401"] if options.diff else []))
    print_diagnostics(but_seals(compiled.diagnostics))
    if options.out:
        saved = to_json(SavedPlan(str(Path(options.spec).resolve()), made))
        write_given(Path(options.out), (json.dumps(saved, sort_keys=True, indent=1) + "\n").encode())
    if options.diff:
        put(_change(options.diff, made))
        return ExitCode.FINDINGS if any(one.code == "P0401" for one in compiled.diagnostics) else ExitCode.DONE
    if options.json:
        put(json.dumps(to_json(made), indent=1, sort_keys=True))
    else:
        from promo.report.changed import called
        from promo.report.planned import WIDTH, plan_lines

        colour = wants_colour(sys.stdout)
        lines = plan_lines(study, made, options.spec, SystemClock().now(), min(WIDTH, how_wide(WIDTH)))
        shown = (styled(one.text, one.style, colour=colour) if one.style else visible(one.text) for one in lines)
        put_styled("\n".join(shown))
        if options.all:
            names = called(study, made)
            for stage in made.stages:
                for run in stage.runs:
                    sys.stdout.write(f"{run.id}  {stage.name}  {names[run.candidate]}  {run.host}  seed {run.seed}\n")
    return ExitCode.DONE
