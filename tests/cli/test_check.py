"""`promo check`: what it fixes, and its findings for other programs."""

import gzip
import io
import json
import re
import sys
from pathlib import Path

import fastjsonschema
import pytest

from support import promo, spec

ROOT = Path(__file__).parents[2]
WRONG = spec().replace("for 1s", "for 1 s", 1).replace("keep top 1\n  always base", "keep top 1 always base", 1)
FACE = 'let a = "\U0001f600" + nothing'


def write(place, text, name="t.promo"):
    path = place / name
    path.write_text(text, encoding="utf-8")
    return path


def test_what_leaves_no_choice_is_fixed_and_the_rest_is_reported(workplace, capsys):
    path = write(workplace, WRONG.replace("candidate good like base", "candidate good like bsae"))

    assert promo("check", "--fix", path) == 1

    said = capsys.readouterr().err
    text = path.read_text(encoding="utf-8")
    assert "fixed P0104" in said
    assert "fixed P0107" in said
    assert "for 1s" in text
    assert "keep top 1\n" in text
    assert "like bsae" in text  # a name that is nearly right is a guess, and stays
    assert "did you mean 'base'?" in said


def test_a_sound_spec_is_left_as_it_is(workplace):
    path = write(workplace, spec())

    assert promo("check", "--fix", path) == 0
    assert path.read_text(encoding="utf-8") == spec()


def test_fixing_everything_makes_it_sound(workplace):
    path = write(workplace, WRONG)

    assert promo("check", "--fix", path) == 0
    assert promo("check", path) == 0


def test_pins_and_report_only_are_written(workplace, capsys):
    earlier = write(workplace, spec(), "earlier.promo")
    path = write(
        workplace,
        spec("host").replace("  report only\n", "").replace("promo 1", f'promo 1\n\nuse "{earlier.name}" (box)'),
    )

    assert promo("check", path) == 1
    assert promo("check", "--fix", path) == 0

    text = path.read_text(encoding="utf-8")
    assert 'use "earlier.promo" pinned sha256:' in text
    assert "  seeds 9\n  report   only\n" in text
    assert {"P0205", "P0503"} <= set(re.findall(r"fixed (P\d+)", capsys.readouterr().err))


MINE = """from promo.run.function import runner
@runner(metrics={"loss": {"unit": "pt", "better": "lower"}}, factors={"rate": {"unit": "rate", "default": 1}})
def train(rate, budget):
    return 1.0
"""
PINNED = """promo 1

study trial {
  title    "t"
  measure  loss in pt, lower is better
  runner   "mine.py"
}

host box {
  device  "cpu" on any
  slots   1
}

factor rate: rate in [1, 2] default 1

candidate base as reference
candidate other like base {
  rate = 2
}

stage short {
  train  base, other for 3s
  on     box
  seeds  1
}

frozen rule close {
  judge    other against base at short
  require  mean gap at most 0.5pt
  missing  stop
}
"""


def test_a_pin_that_would_break_a_seal_is_not_written_and_says_why(workplace, capsys):
    path, code = write(workplace, PINNED), write(workplace, MINE, "mine.py")
    assert promo("check", "--fix", path) == 0
    assert promo("freeze", path) == 0
    bare = re.sub(" pinned sha256:[0-9a-f]{12}", "", path.read_text(encoding="utf-8"), count=1)
    write(workplace, bare)
    code.write_text(MINE.replace("1.0", "2.0"), encoding="utf-8")
    capsys.readouterr()

    assert promo("check", "--fix", path) == 1
    said = capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == bare
    assert "error[P0205]" in said
    assert "not written by --fix, because it is not what was sealed: with it, " in said
    assert "close" in said.split("not written by --fix")[1]

    code.write_text(MINE, encoding="utf-8")
    assert promo("check", "--fix", path) == 0  # what was sealed is pinned again


def test_a_repair_that_does_not_lower_the_number_of_errors_is_left_to_the_reader(workplace, capsys):
    comma = (ROOT / "tests" / "cases" / "comma.promo").read_text(encoding="utf-8")
    path = write(workplace, comma)

    assert promo("check", "--fix", path) == 1

    said = capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == comma
    assert "write: rank by mean val_bpb over host, seed" in said
    assert "fixed" not in said


def test_a_text_that_does_not_parse_is_not_laid_out_by_a_fix(workplace, capsys):
    broken = (ROOT / "tests" / "cases" / "open_bracket.promo").read_text(encoding="utf-8")
    path = write(workplace, broken)

    assert promo("check", "--style", "--fix", path) == 1
    assert path.read_text(encoding="utf-8") == broken
    assert "P0901" not in capsys.readouterr().err


def test_what_could_stand_there_is_told_in_part_and_on_demand_all_of_it(workplace, capsys):
    path = write(workplace, spec().replace("  keep top 1\n", "  keep tops 1\n"))

    assert promo("check", path) == 1
    part = capsys.readouterr().err
    assert promo("check", "--all", path) == 1
    everything = capsys.readouterr().err
    assert promo("check", "--format", "json", path) == 1
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]

    assert "'tops' cannot stand here: 'top', " in part  # what is spelled almost like it comes first
    assert " or 6 more is expected" in part
    assert "could stand" not in part
    assert f"here could stand: {', '.join(found['expected'])}" in everything
    assert {"'top'", "'mean'", "'median'", "'worst'", "'every'", "'('"} <= set(found["expected"])


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("keep within 0.01 pt", "keep mean gap to leader within 0.01pt"),
        ("keep within 0.01 bpb", "keep mean gap to leader within 0.01pt"),
        ("keep at most 0.01pt", "keep mean gap to leader at most 0.01pt"),
        ("keep gap within 0.01 pt", "keep mean gap to leader within 0.01pt"),
        ("keep gap to base within 1pt", "keep mean gap to base within 1pt"),
        ("keep gain at least 0.5pt", "keep mean gain at least 0.5pt"),
        ("demand within 0.5 pt else hold\n  keep top 1", "demand mean gap within 0.5pt else hold"),
    ],
)
def test_a_bound_that_does_not_say_of_what_gets_the_line_to_write(workplace, capsys, written, line):
    path = write(workplace, spec().replace("keep top 1", written))

    assert promo("check", path) == 1
    assert f"help: write: {line}\n" in capsys.readouterr().err
    write(workplace, spec().replace("keep top 1", written.replace(written.partition("\n")[0], line)))
    promo("check", path)
    assert "P01" not in capsys.readouterr().err


def test_layout_is_a_finding_when_asked_for(workplace, capsys):
    path = write(workplace, spec())

    assert promo("check", path) == 0
    assert "P0901" not in capsys.readouterr().err
    assert promo("check", "--style", path) == 0
    assert "P0901" in capsys.readouterr().err
    assert promo("check", "--style", "--fix", path) == 0
    assert promo("fmt", "--check", path) == 0


def test_standard_input_is_checked_and_fixed(workplace, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))
    assert promo("check", "-") == 1
    assert "<stdin>:" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))
    assert promo("check", "--fix", "-") == 0
    assert "for 1s" in capsys.readouterr().out


@pytest.fixture(scope="module")
def sarif_schema():
    """The standard's own schema, as OASIS publishes it."""
    place = Path(__file__).with_name("sarif-schema-2.1.0.json.gz")
    return fastjsonschema.compile(json.loads(gzip.decompress(place.read_bytes())))


def results(capsys):
    return json.loads(capsys.readouterr().out)["runs"][0]["results"]


def test_a_sarif_log_has_what_viewers_need(workplace, capsys):
    path = write(workplace, spec(extra=FACE).replace("always base", "always bsae"))

    assert promo("check", "--format", "sarif", path) == 1

    log = json.loads(capsys.readouterr().out)
    driver = log["runs"][0]["tool"]["driver"]
    rules = [rule["id"] for rule in driver["rules"]]
    assert log["version"] == "2.1.0"
    assert rules == sorted(set(rules))
    assert all(rule["shortDescription"]["text"] and rule["fullDescription"]["text"] for rule in driver["rules"])
    for result in log["runs"][0]["results"]:
        location = result["locations"][0]["physicalLocation"]
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert location["artifactLocation"]["uri"] == "t.promo"
        assert len(result["partialFingerprints"]["promoFault/v1"]) == 32


@pytest.mark.parametrize("text", [spec(), WRONG, spec().replace("always base", "always bsae"), spec(extra=FACE), "\0"])
def test_a_sarif_log_is_one_by_the_schema_of_its_standard(workplace, capsys, text, sarif_schema):
    assert promo("check", "--style", "--format", "sarif", write(workplace, text)) in (0, 1)

    sarif_schema(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    "damage",
    [
        lambda log: log["runs"][0]["results"][0].pop("message"),
        lambda log: log["runs"][0]["results"][0].update(level="loud"),
        lambda log: log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda log: log.update(colour=1),
    ],
)
def test_that_schema_refuses_a_log_that_is_none(workplace, capsys, damage, sarif_schema):
    promo("check", "--format", "sarif", write(workplace, WRONG))
    log = json.loads(capsys.readouterr().out)
    damage(log)

    with pytest.raises(fastjsonschema.JsonSchemaException):
        sarif_schema(log)


def test_columns_in_sarif_count_utf16_units(workplace, capsys):
    text = spec(extra=FACE)
    promo("check", "--format", "sarif", write(workplace, text))

    line = text.splitlines().index(FACE) + 1
    regions = [one["locations"][0]["physicalLocation"]["region"] for one in results(capsys)]
    found = {region["startColumn"] for region in regions if region["startLine"] == line}
    assert found & {9, 16}  # the text begins at 9; what stands behind it one unit further than in code points


def test_a_fault_keeps_its_fingerprint_when_lines_move(workplace, capsys):
    text = spec().replace("always base", "always bsae")

    def prints(content):
        promo("check", "--format", "sarif", write(workplace, content))
        return {one["ruleId"]: one["partialFingerprints"] for one in results(capsys)}

    assert prints(text) == prints(text.replace("study trial", "# a comment\n\n# and more\nstudy trial"))


def test_annotations_for_github_stay_on_one_line(workplace, capsys):
    path = write(workplace, spec().replace("always base", "always bsae"))

    assert promo("check", "--format", "github", path) == 1

    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("::error file=t.promo,line=", "::warning file=t.promo,line=")) for line in lines)
    assert any("title=P0201" in line and "did you mean" in line for line in lines)


def test_findings_as_json_have_a_version(workplace, capsys):
    path = write(workplace, WRONG)

    assert promo("check", "--format", "json", "--fix", path) == 0
    stored = json.loads(capsys.readouterr().out)
    assert stored["promo_diagnostics"] == 1
    assert {one["code"] for one in stored["fixed"]} == {"P0104", "P0107"}


@pytest.mark.parametrize("extra", ["--format=json", "other.promo"])
def test_fixing_standard_input_leaves_no_room_for_other_findings(workplace, capsys, extra):
    assert promo("check", "--fix", "-", extra) == 2
    assert "no room" in capsys.readouterr().err


def test_rules_without_a_seal_are_one_warning_and_none_before_a_plan(workplace, capsys):
    (workplace / "t.promo").write_text(spec(), encoding="utf-8")
    assert promo("check", "t.promo") == 0
    told = capsys.readouterr().err
    assert promo("plan", "t.promo") == 0

    assert told.count("P0414") == 1
    assert "'pick' and 'close' are frozen but not sealed yet" in told
    assert "leave them: promo run seals them before the first run" in told
    assert "P0414" not in capsys.readouterr().err


def test_a_text_read_aloud_has_the_words_that_the_grammar_takes(workplace, capsys):
    (workplace / "t.promo").write_text(spec().replace("judge good", "judge promoted"), encoding="utf-8")
    assert promo("read", "t.promo") == 0

    assert "rule close: judge promoted against base at long; require that each of them" in capsys.readouterr().out
