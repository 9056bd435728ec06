"""What few hosts leave open of effects: on which hosts they hold, and what a spread between hosts would do to them."""

from collections.abc import Iterable

from promo.base.canonical import exact, rounded
from promo.evidence.estimates import ORDERS, EffectTable, Fit
from promo.evidence.spread import SPREADS, Screened, false_discoveries
from promo.report.record import Record
from promo.report.words import listed
from promo.study.values import Effects


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
    """How large a stage's study is, where every cell ran the whole design and is a block; None elsewhere."""
    cells = record.evidence[fit.stage].cells
    hosts, seeds = len({host for host, _ in cells}), len({seed for _, seed in cells})
    conditions = fit.planned // len(cells)
    whole = fit.runs == fit.planned and fit.curvature is None and len(cells) == hosts * seeds
    model = sum(one.value is not None for one in fit.estimates)
    family = sum(len(one.effect) in ORDERS[effects.family] and one.p is not None for one in fit.estimates)
    if not whole or hosts < 2 or {*effects.block} != {"host", "seed"} or not family or fit.degrees <= 0:
        return None
    if fit.degrees != (conditions - 1) * len(cells) - model:
        return None
    return Screened(conditions, hosts, seeds, model, family)
