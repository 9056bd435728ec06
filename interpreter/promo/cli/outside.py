"""`promo ask` and `promo accept`: runs that somebody else's system trains."""

from argparse import Namespace
from pathlib import Path

from promo.base.errors import ExitCode, PromoError
from promo.cli.places import go_on, study_of
from promo.cli.replay import reading_options, settings_of
from promo.cli.terminal import put
from promo.curves.read import suffix_of
from promo.driver.asking import write_requests
from promo.driver.outside import accept as take_in
from promo.driver.outside import open_requests
from promo.report.amounts import budget_text
from promo.report.changed import called
from promo.report.words import plural

SHOWN = 40


def ask(options: Namespace) -> int:
    """List what somebody else's system is asked to train, or write it into a folder to send."""
    folder = study_of(options.place, options.study)
    study, plan = folder.compiled().sound()
    names = called(study, plan)
    asked = open_requests(folder, study, folder.state())
    if options.out:
        write_requests(folder, study, asked, Path(options.out))
        put(f"{options.out}: {plural(len(asked), 'request')}; its README.txt says what to do with them")
        return ExitCode.DONE
    for one in asked[:SHOWN]:
        put(f"{one.folder}: {names[one.candidate]}, seed {one.seed}, {budget_text(study.stages[one.stage].budget)}")
    if len(asked) > SHOWN:
        put(f"and {len(asked) - SHOWN} more")
    open_words = f"{plural(len(asked), 'run')} requested and not answered; --out FOLDER writes the requests"
    put(open_words if asked else "there are no open requests")
    return ExitCode.DONE


def accept(options: Namespace) -> int:
    """Take in what was trained outside."""
    if not options.files and not options.lost:
        hint = "give folders with a result.json in them, or tables; promo ask lists the requests"
        raise PromoError("there is nothing to accept", hint=hint)
    files = [Path(one) for one in options.files]
    needless = reading_options(options)
    if needless and not any(suffix_of(one.name) for one in files):
        raise PromoError(f"{needless[0]} says how a table is read, and no table is given", hint="leave it out")
    folder = study_of(options.place, None)
    study, _ = folder.compiled().sound()
    accepted = take_in(folder, files, settings_of(options, study), by=options.by, lost=options.lost)
    for words in accepted.left_out[:SHOWN]:
        put(f"left out: {words}")
    known = f"; {len(accepted.known)} were here already" if accepted.known else ""
    put(f"{plural(len(accepted.taken), 'answer')} imported{known}")
    put(f"next: promo {go_on(options.place, folder.path)}" if accepted.taken else "nothing is new")
    return ExitCode.DONE
