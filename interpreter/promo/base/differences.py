"""Two JSON values or two texts, and what changed from one to the other in words."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import TypeGuard

from promo.base.canonical import Json

SHOWN = 8
"""Entries of a list or clauses of a mapping that are shown; the rest is three dots."""


def differences(old: Json, new: Json, path: tuple[str, ...] = (), *, entries: bool = False) -> Iterator[str]:
    """
    Every place where two values differ, one line each: `gate pick_nine, keep: top 8 -> top 7`.

    Args:
        old: the value before.
        new: the value now.
        path: keys that lead to both.
        entries: tell lists of lists or mappings apart by their entries, by name or from 1, instead of as a whole.
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
                yield from differences(old[key], new[key], (*path, key), entries=entries)
    elif entries and _is_list(old) and _is_list(new) and len(old) == len(new) and not all(map(_is_brief, old)):
        for number, (one, two) in enumerate(zip(old, new, strict=True), 1):
            yield from differences(one, two, (*path, _name(one) or f"entry {number}"), entries=True)
    else:
        yield f"{_place(path)}: {_brief(old)} -> {_brief(new)}"


def line_differences(old: str, new: str) -> Iterator[str]:
    """Every line in which two texts differ: `line 3: seeds 1 -> seeds 2`; numbers are those of the old text."""
    before, after = old.splitlines(), new.splitlines()
    for what, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        both = min(j - i, m - k)
        for at in range(both):
            yield f"line {i + at + 1}: {before[i + at].strip()} -> {after[k + at].strip()}"
        for at in range(i + both, j):
            yield f"line {at + 1} is gone (was {before[at].strip()})"
        for at in range(k + both, m):
            yield f"new behind line {j}: {after[at].strip()}"


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_brief(value: Json) -> bool:
    return not isinstance(value, Mapping) and not _is_list(value)


def _name(value: Json) -> str:
    return str(value.get("name", "")) if isinstance(value, Mapping) else ""


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
    return ", ".join(shown[:SHOWN]) + (", ..." if len(shown) > SHOWN else "") or "none"
