"""What other files bring into a text, as a value; `imports` reads it."""

from promo.base.classes import define, field
from promo.study.data import Data
from promo.study.host import Host
from promo.study.space import Array, Design, Factor
from promo.study.values import Candidate


@define
class Imported:
    """What the `use` lines of a text bring in, by name."""

    hosts: dict[str, Host] = field(factory=dict)
    factors: dict[str, Factor] = field(factory=dict)
    designs: dict[str, Design] = field(factory=dict)
    arrays: dict[str, Array] = field(factory=dict)
    candidates: dict[str, Candidate] = field(factory=dict)
    cohorts: dict[str, tuple[str, ...]] = field(factory=dict)
    data: dict[str, Data] = field(factory=dict)
    stages: set[str] = field(factory=set)
    """Stages of other studies; growth and laws may refer to their results."""
