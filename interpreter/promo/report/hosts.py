"""What few hosts leave open of effects: on which hosts they hold, and what a spread between hosts would do to them."""

from collections.abc import Iterable

from promo.base.canonical import exact, rounded
from promo.evidence.effects import modelled
from promo.evidence.estimates import ORDERS, EffectTable, Fit
from promo.evidence.spread import SPREADS, Screened, false_discoveries
from promo.report.record import Record
from promo.report.words import listed
from promo.study.design import chains_of
from promo.study.estimable import Information
from promo.study.values import Effects, Study
from promo.study.varied import rows_of


def host_lines(record: Record, effects: Effects, table: EffectTable) -> Iterable[str]:
    """That effects are those of these hosts; and how often a study without an effect would have a discovery."""
    for fit in table.fits:
        hosts = list(dict.fromkeys(host for host, _ in record.evidence[fit.stage].cells))
        found = [one for one in fit.estimates if one.discovered]
        if found:
            which = f"host {hosts[0]}" if len(hosts) == 1 else f"the {len(hosts)} hosts {listed(hosts)}"
            yield f"What {effects.name} discovered at {fit.stage} holds on {which}; it says nothing of other hosts."
        size = screened(record, effects, fit)
        if size is not None:
            shares = [false_discoveries(size, float(effects.rate), spread) for spread in SPREADS]
            words = listed([f"{rounded(round(100 * share), 0)}%" for share in shares])
            yield (
                f"If conditions differed from host to host by {listed([f'{one:g}' for one in SPREADS])} times the "
                f"standard deviation of seeds, {words} of studies like {fit.stage} without any effect would discover "
                f"one; the rate asked for is {exact(effects.rate * 100)}%."
            )


def screened(record: Record, effects: Effects, fit: Fit) -> Screened | None:
    """
    How large a stage's study is, where every cell ran the whole design and is a block; None elsewhere.

    None for factors of more than two levels: their contrasts have errors of several sizes.
    """
    cells = record.evidence[fit.stage].cells
    hosts, seeds = len({host for host, _ in cells}), len({seed for _, seed in cells})
    conditions = fit.planned // len(cells)
    whole = fit.runs == fit.planned and fit.curvature is None and len(cells) == hosts * seeds
    model = sum(one.value is not None for one in fit.estimates)
    family = sum(len(one.effect) in ORDERS[effects.family] and one.p is not None for one in fit.estimates)
    if not whole or fit.joints or hosts < 2 or {*effects.block} != {"host", "seed"} or not family or fit.degrees <= 0:
        return None
    if fit.degrees != (conditions - 1) * len(cells) - model:
        return None
    return Screened(conditions, hosts, seeds, model, family)


def supposed_lines(study: Study, noise: float, host: float) -> Iterable[str]:
    """
    How often effects would discover something in a study without any.

    Args:
        study: for its effects and their stages.
        noise: standard deviation of seeds, in the measure's unit.
        host: that of a condition on a host.
    """
    for effects in study.effects.values() if noise else ():
        for stage in effects.stages:
            size = planned(study, effects, stage)
            if size is not None:
                share = false_discoveries(size, float(effects.rate), host / noise)
                yield (
                    f"effects {effects.name} at {stage}: without any effect, {share:.1%} of studies discover one where "
                    f"conditions differ between hosts by {host / noise:g} times the noise (by an integral; asked for: "
                    f"{exact(effects.rate * 100)}%)"
                )


def planned(study: Study, effects: Effects, stage: str) -> Screened | None:
    """How large a stage is planned to be, where every cell runs all its rows and is a block; None as `screened`."""
    if effects.designs[0] in study.arrays:
        return None
    points = rows_of(study, effects)
    rows = [points[name] for name in study.entrants[stage].possible if 0 not in points.get(name, (0,))]
    factors = study.designs[effects.designs[0]].factors
    if len(set(rows)) < max(len(rows), 2) or {*effects.block} != {"host", "seed"}:
        return None
    leads = [chain[0][1] for chain in chains_of(factors, rows, modelled(effects, factors)) if chain[0][1]]
    gone = Information(factors, rows).lost(leads)
    model = [lead for lead in leads if lead not in gone]
    family = [lead for lead in model if len(lead) in ORDERS[effects.family]]
    hosts, seeds = len(study.stages[stage].hosts), len(study.stages[stage].seeds)
    if not family or (len(rows) - 1) * hosts * seeds <= len(model):
        return None
    return Screened(len(rows), hosts, seeds, len(model), len(family))
