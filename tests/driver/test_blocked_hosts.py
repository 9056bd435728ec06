"""Two machines that never meet each run their rows of one design, and each comes to the same effects."""

import csv
import json

from promo.driver.study import StudyFolder
from studies import INLINE
from support import SOUND, promo, rechecked

TEXT = "\n\n".join(
    [
        "promo 1",
        SOUND["study"],
        INLINE.replace("host box", "host here"),
        INLINE.replace("host box", "host there"),
        SOUND["factor quality"],
        "factor size: units in 1..64 step 1 default 8",
        'factor behaviour: kind in ["ok", "slow"] default "ok"',
        "design screen full {\n  vary quality low 11 high 12\n  vary size low 4 high 8\n"
        '  vary behaviour low "ok" high "slow"\n}',
        "cohort rowed {\n  rows screen all\n}",
        "stage screened {\n  train rowed for 1s\n  on here, there\n  block on host by quality * size * behaviour\n"
        "  seeds 1, 2\n  expect 16 runs\n}",
        "effects eff {\n  from screened\n  model main\n  family main\n  rate 5% by holm\n}",
    ]
)


def test_each_machine_runs_its_rows_and_both_come_to_one_table(workplace, capsys):
    for side in ("a", "b"):
        (workplace / side).mkdir()
        (workplace / side / "trial.promo").write_text(TEXT + "\n", encoding="utf-8")
    for side, host in (("a", "here"), ("b", "there")):
        assert promo("run", workplace / side / "trial.promo", "--host", host, "--quiet") == 6
        assert promo("bundle", workplace / side / "trial.promo", "--out", workplace / f"{host}.bundle") == 0
    started = [
        {one.host for one in StudyFolder(workplace / side / "trial.study").state().every_attempt()} for side in "ab"
    ]

    assert started == [{"here"}, {"there"}]
    assert promo("import", workplace / "there.bundle", workplace / "a" / "trial.promo") == 0
    assert promo("import", workplace / "here.bundle", workplace / "b" / "trial.promo") == 0
    tables = []
    for side, host in (("a", "here"), ("b", "there")):
        assert promo("run", workplace / side / "trial.promo", "--host", host, "--quiet") == 0
        folder = workplace / side / "trial.study"
        assert promo("verify", folder) in (3, 4)
        checked = rechecked(folder)
        assert checked.returncode == 3, checked.stdout
        tables.append(json.loads((folder / "evidence" / "eff.json").read_text(encoding="utf-8")))
    fit = tables[0]["fits"][0]

    assert [one["fits"] for one in tables] == [[fit], [fit]]
    assert (fit["runs"], fit["planned"], fit["blocks"]["blocks"]) == (16, 16, 4)
    assert fit["blocks"]["confounded"] == [[["quality", "size", "behaviour"]]]
    assert promo("report", workplace / "a" / "trial.study", "--format", "csv") == 0
    rows = list(csv.DictReader((workplace / "a" / "trial.study" / "report.effects.csv").read_text().splitlines()))
    assert {row["stage"] for row in rows} - {""} == {"screened_here and screened_there together"}
