"""
Real tables of other tools, made by the tools themselves, for `promo replay --from TOOL`.

    python tests/bench/exports.py FOLDER

Writes optuna.csv, mlflow.csv, wandb_history.csv and wandb_chart.csv; `tests/curves/exports/` holds those of optuna
5.0.0, mlflow-skinny 3.17.2 and wandb 0.31.0.  Nothing is sent anywhere: MLflow writes a local database, and W&B runs
offline.  W&B gives a history only through its server, so the rows that a run logged are read from its own offline file
and written as `Run.history()` arranges them, and as the documentation of charts shows their export.
"""

import argparse
import csv
import json
import math
import os
import struct
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

RATES = {"shallow": 0.1, "deep": 0.2}
STEPS = (0, 10, 20, 30)


def loss(name: str, step: int) -> float:
    """Deep learns more, and is not a number from step 30 on."""
    return math.nan if (name, step) == ("deep", 30) else 2 - RATES[name] * step / 30


def optuna_table(place: Path) -> None:
    """Trials that complete, are pruned, and fail."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: "optuna.Trial") -> float:
        depth = trial.suggest_int("depth", 1, 4)
        seed = trial.suggest_int("seed", 1, 2)
        value = 3.0
        for step in STEPS[1:]:
            value = 3 - depth / 10 - step / 100 + seed / 1000
            trial.report(value, step)
            if trial.number == 4 and step == 20:
                raise RuntimeError("out of memory")
            if trial.number == 3 and step == 20:
                raise optuna.TrialPruned
        return value

    study = optuna.create_study(sampler=optuna.samplers.GridSampler({"depth": [1, 2, 4], "seed": [1, 2]}, seed=1))
    study.optimize(objective, n_trials=6, catch=(RuntimeError,))
    frame = study.trials_dataframe(attrs=("number", "state", "params", "intermediate_values"))
    frame.to_csv(place / "optuna.csv", index=False)


def mlflow_table(place: Path, scratch: Path) -> None:
    """The history of every metric of two runs."""
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{scratch}/ml.db"
    import mlflow
    import pandas as pd

    mlflow.set_experiment("promo")
    for name in RATES:
        with mlflow.start_run(run_name=name):
            mlflow.log_metric("rate", RATES[name])
            for step in STEPS:
                mlflow.log_metric("train/loss", 3 - step / 100, step=step)
                mlflow.log_metric("val_bpb", loss(name, step), step=step)
                time.sleep(0.02)
    client, rows = mlflow.MlflowClient(), []
    for run in client.search_runs([mlflow.get_experiment_by_name("promo").experiment_id]):
        for key in run.data.metrics:
            history = client.get_metric_history(run.info.run_id, key)
            rows += [{**dict(one), "run_id": run.info.run_id, "run_name": run.info.run_name} for one in history]
    pd.DataFrame(rows).to_csv(place / "mlflow.csv", index=False)


def wandb_tables(place: Path, scratch: Path) -> None:
    """Two offline runs, as rows of a history and as a chart."""
    os.environ.update(WANDB_MODE="offline", WANDB_DIR=str(scratch), WANDB_SILENT="true")
    import wandb

    for name in RATES:
        with wandb.init(project="promo", name=name) as run:
            for step in STEPS:
                run.log({"train/loss": 3 - step / 100}, step=step)
                run.log({"val_bpb": loss(name, step)}, step=step)
                time.sleep(0.02)
    rows = [row for file in sorted(scratch.glob("wandb/offline-run-*/*.wandb")) for row in logged(file)]
    columns = ("run", "_step", "_runtime", "_timestamp", "train/loss", "val_bpb")
    with (place / "wandb_history.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with (place / "wandb_chart.csv").open("w", encoding="utf-8", newline="") as out:
        chart = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        chart.writerow(["Step", *(f"{name} - val_bpb{bound}" for name in RATES for bound in ("", "__MIN", "__MAX"))])
        for step in STEPS:
            values = [row["val_bpb"] for name in RATES for row in rows if (row["run"], row["_step"]) == (name, step)]
            chart.writerow([step, *(text for value in values for text in (value,) * 3)])


def logged(file: Path) -> Iterator[dict[str, object]]:
    """History rows of an offline run."""
    from wandb.proto import wandb_internal_pb2

    name = ""
    for content in records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            name = record.run.display_name
        if kind == "history":
            items = {one.key or "/".join(one.nested_key): json.loads(one.value_json) for one in record.history.item}
            yield {"run": name, **items}


def records(data: bytes) -> Iterator[bytes]:
    """
    Records of a .wandb file: seven bytes, then pieces in blocks of 32 KiB, each behind a checksum, length and kind.

    Source:
        The log format of LevelDB (doc/log_format.md); kind 1 is a whole record, 2 to 4 are first, middle and last.
    """
    place, part = 7, b""
    while place + 7 <= len(data):
        room = 32768 - place % 32768
        if room < 7:
            place += room
            continue
        _, length, kind = struct.unpack("<IHB", data[place : place + 7])
        piece = data[place + 7 : place + 7 + length]
        place += 7 + length
        part = piece if kind in (1, 2) else part + piece
        if kind in (1, 4):
            yield part


def main() -> None:
    """Write all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    place = parser.parse_args().folder
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        optuna_table(place)
        mlflow_table(place, Path(scratch))
        wandb_tables(place, Path(scratch))


if __name__ == "__main__":
    main()
