"""Studies and specs for scripts: names, rows, columns and data frames; nothing is imported before it is asked for."""

import copy
import json
import os
import pickle
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import promo as package
from promo.base.classes import fields
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.effect_table import EFFECT_COLUMNS
from promo.report.places import COLUMNS as PLACE_COLUMNS
from promo.report.tables import CELL_COLUMNS, DECISION_COLUMNS, FACTOR, POINT_COLUMNS, RUN_COLUMNS
from promo.rows import SPREAD
from promo.run.provenance import RECORDED_VARIABLES
from support import promo, spec

ROOT = Path(__file__).parents[2]
HOST = 'host box {\n  device "cpu" on any\n  slots 2\n  executor inline\n}'


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A study that has run, with a run that crashed."""
    place = tmp_path_factory.mktemp("api")
    text = spec(host=HOST).replace("quality = 3 }", 'quality = 3\n  behaviour = "once"\n}')
    (place / "trial.promo").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as outside:
        outside.setenv("OMP_WAIT_POLICY", "PASSIVE")
        assert promo("run", place / "trial.promo", "--quiet") == 0
    return place


@pytest.fixture(scope="module")
def study(place):
    return package.load(place / "trial.study")


def test_the_names_are_those_of_the_stub_and_nothing_else():
    stub = (ROOT / "interpreter" / "promo" / "__init__.pyi").read_text(encoding="utf-8")
    import promo.api

    assert re.findall(r"as (\w+)$", stub, re.MULTILINE) == list(package.NAMES) == promo.api.__all__
    assert {*package.NAMES} <= {*dir(package)}
    assert all(getattr(package, name) is getattr(promo.api, name) for name in package.NAMES)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        _ = package.lod


def test_no_room_takes_one_of_these_names():
    """Importing a room sets an attribute of the package, so a room `plan` would hide the function."""
    rooms = {one.stem for one in (ROOT / "interpreter" / "promo").iterdir()}

    assert not rooms & {*package.NAMES}
    code = "import promo.plans.values, promo.driver.pipeline, promo.cli.main, promo; print(promo.plan.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "promo.api\n"


def test_importing_promo_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import promo; print(*sorted({*sys.modules} - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["promo"]


def test_tables_of_a_study_import_no_training_library(place):
    code = (
        f"import sys, promo; study = promo.load({str(place / 'trial.study')!r})\n"
        "print(len(study.runs()), {'torch', 'numpy', 'pandas', 'jinja2'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith(" set()\n")


COLUMNS = {
    "Run": RUN_COLUMNS,
    "Point": POINT_COLUMNS,
    "Decision": DECISION_COLUMNS,
    "Cell": CELL_COLUMNS,
    "Effect": EFFECT_COLUMNS,
}


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_have_the_columns_of_the_tables(name):
    kind = getattr(package, name)

    assert tuple(one.name for one in fields(kind) if one.name not in SPREAD) == COLUMNS[name]


def test_facts_of_a_run_have_the_types_of_their_columns():
    kinds = {one.name: one.type.__args__ for one in fields(package.Run) if one.name in PLACE_COLUMNS}

    assert kinds == {name: (kind, type(None)) for name, kind in PLACE_COLUMNS.items()}


def test_a_run_says_where_it_ran_one_value_an_attribute(study):
    run = next(one for one in study.runs() if one.status == "ok")

    assert (run.machine_system, run.machine_release) == (platform.system(), platform.release())
    assert run.machine_cores == os.cpu_count()
    assert run.software_python == platform.python_version()
    assert run.device_memory_bytes is None
    assert {*run.facts} <= {f"variable_{name}" for name in RECORDED_VARIABLES}
    assert run.facts["variable_OMP_WAIT_POLICY"] == "PASSIVE"
    assert study.runs()[:1].to_dicts()[0]["variable_OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_study_is_known_by_its_folder_or_by_its_spec(place, study):
    assert package.load(place / "trial.promo").runs()[0] == study.runs()[0]
    assert (study.name, study.title, study.state) == ("trial", "A trial", "closed")
    assert (study.metric, study.unit, study.lower_is_better) == ("loss", "pt", True)
    assert study.path == place / "trial.study"
    with pytest.raises(package.PromoError, match="there is no study"):
        package.load(place / "none.study")


def test_runs_have_levels_rank_and_verdict(place, study):
    runs, state = study.runs(), StudyFolder(place / "trial.study").state()
    good = next(one for one in runs if (one.stage, one.candidate, one.seed) == ("short", "good", 1))
    long = next(one for one in runs if one.stage == "long")

    assert len(runs) == sum(len(tried) for tried in state.attempts.values())
    assert (good.rank, good.verdict, good.state, good.status) == (1, "promoted", "accepted", "ok")
    assert good.factors["quality"] == 1 and type(good.factors["quality"]) is int
    assert isinstance(good.value, float)
    assert (long.rank, long.verdict) == (None, None)
    failed = next(one for one in runs if one.status == "crash")
    assert (failed.value, failed.state) == (None, "failed")


def test_levels_are_whole_numbers_where_all_of_a_factor_are_and_texts_stay_texts(tmp_path):
    path = tmp_path / "t.promo"
    path.write_text(spec().replace("quality = 3", "quality = 2.5"), encoding="utf-8")
    levels = {one.candidate: one.factors for one in package.plan(path).runs}

    assert {type(one["quality"]) for one in levels.values()} == {float}
    assert [type(levels[name]["size"]) for name in ("base", "spare")] == [int, int]
    assert (levels["fair"]["quality"], levels["spare"]["size"], levels["spare"]["behaviour"]) == (2.5, 16, "ok")


def test_decisions_and_cells_say_what_the_gate_saw(place, study):
    decisions, cells = study.decisions(), study.cells()
    record = record_of(StudyFolder(place / "trial.study"))

    assert [one.candidate for one in decisions if one.decision == "pick"] == [
        one.candidate for one in record.decisions["pick"].ranking.standings
    ]
    rule = next(one for one in decisions if one.kind == "rule")
    assert (rule.decision, rule.candidate, rule.verdict, rule.holds) == ("close", "good", "holds", True)
    seen = [one for one in cells if (one.decision, one.candidate) == ("pick", "good")]
    mean = sum(one.value for one in seen) / len(seen)
    assert mean == pytest.approx(next(one.statistic for one in decisions if one.candidate == "good"))
    compared = [one for one in cells if one.decision == "close"]
    assert all(one.difference == pytest.approx(one.value - one.reference) for one in compared)


def test_points_are_one_value_a_row(study):
    points = study.points()

    assert {one.name for one in points} >= {"loss"}
    assert all(isinstance(one.value, float) for one in points)


def test_a_table_is_a_sequence_with_its_columns(study):
    runs = study.runs()

    assert runs[1:3][0] == runs[1]
    assert [*runs] == [runs[number] for number in range(len(runs))]
    assert [*runs.to_dicts()[0]] == list(runs.columns)
    assert "factors" not in runs.columns and f"{FACTOR}quality" in runs.columns
    assert repr(runs).startswith(f"<{len(runs)} rows: run, attempt")
    assert package.load(study.path).effects().columns == EFFECT_COLUMNS


def test_a_pandas_frame(study):
    pytest.importorskip("pandas")
    frame = study.runs().to_pandas()

    assert list(frame.columns) == list(study.runs().columns)
    assert frame[frame.state == "accepted"].groupby("stage").value.count()["short"] == 8
    assert list(study.effects().to_pandas().columns) == list(EFFECT_COLUMNS)


def test_a_polars_frame(study):
    pytest.importorskip("polars")
    frame = study.runs().to_polars()

    assert frame.columns == list(study.runs().columns)
    assert frame.filter(frame["stage"] == "short")["rank"].drop_nulls().max() == 4
    assert study.effects().to_polars().columns == list(EFFECT_COLUMNS)


def test_a_damaged_study_is_refused(place, tmp_path):
    folder = tmp_path / "copy.study"
    shutil.copytree(place / "trial.study", folder)
    result = folder / "runs" / "short" / "base-box-s1" / "attempt-1" / "result.json"
    result.write_bytes(result.read_bytes().replace(b'"loss":"', b'"loss":"1', 1))
    with pytest.raises(package.PromoError):
        package.load(folder).runs()


def test_a_spec_is_checked_and_priced(tmp_path):
    path = tmp_path / "t.promo"
    path.write_text(spec(), encoding="utf-8")
    plan = package.plan(path)

    assert [one.code for one in package.check(path)] == ["P0414"]
    assert plan.planned_runs == 13
    assert {one.candidate for one in plan.runs if one.stage == "short"} == {"base", "good", "fair", "poor"}
    assert plan.runs[0].factors["quality"] in (1, 2, 3, 4) and type(plan.runs[0].factors["quality"]) is int
    assert plan.budget_s < plan.bound_s
    path.write_text(spec().replace("always base", "always bsae"), encoding="utf-8")
    with pytest.raises(package.SpecError) as told:
        package.plan(path)
    (found,) = (one for one in package.check(path) if one.severity == "error")
    assert (found.code, found.hint, Path(found.file)) == ("P0201", "did you mean 'base'?", path)
    assert path.read_text(encoding="utf-8").splitlines()[found.line - 1][found.column - 1 :].startswith("bsae")
    assert str(told.value) == f"{path}:{found.line}: P0201: {found.message}"  # errors alone, as a notebook shows them
    path.write_bytes(b"promo 1\n\xff")
    assert [one.code for one in package.check(path)] == ["P0117"]
    with pytest.raises(package.PromoError, match="there is no file"):
        package.check(tmp_path / "none.promo")


def test_nothing_of_a_row_can_be_changed_and_rows_are_copied_and_sent_as_before(study):
    run = study.runs()[0]
    before = dict(run.factors)
    for own in (run.factors, run.facts):
        for change in (
            lambda own=own: own.__setitem__("quality", 9),
            lambda own=own: own.update(quality=9),
            lambda own=own: own.pop(next(iter(own))),
            lambda own=own: own.setdefault("other", 9),
            lambda own=own: own.clear(),
        ):
            with pytest.raises(TypeError, match="read-only"):
                change()
    with pytest.raises(AttributeError):
        run.value = 9.0

    assert run.factors == before
    assert pickle.loads(pickle.dumps(run)) == run == copy.deepcopy(run)
    assert json.loads(json.dumps(run.factors)) == before
    assert {**run.factors, "quality": 9}["quality"] == 9


def test_every_name_is_documented():
    page = (ROOT / "interpreter" / "docs" / "python.md").read_text(encoding="utf-8")

    for name in package.NAMES:
        assert f"`{name}`" in page or f"`promo.{name}(" in page or f"promo.{name}(" in page, name
