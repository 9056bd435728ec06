"""Power of effects to words and to JSON: what a design would find before anything is paid for."""

from collections.abc import Iterable, Iterator, Sequence

from promo.base.canonical import Json, exact
from promo.base.floats import significant
from promo.decision.power import MOST_SEEDS, Power, Powers, Supposed
from promo.decision.unreplicated import DRAWS
from promo.report.design import aligned, chain_text, effect_name
from promo.report.effects import rate_words, within_words
from promo.report.narrow import GAP, WIDTH, lines_of
from promo.report.words import between, listed, plural
from promo.study.families import Rest

NONE = "-"
INDENT = 2
ROOM = 24
"""Columns that the effects of a row need beside its figures."""


def power_json(found: Iterable[Powers], supposed: Supposed) -> dict[str, Json]:
    """The power of everything that is asked for, version 1."""
    return {
        "promo_power": 1,
        "noise": _six(supposed.noise),
        "size": _six(supposed.size),
        "wanted": _six(supposed.wanted),
        "found": [_json(one) for one in found],
    }


def _json(one: Powers) -> Json:
    return {
        "effects": one.effects.name or None,
        "designs": list(one.effects.designs),
        "stages": list(one.stages),
        "hosts": one.hosts,
        "seeds": one.seeds,
        "runs": one.runs,
        "all_rows_enter": one.sure,
        "block": list(one.effects.block),
        "degrees": one.degrees,
        "contrasts": one.contrasts or None,
        "draws": DRAWS if one.contrasts else None,
        "rate": exact(one.effects.rate),
        "family": one.family,
        "not_estimable": [list(effect) for effect in one.lost],
        "power": [_power_json(some, one) for some in one.found],
    }


def _power_json(some: Power, one: Powers) -> Json:
    return {
        "effects": [[[sign, list(effect)] for sign, effect in chain] for chain in some.chains],
        "in_family": some.family,
        "error": _six(some.error),
        "least": _six(some.least),
        "most": _six(some.most),
        "seeds_for_least": some.seeds_least,
        "seeds_for_most": some.seeds_most,
        "smallest": _six(some.smallest),
    }


def power_text(found: Sequence[Powers], supposed: Supposed, unit: str, source: str, host: float = 0.0) -> str:
    """
    The same for people.

    Args:
        found: power by effects and stage.
        supposed: what it was asked with.
        unit: of the measure; empty where none is known.
        source: where the noise comes from.
        host: standard deviation of a condition between hosts that is supposed beside it, of which power knows nothing.
    """
    return "\n".join(_lines(found, supposed, unit, source, host))


def _lines(found: Sequence[Powers], supposed: Supposed, unit: str, source: str, host: float) -> Iterator[str]:
    noise = between(_figure(supposed.noise), unit).rstrip()
    yield f"noise {noise} between seeds ({source}), the same for every run; no run is lost,"
    if host:
        spread = between(_figure(host), unit).rstrip()
        yield f"a spread of {spread} between hosts is not in the power:"
        yield "its effect on false discoveries follows"
    else:
        yield "and no condition differs between hosts by more than that"
    for one in found:
        yield ""
        yield _head(one)
        yield from _about(one)
        if one.lost:
            yield f"  not estimable: {listed(list(map(effect_name, one.lost)))}"
        yield from _table([_columns(one, supposed, unit), *_rows(one, supposed)])
    yield ""
    wanted, share = _percent(supposed.wanted), "the rate over the size of the family"
    if supposed.size is not None and any(one.family > 1 for one in found):
        yield f"Within a family an effect is found for certain if its own p is below {share}, and"
        yield "never if it is above the rate: power lies between the two figures, and so does the number of seeds."
    yield f"The smallest effect is one that a test at the rate itself finds with probability {wanted}."


def _table(rows: list[list[str]]) -> Iterator[str]:
    """Rows in columns, indented; the last is wrapped where it is too wide, or stands below the others."""
    start = 2 * INDENT + sum(max(map(len, column)) + GAP for column in list(zip(*rows, strict=True))[:-1])
    below = WIDTH - start < ROOM
    for row, line in zip(rows, aligned(rows), strict=True):
        head, under = f"{' ' * INDENT}{line}"[:start], 3 * INDENT if below else start
        first, *others = lines_of(row[-1], WIDTH - under)
        yield from (head.rstrip(), " " * under + first) if below else (head + first,)
        yield from (" " * under + one for one in others)


def _head(one: Powers) -> str:
    who = f"{one.effects.name} at {listed(one.stages)}" if one.stages else _unread(one.effects.designs)
    cells = f"{plural(one.hosts, 'host')} x {plural(one.seeds, 'seed')}{' each' if len(one.stages) > 1 else ''}"
    return f"power of {who}: {cells}, {plural(one.runs, 'run')}"


def _unread(designs: tuple[str, ...]) -> str:
    """A design that no effects read, and the one that it follows."""
    *before, name = designs
    return f"{name}, which no effects read{''.join(f', together with {one}' for one in before)}"


def _about(one: Powers) -> Iterator[str]:
    block = within_words(one.effects.block)
    free = (
        f"Lenth's error over {one.contrasts} contrasts"
        if one.contrasts
        else f"{plural(max(one.degrees, 0), 'degree')} of freedom"
    )
    yield f"  {block}, {free}, {rate_words(one.effects)}"
    if not one.sure:
        yield "  if all these rows enter, which a gate or reduction decides"
    if one.contrasts:
        yield f"  one run of each condition: power with Lenth's error is from {DRAWS:,} draws (to 0.005) in which"
        yield "  all other contrasts are zero; if several are active, it is lower"
    elif not one.degrees > 0:
        yield (
            "  the model takes every degree of freedom, so there is no error and no test"
            if one.effects.rest is Rest.ERROR
            else "  no run is left for an error, and Lenth's needs a whole design: nothing would be tested"
        )


def _columns(one: Powers, supposed: Supposed, unit: str) -> list[str]:
    counted = f" ({unit})" if unit else ""
    columns = [f"standard error{counted}", f"smallest found{counted}"]
    if supposed.size is not None:
        columns += [f"power for {_figure(supposed.size)}", f"seeds for {_percent(supposed.wanted)}"]
    return [*columns, "effects"]


def _rows(one: Powers, supposed: Supposed) -> Iterator[list[str]]:
    for some in one.found:
        row = [_figure(some.error), NONE if some.smallest is None else _figure(some.smallest)]
        if supposed.size is not None:
            row += [
                _both(_share(some.least), _share(some.most)),
                _both(_seeds(some.seeds_most), _seeds(some.seeds_least)),
            ]
        yield [*row, ", ".join(map(chain_text, some.chains))]


def _both(first: str, second: str) -> str:
    return first if first == second else f"{first} to {second}"


def _share(power: float | None) -> str:
    """Never rounded up to certainty."""
    if power is None:
        return NONE
    return ">0.999" if power > 0.999 else f"{power:.3f}"


def _seeds(count: int | None) -> str:
    return f">{MOST_SEEDS}" if count is None else str(count)


def _percent(share: float) -> str:
    return f"{share * 100:g}%"


def _six(value: float | None) -> Json:
    return None if value is None else significant(value, 6)


def _figure(value: float) -> str:
    return significant(value, 4)
