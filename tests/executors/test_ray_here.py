"""A real Ray, where it is installed: what each fault comes to, with both verifiers behind it."""

import pytest

from faults import lacks, table
from ray_here import Faults, absent, within

WHY_NOT = absent()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)
FAULTS = table(Faults)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_happens_on_a_real_ray_nothing_is_lost_or_counted_twice(tmp_path, fault):
    if lacks(fault):
        pytest.skip(lacks(fault))
    code, said = within(fault, tmp_path)

    assert code == 0, said
