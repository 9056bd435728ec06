"""What a study does not show, derived from its plan and its evidence."""

from collections.abc import Iterable

from promo.base.canonical import from_exact, rounded
from promo.decision.values import GateDecision, Verdict
from promo.report.record import Record
from promo.report.replay import replay_limits
from promo.report.words import listed, plural


def limits(record: Record) -> Iterable[str]:
    """One sentence for each thing a reader must not conclude."""
    study = record.study
    yield from _not_continued(record)
    hosts = [f"{host.name} ({host.device}, {host.system})" for host in study.hosts.values()]
    yield f"Hosts covered: {', '.join(hosts)}. Rankings on other hardware may differ."
    yield from _noise(record)
    replayed = "replay" in record.state.frozen
    if replayed:
        yield from replay_limits(record)
    elif len(record.plan.stages) > 1:
        yield (
            "Every stage trains afresh, with a schedule that follows its own budget, so a short run is not the "
            "beginning of a long one; and the stages use different seeds, so a change of rank between stages is not a "
            "change within a run."
        )
    sizes = {name: study.candidates[name].effective.parameters for name in record.candidates}
    if len(set(sizes.values())) > 1:
        least, most = min(sizes, key=lambda name: sizes[name]), max(sizes, key=lambda name: sizes[name])
        yield (
            f"Capacity is not matched: from {sizes[least]:,} parameters ({least}) to {sizes[most]:,} ({most}). A "
            "better score may come from size alone."
        )
    missing = sum(len(row.missing) for evidence in record.evidence.values() for row in evidence.rows)
    if missing:
        yield f"{plural(missing, 'cell')} of the evidence {'has' if missing == 1 else 'have'} no value; see the runs."
    loose = [rule.name for rule in study.deciding.values() if not rule.frozen]
    if loose:
        yield f"Not frozen, so free to change until used: {listed(loose)}."
    yield f"One metric ({study.measure.metric}) on one held-out text: no downstream task, no search over other recipes."
    yield "Nothing outside the study folder vouches for when it was frozen: the ledger shows order, not age."


def _not_continued(record: Record) -> Iterable[str]:
    for decision in record.decisions.values():
        if not isinstance(decision, GateDecision) or decision.stopped:
            continue
        dropped = [one.candidate for one in decision.standings if one.verdict is Verdict.DROPPED]
        if dropped:
            was = "was" if len(dropped) == 1 else "were"
            yield (
                f"{listed(dropped)} {was} not continued to {decision.target}; nothing here says how they would have "
                "scored there, and the hours saved are no evidence about it."
            )


def _noise(record: Record) -> Iterable[str]:
    for stage, evidence in record.evidence.items():
        spans = {}
        for row in evidence.rows:
            values = [from_exact(cell.value) for cell in row.cells if cell.value is not None]
            if len(values) > 1:
                spans[row.candidate] = max(values) - min(values)
        if spans:
            widest = max(spans, key=lambda name: spans[name])
            yield (
                f"At {stage}, the cells of one candidate lie up to {rounded(spans[widest], 4)} "
                f"{record.study.measure.unit} apart ({widest}); smaller differences between candidates may be noise."
            )
