"""Replays of any table: the second verifier reads each recorded run as promo does, or says that it does not."""

import contextlib
import gzip
import io
import random
from argparse import Namespace
from pathlib import Path

import pytest
from promo.templates import recheck

from support import promo

NOBODY = Namespace(key=[], authority=[], anchor=[])
STUDY = 'study trial {\n  title "T"\n  measure loss in pt, lower is better\n  runner recorded\n}'


def text_of(draw, budget, hosts):
    """A spec of recorded curves: two stages with a gate, one that carries runs on, and a rule."""
    amounts = {"steps": ("20steps", "40steps"), "seconds": ("20s", "40s"), "tokens": ("200tok", "400tok")}[budget]
    caps = "" if budget == "seconds" else "  cap 1h\n"
    seeds = draw.choice(("1, 2, 3", "5, 1", "0..3"))
    again, where = draw.choice((0, 1, 2)), f"on {', '.join(hosts)}\n  seeds {seeds} shared"
    blocks = [STUDY, *(f'host {host} {{\n  device "cpu" on any\n  slots 1\n}}' for host in hosts)]
    blocks += [
        'factor config: label in ["a", "b", "c"] default "a"', "candidate base as reference",
        'candidate two {\n  config = "b"\n}', 'candidate three {\n  config = "c"\n}',
        "cohort all_of_them {\n  members base, two, three\n}",
        f"stage short {{\n  train all_of_them for {amounts[0]}\n{caps}  {where}\n}}",
        f"stage long {{\n  after pick\n  train promoted for {amounts[1]}\n{caps}  {where}\n}}",
        f"stage more {{\n  continue base from short to {amounts[1]}\n  report only\n}}",
        f"frozen gate pick {{\n  from short to long\n  rank by mean loss over host, seed\n  keep top 1\n  always base\n"
        f"  missing rerun {again}, then drop\n  crash as missing\n  ties by name\n"
        + ("  guard throughput within 40% of host, rerun 1, then drop\n" if draw.random() < 0.4 else "") + "}",
        "frozen rule close {\n  judge two against base at long\n  require mean gap at most 1pt\n"
        "  missing skip\n  absent skip\n}",
    ]  # fmt: skip
    return "promo 1\n\n" + "\n\n".join(blocks) + "\n"


def table_of(draw, budget, hosts):
    """Rows of runs that break off, fail, or were recorded again; and the columns that a table has."""
    columns = ["config", "seed", {"steps": "step", "seconds": "seconds", "tokens": "tokens"}[budget], "loss"]
    clocked = budget != "seconds" and draw.random() < 0.6
    columns += ["seconds"] if clocked else []
    columns += ["step"] if budget == "seconds" and draw.random() < 0.5 else []
    hosted = len(hosts) > 1 or draw.random() < 0.3
    columns += ["host"] if hosted else []
    repeated = draw.random() < 0.5
    columns += ["attempt"] if repeated else []
    failing = draw.random() < 0.5
    columns += ["status"] if failing else []
    scale = 10 if budget == "tokens" else 1
    rows = []
    for config in "abc":
        for host in hosts:
            for seed in draw.choice(((1, 2, 3), (5, 1), (0, 1, 2, 3), (7, 8, 9, 10), ("s2", "s10", "s1"))):
                for attempt in range(1, draw.choice((2, 3)) if repeated else 2):
                    end = draw.choice((15, 25, 45, 45, 45, 60))
                    status = draw.choice(("ok", "ok", "ok", "crash", "oom")) if failing else "ok"
                    speed = draw.choice((1, 1, 1, 3))
                    for at in sorted(draw.sample(range(1, end), min(end - 1, draw.choice((4, 8))))):
                        said = {
                            "config": config, "seed": seed, "loss": f"{draw.randint(0, 400) / 100}", "host": host,
                            "attempt": attempt, "status": status, "step": at, "tokens": at * scale,
                            "seconds": f"{at * speed / 4}" if clocked else at,
                        }  # fmt: skip
                        rows.append(",".join(str(said[one]) for one in columns))
    return ",".join(columns) + "\n" + "\n".join(rows) + "\n"


def replayed(draw, place):
    """A study of a table that was made up; None where promo refuses the table."""
    budget = draw.choice(("steps", "seconds", "tokens"))
    hosts = draw.choice((["box"], ["box", "den"]))
    (place / "trial.promo").write_text(text_of(draw, budget, hosts), encoding="utf-8")
    table = table_of(draw, budget, hosts).encode()
    packed = draw.random() < 0.3
    name = place / ("curves.csv.gz" if packed else "curves.csv")
    name.write_bytes(gzip.compress(table, mtime=0) if packed else table)
    words = ["--curves", name, "--quiet", "--column", "status=status"][: 5 if b"status" in table else 3]
    words += draw.choice(([], [], ["--interpolate", "linear"], ["--seeds", "order"]))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = promo("replay", place / "trial.promo", *words)
    return place / "trial.study" if code in (0, 4, 5) else None


def assert_both_agree(seed, place):
    folder = replayed(random.Random(seed), place)
    if folder is None:
        return False
    said = []
    with contextlib.redirect_stdout(io.StringIO()) as first:
        code = promo("verify", folder)
    assert code == recheck.check(folder, NOBODY, said.append) == 3, (first.getvalue(), said)
    assert not any("read by promo verify alone" in line for line in said)
    return True


def test_runs_of_made_up_tables_are_read_again_by_both(tmp_path):
    agreed = 0
    for seed in range(24):
        place = tmp_path / f"{seed}"
        place.mkdir()
        agreed += assert_both_agree(seed, place)

    assert agreed >= 12


@pytest.mark.slow
def test_runs_of_many_made_up_tables_are_read_again_by_both(tmp_path):
    for seed in range(100, 700):
        place = tmp_path / f"{seed}"
        place.mkdir()
        assert_both_agree(seed, place)


def test_an_export_of_another_tool_is_left_to_promo_verify_and_said_so(tmp_path):
    """Its rows are rearranged before they are read, which is not done twice."""
    page = 'promo 1\n\n' + STUDY + '\n\nhost box {\n  device "cpu" on any\n  slots 1\n}\n\n' + (
        'factor config: label in ["a", "b"] default "a"\n\ncandidate base as reference\n\n'
        'candidate two {\n  config = "b"\n}\n\ncohort both {\n  members base, two\n}\n\n'
        "stage short {\n  train both for 10steps\n  cap 1h\n  on box\n  seeds 1 shared\n}\n\n"
        "frozen rule close {\n  judge two against base at short\n  require mean gap at most 1pt\n  missing skip\n}\n"
    )  # fmt: skip
    Path(tmp_path / "trial.promo").write_text(page, encoding="utf-8")
    rows = [f"{run},{run},loss,{step},{step + 1},{value}" for run, value in (("a", 3), ("b", 2)) for step in (5, 10)]
    table = "run_id,run_name,key,step,timestamp,value\n" + "\n".join(rows) + "\n"
    (tmp_path / "curves.csv").write_text(table, encoding="utf-8")
    words = ("--curves", tmp_path / "curves.csv", "--from", "mlflow", "--quiet")
    with contextlib.redirect_stdout(io.StringIO()):
        assert promo("replay", tmp_path / "trial.promo", *words) == 0
        assert promo("verify", tmp_path / "trial.study") == 3
    said = []

    assert recheck.check(tmp_path / "trial.study", NOBODY, said.append) == 3, said
    assert "curves.csv is read by promo verify alone" in said
