"""A real Slurm, where it is installed: what each fault comes to, with both verifiers behind it."""

import pytest

from faults import lacks, table
from slurm_here import NEVER_UP, Faults, absent, within

WHY_NOT = absent()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
SOON = "cancelled_behind_its_back"
"""Tried wherever it can be: three runs go through, one is cancelled and made again, and its winner is promoted."""
FAULTS = table(Faults)


@pytest.mark.parametrize("fault", [pytest.param(one, marks=() if one == SOON else pytest.mark.slow) for one in FAULTS])
def test_whatever_happens_on_a_real_cluster_nothing_is_lost_or_counted_twice(tmp_path, fault):
    if lacks(fault):
        pytest.skip(lacks(fault))
    code, said = within(fault, tmp_path)

    if code == NEVER_UP:
        pytest.skip(f"no Slurm comes up here: {said.strip().splitlines()[-1]}")
    assert code == 0, said
