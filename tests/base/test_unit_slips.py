"""What an unknown unit is taken for says as much as what was written, or nothing."""

import pytest

from promo.base.unit_slips import proposal
from promo.study.expressions import split_unit

MEANT = {
    "1h30min": ("90min", True),
    "2d4h5min": ("3125min", True),
    "1h30m": ("90min", False),
    "1.5h30s": ("5430s", True),
    "1Mtok": ("1_000_000tok", False),
    "10ktok": ("10_000tok", False),
    "1_500Ktokens": ("1_500_000tok", False),
    "0.5Gtok": ("500_000_000tok", False),
    "2Pflop": ("2e15flop", False),
    "3Msteps": ("3_000_000steps", False),
    "90sec": ("90s", True),
    "2m": ("2min", False),
    "2hr": ("2h", True),
    "5Min": ("5min", True),
    "100stpes": ("100steps", False),
    "100stepss": ("100steps", False),
    "5tko": ("5tok", False),
    "0.1bbp": ("0.1bpb", False),
}

NOTHING = ["1mtok", "5mbpb", "5hsteps", "1hs", "1h30", "30min1h", "1h1h", "1h5tok", "1M", "1k", "5gb", "3epochs", "5H"]


@pytest.mark.parametrize(("written", "meant"), MEANT.items(), ids=MEANT)
def test_a_proposal_keeps_the_magnitude(written, meant):
    number, unit = split_unit(written)

    found = proposal(written, number, unit, "bpb")

    assert found is not None
    assert (found.text, found.sure) == meant


@pytest.mark.parametrize("written", NOTHING)
def test_nothing_is_proposed_where_the_magnitude_is_unsure(written):
    assert proposal(written, *split_unit(written), "bpb") is None
