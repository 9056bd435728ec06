"""Forecasts and schedules end to end with a runner whose losses follow laws: put down, carried out, verified."""

import json
import shutil

import pytest
from promo_toy.train import LAWS

from promo.base.canonical import canonical, digest_bytes, parse_json
from promo.base.classes import evolve
from promo.decision.values import Grounds
from promo.driver.study import StudyFolder
from promo.ledger.outcomes import Held, Turn
from promo.ledger.values import Decided, PersonDecided, StageOpened
from support import codes, crashed, promo, rechecked, rewritten

TEXT = """promo 1

study trial {
  title   "A trial"
  measure loss in pt, lower is better
  runner  toy
}

host box {
  device   "cpu" on any
  slots    2
  executor inline
}

factor size: units in 1..64 step 1 default 8
factor behaviour: kind in ["lawful"]

candidate base as reference
candidate large like base { size = 16 }
candidate moving follows growing

stage first {
  train base, large for 1000flop
  cap 1min
  on box
  seeds 1, 2, 3
  report only
}

stage second {
  train base, large for 2000flop
  cap 1min
  on box
  seeds 4, 5, 6
  report only
}

stage third {
  train base, large for 4000flop
  cap 1min
  on box
  seeds 7, 8, 9
  report only
}

stage fourth {
  train base, large for 16000flop
  cap 1min
  on box
  seeds 17, 18, 19
  report only
}

law falling {
  of base, large
  from first, second, third, fourth
  form compute
  reach 4 times
  draws 20 seed 1
}

schedule growing {
  shapes base -> large by copy_top
  law falling
  else OTHERWISE
}

stage whole {
  train moving, base, large for 40_000flop
  cap 1min
  on box
  seeds 11, 12
}

forecast before {
  of base, large
  at whole
  law falling
}

frozen rule it_pays {
  judge moving against large at whole
  require mean gain at least 0.001pt
  missing stop
}
"""
SWITCH = 1150
"""Where the laws of sizes 8 and 16 fall equally fast at equal loss, to three digits; see `test_switching`."""


def made(place, otherwise="best", change=lambda text: text):
    (place / "trial.promo").write_text(change(TEXT.replace("OTHERWISE", otherwise)), encoding="utf-8")
    code = promo("run", place / "trial.promo", "--quiet")
    return code, StudyFolder(place / "trial.study")


def scheduling(folder):
    return folder.decision(folder.compiled(), folder.state(), "growing").found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    code, folder = made(tmp_path_factory.mktemp("schedule"))
    assert code == 0
    return folder


def few(text):
    """With hardly any difference between the budgets, nothing far off is told."""
    text = text.replace("2000flop", "1100flop").replace("4000flop", "1200flop").replace("16000flop", "1300flop")
    return text.replace("reach 4", "reach 40")


def test_the_shape_changes_where_the_laws_fall_equally_fast_and_that_is_put_down_before_the_stage_opens(whole):
    found, events = scheduling(whole), [one.event for one in whole.chain().events]
    (switch,) = found.switches
    opened = next(place for place, one in enumerate(events) if isinstance(one, StageOpened) and one.stage == "whole")
    decided = {one.name: place for place, one in enumerate(events) if isinstance(one, Decided)}

    assert found.grounds is Grounds.TOLD
    assert found.path == (Turn("base", 0), Turn("large", 1160))
    assert float(switch.low) <= SWITCH <= float(switch.high)
    assert max(decided["growing"], decided["before"]) < opened < decided["it_pays"]
    assert whole.state().path("growing") == found.path


def test_its_runs_are_asked_to_change_there_and_others_are_not(whole):
    requests = [whole.request(one) for one in whole.state().every_attempt("whole")]
    changing = [one for one in requests if one.run.candidate == "moving"]

    assert len(changing) == 2
    for one in changing:
        (change,) = one.changes
        assert (change.at, change.way, change.settings["size"], one.settings["size"]) == (1160, "copy_top", 16, 8)
        assert "follows" not in one.settings
    assert all(not one.changes for one in requests if one.run.candidate != "moving")


def test_what_is_foretold_is_what_comes_within_its_interval(whole):
    found, evidence = scheduling(whole), whole.evidence(whole.compiled(), whole.state(), "whole")
    for one in found.foretold:
        values = [float(cell.value) for cell in evidence.row(one.candidate).cells]
        mean = sum(values) / len(values)

        assert float(one.low) <= float(one.value) <= float(one.high)
        assert mean == pytest.approx(float(one.value), rel=5e-3)
    assert {one.candidate for one in found.foretold} == {"base", "large", "moving"}


def test_both_verifiers_fit_the_laws_again_and_agree(whole, capsys):
    assert promo("verify", whole.path) == 3
    assert "growing: decided again" in capsys.readouterr().out
    again = rechecked(whole.path)
    assert again.returncode == 3, again.stdout + again.stderr


@pytest.mark.parametrize("name", ["growing", "before"])
@pytest.mark.parametrize("number", ["value", "low", "high"])
@pytest.mark.parametrize(("by", "code"), [(1.001, 1), (1.00003, 3)], ids=["other", "another machine's last digit"])
def test_a_forecast_or_switch_that_does_not_follow_is_found_by_both(whole, tmp_path, name, number, by, code):
    folder = StudyFolder(tmp_path / "trial.study")
    shutil.copytree(whole.path, folder.path)
    file = folder.path / "decisions" / f"{name}.json"
    stored = parse_json(file.read_bytes())
    told = stored["found"]["foretold"][0]
    told[number] = f"{float(told[number]) * by:.5g}"
    file.write_bytes(canonical(stored) + b"\n")

    def change(event):
        one = event.event
        if not isinstance(one, Decided) or one.name != name:
            return one
        return evolve(one, verdict=evolve(one.verdict, decision=digest_bytes(canonical(stored))))

    rewritten(folder.path / "ledger.jsonl", change)

    assert promo("verify", folder.path) == code
    again = rechecked(folder.path)
    assert again.returncode == code, again.stdout
    assert (f"{name} comes out otherwise at found.foretold" in again.stdout) is (code == 1)


def test_where_the_laws_do_not_tell_it_the_best_shape_is_kept(tmp_path):
    code, folder = made(tmp_path, change=few)
    found = scheduling(folder)

    assert code == 0
    assert found.grounds is not Grounds.TOLD
    assert len(found.path) == 1
    requests = [folder.request(one) for one in folder.state().every_attempt("whole")]
    assert not any(one.changes for one in requests)
    assert rechecked(folder.path).returncode == 3


def test_a_law_through_as_many_points_as_it_has_parameters_tells_nothing(tmp_path):
    """Every draw of the runs gives the same law, so its interval is no width, and says nothing of how sure it is."""

    def change(text):
        head, _, tail = text.partition("stage fourth {")
        text = (head + tail.partition("}\n")[2]).replace("first, second, third, fourth", "first, second, third")
        for seeds in ("1, 2, 3", "4, 5, 6", "7, 8, 9"):
            text = text.replace(f"seeds {seeds}", f"seeds {seeds[0]}")
        return text.replace("reach 4", "reach 16")

    code, folder = made(tmp_path, change=change)
    found = scheduling(folder)

    assert code in (0, 5)
    assert found.grounds is Grounds.UNSURE
    assert [one.points for one in found.fits] == [3, 3]
    assert len(found.path) == 1
    assert promo("verify", folder.path) == 3
    assert rechecked(folder.path).returncode == 3


def test_or_a_person_names_the_shape_that_is_kept(tmp_path, capsys):
    code, folder = made(tmp_path, "hold", few)
    spec = tmp_path / "trial.promo"
    person = ("--by", "me", "--reason", "as good as any")

    assert code == 5
    assert isinstance(folder.state().decisions["growing"].verdict.outcome, Held)
    assert "whole" not in folder.state().opened
    assert "growing" in folder.state().waiting()
    assert promo("report", spec) == 0
    assert "leaves it to a person which shape to train: the runs of" in (folder.path / "report.html").read_text("utf-8")
    assert promo("decide", spec, "growing", "--promote", "moving", *person) == 2
    assert "is not a shape of growing" in capsys.readouterr().err
    assert promo("decide", spec, "growing", "--promote", "base,large", *person) == 2
    assert promo("decide", spec, "growing", "--promote", "large", *person) == 0
    assert promo("run", spec, "--quiet") == 0
    sizes = {one.candidate: folder.request(one).settings["size"] for one in folder.state().every_attempt("whole")}
    assert sizes == {"moving": 16, "base": 8, "large": 16}
    page = (folder.path / "report.html").read_text("utf-8")
    assert "growing trains large (size 16) throughout, decided by me (as good as any), because the runs of" in page
    assert "leaves it to a person which" not in page
    assert any(isinstance(one.event, PersonDecided) for one in folder.chain().events)
    assert promo("verify", folder.path) == 3
    assert rechecked(folder.path).returncode == 3


def in_seconds(text):
    """A thousandth as much of everything, so that the laws change within the first second."""
    for flops, seconds in (("16000", "16"), ("1000", "1"), ("2000", "2"), ("4000", "4"), ("40_000", "40")):
        text = text.replace(f"for {flops}flop\n  cap 1min", f"for {seconds}s")
    return text


def test_a_change_is_made_no_earlier_than_at_the_first_unit_of_the_budget(tmp_path, monkeypatch):
    earlier = {size: (floor, factor * 4000**-power, power) for size, (floor, factor, power) in LAWS.items()}
    monkeypatch.setattr("promo_toy.train.LAWS", earlier)
    code, folder = made(tmp_path, change=in_seconds)
    found = scheduling(folder)

    assert code == 0
    assert 0 < float(found.switches[0].at) < 0.5
    assert found.path == (Turn("base", 0), Turn("large", 1))
    assert promo("verify", folder.path) == 3
    assert rechecked(folder.path).returncode == 3


def test_the_largest_shape_may_be_kept_instead(tmp_path):
    _, folder = made(tmp_path, "largest", few)

    assert scheduling(folder).path == (Turn("large", 0),)
    assert promo("report", folder.path, "--format", "md", "--out", tmp_path / "it.md") == 0
    said = (tmp_path / "it.md").read_text(encoding="utf-8")
    assert "| moving | follows growing: large (size 16); 160 parameters |" in said
    assert (
        "moving is equal to large (size 16), the best and the largest static shape; gain 0.0000, 95% interval 0.0000"
        in said
    )


def test_more_than_two_shapes_go_on_along_their_laws(tmp_path):
    def change(text):
        text = text.replace("candidate moving", "candidate huge like base { size = 24 }\ncandidate moving")
        text = text.replace("train base, large for", "train base, large, huge for").replace(
            "of base, large\n  from", "of base, large, huge\n  from"
        )
        return text.replace("base -> large by", "base -> large -> huge by")

    code, folder = made(tmp_path, change=change)
    found = scheduling(folder)

    assert code == 0
    assert [one.candidate for one in found.path] == ["base", "large", "huge"]
    assert 0 < found.path[1].at < found.path[2].at < 40_000
    assert promo("verify", folder.path) == 3
    assert rechecked(folder.path).returncode == 3


def with_huge(text):
    """A third shape, which comes last."""
    text = text.replace("candidate moving", "candidate huge like base { size = 24 }\ncandidate moving")
    text = text.replace("train base, large for", "train base, large, huge for")
    return text.replace("of base, large\n  from", "of base, large, huge\n  from").replace(
        "base -> large by", "base -> large -> huge by"
    )


def test_two_changes_may_come_at_the_same_place(tmp_path, monkeypatch):
    """The shape between is never the cheapest one: it is passed through without a step, and both verifiers take it."""
    monkeypatch.setitem(LAWS, 16, (0.5, 170.0, 0.55))
    code, folder = made(tmp_path, change=with_huge)
    found = scheduling(folder)
    first, second = found.switches

    assert code in (0, 5)
    assert found.grounds is Grounds.TOLD
    assert (first.at, [one.candidate for one in found.path]) == (second.at, ["base", "large", "huge"])
    assert 0 < found.path[1].at == found.path[2].at < 40_000
    attempts = [one for one in folder.state().every_attempt("whole") if one.candidate == "moving"]
    for one in attempts:
        assert [change.at for change in folder.request(one).changes] == [found.path[1].at] * 2
        base, between, huge = folder.result(one).body.segments
        assert (between.steps, between.tokens, between.until) == (0, 0, base.until)
        assert huge.steps > 0
    assert promo("verify", folder.path) in (2, 3)
    assert rechecked(folder.path).returncode in (2, 3)
    _, tables = section(folder, tmp_path / "it.md")
    assert ["moving", "whole, at its end"] in [row[:2] for row in tables["Loss against compute"]]


def test_no_stage_waits_for_what_it_does_not_need():
    assert codes(TEXT.replace("OTHERWISE", "best")) == ["P0414"]


def test_a_replay_and_an_invented_world_have_no_shapes(whole, capsys):
    assert promo("simulate", whole.path / "spec.promo", "--noise", "0.1") == 2
    assert "use a law" in capsys.readouterr().err


def test_the_report_sets_what_came_beside_what_was_foretold(whole, tmp_path):
    assert promo("report", whole.path, "--format", "md", "--out", tmp_path / "it.md") == 0
    said = (tmp_path / "it.md").read_text(encoding="utf-8")
    assert "growing begins with base and changes to large (size 16) at 1,160 flop" in said
    assert "recorded in the ledger before that stage opened" in said
    assert "inferred from its law, shifted to its measured loss" in said
    assert r"| moving | follows growing: base -\> large (size 16); 80 -\> 160 parameters |" in said


def section(folder, out):
    """What the report says of the schedule: its lines, and its tables by their title."""
    assert promo("report", folder.path, "--format", "md", "--out", out) == 0
    said = out.read_text(encoding="utf-8").partition("### growing")[2].partition("## Stages")[0]
    text, *tables = said.split("#### ")
    rows = {
        one.partition("\n")[0]: [row[2:-2].split(" | ") for row in one.split("\n") if row[:2] == "| "] for one in tables
    }
    return text, rows


def test_the_report_draws_and_tables_loss_against_compute_with_where_the_shape_changes(whole, tmp_path):
    _, tables = section(whole, tmp_path / "it.md")
    ends = {(row[0], row[1]): row for row in tables["Loss against compute"][1:] if row[1].endswith("at its end")}
    ways = [row for row in tables["Loss against compute"][1:] if row[1] == "whole, on the way"]

    stages = ["first", "second", "third", "fourth", "whole"]
    assert {where for who, where in ends if who == "base"} == {f"{one}, at its end" for one in stages}
    assert [row[2:3] + row[6:] for row in ways] == [["1,160 flop", "2"]]  # at the change, by the shape before it
    evidence = whole.evidence(whole.compiled(), whole.state(), "whole")
    values = [float(cell.value) for cell in evidence.row("moving").cells]
    shown = [sum(values) / 2, min(values), max(values)]
    assert ends["moving", "whole, at its end"][2:] == ["40,000 flop", *(f"{one:.4f}" for one in shown), "2"]

    assert promo("report", whole.path, "--out", tmp_path / "it.html") == 0
    page = (tmp_path / "it.html").read_text(encoding="utf-8")
    assert page.count('class="span"') == 1
    assert "base to large at 1,160 flop" in page
    assert promo("report", whole.path, "--format", "json", "--out", tmp_path / "it.json") == 0
    assert "<svg" not in (tmp_path / "it.json").read_text(encoding="utf-8")


def test_a_lead_in_every_seed_is_a_saving_and_is_told_with_and_without_what_the_laws_rest_on(whole, tmp_path):
    text, tables = section(whole, tmp_path / "it.md")
    ((who, shape, which, lead, ahead, need, saved, between, paid),) = tables["Saved at equal loss"][1:]

    assert (who, shape, which) == ("moving", "large (size 16)", "best and the largest")
    assert float(lead) > 0
    assert all(float(end) > 0 for end in ahead.split(" to "))
    needed = float(need.split()[0].replace(",", ""))
    share = 1 - 40_000 / needed
    assert int(saved[:-1]) == pytest.approx(100 * share, abs=0.6)
    assert int(between.split("%")[0]) <= int(saved[:-1])
    pilots = 6 * (1000 + 2000 + 4000 + 16000)
    assert paid == f"{(40_000 + pilots) / needed:.1f} times as much"
    assert "To reach the loss of moving, large (size 16) would need" in text
    assert "no saving" not in text.lower()


def test_a_lead_that_seeds_alone_may_make_is_no_saving(tmp_path):
    code, folder = made(tmp_path, change=lambda text: text.replace('["lawful"]', '["noisy"]'))
    text, tables = section(folder, tmp_path / "it.md")
    ((*_, lead, ahead, _, _, between, _),) = tables["Saved at equal loss"][1:]

    assert code in (0, 5)
    low, high = map(float, ahead.split(" to "))
    assert low < 0 < float(lead) < high
    assert between.startswith("-")
    assert "This study shows no saving against large (size 16), the best and the largest static shape." in text
    assert (
        "No saving against large (size 16) is shown: the interval of the gain includes 0, so seed noise alone may "
        "explain it." in text
    )


def test_being_level_is_no_saving(tmp_path):
    _, folder = made(tmp_path, "largest", few)
    text, tables = section(folder, tmp_path / "it.md")

    assert tables["Saved at equal loss"][1][3] == "0.0000"
    assert "There is no saving against large (size 16), which reaches the loss of moving with 40,000 flop" in text


def test_a_stage_that_ends_before_the_change_is_named(tmp_path):
    _, folder = made(tmp_path, change=lambda text: text.replace("40_000flop", "900flop"))
    text, _ = section(folder, tmp_path / "it.md")

    assert "whole ends at 900 flop, before the change to large (size 16): moving does not get that far." in text


def test_what_a_law_foretells_that_its_points_do_not_tell_is_called_a_guess(tmp_path, capsys):
    def change(text):
        return text.replace('["lawful"]', '["noisy"]').replace("form compute", "form compute, shift")

    _, folder = made(tmp_path, change=change)
    fits = folder.decision(folder.compiled(), folder.state(), "before").found.fits
    assert promo("report", folder.path, "--format", "md", "--out", tmp_path / "it.md") == 0

    assert [one.unsure for one in fits] == [("d",), ("d",)]
    assert "; a guess for base and large (size 16), whose runs do not identify a law." in capsys.readouterr().out
    said = (tmp_path / "it.md").read_text(encoding="utf-8").partition("### before")[2].partition("### growing")[0]
    assert "The runs of base do not identify d: other values fit as well" in said


def told(capsys, *places):
    capsys.readouterr()
    assert promo("laws", *places, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_forecasts_of_several_studies_have_a_record_in_which_each_counts_once(whole, tmp_path, capsys):
    code, other = made(tmp_path, change=lambda text: text.replace("seeds 11, 12", "seeds 21, 22"))
    alone, both = told(capsys, whole.path), told(capsys, whole.path, other.path)
    misses = []
    for folder in (whole, other):
        evidence = folder.evidence(folder.compiled(), folder.state(), "whole")
        for one in scheduling(folder).foretold:
            values = [float(cell.value) for cell in evidence.row(one.candidate).cells]
            misses.append(1 - float(one.value) / (sum(values) / len(values)))

    assert code == 0
    assert [one["candidate"] for one in alone["forecasts"]] == ["base", "large", "moving"]  # of both who foretold
    assert alone["record"]["outcomes"] == 3
    assert "laws" in alone
    record, mean = both["record"], sum(misses) / 6
    assert (record["outcomes"], record["studies"]) == (6, 2)
    assert record["inside"] == sum(one["inside"] for one in both["forecasts"])
    assert float(record["missed_by"]) == pytest.approx(mean, abs=1e-6)
    assert float(record["spread"]) == pytest.approx((sum((one - mean) ** 2 for one in misses) / 5) ** 0.5, rel=1e-4)

    assert promo("laws", whole.path, other.path) == 0
    said = capsys.readouterr().out
    assert f"{record['inside']} of 6 outcomes of 2 studies inside the 95% interval" in said
    shutil.copytree(whole.path, tmp_path / "copy.study")
    assert promo("laws", whole.path, tmp_path / "copy.study") == 2
    assert "are one study, whose forecasts count once" in capsys.readouterr().err


def test_a_forecast_of_which_nothing_has_come_counts_for_nothing(tmp_path, capsys):
    code, folder = made(tmp_path, "hold", few)
    found = told(capsys, folder.path)

    assert code == 5
    assert [one["came"] for one in found["forecasts"]] == [None, None]
    assert found["record"] is None
    assert promo("laws", folder.path) == 0
    assert "2 of 2 forecasts have no outcome yet." in capsys.readouterr().out


def test_what_follows_a_schedule_is_as_large_as_the_shape_that_it_comes_to(tmp_path):
    """Where candidates are level a gate takes the smaller one, and the report speaks of sizes at the end."""
    gate = (
        "gate fewer {\n  from whole to more\n  rank by mean loss over host, seed\n  keep top 1\n"
        "  missing drop\n  crash as missing\n  ties by parameters, name\n}\n"
        "stage more {\n  after fewer\n  train promoted for 50_000flop\n  cap 1min\n  on box\n  seeds 31\n"
        "  report only\n}\n"
    )

    def change(text):
        text = text.replace("candidate base as reference", "candidate base")
        text = text.replace("candidate large like", "candidate large as reference like")
        return few(text).partition("frozen rule")[0] + gate

    code, folder = made(tmp_path, "largest", change)
    assert code == 0
    assert folder.state().promoted("fewer") == ("large",)  # level and as large, so by name
    assert (promo("verify", folder.path), rechecked(folder.path).returncode) == (3, 3)
    assert promo("report", folder.path, "--format", "md", "--out", tmp_path / "it.md") == 0
    said = (tmp_path / "it.md").read_text(encoding="utf-8")
    words = (
        "The reference large, with 160 parameters, is larger than 1 of its rivals, 2.00 times the next largest, base"
    )
    assert f"{words} (size 8), with 80:" in said


@pytest.mark.parametrize("last", ["growing", "whole"])
def test_a_study_in_mid_course_has_a_report_that_tells_what_was_foretold(whole, tmp_path, last):
    """Once a law has spoken, and while the stage is open that it spoke of."""
    folder = StudyFolder(tmp_path / "trial.study")
    shutil.copytree(whole.path, folder.path)
    lines, events = (folder.path / "ledger.jsonl").read_bytes().splitlines(keepends=True), whole.chain().events
    end = next(
        place
        for place, one in enumerate(events)
        if (getattr(one.event, "name", None) == last and isinstance(one.event, Decided))
        or (isinstance(one.event, StageOpened) and one.event.stage == last)
    )
    crashed(folder.path / "ledger.jsonl", b"".join(lines[: end + 1]))

    assert promo("report", folder.path, "--format", "md", "--out", tmp_path / "it.md") == 0
    assert "changes to large (size 16) at 1,160 flop" in (tmp_path / "it.md").read_text(encoding="utf-8")


def test_a_crate_tells_which_tables_a_law_read(whole, tmp_path):
    assert promo("export", whole.path, "--to", "rocrate", "--out", tmp_path / "crate") == 0


def test_why_tells_what_laws_said_of_a_candidate(whole, capsys):
    assert promo("why", "--study", whole.path, "moving", "growing") == 0
    assert "Forecast at whole" in capsys.readouterr().out
    assert promo("why", "--study", whole.path, "base", "--json") == 0
    told = json.loads(capsys.readouterr().out)["verdicts"]
    assert {one["name"] for one in told} >= {"before", "growing"}


def on_two_hosts(text):
    text = text.replace("OTHERWISE", "best")
    text = text.replace(
        "factor size", 'host other {\n  device "cpu" on any\n  slots 1\n  executor inline\n}\nfactor size'
    )
    return text.replace("on box\n  seeds 11", "on box, other\n  seeds 11").replace(
        "on box\n  seeds 4", "on other\n  seeds 4"
    )


def test_a_host_that_is_ahead_brings_what_a_schedule_changed_before_the_other_one_knows_of_it(tmp_path, capsys):
    sides = {"ahead": "box", "behind": "other"}
    for name in sides:
        (tmp_path / name).mkdir()
        (tmp_path / name / "trial.promo").write_text(on_two_hosts(TEXT), encoding="utf-8")

    def run(name):
        return promo("run", tmp_path / name / "trial.promo", "--host", sides[name], "--quiet")

    def carried(one, other):
        (tmp_path / "it.bundle").unlink(missing_ok=True)
        assert promo("bundle", tmp_path / one / "trial.promo", "--out", tmp_path / "it.bundle") == 0
        assert promo("import", tmp_path / "it.bundle", tmp_path / other / "trial.promo") == 0

    assert (run("ahead"), run("behind")) == (6, 6)
    carried("behind", "ahead")
    assert run("ahead") == 6
    carried("ahead", "behind")
    assert run("behind") == 0
    folder = StudyFolder(tmp_path / "behind" / "trial.study")
    assert (promo("verify", folder.path), rechecked(folder.path).returncode) == (3, 3)

    def elsewhere(event):
        one = event.event
        if not isinstance(one, Decided) or one.name != "growing":
            return one
        return evolve(one, verdict=evolve(one.verdict, path=(Turn("base", 0), Turn("large", 1170))))

    rewritten(folder.path / "ledger.jsonl", elsewhere)
    capsys.readouterr()
    assert promo("verify", folder.path) == 1
    assert "DIFFERS  requests: runs/whole/moving-box-s11" in capsys.readouterr().out
    assert "moving-box-s11/attempt-1/request.json asks for another changes" in rechecked(folder.path).stdout


def of_sizes(text):
    """A law of size and data of three sizes, one of which may fail wherever the law is fitted."""
    text = text.replace('["lawful"]', '["lawful", "crash"] default "lawful"').replace("compute", "size, data")
    head, _, tail = text.partition("schedule growing")
    text = head + tail[tail.index("stage whole") :].partition("frozen rule")[0]
    text = text.replace("candidate moving follows growing", "candidate huge like base {\n  size = 24\n}")
    text = text.replace("train moving, base, large", "train base, large").replace("11, 12\n", "11, 12\n  report only\n")
    return text.replace("train base, large for", "train base, large, huge for", 4).replace(
        "of base, large\n  from", "of base, large, huge\n  from"
    )


def test_a_law_of_size_and_data_is_the_same_for_both_verifiers_and_is_none_of_two_sizes(tmp_path):
    code, folder = made(tmp_path, change=of_sizes)
    assert (code, rechecked(folder.path).returncode) == (0, 3)

    (tmp_path / "two").mkdir()
    broken = 'size = 24\n  behaviour = "crash"'
    code, folder = made(tmp_path / "two", change=lambda text: of_sizes(text).replace("size = 24", broken))
    found = folder.decision(folder.compiled(), folder.state(), "before").found
    assert (code, found.fits[0].parameters, found.foretold) == (0, (), ())
    assert promo("verify", folder.path) == 3
    assert rechecked(folder.path).returncode == 3
    assert promo("report", folder.path, "--format", "md", "--out", tmp_path / "it.md") == 0
    assert "needs runs of three sizes" in (tmp_path / "it.md").read_text(encoding="utf-8")


ASKED = """
rule gets_there {
  judge large at fourth
  require projected to whole at most BOUNDpt by falling
  missing stop
  else hold
}
"""


@pytest.mark.parametrize(("bound", "status"), [(0.8, 0), (0.7, 5), (0.7635, 5)])
def test_a_rule_may_ask_what_a_law_foretells(tmp_path, capsys, bound, status):
    def change(text):
        head, _, tail = text.partition("  seeds 17, 18, 19\n  report only\n")
        return f"{head}  seeds 17, 18, 19\n{tail}{ASKED.replace('BOUND', str(bound))}"

    code, folder = made(tmp_path, change=change)
    found = folder.decision(folder.compiled(), folder.state(), "gets_there").judgement
    (finding,) = found.findings

    assert code == status
    assert found.answer.value == {0.8: "holds", 0.7: "fails", 0.7635: "undecided"}[bound]
    assert (finding.holds, finding.details[0].cells) == ({0.8: True, 0.7: False, 0.7635: None}[bound], 12)
    assert float(finding.details[0].low) <= float(finding.statistic) <= float(finding.details[0].high)
    assert promo("verify", folder.path) in (2, 3)
    again = rechecked(folder.path)
    assert again.returncode in (2, 3), again.stdout
    assert "differs" not in again.stdout.lower().replace("nothing differs", "")


def test_a_rule_that_asks_a_law_that_its_runs_do_not_identify_says_no_more_than_that(tmp_path, capsys):
    """The bound lies far outside the interval of what is then but a guess."""

    def change(text):
        head, _, tail = text.partition("  seeds 17, 18, 19\n  report only\n")
        text = f"{head}  seeds 17, 18, 19\n{tail}{ASKED.replace('BOUND', '0.95')}"
        return text.replace('["lawful"]', '["noisy"]').replace("form compute", "form compute, shift")

    code, folder = made(tmp_path, change=change)
    found = folder.decision(folder.compiled(), folder.state(), "gets_there").judgement

    assert (code, found.answer.value) == (5, "undecided")
    assert found.findings[0].details == ()
    assert "the runs do not identify the law, or the bound lies inside its interval" in capsys.readouterr().out


def test_a_gate_keeps_whose_whole_interval_lies_inside_the_bound(tmp_path):
    gate = (
        "gate far_enough {\n  from fourth to whole\n  rank by mean loss over host, seed\n"
        "  keep projected to whole at most 0.9pt by falling\n  missing drop\n  crash as missing\n  ties by name\n}\n"
    )

    def change(text):
        text = text.replace("train moving, base, large for", "after far_enough\n  train promoted for")
        text = text.replace("17, 18, 19\n  report only", "17, 18, 19").replace("11, 12\n", "11, 12\n  report only\n")
        text = text.replace("of base, large\n  at whole", "of base\n  at whole")
        head, _, tail = text.partition("schedule growing")
        return (
            head.replace("candidate moving follows growing\n", "")
            + tail[tail.index("stage whole") :].partition("frozen rule")[0]
            + gate
        )

    code, folder = made(tmp_path, change=change)

    assert code == 0
    assert folder.state().promoted("far_enough") == ("large",)
    assert rechecked(folder.path).returncode == 3


def test_losses_that_no_law_joins_leave_it_to_a_person(tmp_path):
    """Whatever a runner says, nothing ends a study: a law is not fitted, and nothing is foretold."""
    code, folder = made(tmp_path, change=lambda text: text.replace('["lawful"]', '["lawful", "wild"] default "wild"'))

    assert code == 5
    assert scheduling(folder).grounds is Grounds.FEW
    assert promo("report", folder.path, "--out", tmp_path / "it.html") == 0
    assert rechecked(folder.path).returncode == 2


def test_a_law_is_of_runs_on_whatever_devices_and_its_operations_are_those_of_all_of_them(whole, tmp_path):
    wider = {"fourth": 2, "whole": 3}  # each device of a run is a process

    def widened(text):
        for stage, devices in wider.items():
            head, name, rest = text.partition(f"stage {stage} {{")
            text = head + name + rest.replace("  on box\n", f"  on box\n  devices {devices}\n", 1)
        return text.replace("slots    2", "slots    3")

    code, folder = made(tmp_path, change=widened)

    assert code == 0
    asked = {(one.stage, folder.request(one).devices) for one in folder.state().every_attempt()}
    assert asked == {("first", 1), ("second", 1), ("third", 1), *wider.items()}
    assert scheduling(folder).switches == scheduling(whole).switches
    assert promo("verify", folder.path) == 3
    assert rechecked(folder.path).returncode == 3
    assert "on 3 devices" in (folder.path / "report.html").read_text(encoding="utf-8")
