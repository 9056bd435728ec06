"""Which shapes of the built-in runner may follow each other: what counts is the model, not the factors that make it."""

import pytest

from support import compiled

TEXT = """promo 1

study shapes {
  title   "Shapes"
  measure val_bpb in bpb, lower is better
  runner  gpt
}

data words {
  source   "builtin:synth/1"
  holdout  5%
  score    4_096tok in windows of 64tok
}

host here {
  device   "cpu" on any
  slots    1
}

factor depth: layers in [2, 4] default 2
factor aspect: ratio in 1..64 step 1 default 16
factor head_size: channels in [16]
factor context: tokens in [32, 64] default 32
factor total_batch: tokens in [256]

candidate first as reference
candidate second { LEVELS }
candidate moving follows growing
"""
STAGE = """
stage {name} {{
  train    {who} for {flop}flop
  cap      2min
  on       here
  seeds    {seed}
  report   only
}}
"""
LAW = """
law falling {
  of    first, second
  from  s1, s2, s3
  form  compute
  reach 2 times
  draws 5 seed 1
}

schedule growing {
  shapes first -> second WAY
  law    falling
  else   best
}
"""


def told(levels, way):
    text = TEXT.replace("LEVELS", levels)
    for number in (1, 2, 3):
        text += STAGE.format(name=f"s{number}", who="first, second", flop=number * 10**9, seed=number)
    text += LAW.replace("WAY", way) + STAGE.format(name="whole", who="moving, first, second", flop=4 * 10**9, seed=9)
    return [(one.code, one.message) for one in compiled(text).diagnostics if one.code != "P0203"]  # factors that stay


@pytest.mark.parametrize(
    ("levels", "way"),
    [
        ("depth = 4", "by interleave"),
        ("depth = 4\n aspect = 8", "by interleave"),  # 32 channels before and after
        ("depth = 4\n aspect = 7", "by interleave"),  # 28, rounded up to whole heads
        ("aspect = 24", "by zero_pad"),
        ("aspect = 15\n context = 64", ""),  # 30, rounded up: no weights change
        ("context = 64", ""),
    ],
)
def test_shapes_none_of_which_is_smaller_in_any_part_follow_each_other(levels, way):
    assert told(levels, way) == []


@pytest.mark.parametrize(
    ("levels", "way", "message"),
    [
        (
            "depth = 4\n aspect = 4",
            "by interleave",
            "from 'first' to 'second' heads would fall from 2 to 1 and width would fall from 32 to 16",
        ),
        (
            "aspect = 8",
            "by zero_pad",
            "from 'first' to 'second' heads would fall from 2 to 1 and width would fall from 32 to 16",
        ),
        ("aspect = 15\n context = 64", "by zero_pad", "no weights change between these shapes, so none grow"),
        ("depth = 4\n aspect = 8", "", "weights of another depth grow from those before, and the way is not given"),
        ("depth = 4\n aspect = 8", "by zero_pad", "the runner 'gpt' cannot grow depth by zero_pad"),
    ],
)
def test_a_part_that_becomes_smaller_or_a_way_that_nothing_grows_by_is_named(levels, way, message):
    assert told(levels, way) == [("P0804", message)]
