"""Runs for viewers of runs: what is shown of an attempt, and what MLflow is told."""

from types import SimpleNamespace

import pytest
from attrs import evolve

from promo.exchange.mlflow import log_runs
from promo.exchange.runs import logged_run
from promo.exchange.values import RunEnd
from promo.ledger.state import Attempt, AttemptState, State
from promo.run.values import Result, RunStatus
from support import plan_of, spec, study_of

BEGAN_MS = 1767225600000
ATTEMPT = Attempt(
    run="0123456789abcdef",
    number=2,
    stage="short",
    candidate="spare",
    host="box",
    seed=1,
    folder="",
    state=AttemptState.ACCEPTED,
    status="ok",
    train_s="1.5",
    device_s="2.25",
    started="2026-01-01T00:00:00Z",
    ended="2026-01-01T00:00:03Z",
)
POINTS = (
    {"step": 10, "charged_s": "0.5", "train_bpb": "3.5", "loss <b>": 2},
    {"step": 20, "charged_s": "1", "train_bpb": "nan", "gain": "1/4", "note": "text", "flag": True},
    {"step": 20, "charged_s": "1", "val": "2.5"},
)
RESULT = Result(RunStatus.OK, "", {"val": "2.5", "loss": "7"}, {}, {}, "d")


def logged(attempt=ATTEMPT, points=POINTS, result=RESULT):
    study, plan = study_of(spec()), plan_of(spec())
    return logged_run(study, plan, State(), attempt, result, points)


def curves(run):
    return {
        series.name: [(point.step, point.wall_ms - BEGAN_MS, point.value) for point in series.points]
        for series in run.series
    }


def test_curves_settings_and_the_result_of_an_attempt():
    run = logged()
    found = curves(run)

    assert found["loss <b>"] == [(10, 500, 2.0)]
    assert found["charged_s"] == [(10, 500, 0.5), (20, 1000, 1.0)]
    assert found["gain"] == [(20, 1000, 0.25)]
    assert found["val"] == [(20, 1000, 2.5)]
    assert found["loss"] == [(20, 3000, 7.0)]
    assert found["spent_s"] == [(20, 3000, 1.5)]
    assert found["train_bpb"][1][2] != found["train_bpb"][1][2]
    assert not {"note", "flag", "step"} & set(found)
    assert run.settings == {
        "quality": 2,
        "size": 16,
        "ratio": 4,
        "behaviour": "ok",
        "stage": "short",
        "candidate": "spare",
        "host": "box",
        "seed": 1,
        "budget": "1s",
    }
    assert (run.name, run.end) == ("short: spare on box, seed 1, attempt 2", RunEnd.FINISHED)
    assert run.final == ("val", "loss", "spent_s", "slot_s")


def test_points_without_a_step_are_counted():
    assert curves(logged(points=({"loss": "3"}, {"loss": "2", "step": -1}, {"loss": "1", "step": "x"})))["loss"] == [
        (0, 0, 3.0),
        (1, 0, 2.0),
        (2, 0, 1.0),
        (2, 3000, 7.0),
    ]


def test_the_points_of_a_run_that_carries_another_on_begin_with_that_ones():
    text = spec(stage_long="stage long {\n  after pick\n  continue promoted from short to 3s\n}")
    attempt = evolve(ATTEMPT, stage="long", candidate="base", train_s="2")
    points = ({"step": 1, "charged_s": "1", "loss": "3"}, {"step": 2, "charged_s": "3", "loss": "2"})
    run = logged_run(study_of(text), plan_of(text), State(), attempt, RESULT, points)

    assert curves(run)["loss"][:2] == [(1, 0, 3.0), (2, 2000, 2.0)]


class Mlflow:
    """An MLflow that refuses what the real one refuses: https://mlflow.org/docs/latest/api_reference/rest-api.html."""

    def __init__(self):
        self.experiments, self.runs = {}, {}

    def get_experiment_by_name(self, name):
        return SimpleNamespace(experiment_id=name) if name in self.experiments else None

    def create_experiment(self, name, *, tags):
        self.experiments[name] = tags
        return name

    def search_runs(self, experiment_ids, *, max_results, page_token):
        """One run a page."""
        every, at = list(self.runs.values()), int(page_token or 0)
        page = type("Page", (list,), {"token": str(at + 1) if at + 1 < len(every) else None})
        return page(every[at : at + 1])

    def create_run(self, experiment_id, *, start_time, tags, run_name):
        info = SimpleNamespace(run_id=f"r{len(self.runs)}", status="RUNNING", run_name=run_name, start_time=start_time)
        run = SimpleNamespace(info=info, data=SimpleNamespace(tags=dict(tags), params={}, metrics=[]))
        self.runs[info.run_id] = run
        return run

    def log_batch(self, run_id, *, metrics=(), params=()):
        assert len(metrics) <= 1000
        assert len(params) <= 100
        assert all(len(value) <= 500 for _, value in params)
        self.runs[run_id].data.metrics += metrics
        self.runs[run_id].data.params |= dict(params)

    def set_tag(self, run_id, key, value):
        assert len(value) <= 5000
        self.runs[run_id].data.tags[key] = value

    def set_terminated(self, run_id, *, status, end_time):
        self.runs[run_id].info.status = status


@pytest.fixture
def mlflow():
    return Mlflow()


def sent(mlflow, *runs):
    return log_runs(mlflow, "trial", {"promo.title": "A"}, iter(runs), metric=lambda *of: of, param=lambda *of: of)


def test_mlflow_gets_every_value_in_portions_and_nothing_twice(mlflow):
    points = tuple({"step": step, "loss": str(step)} for step in range(1, 2501))
    long = evolve(ATTEMPT, cause="x" * 9000)

    assert sent(mlflow, logged(long, points)) == (1, 0)
    assert sent(mlflow, logged(long, points)) == (0, 1)
    (run,) = mlflow.runs.values()
    values = [one for one in run.data.metrics if one[0] == "loss"]
    assert [(step, value) for _, value, _, step in values] == [
        *((step, float(step)) for step in range(1, 2501)),
        (2500, 7.0),
    ]
    assert run.data.params["behaviour"] == "ok"
    assert run.data.tags["promo.cause"].endswith(" … (cut)")
    assert run.info.status == "FINISHED"


def test_a_run_that_was_cut_short_is_written_again_and_a_flag_is_brought_up_to_date(mlflow):
    sent(mlflow, logged())
    mlflow.runs["r0"].info.status = "RUNNING"

    assert sent(mlflow, logged()) == (1, 0)
    ATTEMPT.state = AttemptState.FLAGGED
    try:
        assert sent(mlflow, logged()) == (0, 1)
    finally:
        ATTEMPT.state = AttemptState.ACCEPTED
    assert mlflow.runs["r1"].data.tags["promo.state"] == "flagged"


def test_a_name_that_mlflow_does_not_take_is_encoded(mlflow):
    sent(mlflow, logged())

    assert "loss :3cb:3e" in {name for name, *_ in mlflow.runs["r0"].data.metrics}
