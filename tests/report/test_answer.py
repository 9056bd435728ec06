"""The first screen: the answer in plain words, and nothing beside it that was not checked."""

import itertools
import re
from fractions import Fraction
from pathlib import Path

import pytest

from promo.api import load
from promo.driver.report import record_of
from promo.driver.study import StudyFolder
from promo.report.answer import MOST_TOLD, is_yes_or_no
from promo.report.render import render_html, render_markdown
from promo.report.view import build_view
from support import SOUND, promo, recorded, spec

INLINE = 'host box {\n  device "cpu" on any\n  slots 1\n  executor inline\n}'
ASKED = SOUND["study"].replace("A trial", "Does good still lead?")
THREE_SEEDS = {
    "stage_short": "stage short {\n  train four for 1s\n  on box\n  seeds 1, 2, 5\n}",
    "stage_long": "stage long {\n  after pick\n  train promoted for 2s\n  on box\n  seeds 3, 4, 6\n}",
}
REPORTED = {"stage_long": THREE_SEEDS["stage_long"].replace("\n}", "\n  report only\n}")}
REPORTED_SHORT = {"stage_short": THREE_SEEDS["stage_short"].replace("\n}", "\n  report only\n}")}
RULE = SOUND["rule"]
SHORT = SOUND["stage short"].replace("\n}", "\n  report only\n}")


@pytest.fixture
def view(tmp_path, monkeypatch):
    """The report of a study that is run here."""
    monkeypatch.chdir(tmp_path)

    def of(text: str):
        (tmp_path / "trial.promo").write_text(text, encoding="utf-8")
        promo("run", "trial.promo", "--quiet")
        return build_view(record_of(StudyFolder(Path("trial.study"))))

    return of


def facts(view) -> dict[str, str]:
    return {one.name: one.said for one in view.answer.facts}


def test_a_question_is_answered_with_the_rule_and_what_it_saw_beside_what_seeds_make(view):
    found = view(spec("use", host=INLINE, study=ASKED, **THREE_SEEDS))

    assert found.answer.outcome == "holds"
    assert found.answer.headline == (
        "Yes, close holds: after 2 s good (quality 1) leads base by 1.0000 pt, more than 20 times the seed noise "
        "(required: mean gap at most 0.5 pt)."
    )
    assert found.answer.standing == ()
    assert facts(found) | {"Frozen": "", "Spent": "", "Verified": ""} == {
        "Kept": "good (quality 1) and base, 2 of 4, to long",
        "Dropped": "fair (quality 3) and poor (quality 4)",
        "Effect": "good (quality 1) leads base by 1.0000 pt on the mean of 3 cells at long; its seed noise, the "
        "standard error from seeds alone, is 0.0168 pt (4 degrees of freedom)",
        "Frozen": "",
        "Attested": "by no one outside the study folder: its ledger shows order, not age",
        "Verified": "",
        "Spent": "",
    }
    assert facts(found)["Spent"].startswith(
        "24 s in simulated training of a budget of 24 s (100.0%); with start-up and scoring "
    )
    assert facts(found)["Verified"].startswith("2 of 2 decisions recomputed for this report, with the same outcome.")
    assert facts(found)["Frozen"].endswith(" before the first result")


def test_the_first_screen_comes_before_everything_else_on_the_page_and_in_markdown(view):
    found = view(spec("use", host=INLINE, study=ASKED))

    for text in (render_html(found), render_markdown(found)):
        assert text.index("Yes, close holds") < text.index("How do we know?") < text.index("Rules and decisions")


def test_no_is_said_of_a_rule_that_fails(view):
    found = view(spec("use", host=INLINE, study=ASKED, rule=RULE.replace("at most 0.5pt", "at most -3pt")))

    assert found.answer.outcome == "fails"
    assert found.answer.headline.startswith("No, close fails: after 2 s good (quality 1) leads base by 1.0000 pt")


def test_yes_and_no_are_said_of_questions_only():
    assert is_yes_or_no("Does the leader still lead?")
    assert is_yes_or_no("Prefixes: does the leader at 250 steps lead at 1,375?")
    assert not is_yes_or_no("Which of five should train longer?")
    assert not is_yes_or_no("Does it")
    assert not is_yes_or_no("Small experiments, cheaper decisions")


def test_a_title_that_asks_nothing_gets_no_yes(view):
    assert view(spec("use", host=INLINE)).answer.headline.startswith(
        "close holds: after 2 s good (quality 1) leads base"
    )


def test_where_too_few_seeds_are_repeated_nothing_is_compared_with_them(view):
    found = view(spec("use", host=INLINE, study=ASKED))

    assert "seeds" not in found.answer.headline
    assert facts(found)["Effect"].endswith("its seed noise is not known: too few repeated seeds at long")
    assert found.overview[0].seeds == "–"


def test_where_every_run_failed_none_is_kept_and_no_axis_is_invented(view):
    lost = re.sub(r"quality = (\d) }", r'quality = \1\n  behaviour = "nan"\n}', SOUND["candidate"])
    rule = RULE.replace("judge good", "judge promoted").replace("missing stop", "missing skip")
    found = view(spec("use", host=INLINE, candidate=lost, rule=rule, gate=SOUND["gate"].replace("  always base\n", "")))

    assert facts(found)["Kept"] == "none of 4, to long"
    assert [one.picture.svg for one in found.gates] == [""]


def ladder(stages: int) -> dict[str, str]:
    """So many stages: two gates that drop one candidate each, then such as drop none."""
    text = ["stage s0 {\n  train four for 1s\n  on box\n  seeds 10\n}"]
    for number in range(1, stages):
        cells = f"on box\n  seeds {10 + number}{'' if number < stages - 1 else chr(10) + '  report only'}"
        text.append(f"stage s{number} {{\n  after g{number}\n  train promoted for {number + 1}s\n  {cells}\n}}")
        gate = SOUND["gate"].replace("pick", f"g{number}").replace("short to long", f"s{number - 1} to s{number}")
        keep = f"top {4 - number}" if number < 3 else "mean gap to leader at most 100pt"
        text.append(gate.replace("top 1", keep).replace("  always base\n", ""))
    return {"host": INLINE, "stage_short": "\n\n".join(text)}


def test_who_was_dropped_before_the_gate_that_is_told_is_counted(view):
    found = view(spec("use", "stage long", "gate", "rule", **ladder(6)))

    assert facts(found)["Kept"] == "g5: good (quality 1) and base, 2 of 2, to s5; 4 gates before that"
    assert facts(found)["Dropped"] == "none by g5; 2 by the 4 gates before that"


def test_who_was_dropped_by_gates_that_are_all_told_is_counted_nowhere_else(view):
    found = view(spec("use", "stage long", "gate", "rule", **ladder(3)))

    assert facts(found)["Dropped"] == "g1: poor (quality 4); g2: fair (quality 3)"


def test_the_effects_of_a_rule_about_several_stand_beside_the_lines_of_other_rules(view):
    gate = SOUND["gate"].replace("top 1", "top 2")
    many = RULE.replace("judge good", "judge promoted").replace("at most 0.5pt", "at most 3pt")
    rules = f"{many}\n\n{RULE.replace('close', 'near')}"
    found = view(spec("use", host=INLINE, gate=gate, rule=rules, **THREE_SEEDS))

    assert [one.rule for one in found.answer.lines] == ["close", "near"]
    assert facts(found)["Effect"].startswith(
        "close: base leads fair (quality 3) by 1.0000 pt and good (quality 1) leads base by 1.0000 pt on the mean of 3 "
        "cells at long; the seed noise, the standard error from seeds alone, is 0.0"
    )
    assert "near" not in facts(found)["Effect"]  # its own line says it


def test_two_that_are_level_lead_nobody_so_no_lead_has_a_seed_noise(view):
    """Size moves nothing in the toy runner."""
    cohort = "cohort four { members base, good, fair, poor, spare }"
    rule = RULE.replace("judge good", "judge spare").replace("  absent skip\n", "")
    stage = "stage long {\n  train base, spare for 2s\n  on box\n  seeds 3, 4\n}"
    found = view(spec("use", "gate", host=INLINE, cohort=cohort, rule=rule, stage_long=stage, stage_short=SHORT))

    assert facts(found)["Effect"] == (
        "spare (size 16, ratio 4) and base are level on the mean of 2 cells at long; the seed noise is not known: "
        "too few repeated seeds at long"
    )


def test_a_rule_about_several_names_them_where_it_speaks_of_them(view):
    gate = SOUND["gate"].replace("top 1", "top 2")
    rule = RULE.replace("judge good", "judge promoted").replace("at most 0.5pt", "at most 3pt")
    found = view(spec("use", host=INLINE, gate=gate, rule=rule))

    assert found.answer.headline == (
        "close holds: after 2 s, each of fair (quality 3) and good (quality 1) is at most 3 pt worse than base on the "
        "mean over cells."
    )
    [row] = found.overview
    assert (row.seen, row.margin) == ("2 of 2 findings hold", "2.0000 inside, the least, for fair (quality 3)")
    assert row.confidence == "no test asked"


def test_of_several_that_fail_the_answer_names_who_falls_short_and_by_what_was_seen(view):
    gate = SOUND["gate"].replace("top 1", "top 2")
    rule = RULE.replace("judge good", "judge promoted")
    found = view(spec("use", host=INLINE, study=ASKED, gate=gate, rule=rule, **THREE_SEEDS))

    assert found.answer.headline == (
        "No, close fails: after 2 s base leads fair (quality 3) by 1.0000 pt, more than 20 times the seed noise "
        "(required of each: mean gap at most 0.5 pt); good (quality 1) meets it."
    )
    assert facts(found)["Effect"] == (
        "base leads fair (quality 3) by 1.0000 pt and good (quality 1) leads base by 1.0000 pt on the mean of 3 cells "
        "at long; the seed noise, the standard error from seeds alone, is 0.0168 pt (6 degrees of freedom)"
    )


def test_a_level_that_is_missed_is_told_by_the_value_that_was_reached(view):
    level = RULE.replace(" against base", "").replace("mean gap at most 0.5pt", "every loss at most 1pt")
    found = view(spec("use", host=INLINE, study=ASKED, rule=level))

    assert found.answer.headline == (
        "No, close fails: after 2 s the loss of good (quality 1) is 1.5130 pt in the cell that decides "
        "(required: every loss at most 1 pt)."
    )


def test_of_several_the_one_that_fails_gives_the_margin(view):
    gate = SOUND["gate"].replace("top 1", "top 2")
    rule = RULE.replace("judge good", "judge promoted").replace("at most 0.5pt", "at most 0.5pt at 90% over cells")
    found = view(spec("use", host=INLINE, gate=gate, rule=rule, **THREE_SEEDS))

    [row] = found.overview
    assert (row.outcome, row.seen, row.margin) == (
        "fails",
        "1 of 2 findings hold",
        "0.5000 beyond, the least, for fair (quality 3)",
    )
    assert row.confidence.startswith("upper 90% bound 1.0000")


def test_a_spread_that_the_study_declares_is_said_to_be_declared(view):
    noisy = ASKED.replace("  runner toy", "  runner toy\n  noise 2pt")
    found = view(spec("use", host=INLINE, study=noisy))

    assert "good (quality 1) leads base by 1.0000 pt, less than the seed noise" in found.answer.headline
    assert facts(found)["Effect"].endswith("from seeds alone, is 2.0000 pt (as the study declares)")


def test_the_specs_own_words_are_said_to_be_its_own_and_stand_beside_what_was_seen(view):
    own = RULE.replace("absent skip", 'absent skip\n  answer holds "Yes, by far."\n  answer fails "No."')
    found = view(spec("use", host=INLINE, study=ASKED, rule=own))

    assert found.answer.headline == "Yes, by far."
    assert found.answer.note == (
        "The spec's own words for this outcome, frozen with it. Measured by close: after 2 s good (quality 1) leads "
        "base by 1.0000 pt (required: mean gap at most 0.5 pt)."
    )


CLAIM = (
    RULE.replace("rule close", "rule claim_{0}").replace("0.5pt", "{1}pt").replace("{\n", "{{\n").replace("\n}", "\n}}")
)


def test_several_rules_are_counted_and_told_one_by_one(view):
    asked = enumerate((0.5, 3, -3, -2, -1, 1, 2, 4))
    found = view(spec("rule", "use", host=INLINE, study=ASKED, extra="\n".join(itertools.starmap(CLAIM.format, asked))))

    assert found.answer.outcome == "mixed"
    assert found.answer.headline == "Of 8 rules, 6 hold and 2 fail."
    assert [one.rule for one in found.answer.lines] == [f"claim_{number}" for number in range(MOST_TOLD)]
    assert found.answer.rest == "2 more rules in the table below."
    assert [(one.rule, one.outcome, one.margin) for one in found.overview[:3]] == [
        ("claim_0", "holds", "1.5000 inside"),
        ("claim_1", "holds", "4.0000 inside"),
        ("claim_2", "fails", "2.0000 beyond"),
    ]
    assert [[rule.name for rule in group.rules] for group in found.rules] == [[f"claim_{one}" for one in range(8)]]


def test_rules_with_an_answer_leave_the_others_to_the_table(view):
    claims = "\n".join(itertools.starmap(CLAIM.format, enumerate((0.5, -3))))
    own = RULE.replace("absent skip", 'absent skip\n  answer holds "Yes."')
    found = view(spec("use", host=INLINE, study=ASKED, rule=own, extra=claims))

    assert found.answer.headline == "Yes."
    assert [one.rule for one in found.overview] == ["close", "claim_0", "claim_1"]


def test_without_a_rule_it_says_that_nothing_was_tested(view):
    found = view(spec("use", "rule", host=INLINE, study=ASKED, **THREE_SEEDS | REPORTED))

    assert found.answer.outcome == "open"
    assert found.answer.headline == (
        "This study declares no rule, so nothing is tested: after 2 s good (quality 1) leads base by 1.0000 pt, more "
        "than 20 times the seed noise."
    )


def test_without_gate_and_rule_the_best_of_several_is_said_to_be_that(view):
    found = view(spec("use", "rule", "gate", "stage long", host=INLINE, study=ASKED, **REPORTED_SHORT))

    assert found.answer.headline == (
        "This study declares no gate and no rule, so nothing is tested: after 1 s good (quality 1) leads base by "
        "1.0000 pt, more than 20 times the seed noise. Theirs are the best two means of four, and the best of "
        "several looks better than it is."
    )
    assert "Kept" not in facts(found)


LEVEL = {
    "1 1 1 1": "all four candidates are level: ann, ben (config b), cal (config c) and dan (config d).",
    "1 1 1 2": (
        "three candidates are level: ann, ben (config b) and cal (config c). Theirs are the best means of four, and "
        "the best of several looks better than it is."
    ),
    "1 1 2 3": (
        "ann and ben (config b) are level. Theirs are the best two means of four, and the best of several looks better "
        "than it is."
    ),
    "1 2 2 2": (
        "ann leads ben (config b), cal (config c) and dan (config d) by 1.0000 pt. Theirs are the best means of "
        "four, and the best of several looks better than it is."
    ),
    "1 2 3 3": (
        "ann leads ben (config b) by 1.0000 pt. Theirs are the best two means of four, and the best of several looks "
        "better than it is."
    ),
}


@pytest.mark.parametrize("values", LEVEL)
def test_whoever_shares_the_first_or_the_second_place_is_named(tmp_path, monkeypatch, capsys, values):
    monkeypatch.chdir(tmp_path)
    rows = (f"{name},1,10,{value}\n" for name, value in zip("abcd", values.split(), strict=True))
    (tmp_path / "curves.csv").write_text("config,seed,seconds,loss\n" + "".join(rows), encoding="utf-8")
    stage = "stage short {\n  train all_four for 10s\n  on box\n  seeds 1\n  report only\n}\n"
    text = recorded("all_four", stage, ann="a", ben="b", cal="c", dan="d")
    (tmp_path / "trial.promo").write_text(text, encoding="utf-8")
    promo("replay", "trial.promo", "--curves", "curves.csv", "--quiet")
    found = build_view(record_of(StudyFolder(Path("trial.study"))))

    nothing = "This study declares no gate and no rule, so nothing is tested: after 10 s "
    assert found.answer.headline == nothing + LEVEL[values]


def test_who_lacks_a_value_in_a_cell_is_neither_ranked_nor_compared(tmp_path, monkeypatch, capsys):
    """On the slow seed all are worse, so a mean without it is better than it ought to be."""
    monkeypatch.chdir(tmp_path)
    table = "config,seed,seconds,loss\na,1,10,2\na,2,10,4\nb,1,10,2.5\nc,1,10,3.5\nc,2,10,5\n"
    (tmp_path / "curves.csv").write_text(table, encoding="utf-8")
    stage = "stage short {\n  train three for 10s\n  on box\n  seeds 1, 2\n  report only\n}\n"
    (tmp_path / "trial.promo").write_text(recorded("three", stage, one="a", two="b", three_="c"), encoding="utf-8")
    promo("replay", "trial.promo", "--curves", "curves.csv", "--quiet")
    found = build_view(record_of(StudyFolder(Path("trial.study"))))

    assert found.answer.headline == (
        "This study declares no gate and no rule, so nothing is tested: after 10 s one leads three_ (config c) by "
        "1.2500 pt. Not compared, for lack of a value in some cell: two (config b)."
    )
    assert [place for _, place in found.ladder.rows] == ["1 (3.0000)", "– (2.5000, 1 of 2 cells)", "2 (4.2500)"]


def test_a_stopped_study_says_that_it_was_stopped_and_why(view):
    crash = SOUND["candidate"].replace(
        "candidate good like base { quality = 1 }",
        'candidate good like base {\n  quality = 1\n  behaviour = "crash"\n}',
    )
    gate = SOUND["gate"].replace("missing rerun 1, then drop", "missing stop")
    found = view(spec("use", host=INLINE, study=ASKED, candidate=crash, gate=gate))

    assert found.answer.outcome == "open"
    assert found.answer.headline.startswith(
        "The study was stopped before its end: good (quality 1, behaviour crash) lacks a value at short"
    )
    assert found.answer.lines == ()
    assert "Kept" not in facts(found)


def test_a_study_that_waits_for_a_person_says_who_waits_for_what(view):
    held = RULE.replace("at most 0.5pt", "at most -5pt").replace("absent skip", "absent skip\n  else hold")
    found = view(spec("use", host=INLINE, study=ASKED, rule=held))

    assert found.answer.headline.startswith("No, close fails: ")
    assert found.answer.standing[0].startswith("Not finished: close fails for good (quality 1) against base")
    assert "it waits for a person" in found.answer.standing[0]
    assert "promo decide" in found.answer.standing[1]


def test_an_undecided_rule_says_why(view):
    aside = RULE.replace("judge good", "judge poor")
    found = view(spec("use", host=INLINE, study=ASKED, rule=aside))

    assert found.answer.outcome == "undecided"
    assert (
        found.answer.headline == "Not answered: close is undecided, because poor (quality 4) was not promoted to long."
    )
    assert "Effect" not in facts(found)


def test_a_rule_against_the_leader_has_the_leaders_values_beside_it(view):
    leader = RULE.replace(" against base", "").replace("mean gap at", "mean gap to leader at").replace("good", "base")
    found = view(spec("use", host=INLINE, study=ASKED, rule=leader))
    group = found.rules[0]

    assert found.answer.headline.startswith("No, close fails: after 2 s good (quality 1) leads base by 1.0000 pt")
    assert group.reference == "leader, good (quality 1)"
    for one in group.rules[0].comparisons:
        assert Fraction(one.judged) - Fraction(one.reference) == Fraction(one.difference)


def test_a_rule_that_compares_with_nobody_has_no_empty_columns(view):
    alone = RULE.replace(" against base", "").replace("mean gap at most 0.5pt", "mean loss at most 9pt")
    found = view(spec("use", host=INLINE, study=ASKED, rule=alone))
    table = render_markdown(found).partition("| rule | cell |")[2].splitlines()[0]

    assert (
        found.answer.headline
        == "Yes, close holds: after 2 s, the loss of good (quality 1) is at most 9 pt on the mean over cells."
    )
    assert table == " good (quality 1) |"


def test_a_study_that_has_not_begun_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    waiting = ASKED.replace("  runner toy", "  runner toy\n  anchor required")
    (tmp_path / "trial.promo").write_text(spec("use", host=INLINE, study=waiting), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    found = build_view(record_of(StudyFolder(Path("trial.study"))))

    assert found.answer.headline == (
        "Not answered yet: no run has started, and none will until the ledger holds an outside receipt."
    )
    assert facts(found)["Frozen"].endswith("; there is no result yet")
    assert "Kept" not in facts(found)


def test_an_undecided_rule_about_several_has_a_row_for_each_in_its_table(view):
    failing = re.sub(r"quality = ([13]) }", r'quality = \1\n  behaviour = "ok" }', SOUND["candidate"])
    failing = failing.replace("quality = 2 }", 'quality = 2\n  behaviour = "nan" }')
    gate = SOUND["gate"].replace("top 1", "top 2")
    rule = RULE.replace("judge good", "judge promoted")
    view(spec("use", host=INLINE, candidate=failing, gate=gate, rule=rule))
    rows = [one for one in load("trial.study").decisions() if one.kind == "rule"]

    assert [(one.candidate, one.changed, one.verdict) for one in rows] == [
        ("fair", "quality 3, behaviour ok", "undecided"),
        ("good", "quality 1, behaviour ok", "undecided"),
    ]


def test_a_rule_that_had_nobody_to_judge_keeps_its_row(view):
    failing = SOUND["candidate"].replace("quality = 2 }", 'quality = 2\n  behaviour = "nan" }')
    view(spec("use", host=INLINE, candidate=failing, rule=RULE.replace("judge good", "judge promoted")))
    rows = [one for one in load("trial.study").decisions() if one.kind == "rule"]

    assert [(one.candidate, one.verdict) for one in rows] == [(None, "undecided")]


EXACT = f"""promo 1

study trial {{
  title "What matters?"
  measure loss in pt, lower is better
  runner toy
}}

{INLINE}

factor quality: points in 0..10 default 1
factor size: units in 1..64 default 8

design screen full {{
  vary quality low 1 high 2
  vary size low 8 high 16
}}

cohort rowed {{ rows screen all }}

stage short {{
  train rowed for 1s
  on box
  seeds 1, 2
}}

effects penalties {{
  from short
  model main
  family main
  rate 5%
}}
"""
"""Size makes no difference, and quality and seed explain the rest."""


def test_an_effect_of_nothing_favours_no_level_and_no_reason_is_given_twice(view, capsys):
    found = view(EXACT)
    [fit] = found.effects[0].fits
    capsys.readouterr()

    assert fit.verdict == "Nothing was tested."
    assert fit.statements == (
        "The model fits every run exactly, so there is no error to test against: effects are given without a test.",
    )
    assert "quality, 2 worse than 1 by 1.0000 pt; size, 16 level with 8" in render_html(found)
    assert promo("why", "screen_1") == 0
    assert (
        capsys.readouterr().out == "This study declares no gate and no rule: nothing is decided about any candidate.\n"
    )


def test_what_a_rule_requires_of_many_is_told_once(view):
    names = [f"c{number}" for number in range(1, 9)]
    candidates = "\n".join(
        f"candidate {name} like base {{ quality = {10 + place} }}" for place, name in enumerate(names)
    )
    found = view(
        spec(
            "use",
            host=INLINE,
            candidate=f"candidate base as reference {{ quality = 2 }}\n{candidates}\n"
            "candidate good like base { quality = 1 }",
            cohort=f"cohort four {{ members base, good, {', '.join(names)} }}",
            gate=SOUND["gate"].replace("top 1", "top 8"),
            rule=RULE.replace("judge good", "judge promoted").replace("gap at most 0.5pt", "gain at least 0.25pt"),
        )
    )
    [said] = [one for one in found.story if one.startswith("close fails")]

    assert said.count("mean gain at least 0.25 pt") == 1
    assert "required of each: mean gain at least 0.25 pt; seen from -14.0000 pt (c7 (quality 16)) to +1.0000 pt" in said
    assert said.endswith("7 of 8 fall short.")
    assert " on the mean of 2 cells at long (2 more in the table below)" in facts(found)["Effect"]
