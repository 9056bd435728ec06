"""When, and as what, something that decides was frozen."""

from promo.report.record import Record
from promo.report.values import SealView
from promo.study.judgement import Deciding

SHOWN = 12


def seal_view(record: Record, rule: Deciding) -> SealView:
    """The seal of a gate, rule or reduction; without a digest when it has none."""
    seal = record.lock.seals.get(rule.name) if record.lock else None
    if seal is None:
        return SealView(rule.frozen, "", "", "")
    cells = sum(record.plan.stage(stage).run_count.planned for stage in rule.sources)
    then = f"{seal.results_then} of {cells} results of {', '.join(rule.sources)} existed then"
    return SealView(rule.frozen, seal.digest[:SHOWN], seal.sealed_at, then)
