"""What a study does not show, derived from its plan and its evidence."""

from collections.abc import Iterable
from fractions import Fraction

from promo.base.canonical import from_exact, rounded
from promo.decision.values import Verdict
from promo.ledger.state import AttemptState
from promo.report.changed import MOST_CALLED, called_list
from promo.report.effects import alias_limits
from promo.report.inputs import input_limits
from promo.report.landscape import audited
from promo.report.record import Record
from promo.report.replay import replay_limits
from promo.report.words import between, listed, plural
from promo.run.budgets import is_early, is_kept
from promo.run.values import Counter
from promo.study.values import TIMED, Role, Study


def limits(record: Record) -> Iterable[str]:
    """One sentence for each thing a reader must not conclude."""
    study = record.study
    yield from _not_continued(record)
    hosts = [f"{host.name} ({host.device}, {host.system})" for host in study.hosts.values()]
    yield f"Hosts covered: {', '.join(hosts)}. Rankings on other hardware may differ."
    yield from _noise(record)
    replayed = record.state.replay
    if replayed:
        yield from _early(record)
        yield from replay_limits(record)
    else:
        yield from _between_stages(study)
        yield from _budgets(record)
    yield from _outside(record)
    yield from _capacity(record)
    yield from _shared(record)
    yield from filter(None, [input_limits(record)])
    missing = sum(len(row.missing) for evidence in record.evidence.values() for row in evidence.rows)
    if missing:
        yield f"{plural(missing, 'cell')} of the evidence {'has' if missing == 1 else 'have'} no value; see the runs."
    loose = [rule.name for rule in study.deciding.values() if not rule.frozen]
    if loose:
        yield f"Not frozen, so free to change until used: {listed(loose)}."
    yield from alias_limits(record)
    on = " on one held-out text" if study.data else ""
    yield f"One metric ({study.measure.metric}){on}: no downstream task, no search over other recipes."
    yield _age(record)


def _between_stages(study: Study) -> Iterable[str]:
    """Why a change of rank between stages is not one within a run."""
    said = study.stages.values()
    carried = [stage.name for stage in said if stage.continues is not None]
    begun = [stage.name for stage in said if stage.continues is not None or stage.grown_at]
    if len(said) - len(begun) > 1:
        own = "" if study.runner.digest else ", with a schedule that follows its own budget"
        which = f"Every stage but {listed(begun)}" if begun else "Every stage"
        yield f"{which} trains from scratch{own}, so a short run is not the start of a long one."
    seeds: dict[str, set[int]] = {stage.name: set(stage.seeds) for stage in said if stage.continues is None}
    if len(seeds) > 1 and sum(map(len, seeds.values())) == len(set().union(*seeds.values())):
        yield "The stages use different seeds, so a change of rank between them is not a change within a run."
    if carried:
        yield (
            f"{listed(carried)} {'carries' if len(carried) == 1 else 'carry'} runs on from other stages: scores "
            f"before and after come from the same runs and are not independent."
        )


def _early(record: Record) -> Iterable[str]:
    """Values of a replay whose runs had not come to their budgets."""
    counted = [one for one in record.attempts() if one.state is AttemptState.ACCEPTED]
    early = sum(
        body.used is not None and is_early(body.used, record.study.stages[one.stage].budget)
        for one in counted
        if (result := record.results.get((one.run, one.number))) is not None and (body := result.body) is not None
    )
    if early:
        yield (
            f"{early} of {plural(len(counted), 'value')} were read from the table short of their budget, at the last "
            f"point recorded by then; the runs compared may have trained unequally."
        )


def _budgets(record: Record) -> Iterable[str]:
    """For how many runs it is known that they used the budget that they were given, and who says so."""
    counted = [one for one in record.attempts() if one.state is AttemptState.ACCEPTED]
    results = [record.results.get((one.run, one.number)) for one in counted]
    used = [
        (one, result.body.used)
        for one, result in zip(counted, results, strict=True)
        if result is not None and result.body is not None and result.body.used is not None
    ]
    if not counted:
        return
    budgets = [(said, record.study.stages[one.stage].budget) for one, said in used]
    kept = sum(is_kept(said, budget) for said, budget in budgets)
    unknown = len(counted) - len(used)
    runs = plural(len(counted), "run")
    if unknown == len(counted):
        yield f"Whether runs kept to the budget is not known: none of the {runs} reports it."
    else:
        open_ = f"; for {unknown} it is not known" if unknown else ""
        yield f"{kept} of {runs} kept to the budget{open_}."
    simulated = sum(said.counter is Counter.SIMULATED for _, said in used)
    if simulated:
        yield f"{plural(simulated, 'run')} trained nothing: their reported time is simulated."
    whole = sum(said.counter is Counter.WHOLE for _, said in used)
    if whole:
        yield (
            f"{plural(whole, 'run')} marked or reported no training: all of the function or process was charged to the "
            "budget, start-up and scoring included, so such runs trained for less than their budget."
        )


def _outside(record: Record) -> Iterable[str]:
    """Results that somebody else's system trained."""
    counted = [one for one in record.attempts() if one.state is AttemptState.ACCEPTED]
    told = [said for one in counted if (said := record.outside.get((one.run, one.number))) is not None]
    if told:
        who, files = (listed(sorted({getattr(one, name) for one in told})) for name in ("by", "source"))
        yield (
            f"{len(told)} of {plural(len(counted), 'result')} were trained outside, by {who}, and taken from {files}: "
            "promo checked them against their requests, budgets and digests, but saw nothing of the training itself."
        )


def _shared(record: Record) -> Iterable[str]:
    """Runs whose seconds were not their own alone."""
    among = [one for one in record.attempts() if one.co_tenants and one.device is None]
    if among:
        yield (
            f"{plural(len(among), 'attempt')} started while another study trained on the same processors: in a "
            f"budget of "
            "wall-clock seconds they may have trained less than they would have alone."
        )
    yield from _crowded(record)
    shared = [one for one in record.attempts() if one.co_tenants and one.device is not None]
    if shared:
        programs = sorted({program.partition(" (")[0] for one in shared for program in one.co_tenants})
        yield (
            f"{plural(len(shared), 'attempt')} shared their device with {listed(programs)}, which promo did not start: "
            "in a budget of seconds they trained less than they would have alone."
        )


def _crowded(record: Record) -> Iterable[str]:
    """Hosts whose slots have more threads than their machine has processors, where wall-clock seconds are a budget."""
    study = record.study
    cores: dict[str, set[int]] = {}
    for one in record.attempts():
        result = record.results.get((one.run, one.number))
        found = result.body.facts.machine.get("cores") if result and result.body else None
        if isinstance(found, int) and study.stages[one.stage].budget.kind in TIMED:
            cores.setdefault(one.host, set()).add(found)
    for name, seen in cores.items():
        host = study.hosts[name]
        if host.is_cpu and host.room * host.threads > min(seen):
            yield (
                f"On {name}, {host.slots} slots with {host.room * host.threads} threads had {min(seen)} processors: "
                "in a budget of wall-clock seconds runs there may have trained less than they would have alone."
            )


def _age(record: Record) -> str:
    """What is known of when the study was frozen; whether a receipt is sound is for `promo verify` to say."""
    if not record.state.receipts:
        return "Nothing outside the study folder attests to when it was frozen: the ledger shows order, not age."
    return (
        f"Receipts from outside in the ledger: {len(record.state.receipts)}. With their keys, promo verify checks "
        f"whether they attest to what was frozen. The ledger alone shows order, not age."
    )


def _not_continued(record: Record) -> Iterable[str]:
    for decision in record.verdicts.values():
        ranking = decision.ranking
        if ranking is None or decision.stopped or decision.held:
            continue
        grow = record.study.grows.get(decision.name)
        known = audited(record, grow) if grow is not None else frozenset()
        dropped = [one.candidate for one in ranking.standings if one.verdict is Verdict.DROPPED]
        dropped = [name for name in dropped if name not in known]
        if dropped:
            was, they = ("was", "it") if len(dropped) == 1 else ("were", "they")
            yield (
                f"{called_list(dropped, record.call)} {was} not continued to {ranking.target}; nothing here shows how "
                f"{they} would have scored there, and the time saved is no evidence."
            )


def _capacity(record: Record) -> Iterable[str]:
    """What may come from size alone: of the whole study, and of each reference beside its rivals."""
    study = record.study
    sizes = {name: record.size(name) for name in record.candidates}
    if len(set(sizes.values())) > 1:
        least, most = min(sizes, key=lambda name: sizes[name]), max(sizes, key=lambda name: sizes[name])
        yield (
            f"Capacity is not matched: from {sizes[least]:,} parameters for {record.call(least)} to {sizes[most]:,} "
            f"for {record.call(most)}. A better score may come from size alone."
        )
    for name in record.candidates:
        if study.candidates[name].role is not Role.REFERENCE:
            continue
        controls = [one for one in record.candidates if study.candidates[one].control_of == name]
        rivals = _rivals(record, name)
        smaller = [one for one in rivals if one not in controls and sizes[one] < sizes[name]]
        if not smaller:
            continue
        largest = max(smaller, key=lambda one: sizes[one])
        times = rounded(Fraction(sizes[name], sizes[largest]), 2)
        every = "all of its rivals" if len(smaller) == len(rivals) - len(controls) else f"{len(smaller)} of its rivals"
        yield (
            f"The reference {record.call(name)}, with {sizes[name]:,} parameters, is larger than {every}, "
            f"{times} times the next largest, {record.call(largest)}, with {sizes[largest]:,}: its lead over them does "
            "not separate its recipe from its size."
        )
        if controls:
            yield f"Matched to it in size: {listed([f'{record.call(one)} with {sizes[one]:,}' for one in controls])}."
        else:
            who = record.call(name)
            yield f"No candidate is declared as control of {who}, so nothing here has its size with another recipe."


def _rivals(record: Record, name: str) -> list[str]:
    """Candidates that were trained at some stage together with one."""
    met = (set(entrants) for entrants in record.state.opened.values() if name in entrants)
    return sorted(set().union(*met) - {name})


def _noise(record: Record) -> Iterable[str]:
    """At each stage by how much the cells of one candidate differ, at most."""
    widest = []
    for stage, evidence in record.evidence.items():
        spans = {}
        for row in evidence.rows:
            values = [from_exact(cell.value) for cell in row.cells if cell.value is not None]
            if len(values) > 1:
                spans[row.candidate] = max(values) - min(values)
        if spans:
            name = max(spans, key=lambda name: spans[name])
            widest.append((spans[name], stage, name))
    if widest:
        unit = record.study.measure.unit
        most = sorted(widest, reverse=True)[:MOST_CALLED] if len(widest) > MOST_CALLED + 1 else widest
        told = [f"{between(rounded(span, 4), unit)} at {stage} for {record.call(name)}" for span, stage, name in most]
        rest = [f"no more than that at {len(widest) - len(most)} other stages"] if len(most) < len(widest) else []
        yield (
            f"Cells of one candidate differ by up to {listed(told + rest)}; smaller differences between candidates may "
            f"be noise."
        )
