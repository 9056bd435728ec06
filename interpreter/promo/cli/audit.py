"""`promo report` and `promo verify`."""

import json
import sys
from argparse import Namespace
from pathlib import Path

from promo.base.canonical import Json
from promo.base.classes import evolve
from promo.base.errors import ExitCode, PromoError
from promo.cli.places import study_of
from promo.cli.terminal import put, put_wrapped
from promo.driver.study import StudyFolder


def report(options: Namespace) -> int:
    """Write the audit report of a study; of a damaged one too, which then says so and ends with another code."""
    if len(options.places) > 1:
        return _beside(options)
    from promo.driver.report import FORMS, write_report

    folder = _folder(options)
    path = Path(options.out) if options.out else folder.path / FORMS[options.format]
    written = write_report(folder, path, options.format)
    put_wrapped(written.story)
    for file in written.files:
        put(f"report: {file}")
    for fault in written.faults:
        put(f"not whole: {fault}", sys.stderr)
    return ExitCode.FINDINGS if written.faults else ExitCode.DONE


def _folder(options: Namespace) -> StudyFolder:
    """The study that is meant; a folder that is named may lack its ledger."""
    place = Path(options.study or (options.places[0] if options.places else ""))
    named = bool(options.study or options.places) and place.is_dir()
    return StudyFolder(place) if named else study_of(options.places[0] if options.places else None, options.study)


def _beside(options: Namespace) -> int:
    """Two studies side by side."""
    from promo.driver.report import write_beside

    if len(options.places) > 2 or options.study or options.format != "html":
        message = "two studies are shown side by side, as HTML"
        raise PromoError(message, hint="promo report FIRST SECOND --out FILE")
    first, second = (study_of(place, None) for place in options.places)
    path = Path(options.out or "beside.html")
    view = write_beside(first, second, path)
    put_wrapped(view.story)
    put(f"report: {path}")
    return ExitCode.DONE


def verify(options: Namespace) -> int:
    """Derive a study again and compare."""
    from promo.driver.verify import verify_study

    folder = study_of(options.place, options.study)
    given = (tuple(map(Path, words)) for words in (options.anchor, options.key, options.authority))
    audit = verify_study(folder, *given)
    if options.registration:
        from promo.driver.registration import check_registration

        said = (one for path in options.registration for one in check_registration(folder, Path(path)))
        audit = evolve(audit, checks=(*audit.checks, *said))
    if options.json:
        checks: list[Json] = [
            {"check": one.name, "outcome": one.outcome.value, "words": one.words} for one in audit.checks
        ]
        content: dict[str, Json] = {
            "promo_audit": 1,
            "exit_code": int(audit.exit_code),
            "replay": audit.replay,
            "verdict": audit.verdict,
            "checks": checks,
        }
        put(json.dumps(content, indent=1, sort_keys=True))
        return audit.exit_code
    for one in audit.checks:
        put_wrapped([f"{one.outcome.value:8} {one.name}: {one.words}"])
    put("")
    put_wrapped([audit.verdict])
    return audit.exit_code
