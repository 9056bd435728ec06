"""Effects to the designs that they are read from, and their rows by candidate."""

from collections.abc import Mapping

from promo.study.space import Array, Design
from promo.study.values import Effects, Study


def varied(study: Study, effects: Effects) -> tuple[Design | Array, ...]:
    """The designs or arrays whose rows effects are estimated from; they have the same factors and levels."""
    return tuple(study.designs.get(name) or study.arrays[name] for name in effects.designs)


def rows_of(study: Study, effects: Effects) -> Mapping[str, tuple[int, ...]]:
    """Candidate -> its row, of all that effects are estimated from."""
    return {name: row for one in varied(study, effects) for name, row in one.points.items()}
