"""`promo decide`: a person's verdict where a gate or rule waits for one."""

from argparse import Namespace

from promo.base.errors import ExitCode
from promo.cli.places import go_on, study_of
from promo.cli.terminal import put
from promo.driver.person import record_verdict
from promo.run.clock import SystemClock


def decide(options: Namespace) -> int:
    """Record a verdict; `promo run` then goes on."""
    folder = study_of(options.place, options.study)
    promote = None
    if options.promote is not None:
        promote = tuple(name.strip() for name in options.promote.split(",") if name.strip())
    record_verdict(
        folder,
        options.name,
        promote=promote,
        stop=options.stop,
        by=options.by,
        reason=options.reason,
        clock=SystemClock(),
    )
    put(f"{options.name}: recorded")
    put(f"next: promo {go_on(options.place, folder.path, replay=bool(folder.state().replay))}")
    return ExitCode.DONE
