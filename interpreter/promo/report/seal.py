"""When, and as what, something that decides was frozen."""

from typing import TYPE_CHECKING

from promo.report.values import SealView
from promo.report.words import plural
from promo.study.judgement import Deciding
from promo.study.lock import Seal

if TYPE_CHECKING:
    from promo.report.record import Record

SHOWN = 12


UNVOUCHED = "according to the lock, which no digest covers"
"""Dates and counts of a lock: a seal is the digest of what a rule means, and whoever writes a lock writes these."""


def seal_view(record: "Record", rule: Deciding) -> SealView:
    """The seal of a gate, rule or reduction; without a digest when it has none."""
    seal = record.lock.seals.get(rule.name) if record.lock else None
    if seal is None:
        return SealView(rule.frozen, "", "")
    cells = sum(record.plan.stage(stage).run_count.planned for stage in rule.sources)
    known = f"{seal.results_then} of {cells} results of {', '.join(rule.sources)} existed"
    return SealView(rule.frozen, seal.digest[:SHOWN], f"{seal.sealed_at}, when {known}, {UNVOUCHED}")


def sealed_words(seal: Seal) -> str:
    """Since when a seal is there, without its study."""
    return f"{seal.sealed_at}, when {plural(seal.results_then, 'result')} of its stages existed, {UNVOUCHED}"
