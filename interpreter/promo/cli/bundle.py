"""`promo bundle` and `promo import`: a study over machines that never meet."""

from argparse import Namespace
from pathlib import Path

from promo.base.errors import ExitCode
from promo.cli.places import go_on, study_of
from promo.cli.terminal import put
from promo.report.words import plural
from promo.run.clock import SystemClock


def bundle(options: Namespace) -> int:
    """Write what was done here into one file."""
    from promo.driver.bundle import write_bundle

    folder = study_of(options.place, options.study)
    name = folder.path.name.removesuffix(".study") + (f"-{options.host}" if options.host else "")
    path = Path(options.out or f"{name}.bundle")
    options.out = str(path)
    key = Path(options.key) if options.key else None
    digest, attempts = write_bundle(folder, path, host=options.host, key=key)
    signed = f", signed with {key}" if key else ", not signed"
    put(f"{path}: {plural(attempts, 'attempt')}, sha256:{digest[:12]}{signed}")
    return ExitCode.DONE


def bring(options: Namespace) -> int:
    """Check a bundle and take its results in."""
    from promo.driver.bring import import_bundle

    folder = study_of(options.place, options.study)
    key = Path(options.key) if options.key else None
    brought = import_bundle(folder, Path(options.bundle), key=key, clock=SystemClock())
    known = f"; {brought.known} were here already" if brought.known else ""
    put(f"{options.bundle}: {plural(brought.taken, 'attempt')} of {', '.join(brought.hosts)} imported{known}")
    put(f"next: promo {go_on(options.place, folder.path)}" if brought.taken else "nothing is new")
    return ExitCode.DONE
