"""
What a study asks of somebody else's system, as a folder to send: requests, and everything that training them rests on.

The folder is laid out as the study is, so that paths in a request lead there as they do here, and a machine with promo
trains one by `python -m promo.run.attend FOLDER/runs/...`.  Whoever has another system reads `asked.csv` and writes a
table.
"""

import csv
import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from promo.base.errors import PromoError
from promo.curves.reach import COLUMN_OF
from promo.driver.study import DATA, STREAMS, StudyFolder
from promo.ledger.state import Attempt
from promo.report.declared import describe_level
from promo.run.store import PROGRAM, REQUEST, STATES, parse_request
from promo.run.values import Request
from promo.study.values import Study

TABLE = "asked.csv"
COLUMNS = (
    *("folder", "stage", "candidate", "host", "seed", "attempt"),
    *("train_with_seed", "devices", "nodes", "budget", "in"),
)
"""Columns of that table, before those of the factors."""
README = "README.txt"
WORDS = """\
{title}

This folder asks for {count}. Each is a folder below runs/ with a request.json in it; {table} lists
them: what to train (the columns behind `in`), how long, with which seed, and on how many devices, each of which
is counted (`devices`, on each of so many `nodes`).

Train each exactly so, to the end of its budget, and measure {metric} in {unit}. Then send back

- a table (.csv) with the columns candidate, host, seed (as {table} has it), {column} (how far the run had come), and
  {metric}; or an export of Weights & Biases or MLflow; or
- the folders, where promo trained them: python -m promo.run.attend {example}

and the sender of this takes it in with: promo accept STUDY FILE --by "your name"
A run that did not come to an end says so in a column of its own (status: crash, oom, nan, diverged, killed, timeout).
"""
COUNTED = {"steps": "steps", "wall": "seconds of training", "tokens": "tokens"}
NAMES = {kind.value: column.value for kind, column in COLUMN_OF.items()}
"""Kind of a budget -> the column of a table that counts it."""


def write_requests(folder: StudyFolder, study: Study, asked: Sequence[Attempt], out: Path) -> None:
    """
    Write a folder of requests.

    Raises:
        PromoError: there is something at *out* already, or there are no open requests.
    """
    if not asked:
        raise PromoError("there are no open requests")
    if out.exists():
        raise PromoError(f"{out} is there already", hint="name a folder that is not")
    requests = [parse_request(folder.read(one.folder, REQUEST) or b"") for one in asked]
    for attempt, request in zip(asked, requests, strict=True):
        (out / attempt.folder).mkdir(parents=True)
        shutil.copyfile(folder.path / attempt.folder / REQUEST, out / attempt.folder / REQUEST)
        for name in _rests_on(folder, request):
            if not (out / name).exists():
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder.path / name, out / name)
    (out / TABLE).write_text(table_of(study, asked, requests), encoding="utf-8", newline="")
    (out / README).write_text(_words(study, asked, requests), encoding="utf-8")


def _rests_on(folder: StudyFolder, request: Request) -> Iterator[str]:
    """Files of the study that training a request needs: text, program, and the state that it begins from."""
    if request.data is not None:
        yield from (f"{DATA}/{name}" for name in STREAMS if (folder.path / DATA / name).is_file())
    if request.program is not None:
        yield from (f"{PROGRAM}/{name}" for name in request.program.files)
    for begun in (request.continues, request.resume, request.grow):
        if begun is not None and begun.folder is not None:
            names = folder.disk.files(folder.path / begun.folder)
            yield from (f"{begun.folder}/{name}" for name in names if STATES.fullmatch(name))


def table_of(study: Study, asked: Sequence[Attempt], requests: Sequence[Request]) -> str:
    """One row a request: its folder and cell, how long, and what is trained."""
    factors = sorted({name for one in requests for name in one.levels or {}})
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow((*COLUMNS, *factors))
    for attempt, request in zip(asked, requests, strict=True):
        cell = (attempt.folder, attempt.stage, attempt.candidate, attempt.host, attempt.seed, attempt.number)
        levels = [describe_level((request.levels or {}).get(name, "")) for name in factors]
        budget = (request.budget.amount, COUNTED.get(request.budget.kind.value, request.budget.kind.value))
        writer.writerow((*cell, request.run.seed, request.devices, request.nodes, *budget, *levels))
    return text.getvalue()


def _words(study: Study, asked: Sequence[Attempt], requests: Sequence[Request]) -> str:
    kinds = sorted({one.budget.kind.value for one in requests})
    return WORDS.format(
        title=study.title or study.name,
        count="one run" if len(asked) == 1 else f"{len(asked)} runs",
        table=TABLE,
        metric=study.measure.metric,
        unit=study.measure.unit,
        column=" or ".join(NAMES.get(kind, kind) for kind in kinds),
        example=asked[0].folder,
    )
