"""
A request to the shapes that its run trains in, one behind the other.

The first is the run's own; each change of the request makes the next one.  What can change between two steps are depth
and width, which only grow, context length, total batch, and with them rows at once and the rates, which are those of
the new settings from there on.  The schedule is one for the whole run, so its shares stay as they are, and so do
vocabulary, channels of a head and pattern of windows.
"""

from promo.base.classes import frozen
from promo.run.runners.gpt.declare import WAYS, flops_per_token, parameters
from promo.run.runners.gpt.settings import Settings, settings_of
from promo.run.values import Change, Request

MOST_CHANGES = 64
KEPT = ("vocabulary", "head_size", "window", "warmup", "warmdown")
"""Settings that no change moves."""
GROWING = ("depth", "width")


class ShapeError(ValueError):
    """A request asks for a shape that cannot be trained, or for a change that cannot be made."""


@frozen
class Shape:
    """What is trained up to the next change: its settings, and how it comes from the shape before."""

    settings: Settings
    flops_per_token: int
    at: int
    """Where it begins, in the budget's unit."""
    way: str | None
    """How the model grows into it; None where its weights stay as they are."""


def shapes_of(request: Request) -> tuple[Shape, ...]:
    """
    The shapes of a run, in order.

    Raises:
        ShapeError: why they cannot be trained, or not one behind the other.
    """
    if len(request.changes) > MOST_CHANGES:
        raise ShapeError(f"{len(request.changes)} changes of shape are asked for, and at most {MOST_CHANGES} are made")
    found = [Shape(_read(request, ""), request.flops_per_token, 0, None)]
    for number, change in enumerate(request.changes, 1):
        about = f"change {number}: "
        now, before = _read(change, about), found[-1]
        if change.at <= before.at:
            raise ShapeError(f"{about}it is to be made at {change.at}, which is not behind {before.at}")
        cause = _impossible(before.settings, now, change.way)
        if cause:
            raise ShapeError(about + cause)
        found.append(Shape(now, change.flops_per_token, change.at, change.way))
    return tuple(found)


def _read(said: Request | Change, about: str) -> Settings:
    """The settings of a request or a change, whose sizes come to what it says."""
    try:
        settings = settings_of(said.settings)
    except ValueError as fault:
        raise ShapeError(f"{about}{fault}") from fault
    depth, width, vocabulary = settings.depth, settings.width, settings.vocabulary
    weights = parameters(depth, width, vocabulary)
    operations = flops_per_token(depth, width, settings.context, settings.window, vocabulary)
    if (said.parameters, said.flops_per_token) != (weights, operations):
        words = f"the settings make {weights} parameters and {operations} operations a token, and it says "
        raise ShapeError(f"{about}{words}{said.parameters} and {said.flops_per_token}")
    return settings


def _impossible(before: Settings, now: Settings, way: str | None) -> str:
    """Why a shape cannot follow another; empty where it can."""
    moved = [name for name in KEPT if getattr(before, name) != getattr(now, name)]
    if moved:
        return f"no change moves {moved[0]}"
    smaller = [name for name in GROWING if getattr(now, name) < getattr(before, name)]
    if smaller:
        return f"its {smaller[0]} is smaller than that before"
    if now.depth > before.depth:
        return "" if way in WAYS["depth"] else f"layers are not added by {_called(way)}"
    if now.width > before.width:
        return "" if way in WAYS["aspect"] else f"channels are not added by {_called(way)}"
    return "" if way is None else f"nothing grows by {_called(way)}"


def _called(way: str | None) -> str:
    return "no way" if way is None else f"'{way}'"
