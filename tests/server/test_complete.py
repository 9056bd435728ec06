"""What is offered where; `|` is the cursor."""

import pytest

from promo.server.complete import complete
from promo.syntax.lex import grammar
from support import TWO_MODELS, opened, spec

SOUND = spec(extra="let short_time = 5s")
LAW = """
law falling {
  of base, spare
  from short, long
}

schedule growing {
  shapes base -> spare by copy_top
  law falling
  else best
}

candidate moving follows growing
"""
"""Declarations that are not whole yet: their names are known all the same."""

MODELS = f"""promo 1

study models {{
  title   "Two models"
  measure val_bpb in bpb, lower is better
  runner  gpt
}}

{TWO_MODELS}
stage short {{
  train wide, narrow for 10steps
  cap 1min
  on here
  seeds 1
  report only
}}

"""


def offered(more: str, sound: str = SOUND) -> list[str]:
    document = opened(sound)
    text = sound + more
    offset = text.index("|")
    return [item.label for item in complete(document, text.replace("|", ""), offset)]


@pytest.mark.parametrize(
    ("more", "labels"),
    [
        ("stage x {\n  train |", {"base", "good", "fair", "poor", "spare", "four", "promoted"}),
        ("stage x {\n  train four, |\n}", {"base", "good", "fair", "poor", "spare", "four"}),
        ("stage x {\n  train four for |", {"short_time"}),
        ("stage x {\n  on |\n  seeds 1\n}", {"box"}),
        ("stage x {\n  after |\n}", {"pick"}),
        ("gate x {\n  from short to |", {"short", "long"}),
        ("gate x {\n  rank by |", {"mean", "median", "worst", "every"}),
        ("gate x {\n  rank by mean |", {"loss"}),
        ("gate x {\n  rank by mean loss over |", {"host", "seed"}),
        ("gate x {\n  ties by |", {"name", "order", "parameters"}),
        ("rule x {\n  judge |", {"base", "good", "fair", "poor", "spare"}),
        ("rule x {\n  judge good |", {"against", "at"}),
        ("rule x {\n  judge good against base at |", {"short", "long", "aside"}),
        ("cohort x { members |", {"base", "good", "fair", "poor", "spare"}),
        ("candidate x like |", {"base", "good", "fair", "poor", "spare"}),
        ("candidate x as |", {"reference", "comparator", "sentinel"}),
        ("candidate x {\n  size = 3\n  |\n}", {"quality", "ratio", "behaviour"}),
        ("design x full { vary |", {"quality", "size", "ratio", "behaviour"}),
        ("account {\n  suppose all |", {"pick"}),
        ('host x {\n  device "cpu" on |', {"any", "linux", "macos", "windows"}),
    ],
)
def test_names_of_the_wanted_kind_are_offered(more, labels):
    found = set(offered(more))

    assert labels <= found
    assert not {"base", "pick", "short", "box", "four"} - labels & found


def test_at_the_top_the_words_of_declarations_are_offered_and_nothing_else():
    found = set(offered("|"))

    assert {"stage", "gate", "frozen", "study"} <= found
    assert found <= set(grammar().words)
    assert not found & {"train", "keep", "mean"}


def test_devices_are_offered_in_a_host_and_in_a_stage():
    assert "devices" in offered("host x {\n  slots 8\n  |\n}")
    assert "devices" in offered("stage x {\n  seeds 1\n  |\n}")
    assert "devices" not in offered("stage x {\n  devices 8\n  |\n}")


def test_only_clauses_that_a_block_does_not_have_yet_are_offered():
    found = set(offered("gate x {\n  keep top 1\n  demand first in every cell else hold\n  |\n  missing drop\n}"))

    assert {"from", "rank", "ties", "demand", "guard"} <= found
    assert not found & {"keep", "missing", "train"}


@pytest.mark.parametrize(
    ("more", "labels"),
    [
        ("stage x {\n  train four for 5m|", {"5ms", "5s", "5min", "5h", "5d", "5steps", "5tok", "5flop"}),
        ("stage x {\n  cap 5|", {"5ms", "5s", "5min", "5h", "5d"}),
        ("gate x {\n  keep mean gap to leader at most 0.5|", {"0.5pt"}),
        ("gate x {\n  keep best 25|", {"25%"}),
        ("gate x {\n  guard throughput within 20|", {"20%", "20ms", "20s", "20min", "20h", "20d"}),
        ("gate x {\n  demand rank agreement of box at least 0.6|", {"0.6%"}),
        ("account {\n  suppose all pick continue to long costs 3|", {"3gpu_h", "3cpu_h"}),
        ("grow x {\n  choose lowest loss after 200|", {"200steps"}),
    ],
)
def test_units_of_what_is_measured_there_are_offered_behind_a_number(more, labels):
    assert set(offered(more)) == labels


def test_any_unit_may_stand_behind_the_level_of_a_factor():
    assert {"5pt", "5min", "5tok"} <= set(offered("candidate x {\n  size = 5|"))


@pytest.mark.parametrize(
    ("more", "labels"),
    [
        ("grow x {\n  stack size 1 -> 4 by [copy_top, |", {"interleave", "identity"}),
        ("gate x {\n  keep mean gap to |", {"leader", "base"}),
        ("gate x {\n  guard |", {"throughput", "contention", "warmup"}),
        ("rule x {\n  require median gap at most 1pt at 95% over cells by |", {"t", "sign_flip", "wilcoxon"}),
        ("curves {\n  column |", {"config", "seconds", "status"}),
        ("effects x {\n  family |", {"main", "pairs", "all"}),
        ("schedule x {\n  else |", {"hold"}),
        ("study x {\n  runner |", {"gpt", "recorded", "toy"}),
        ('host x {\n  device "cpu" on any\n  executor |', {"local", "warm"}),
        ("design x neighbours of |", {"four", "pick"}),
        ("candidate x as control of |", {"base", "good"}),
        ("stage x {\n  continue promoted from |", {"short", "long"}),
        ("design x full {\n  clear size * |", {"size", "quality"}),
        ("gate x {\n  keep top short_time or mean |", {"loss"}),
    ],
)
def test_words_that_the_table_of_clauses_knows_are_offered(more, labels):
    assert labels <= set(offered(more))


@pytest.mark.parametrize(
    ("more", "labels"),
    [
        ("schedule x {\n  shapes base -> spare by |", {"copy_top", "interleave", "identity"}),
        ("schedule x {\n  shapes |", {"base", "good"}),
        ("schedule x {\n  law |", {"falling"}),
        ("candidate x follows |", {"growing"}),
        ("forecast x {\n  law |", {"falling"}),
        ("forecast x {\n  of |", {"base", "four", "moving"}),
    ],
)
def test_what_a_schedule_and_a_forecast_may_name_is_offered(more, labels):
    assert labels <= set(offered(more, SOUND + LAW))


@pytest.mark.parametrize(
    ("more", "not_there"),
    [
        ("grow x {\n  stack size 1 -> 4 by [copy_top, |", {"copy_block", "zero_pad"}),
        ("schedule x {\n  shapes base -> spare by |", {"copy_block", "zero_pad"}),
        ("schedule x {\n  shapes |", {"moving"}),
        ("schedule x {\n  shapes base -> |", {"moving"}),
        ("grow x {\n  parent |", {"moving"}),
    ],
)
def test_what_would_be_refused_there_is_not_offered(more, not_there):
    """Ways that the runner does not have, and candidates that follow a schedule where a shape of its own is needed."""
    found = set(offered(more, SOUND + LAW))

    assert found
    assert not found & not_there


@pytest.mark.parametrize(
    ("more", "ways"),
    [
        ("grow x {\n  stack depth 2 -> 4 by [|", {"copy_top", "interleave", "identity"}),
        ("grow x {\n  stack aspect 16 -> 32 by [|", {"zero_pad"}),
        ("schedule x {\n  shapes narrow -> wide by |", {"zero_pad"}),
    ],
)
def test_ways_are_those_of_the_factor_that_grows(more, ways):
    assert ways <= set(offered(more, MODELS))
    assert ("copy_top" in offered(more, MODELS)) is ("copy_top" in ways)


def test_clauses_that_a_block_still_needs_come_first():
    document, text = opened(SOUND), SOUND + "gate x {\n  from short to long\n  \n}"
    found = {item.label: item.sort_text for item in complete(document, text, len(text) - 2)}

    assert sorted(found, key=found.get)[:5] == ["rank", "keep", "missing", "crash", "ties"]


@pytest.mark.parametrize("more", ["# a comm|ent", 'study y {\n  title "in t|', "stage |", "stage x { train oh no |"])
def test_nothing_is_offered_where_nothing_known_can_stand(more):
    assert offered(more) == []


def test_the_end_of_a_block_is_left_to_the_keyboard_but_its_clauses_are_offered_inline():
    assert {"members", "rows", "expect"} <= set(offered("cohort x { |"))


def test_every_place_of_a_spec_can_be_asked():
    document = opened(SOUND)
    for offset in range(0, len(SOUND), 3):
        complete(document, SOUND[:offset], offset)
