"""Runs for viewers of runs: what is shown of an attempt, and what MLflow is told."""

from fractions import Fraction
from types import SimpleNamespace

import pytest

from made import NOTHING, body
from promo.base.classes import evolve
from promo.exchange.mlflow import about_study, log_runs
from promo.exchange.runs import logged_run
from promo.exchange.values import RunEnd
from promo.ledger.losses import Loss
from promo.ledger.sources import Installed, Recording
from promo.ledger.state import Attempt, AttemptState, State
from promo.ledger.values import Freezing, ResultFlagged, RunStatus
from promo.run.values import Point, Result, Work
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
    status=RunStatus.OK,
    request=NOTHING,
    envelope="f" * 64,
    train_s="1.5",
    device_s="2.25",
    started="2026-01-01T00:00:00Z",
    ended="2026-01-01T00:00:03Z",
)
POINTS = (
    Point(10, 160, "0.5", {"train_bpb": "3.5", "loss <b>": "2"}),
    Point(20, None, "1", {"gain": "1/4", "beyond": "1e999", "small": "-2.5e-7"}),
    Point(20, None, "1", {"val": "2.5"}),
)
RESULT = Result(RunStatus.OK, "", body(metrics={"val": "2.5", "loss": "7"}), "f" * 64)


GUARDED = spec().replace("  ties by name", "  guard throughput within 20% of host, drop\n  ties by name")
FLAG = ResultFlagged(ATTEMPT.run, 2, "pick", 0, Fraction(40), Fraction(99), again=False)


def logged(attempt=ATTEMPT, points=POINTS, result=RESULT, state=None, text=GUARDED):
    return logged_run(study_of(text), plan_of(text), state or State(), attempt, result, points, "quality 1")


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
    assert found["train_bpb"] == [(10, 500, 3.5)]
    assert found["tokens"] == [(10, 500, 160.0)]
    assert found["small"] == [(20, 1000, -2.5e-7)]
    assert not {"beyond", "step"} & set(found)  # no float is that large
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
    assert (run.name, run.end) == ("short: spare (quality 1) on box, seed 1, attempt 2", RunEnd.FINISHED)
    assert run.final == ("val", "loss", "spent_s", "slot_s")


def test_points_without_a_step_are_counted():
    points = tuple(Point(None, None, None, {"loss": value}) for value in ("3", "2", "1"))

    assert curves(logged(points=points))["loss"] == [
        (0, 0, 3.0),
        (1, 0, 2.0),
        (2, 0, 1.0),
        (2, 3000, 7.0),
    ]


@pytest.mark.parametrize(
    ("attempt", "steps", "ended"),
    [
        (ATTEMPT, 70, 70),
        (ATTEMPT, None, 100),
        (evolve(ATTEMPT, state=AttemptState.FAILED, status=RunStatus.NAN), None, 0),
    ],
)
def test_a_run_without_a_curve_has_its_value_at_its_last_step(attempt, steps, ended):
    result = evolve(RESULT, body=evolve(RESULT.body, work=Work(steps=steps)))
    text = GUARDED.replace("for 1s\n  on", "for 100steps\n  cap 1s\n  on")
    run = logged(attempt, (), result, text=text)

    assert curves(run)["val"] == [(ended, 3000, 2.5)]


def test_the_points_of_a_run_that_carries_another_on_begin_with_that_ones():
    text = spec(stage_long="stage long {\n  after pick\n  continue promoted from short to 3s\n}")
    attempt = evolve(ATTEMPT, stage="long", candidate="base", train_s="2")
    points = (Point(1, None, "1", {"loss": "3"}), Point(2, None, "3", {"loss": "2"}))
    run = logged(attempt, points, text=text)

    assert curves(run)["loss"][:2] == [(1, 0, 3.0), (2, 2000, 2.0)]


RECORDED = Freezing(
    study="trial",
    plan=NOTHING,
    seals={},
    files={},
    runner=Installed("recorded", 1, NOTHING, {}),
    promo="0",
    code=NOTHING,
    commit=None,
    replay=Recording(
        "curves.csv", "curves.csv", NOTHING, interpolate=False, seeds_by="seed", cells=1, empty=0, repeated=0
    ),
)


@pytest.mark.parametrize(
    ("changed", "state", "told", "end"),
    [
        ({}, State(), ("accepted", "ok", "", "no"), RunEnd.FINISHED),
        ({}, State(frozen=RECORDED), ("accepted", "ok", "", "yes"), RunEnd.FINISHED),
        (
            {"state": AttemptState.FAILED, "status": RunStatus.OOM, "cause": "8 GiB asked for"},
            State(frozen=evolve(RECORDED, replay=None)),
            ("failed", "oom", "8 GiB asked for", "no"),
            RunEnd.FAILED,
        ),
        (
            {"state": AttemptState.LOST, "status": None, "loss": Loss.GONE},
            State(),
            ("lost", "lost", "promo ended before it did", "no"),
            RunEnd.KILLED,
        ),
    ],
)
def test_tags_tell_which_study_and_run_it_was_and_how_it_stands(changed, state, told, end):
    run = logged(evolve(ATTEMPT, **changed), state=state)

    assert run.tags == {
        "promo.study": "trial",
        "promo.plan": plan_of(GUARDED).digest,
        "promo.run": ATTEMPT.run,
        "promo.attempt": f"{ATTEMPT.run}/2",
        "promo.request": NOTHING,
        "promo.result": "f" * 64,
        "promo.changed": "quality 1",
        "promo.stage": "short",
        "promo.rank": "",
        "promo.verdict": "",
        **dict(zip(("promo.state", "promo.status", "promo.cause", "promo.recorded"), told, strict=True)),
    }
    assert run.end is end


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
    points = tuple(Point(step, None, None, {"loss": str(step)}) for step in range(1, 2501))
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
    flagged = evolve(ATTEMPT, state=AttemptState.FLAGGED, flagged=FLAG)
    assert sent(mlflow, logged(flagged)) == (0, 1)
    tags = mlflow.runs["r1"].data.tags
    assert (tags["promo.state"], tags["promo.status"]) == ("flagged", "flagged")
    assert tags["promo.cause"] == "throughput within 20% of host: 40.000 against 99.000"


def test_mlflow_is_told_what_its_tables_show_and_nothing_that_is_empty(mlflow):
    sent(mlflow, logged())
    tags = mlflow.runs["r0"].data.tags

    assert tags["mlflow.source.name"] == "promo"
    assert "promo.verdict" not in tags and "" not in tags.values()
    assert about_study("A title", "f" * 64) == {
        "promo.title": "A title",
        "promo.plan": "f" * 64,
        "mlflow.note.content": "A title",
        "mlflow.experimentKind": "custom_model_development",
    }


def test_a_name_that_mlflow_does_not_take_is_encoded(mlflow):
    sent(mlflow, logged())

    assert "loss :3cb:3e" in {name for name, *_ in mlflow.runs["r0"].data.metrics}
