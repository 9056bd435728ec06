"""Result files: a whole one counts, anything less is a cause."""

import json
import threading
import time
from fractions import Fraction

import pytest

from made import body, budget, request
from promo.base.canonical import canonical, digest_bytes
from promo.base.classes import evolve
from promo.base.codec import to_json
from promo.run.disk import Access, RealDisk, SystemKernel
from promo.run.store import (
    EXIT,
    LOG,
    POINTS,
    REQUEST,
    RESULT,
    is_whole,
    read_points,
    read_result,
    result_bytes,
)
from promo.run.values import Counter, Exit, Point, Reason, RunStatus, Used
from promo.study.values import BudgetKind

REQUESTED = canonical(to_json(request()))
BODY = body(request=digest_bytes(REQUESTED))


@pytest.fixture
def attempt(tmp_path):
    (tmp_path / REQUEST).write_bytes(REQUESTED)
    return tmp_path


def read(folder, exit_=None):
    return read_result(RealDisk(), folder, exit_)


def test_a_sound_result_is_read(attempt):
    (attempt / RESULT).write_bytes(result_bytes(BODY))
    result = read(attempt)

    assert result.status is RunStatus.OK
    assert result.metrics == {"loss": "1.5"}
    assert result.charged_s == "2.000000"
    assert result.body == BODY
    assert result.digest == digest_bytes(result_bytes(BODY))


def test_every_single_byte_change_makes_a_result_invalid(attempt):
    content = result_bytes(BODY)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        (attempt / RESULT).write_bytes(bytes(changed))

        assert read(attempt).status is RunStatus.INVALID


@pytest.mark.parametrize("size", [0, 1, 50, 150])
def test_a_result_cut_short_is_invalid(attempt, size):
    (attempt / RESULT).write_bytes(result_bytes(BODY)[:size])

    assert read(attempt).status is RunStatus.INVALID


def test_a_result_of_another_request_is_invalid(attempt):
    (attempt / RESULT).write_bytes(result_bytes(evolve(BODY, request="0" * 64)))

    assert (read(attempt).status, read(attempt).cause) == (
        RunStatus.INVALID,
        "its result is damaged: it answers another request",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"promo_result": 3}, "it is of format 3, and this promo reads format 2"),
        ({"metrics": {"loss": 1}}, "metrics"),
        ({"metrics": None}, "metrics"),
        ({"status": "splendid"}, "status"),
        ({"more": 1}, "more"),
    ],
)
def test_a_result_of_another_kind_is_invalid_and_says_where(attempt, change, words):
    stored = {**to_json(BODY), **change}
    (attempt / RESULT).write_bytes(canonical({"body": stored, "digest": digest_bytes(canonical(stored))}))

    assert read(attempt).status is RunStatus.INVALID
    assert words in read(attempt).cause


def test_a_result_written_with_spaces_is_invalid(attempt):
    stored = json.loads(result_bytes(BODY))
    (attempt / RESULT).write_text(json.dumps(stored), encoding="utf-8")

    assert read(attempt).status is RunStatus.INVALID


@pytest.mark.parametrize(
    ("exit_", "status", "words"),
    [
        (Exit(None, Reason.LIMIT), RunStatus.TIMEOUT, "wall-clock limit"),
        (Exit(-9), RunStatus.KILLED, "signal 9"),
        (Exit(-15), RunStatus.KILLED, "signal 15"),
        (Exit(7), RunStatus.CRASH, "code 7 and no result: last words"),
        (None, RunStatus.KILLED, "without a trace"),
    ],
)
def test_without_a_result_the_exit_tells(attempt, exit_, status, words):
    (attempt / LOG).write_text("first\nlast words\n\n", encoding="utf-8")
    result = read(attempt, exit_)

    assert (result.status, result.digest) == (status, None)
    assert words in result.cause


def test_the_supervisors_record_is_used_when_nobody_saw_the_exit(attempt):
    (attempt / EXIT).write_text('{"reason":"limit","returncode":-9,"seconds":null}', encoding="utf-8")

    assert read(attempt).status is RunStatus.TIMEOUT


def point(step, charged_s):
    return canonical(to_json(Point(step, None, charged_s, {})))


def test_points_are_read_up_to_a_torn_line(attempt):
    (attempt / POINTS).write_bytes(b"\n".join([point(1, "1"), point(2, "2"), point(3, "3")[:-5]]))

    assert read_points(RealDisk(), attempt) == (Point(1, None, "1", {}), Point(2, None, "2", {}))


CUT_SHORT = [Exit(0, Reason.CANCELLED), Exit(0, Reason.LIMIT), Exit(1, Reason.ITSELF), Exit(-15, Reason.ITSELF), None]
"""Ways to end with a result in place that are none of the run's own."""


@pytest.mark.parametrize("exit_", CUT_SHORT)
@pytest.mark.parametrize(
    ("used", "last_step", "whole"),
    [("100", None, True), ("99.5", "0.5", True), ("103", None, True), ("99.9", None, False), ("60", "0.5", False)],
)
def test_a_result_of_a_run_that_was_ended_counts_only_where_its_budget_was_used_up(
    tmp_path, exit_, used, last_step, whole
):
    lenient = evolve(budget(BudgetKind.WALL, 100), tolerance=Fraction("0.5"))
    asked = canonical(to_json(request(budget=lenient)))
    (tmp_path / REQUEST).write_bytes(asked)
    said = body(request=digest_bytes(asked), used=Used(BudgetKind.WALL, used, last_step, Counter.MARKED))
    (tmp_path / RESULT).write_bytes(result_bytes(said))

    assert is_whole(RealDisk(), tmp_path, read(tmp_path), exit_) is whole
    assert is_whole(RealDisk(), tmp_path, read(tmp_path), Exit(0, Reason.ITSELF))


@pytest.mark.parametrize(("flush_s", "most"), [(0.0, 1), (0.01, 3)])
def test_files_are_flushed_side_by_side_where_a_flush_takes_longer_than_a_thread(tmp_path, flush_s, most):
    class Watched(SystemKernel):
        def flush(self, handle):
            seen.append((handle, threading.get_ident()))
            time.sleep(flush_s)

    kernel, seen = Watched(), []
    kernel.flush_s = flush_s
    kernel.flush_all([7, 8, 9])

    assert sorted(handle for handle, _ in seen) == [7, 8, 9]
    assert len({thread for _, thread in seen}) == most


def test_a_kernel_knows_how_long_its_last_flush_took(tmp_path):
    kernel = SystemKernel()
    handle = kernel.open(tmp_path / "file", Access.WHOLE)
    try:
        kernel.flush(handle)
    finally:
        kernel.close(handle)

    assert 0 < kernel.flush_s < 60
