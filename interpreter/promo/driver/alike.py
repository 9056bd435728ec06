"""
A decision that rests on fitted laws, as it was stored, to whether it is the one that was derived again.

Another machine's logarithms may round the last stated digit otherwise.  So what was stored stands for what was derived
where they differ in no more than that; everything else has to be the same byte for byte.
"""

from promo.base.canonical import Json, parse_json
from promo.base.codec import from_json, to_json
from promo.decision.values import Decision

LAST = 1.1e-4
"""Share by which numbers of five digits may differ that differ by one in the last."""
LAST_OF_PLACE = 1.1e-2
"""The same for places where a shape changes, which have three."""
PLACES = ("switches", "path")


def as_stored(mine: Decision, stored: bytes | None) -> Decision:
    """What was stored, where it differs from what was derived in last digits alone; else what was derived."""
    if stored is None:
        return mine
    try:
        said = parse_json(stored)
        found = from_json(Decision, said)
    except ValueError:
        return mine
    return found if _alike(to_json(mine), said, LAST) else mine


def _alike(mine: Json, said: Json, room: float) -> bool:
    if isinstance(mine, dict) and isinstance(said, dict):
        return mine.keys() == said.keys() and all(
            _alike(one, said[key], LAST_OF_PLACE if key in PLACES else room) for key, one in mine.items()
        )
    if isinstance(mine, list) and isinstance(said, list):
        return len(mine) == len(said) and all(_alike(*two, room) for two in zip(mine, said, strict=True))
    if isinstance(mine, str) and isinstance(said, str) and mine != said:
        try:
            one, other = float(mine), float(said)
        except ValueError:
            return False
        return abs(one - other) <= room * max(abs(one), abs(other))
    return mine == said and type(mine) is type(said)
