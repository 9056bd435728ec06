"""
Tables of other tools to a sheet with a config, a coordinate and a value in each row.

Each layout is known by its columns; a table that has other ones is refused as a whole, because a wrong guess about
what a column means would be read as a result.  Columns that a layout does not know stay beside those that it makes, so
that an export with the parameters of its runs can say config and seed.
"""

import re
from collections.abc import Callable, Collection, Mapping

from promo.base.errors import PromoError
from promo.curves.values import OK, Column, Sheet

Layout = tuple[Sheet, Mapping[Column, str]]
"""The rearranged sheet, and which of its columns says what."""

_WANDB_WIDE = re.compile(r"(?P<run>.+?) - (?P<metric>.+?)(?P<bound>__MIN|__MAX)?")
_WANDB_COORDINATES = {"step": Column.STEP, "_step": Column.STEP, "_runtime": Column.SECONDS}
_WANDB_COORDINATES["relative time (process)"] = Column.SECONDS
_WANDB_RUNS = ("run", "Run", "run_name", "name", "Name", "run_id")
_AUTORESEARCH = ("commit", "val_bpb", "status", "description")
AUTORESEARCH_BUDGET_S = 300
_INTERMEDIATE = "intermediate_values_"
_NOT_FINITE = ("nan", "inf", "infinity")
_OPTUNA_STATES = {"COMPLETE": OK, "FAIL": "crash"}
"""A trial that was pruned, or was running still, is one that was ended before its time."""


def rearranged(layout: str, sheet: Sheet, metric: str, asked: Collection[str] = ()) -> Layout:
    """
    A table of another tool as promo reads tables.

    Args:
        layout: the tool.
        sheet: its table.
        metric: what the study measures.
        asked: columns of the table that whoever reads it has named; they stay as they are beside what is made.

    Raises:
        PromoError: the table has not the columns of that tool, or one that was named cannot be read.
    """
    return LAYOUTS[layout](sheet, metric, asked)


def _autoresearch(sheet: Sheet, metric: str, asked: Collection[str]) -> Layout:
    """
    One row an experiment: its commit, its score after five minutes of training, and whether it crashed.

    Source:
        karpathy/autoresearch, program.md: columns of results.tsv; train.py: a budget of 300 s.
    """
    if not set(_AUTORESEARCH) <= set(sheet.header):
        raise _unlike(sheet, "autoresearch's results.tsv", "commit, val_bpb, memory_gb, status, description")
    rows = []
    for row, cells in sheet.rows:
        crashed = cells["status"] == "crash"  # its score then reads 0.000000, which is no score
        rows.append(
            (
                row,
                {
                    "config": cells["commit"],
                    "run": f"{cells['commit']} in row {row}",
                    "seconds": str(AUTORESEARCH_BUDGET_S),
                    "value": "" if crashed else cells["val_bpb"],
                    "status": "crash" if crashed else OK,
                },
            )
        )
    return _layout(sheet, asked, ("config", "run", "seconds", "value", "status"), rows, keep=True)


def _wandb(sheet: Sheet, metric: str, asked: Collection[str]) -> Layout:
    """
    A chart's export (a coordinate, then `run - metric` for each run), or a history in rows with a run in each.

    Source:
        docs.wandb.ai, "Export a chart as CSV" and `Run.history`.
    """
    coordinate = next((name for name in sheet.header if name.lower() in _WANDB_COORDINATES), None)
    if coordinate is None:
        raise _unlike(sheet, "an export of W&B", "Step and 'RUN - METRIC', or a run column, _step and the metric")
    column = _WANDB_COORDINATES[coordinate.lower()]
    wide = _wide_columns(sheet, metric)
    rows: list[tuple[int, dict[str, str]]] = []
    if wide:
        for row, cells in sheet.rows:
            for name, run in wide.items():
                if cells[name]:
                    said = {"config": run, "run": run, column.value: cells[coordinate]}
                    rows.append((row, {**said, **_value(cells[name])}))
        return _layout(sheet, asked, ("config", "run", column.value, "value", "status"), rows)
    owner = next((name for name in _WANDB_RUNS if name in sheet.header), None)
    if owner is None or metric not in sheet.header:
        raise _unlike(sheet, "an export of W&B", f"'RUN - {metric}' columns, or a run column and '{metric}'")
    others = [one for one in sheet.header if one.lower() in _WANDB_COORDINATES and one != coordinate]
    extra = {_WANDB_COORDINATES[one.lower()].value: one for one in others if one in sheet.header}
    extra.pop(column.value, None)
    for row, cells in sheet.rows:
        if cells[metric]:
            at = {column.value: cells[coordinate], **{name: cells[other] for name, other in extra.items()}}
            rows.append((row, {"config": cells[owner], "run": cells[owner], **at, **_value(cells[metric])}))
    return _layout(sheet, asked, ("config", "run", column.value, *extra, "value", "status"), rows, keep=True)


def _wide_columns(sheet: Sheet, metric: str) -> dict[str, str]:
    """Column -> run, for columns of the metric itself; the bounds that a chart adds are left out."""
    found = {}
    for name in sheet.header:
        match = _WANDB_WIDE.fullmatch(name)
        if match and not match["bound"] and match["metric"].rpartition("/")[2] == metric.rpartition("/")[2]:
            found[name] = match["run"]
    return found


def _mlflow(sheet: Sheet, metric: str, asked: Collection[str]) -> Layout:
    """
    One row a logged value: run_id, key, value, step, timestamp in milliseconds; run_name, if there, names the config.

    Seconds are counted from the first value that a run logged under any key.  A value that is not a number was logged
    as one: pandas leaves its cell empty.

    Source:
        mlflow.org, "Log metric": fields of a metric; the timestamp is Unix time in milliseconds, the step is 0 by
        default.
    """
    columns = {name.lower(): name for name in sheet.header}
    if not {"run_id", "key", "value", "step", "timestamp"} <= set(columns):
        expected = "run_id, key, value, step, timestamp, as MlflowClient().get_metric_history gives them for each run"
        only_last = (
            "; search_runs has no more than the last value of a metric" if "metrics." + metric in columns else ""
        )
        raise _unlike(sheet, "MLflow metrics", expected + only_last)
    run, key, value, step, stamp = (columns[name] for name in ("run_id", "key", "value", "step", "timestamp"))
    began: dict[str, int] = {}
    for row, cells in sheet.rows:
        if not re.fullmatch(r"[0-9]{1,18}", cells[stamp]):
            message = f"{sheet.name}, row {row}: the timestamp '{cells[stamp][:40]}' is no Unix time in milliseconds"
            raise PromoError(message)
        began[cells[run]] = min(int(cells[stamp]), began.get(cells[run], int(cells[stamp])))
    rows = []
    for row, cells in sheet.rows:
        if cells[key] == metric:
            elapsed = int(cells[stamp]) - began[cells[run]]
            seconds = f"{elapsed // 1000}.{elapsed % 1000:03d}"
            config = cells[columns["run_name"]] if "run_name" in columns else cells[run]
            texts = {"config": config, "run": cells[run], "step": cells[step], "seconds": seconds}
            rows.append((row, {**texts, **_value(cells[value])}))
    if not rows:
        keys = ", ".join(sorted({cells[key] for _, cells in sheet.rows})[:8])
        raise PromoError(f"{sheet.name} holds no metric '{metric}'; it holds: {keys}")
    if {texts["step"] for _, texts in rows} == {"0"}:  # steps were never logged
        return _layout(sheet, asked, ("config", "run", "seconds", "value", "status"), rows, keep=True, read=(step,))
    return _layout(sheet, asked, ("config", "run", "step", "seconds", "value", "status"), rows, keep=True)


def _optuna(sheet: Sheet, metric: str, asked: Collection[str]) -> Layout:
    """
    Intermediate values: columns `intermediate_values_STEP` of a trials table, or rows of trial, step and value.

    Source:
        optuna.readthedocs.io, `Study.trials_dataframe` (attribute names with underscores) and `trial.report`.
    """
    trial = next((name for name in ("number", "trial", "trial_number", "trial_id") if name in sheet.header), None)
    steps = {name: name.removeprefix(_INTERMEDIATE) for name in sheet.header if name.startswith(_INTERMEDIATE)}
    value = next((name for name in ("intermediate_value", "value", metric) if name in sheet.header), None)
    if trial is None or not (steps or ("step" in sheet.header and value)):
        attrs = '("number", "state", "params", "intermediate_values")'
        expected = f"number and {_INTERMEDIATE}STEP, from trials_dataframe(attrs={attrs}); or trial, step, value"
        raise _unlike(sheet, "Optuna trials", expected)
    rows: list[tuple[int, dict[str, str]]] = []
    in_order = sorted(steps.items(), key=lambda item: (len(item[1]), item[1]))
    for row, cells in sheet.rows:
        name = f"trial_{cells[trial]}"
        if not steps:
            assert value is not None
            rows.append((row, {"config": name, "run": name, "step": cells["step"], "value": cells[value]}))
            continue
        state = cells.get("state", "COMPLETE").rpartition(".")[2]
        said = {"config": name, "run": name, "status": _OPTUNA_STATES.get(state, "killed")}
        for column, step in in_order:
            if (value := cells[column]) and value.lower() != "nan":  # others reported there
                rows.append((row, {**said, "step": step, "value": value}))
    header = ("config", "run", "step", "value", "status") if steps else ("config", "run", "step", "value")
    return _layout(sheet, asked, header, rows, keep=True, read=steps)


def _value(said: str) -> dict[str, str]:
    """A value as a tool logged it; one that is no finite number is how the run ended."""
    bad = not said or said.lower().lstrip("+-") in _NOT_FINITE
    return {"value": "" if bad else said, "status": "nan" if bad else OK}


class _Over(dict[str, str]):
    """Cells that a layout made; others are looked up in the row below.  Of wide tables there are many."""

    def __init__(self, texts: dict[str, str], below: Mapping[str, str]) -> None:
        super().__init__(texts)
        self._below = below

    def __missing__(self, name: str) -> str:
        return self._below[name]


def _layout(
    sheet: Sheet,
    asked: Collection[str],
    header: tuple[str, ...],
    rows: list[tuple[int, dict[str, str]]],
    *,
    keep: bool = False,
    read: Collection[str] = (),
) -> Layout:
    """
    The columns that a layout made, and the others of the tool's own that it has not *read*, where rows stay rows.

    What it made gives way, with a star behind its name, to a column of the same name that is *asked* for.
    """
    lost = [name for name in asked if name in sheet.header and not keep]
    if lost:
        message = f"column '{lost[0]}' of {sheet.name} cannot be read: a row of a chart holds a point of each run"
        raise PromoError(message, hint="leave it out; the headings of a chart name its runs")
    known = {column.value: column for column in Column}
    called = {name: _beside(name, {*asked} & {*sheet.header}) for name in header}
    made = tuple(called.values())
    others = tuple(name for name in sheet.header if name not in made and name not in read) if keep else ()
    if made != header:
        rows = [(row, {called.get(name, name): text for name, text in texts.items()}) for row, texts in rows]
    before = dict(sheet.rows)
    whole = ((row, _Over(texts, before[row]) if others else texts) for row, texts in rows)
    return Sheet(sheet.name, (*made, *others), tuple(whole), sheet.faults), {known[one]: called[one] for one in header}


def _beside(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "*"
    return name


def _unlike(sheet: Sheet, what: str, expected: str) -> PromoError:
    shown = ", ".join(sheet.header[:12]) + (", ..." if len(sheet.header) > 12 else "")
    return PromoError(f"{sheet.name} is not {what}: its columns are {shown}", hint=f"expected: {expected}")


LAYOUTS: Mapping[str, Callable[[Sheet, str, Collection[str]], Layout]] = {
    "autoresearch": _autoresearch,
    "wandb": _wandb,
    "mlflow": _mlflow,
    "optuna": _optuna,
}
