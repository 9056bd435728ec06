"""
What other tools read of an exported study: TensorBoard, MLflow, ro-crate-py and the RO-Crate validator.

    python tests/bench/exchange.py STUDY [CONTEXT]

needs what a checkout does not install: `pip install tensorboard tensorboardX mlflow rocrate roc-validator`.  A study is
exported in every form, read back by each tool itself, and compared with what the ledger and the points say.  The
validator fetches RO-Crate's JSON-LD context; on a machine without a network, CONTEXT is a copy of version 1.1.
"""

import io
import os
import sys
import tempfile
import time
from collections import Counter
from email.message import Message
from pathlib import Path
from urllib.response import addinfourl

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

from promo.driver.crate import write_crate
from promo.driver.export import logged_runs, tracking_uri, write_mlflow, write_tensorboard
from promo.driver.study import StudyFolder
from promo.exchange.crate import Making
from promo.exchange.names import metric_name
from promo.exchange.tensorboard import event_file, tag_of


def main(study: Path, context: Path | None) -> None:
    """Print a line for each tool; an unequal value ends it."""
    folder = StudyFolder(study)
    with tempfile.TemporaryDirectory() as name:
        tensorboard(folder, Path(name) / "log")
        mlflow(folder, Path(name) / "runs of a study.db")
        crate(folder, Path(name) / "crate", context)


def tensorboard(folder: StudyFolder, out: Path) -> None:
    """Every scalar and every setting, as TensorBoard's own reader sees them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    began = time.perf_counter()
    count = write_tensorboard(folder, out)
    took, values = time.perf_counter() - began, 0
    for run in logged_runs(folder):
        parts, _ = event_file(run)
        seen = EventAccumulator(str(out.joinpath(*parts[:-1])), size_guidance={"scalars": 0})
        seen.Reload()
        assert sorted(seen.Tags()["scalars"]) == sorted(tag_of(run, one.name) for one in run.series)
        for series in run.series:
            events = seen.Scalars(tag_of(run, series.name))
            assert [event.step for event in events] == [point.step for point in series.points]
            for event, point in zip(events, series.points, strict=True):
                assert abs(event.value - point.value) <= 1e-6 * abs(point.value)
                assert abs(event.wall_time - point.wall_ms / 1000) < 1e-3
            values += len(events)
        content = seen.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        settings = HParamsPluginData.FromString(content).session_start_info.hparams
        assert set(settings) == set(run.settings)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"TensorBoard: {count} runs, {values} values equal, {size} bytes, written in {took:.2f} s")


def mlflow(folder: StudyFolder, out: Path) -> None:
    """Every metric history, setting and tag, as MLflow's own client sees them; and that a second export adds none."""
    from mlflow import MlflowClient

    began = time.perf_counter()
    written, known = write_mlflow(folder, str(out))
    took, values = time.perf_counter() - began, 0
    assert (write_mlflow(folder, str(out)), known) == ((0, written), 0)
    client = MlflowClient(tracking_uri=tracking_uri(str(out)))
    _, plan = folder.compiled().sound()
    experiment = client.get_experiment_by_name(f"{plan.study} {plan.digest[:12]}")
    there = {run.data.tags["promo.attempt"]: run for run in client.search_runs([experiment.experiment_id])}
    for run in logged_runs(folder):
        seen = there.pop(run.key)
        assert seen.info.run_name == run.name
        assert seen.data.params == {metric_name(name): str(value) for name, value in run.settings.items()}
        assert all(seen.data.tags.get(name, "") == value for name, value in run.tags.items())
        for series in run.series:
            history = client.get_metric_history(seen.info.run_id, metric_name(series.name))
            got = sorted((one.step, one.timestamp, one.value) for one in history)
            assert got == sorted((point.step, point.wall_ms, point.value) for point in series.points)
            values += len(history)
    assert not there
    print(f"MLflow: {written} runs, {values} values equal, {out.stat().st_size} bytes, written in {took:.2f} s")


def crate(folder: StudyFolder, out: Path, context: Path | None) -> None:
    """The crate as ro-crate-py reads it, and as the SHACL rules of RO-Crate 1.1 and Process Run Crate 0.5 judge it."""
    from rocrate.rocrate import ROCrate
    from rocrate_validator import models, services

    began = time.perf_counter()
    count = write_crate(folder, out, Making())
    took = time.perf_counter() - began
    entities = len(list(ROCrate(out).get_entities()))
    size = (out / "ro-crate-metadata.json").stat().st_size
    print(f"RO-Crate: {count} files, {entities} entities, {size} bytes of metadata, written in {took:.2f} s")
    if context is not None:
        offline(context.read_bytes())
    for severity in (models.Severity.REQUIRED, models.Severity.RECOMMENDED):
        settings = services.ValidationSettings(
            rocrate_uri=str(out), profile_identifier="process-run-crate", requirement_severity=severity
        )
        issues = services.validate(settings).get_issues()
        print(f"  {severity.name.lower()}: {len(issues)} issues")
        for words, times in sorted(Counter(issue.message for issue in issues).items()):
            print(f"    {times} x {words}")
        assert severity is not models.Severity.REQUIRED or not issues


def offline(content: bytes) -> None:
    """Answer the validator's two ways of fetching a context with a copy."""
    import rdflib.parser
    import requests
    from rocrate_validator.utils.http import HttpRequester

    def opened(request):
        head = Message()
        head["Content-Type"] = "application/ld+json"
        return addinfourl(io.BytesIO(content), head, request.full_url, 200)

    def fetched(requester, url, **options):
        answer = requests.Response()
        answer.status_code, answer._content, answer.headers["Content-Type"] = 200, content, "application/ld+json"
        return answer

    rdflib.parser._urlopen = opened
    HttpRequester.get = HttpRequester.fetch_fresh = fetched


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None)
