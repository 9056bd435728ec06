"""What few hosts leave open of effects: on which hosts they hold, and what a spread between hosts would do to them."""

from collections.abc import Iterable

from promo.base.canonical import Json, rounded
from promo.decision.screened import planned, screened
from promo.evidence.estimates import EffectTable, Fit, Method
from promo.evidence.spread import DRAWS, SPREADS, Screened, false_discoveries
from promo.evidence.statements import Name
from promo.evidence.terms import columns_of
from promo.report.design import effect_name
from promo.report.record import Record
from promo.report.words import listed, share_text
from promo.study.values import Effects, Study
from promo.study.varied import rows_of


def host_lines(record: Record, effects: Effects, table: EffectTable) -> Iterable[str]:
    """That effects are those of these hosts; and how often a study without an effect would have a discovery."""
    for fit in table.fits:
        where = f"{listed(effects.stages)} together" if effects.pooled else fit.stage
        told: dict[tuple[str, ...], list[str]] = {}
        for one in fit.estimates:
            if one.discovered:
                told.setdefault(_telling(record, effects, fit, one.effect), []).append(effect_name(one.effect))
        for hosts, names in told.items():
            which = f"host {hosts[0]}" if len(hosts) == 1 else f"the {len(hosts)} hosts {listed(hosts)}"
            what = f"What {effects.name} discovered" + (f" of {listed(names)}" if len(told) > 1 else "")
            yield f"{what} at {where} holds on {which}; it says nothing about other hosts."
        size = _screened(record, effects, fit)
        if size is not None:
            shares = [false_discoveries(size, float(effects.rate), spread, effects.procedure) for spread in SPREADS]
            words = listed([f"{rounded(round(100 * share), 0)}%" for share in shares])
            yield (
                f"If conditions differed from host to host by {listed([f'{one:g}' for one in SPREADS])} times the "
                f"standard deviation of seeds, {words} of studies like {where} without any effect would discover "
                f"one; the rate asked for is {share_text(effects.rate)}."
            )


def _telling(record: Record, effects: Effects, fit: Fit, effect: Name) -> tuple[str, ...]:
    """The hosts whose runs say anything of an effect: those on which it is not the same in every run with a value."""
    points, coding = rows_of(record.study, effects), columns_of(record.study, effects).coding
    seen: dict[str, set[int]] = {}
    for stage in effects.stages if effects.pooled else (fit.stage,):
        for row in record.evidence[stage].rows:
            point = points.get(row.candidate, (0,))
            if 0 not in point:
                (sign,) = coding.column(effect, (point,))
                for cell in row.cells:
                    seen.setdefault(cell.host, set()).update([] if cell.value is None else [sign])
    return tuple(host for host, signs in seen.items() if len(signs) > 1)


def _screened(record: Record, effects: Effects, fit: Fit) -> Screened | None:
    """How large a study was; None where a run is missing, or it is not known what a spread does to such a one."""
    if fit.runs < fit.planned or fit.degrees <= 0:
        return None
    if effects.pooled:
        size = planned(record.study, effects, effects.stages)
        whole = size is not None and fit.runs == (size.conditions + len(effects.stages) - 1) * size.seeds
        return size if whole else None
    points, table = rows_of(record.study, effects), record.evidence[fit.stage]
    rows = [points[row.candidate] for row in table.rows if row.candidate in points]
    hosts, seeds = len({host for host, _ in table.cells}), len({seed for _, seed in table.cells})
    if hosts < 2 or len(table.cells) != hosts * seeds or fit.method is Method.LENTH:
        return None
    size = screened(effects, columns_of(record.study, effects).coding, [rows], hosts, seeds)
    return size if size is not None and size.mixed + size.pure == fit.degrees else None


def supposed_lines(study: Study, noise: float, host: float) -> Iterable[str]:
    """
    How often effects would discover something in a study without any.

    Args:
        study: for its effects and their stages.
        noise: standard deviation of seeds, in the measure's unit.
        host: that of a condition on a host; 0: several are supposed.
    """
    for effects, stages, shares, drawn in _supposed(study, noise, host):
        times, words = [f"{spread:g}" for spread, _ in shares], [f"{share:.1%}" for _, share in shares]
        yield (
            f"effects {effects.name} at {listed(stages)}: where conditions differ between hosts by {listed(times)} "
            f"times the noise, {listed(words)} of studies without any effect discover one (by an integral"
            f"{f' over {DRAWS:,} draws, since effects are correlated' if drawn else ''}; asked for: "
            f"{share_text(effects.rate)})"
        )
    if host:
        told = {(effects.name, stages) for effects, stages, *_ in _supposed(study, noise, host)}
        for effects, stages in _read(study):
            if (effects.name, stages) not in told:
                yield (
                    f"effects {effects.name} at {listed(stages)}: the effect of conditions that differ between hosts "
                    f"is not known; it is known only if hosts are blocks that run each of their conditions once with "
                    f"each seed, with runs left over for an error"
                )


def supposed_json(study: Study, noise: float, host: float) -> list[Json]:
    """The same as JSON."""
    return [
        {"effects": effects.name, "stages": list(stages), "spread": f"{spread:.6g}", "share": f"{share:.6g}"}
        for effects, stages, shares, _ in _supposed(study, noise, host)
        for spread, share in shares
    ]


def _supposed(
    study: Study, noise: float, host: float
) -> Iterable[tuple[Effects, tuple[str, ...], list[tuple[float, float]], bool]]:
    """For each of the effects, and the stages that they read at once, spreads over the noise, what follows, and if that
    was drawn.
    """
    spreads = (host / noise,) if host else (0.0, *SPREADS)
    for effects, stages in _read(study):
        size = planned(study, effects, stages)
        if size is not None:
            rate = float(effects.rate)
            yield (
                effects,
                stages,
                [(spread, false_discoveries(size, rate, spread, effects.procedure)) for spread in spreads],
                bool(size.correlations),
            )


def _read(study: Study) -> Iterable[tuple[Effects, tuple[str, ...]]]:
    """Effects with the stages that they read at once."""
    for effects in study.effects.values():
        for stages in (effects.stages,) if effects.pooled else ((stage,) for stage in effects.stages):
            yield effects, stages
