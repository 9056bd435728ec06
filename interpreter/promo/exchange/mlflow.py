"""
Logged runs to MLflow, through MLflow's own client.

One experiment is one frozen study: its name holds the plan's digest, so studies of one name stay apart.  A run that
is there already is not written again, so an export can be repeated while the study goes on.  What MLflow does not take
in a name is encoded; what is too long for a value is cut, with a sign that it was.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from promo.exchange.names import metric_name
from promo.exchange.runs import TAG
from promo.exchange.values import LoggedRun, RunEnd

EXTRA = "mlflow"
MOST_METRICS, MOST_PARAMS = 1000, 100
"""How many values one call may bring: https://mlflow.org/docs/latest/api_reference/rest-api.html, Request Limits."""
LONGEST_PARAM, LONGEST_TAG = 500, 5000
CUT = " … (cut)"
STATUS = {RunEnd.FINISHED: "FINISHED", RunEnd.FAILED: "FAILED", RunEnd.KILLED: "KILLED"}
PAGE = 1000
SOURCE = {"mlflow.source.name": "promo", "mlflow.source.type": "LOCAL"}
"""What MLflow's tables have under Source."""


def about_study(title: str, plan: str) -> dict[str, str]:
    """
    Tags of a study's experiment.  Its title is the note above the runs, and its kind has MLflow show runs of training.

    Args:
        title: of the study.
        plan: digest of its plan.
    """
    shown = cut(title, LONGEST_TAG)
    kind = {"mlflow.experimentKind": "custom_model_development"}
    return {f"{TAG}title": shown, f"{TAG}plan": plan, "mlflow.note.content": shown, **kind}


class Client(Protocol):
    """What is asked of `mlflow.MlflowClient`."""

    def get_experiment_by_name(self, name: str) -> Any:
        """An experiment, or None."""

    def create_experiment(self, name: str, *, tags: dict[str, Any]) -> str:
        """A new experiment; its identity."""

    def search_runs(self, experiment_ids: list[str], *, max_results: int, page_token: str | None) -> Any:
        """A page of runs, with the token of the next one."""

    def create_run(self, experiment_id: str, *, start_time: int, tags: dict[str, Any], run_name: str) -> Any:
        """A new run."""

    def log_batch(self, run_id: str, *, metrics: Sequence[Any] = (), params: Sequence[Any] = ()) -> Any:
        """Many values of a run."""

    def set_tag(self, run_id: str, key: str, value: Any) -> None:
        """A tag of a run, new or again."""

    def set_terminated(self, run_id: str, *, status: str, end_time: int) -> None:
        """A run has ended."""


def log_runs(
    client: Client, experiment: str, about: Mapping[str, str], runs: Iterator[LoggedRun], *, metric: Any, param: Any
) -> tuple[int, int]:
    """
    Bring runs into an experiment.

    Args:
        client: MLflow's client of the place where they go.
        experiment: its name; it is made when it is not there.
        about: tags of the experiment when it is made.
        runs: attempts that have ended.
        metric: `mlflow.entities.Metric`.
        param: `mlflow.entities.Param`.

    Returns:
        (written, known): how many were written, and how many were there already.
    """
    found = client.get_experiment_by_name(experiment)
    place = client.create_experiment(experiment, tags=dict(about)) if found is None else str(found.experiment_id)
    there = {} if found is None else dict(_there(client, place))
    written = known = 0
    for run in runs:
        before = there.get(run.key)
        if before is None:
            _log(client, place, run, metric, param)
            written += 1
        else:
            _update(client, before, run)
            known += 1
    return written, known


def _there(client: Client, experiment: str) -> Iterator[tuple[str, Any]]:
    """Runs of an experiment that came from promo and were written to their end, by key."""
    token = None
    while True:
        page = client.search_runs([experiment], max_results=PAGE, page_token=token)
        for run in page:
            key = run.data.tags.get(f"{TAG}attempt")
            if key is not None and run.info.status != "RUNNING":
                yield key, run
        token = page.token
        if not token:
            return


def _log(client: Client, experiment: str, run: LoggedRun, metric: Any, param: Any) -> None:
    tags = {name: cut(value, LONGEST_TAG) for name, value in {**run.tags, **SOURCE}.items() if value}
    made = client.create_run(experiment, start_time=run.began_ms, tags=tags, run_name=run.name)
    number = made.info.run_id
    params = [param(metric_name(name), cut(str(value), LONGEST_PARAM)) for name, value in run.settings.items()]
    for some in _portions(params, MOST_PARAMS):
        client.log_batch(number, params=some)
    values = [
        metric(metric_name(series.name), point.value, point.wall_ms, point.step)
        for series in run.series
        for point in series.points
    ]
    for some in _portions(values, MOST_METRICS):
        client.log_batch(number, metrics=some)
    client.set_terminated(number, status=STATUS[run.end], end_time=run.ended_ms)


def _update(client: Client, before: Any, run: LoggedRun) -> None:
    """A guard may have set a result aside since."""
    for name, value in run.tags.items():
        short = cut(value, LONGEST_TAG)
        if before.data.tags.get(name, "") != short:
            client.set_tag(before.info.run_id, name, short)


def cut(text: str, longest: int) -> str:
    """A text that MLflow takes."""
    return text if len(text) <= longest else text[: longest - len(CUT)] + CUT


def _portions(values: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + most] for start in range(0, len(values), most))
