"""
The facts of a run, of its machine, device and software, to columns of one value each.

What promo's own runners and workers record has columns of its own, typed in `promo.Run`.  Whatever else a runner says,
and the environment variables that were recorded, have columns after them, in the studies that have such facts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from promo.base.canonical import Json, from_exact
from promo.base.units import whole_of
from promo.report.record import Record
from promo.run.values import Facts

COLUMNS: Mapping[str, type] = {
    "machine_system": str,
    "machine_release": str,
    "machine_architecture": str,
    "machine_processor": str,
    "machine_cores": int,
    "machine_clock_mhz": float,
    "device_kind": str,
    "device_name": str,
    "device_memory_bytes": int,
    "device_capability": str,
    "device_threads": int,
    "device_compute": str,
    "device_instructions": str,
    "device_compiled": bool,
    "device_cuda": str,
    "device_driver": str,
    "device_uuid": str,
    "device_clock_mhz": float,
    "device_clock_max_mhz": float,
    "device_power_limit_w": float,
    "software_python": str,
    "software_promo": str,
    "software_numpy": str,
    "software_torch": str,
}
"""Facts that have a column in every study -> of which kind they are."""
READ: Mapping[object, Callable[[str], object]] = {
    str: str,
    int: whole_of,
    float: lambda text: float(from_exact(text)),
    bool: {"yes": True, "no": False}.__getitem__,
}
"""Kind of a column -> how its text is read."""
CALLED = (
    ("software_versions_promo-lang", "software_promo"),
    ("software_versions_", "software_"),
    ("software_environment_", "variable_"),
)
"""How paths of nested facts begin, and how their columns do."""


def place(facts: Facts) -> dict[str, str]:
    """Column -> what a run says there; what is not of its column's kind stands in one named `..._text`."""
    return {name: text for group, part in facts.parts for name, text in _columns(group, part).items()}


def _columns(group: str, part: Mapping[str, Json]) -> dict[str, str]:
    said = _released(part) if group == "machine" else part
    found = {_column(path): text for path, text in _leaves(group, said) if text}
    return {name if _fits(name, text) else f"{name}_text": text for name, text in found.items()}


def _released(machine: Mapping[str, Json]) -> dict[str, Json]:
    """The facts of a machine with its system apart from the system's release."""
    system, _, release = str(machine.get("system", "")).partition(" ")
    return {**machine, "system": system, "release": release} if release else dict(machine)


def _leaves(path: str, value: Json) -> Iterator[tuple[str, str]]:
    """Every single value in a stored one, and its path, joined by `_`; entries of lists are numbered from 1."""
    if isinstance(value, Mapping | list | tuple):
        for key, one in value.items() if isinstance(value, Mapping) else enumerate(value, 1):
            yield from _leaves(f"{path}_{key}" if path else str(key), one)
    elif isinstance(value, bool):
        yield path, "yes" if value else "no"
    else:
        yield path, "" if value is None else str(value)


def _column(path: str) -> str:
    start, own = next(((start, own) for start, own in CALLED if path.startswith(start)), ("", ""))
    return f"{own}{path.removeprefix(start)}"


def _fits(name: str, text: str) -> bool:
    try:
        READ[COLUMNS.get(name, str)](text)
    except (ArithmeticError, LookupError, ValueError):
        return False
    return True


def places(record: Record) -> dict[tuple[str, int], dict[str, str]]:
    """Run and attempt -> what it says of where it ran; nothing for one without a result."""
    known: dict[tuple[str, int], dict[str, str]] = {}  # results that say the same share it
    made: dict[tuple[str, int], dict[str, str]] = {}
    for key, one in record.results.items():
        for group, part in one.body.facts.parts if one.body is not None else ():
            seen = group, id(part)
            if seen not in known:
                known[seen] = _columns(group, part)
            made[key] = made.get(key, {}) | known[seen]
    return made


def other_columns(found: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Columns beyond `COLUMNS` that some run has, by their names."""
    return tuple(sorted({name for one in found for name in one} - {*COLUMNS}))
