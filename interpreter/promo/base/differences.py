"""Two JSON values, and what changed from one to the other in words."""

from collections.abc import Iterator, Mapping, Sequence

from promo.base.canonical import Json


def differences(old: Json, new: Json, path: tuple[str, ...] = ()) -> Iterator[str]:
    """
    Every place where two values differ, one line each: `gate pick_nine, keep: top 8 -> top 7`.

    Args:
        old: the value before.
        new: the value now.
        path: keys that lead to both.
    """
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in new:
                yield f"{_place((*path, key))} is gone (was {_brief(old[key])})"
            elif key not in old:
                yield f"{_place((*path, key))} is new: {_brief(new[key])}"
            else:
                yield from differences(old[key], new[key], (*path, key))
    else:
        yield f"{_place(path)}: {_brief(old)} -> {_brief(new)}"


def _place(path: tuple[str, ...]) -> str:
    return ", ".join([" ".join(path[:2]), *path[2:]])


def _brief(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        shown = [f"{key} {_brief(part)}" for key, part in value.items()]
    elif isinstance(value, Sequence):
        shown = [_brief(part) for part in value]
    elif value is None:
        return "none"
    else:
        return str(value) if not isinstance(value, bool) else "yes" if value else "no"
    return ", ".join(shown[:8]) + (", ..." if len(shown) > 8 else "") or "none"
