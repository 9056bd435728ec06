"""
A frozen gate, rule or reduction as a pre-registration: what will decide, on which cells, and what was known by then.

Everything its verdict rests on is in it word for word (*closure*), and the seal is the SHA-256 of that in canonical
JSON, so whoever holds the file can check the seal without promo.  It can be made of a spec that is only sealed, of a
study that is only frozen, and of one that has run; what existed when it was made is in it, so that a late one shows.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, assert_never

from promo.base.classes import frozen
from promo.base.fields import Count, Digest, Moment
from promo.base.visible import visible
from promo.ledger.state import State
from promo.ledger.values import CellResult, Receipt
from promo.plans.values import Plan
from promo.report.aloud import read_gate, read_reduction, read_rule, read_start
from promo.report.describe import describe_budget
from promo.report.seal import UNVOUCHED
from promo.report.words import listed, plural
from promo.study.closure import Closure
from promo.study.judgement import Deciding, Gate, Reduction, Rule
from promo.study.lock import Seal
from promo.study.values import Study

RECIPE = (
    "python3 -c \"import hashlib, json; c = json.load(open('FILE'))['closure']; print(hashlib.sha256("
    "json.dumps(c, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()).hexdigest())\""
)
"""Prints the seal from a registration, with nothing but Python."""


@frozen
class Reads:
    """A stage whose values will decide: every cell of it, and who may be in it."""

    stage: str
    budget: str
    cells: tuple[tuple[str, int], ...]
    candidates: tuple[str, ...]
    enter: Count
    runs: Count


@frozen
class FrozenThen:
    """When a study was frozen, and in which line of its ledger."""

    at: Moment
    event: Digest
    files: Mapping[str, Digest]


@frozen
class Known:
    """What somebody could have seen when the registration was made."""

    events: Count
    head: Digest | None
    results: tuple[CellResult, ...]
    decided: bool


@frozen
class Covered:
    """A receipt from outside, without its bytes."""

    form: str
    size: Count
    by: str
    digest: Digest


@frozen
class Registration:
    """What decides, word for word, and what was known when this was written."""

    FORM: ClassVar = ("promo_registration", 2)

    study: str
    title: str
    kind: Literal["gate", "reduction", "rule"]
    name: str
    sentences: tuple[str, ...]
    seal: Digest
    closure: Closure
    sealed_at: Moment
    commit: str | None
    results_then: Count
    amendment: int | None
    """Number of the wording; None for the one that was frozen."""
    reads: tuple[Reads, ...]
    spec: Digest
    plan: Digest
    frozen: FrozenThen | None
    known: Known
    receipts: tuple[Covered, ...]


@frozen
class Begun:
    """What a study's ledger adds to a registration."""

    state: State
    event: str
    """Digest of the first line, which holds the digests of what was frozen."""
    head: str
    """Digest of the last line."""


def registration(
    study: Study, plan: Plan, rule: Deciding, seal: Seal, spec: str, begun: Begun | None, version: int = 0
) -> Registration:
    """
    The registration of one gate, rule or reduction.

    Args:
        study: the study as this wording of the rule has it.
        plan: its plan.
        rule: what is registered.
        seal: its seal.
        spec: SHA-256 of the spec's text.
        begun: the study's ledger, if there is one.
        version: 0 for the wording that was frozen, else the number of an amendment.
    """
    return Registration(
        study=study.name,
        title=study.title,
        kind=_kind(rule),
        name=rule.name,
        sentences=(*read_start(study), _sentence(rule, study)),
        seal=seal.digest,
        closure=seal.content,
        sealed_at=seal.sealed_at,
        commit=seal.commit,
        results_then=seal.results_then,
        amendment=version or None,
        reads=tuple(_reads(study, plan, stage) for stage in rule.sources),
        spec=spec,
        plan=plan.digest,
        frozen=None if begun is None else _frozen(begun),
        known=_known(rule, begun),
        receipts=() if begun is None else tuple(map(_receipt, begun.state.receipts)),
    )


def _kind(rule: Deciding) -> Literal["gate", "reduction", "rule"]:
    match rule:
        case Gate():
            return "gate"
        case Reduction():
            return "reduction"
        case Rule():
            return "rule"
        case _:
            assert_never(rule)


def _sentence(rule: Deciding, study: Study) -> str:
    match rule:
        case Gate():
            return read_gate(rule, study)
        case Reduction():
            return read_reduction(rule, study)
        case Rule():
            return read_rule(rule, study)
        case _:
            assert_never(rule)


def _reads(study: Study, plan: Plan, name: str) -> Reads:
    stage, planned = study.stages[name], plan.stage(name)
    return Reads(
        stage=name,
        budget=describe_budget(stage.budget),
        cells=stage.cells,
        candidates=tuple(sorted(study.entrants[name].possible)),
        enter=planned.entrants.planned,
        runs=planned.run_count.planned,
    )


def _frozen(begun: Begun) -> FrozenThen:
    files = begun.state.frozen.files if begun.state.frozen else {}
    kept = {name: files[name] for name in ("spec.promo", "lock.json", "plan.json") if name in files}
    return FrozenThen(begun.state.frozen_at, begun.event, kept)


def _known(rule: Deciding, begun: Begun | None) -> Known:
    if begun is None:
        return Known(0, None, (), decided=False)
    state = begun.state
    return Known(state.events, begun.head, state.results_of(rule.sources), rule.name in state.decisions)


def _receipt(one: Receipt) -> Covered:
    return Covered(one.form, one.size, one.by, one.digest)


def registration_markdown(made: Registration) -> str:
    """
    A registration for people.

    Texts of users stand in indented lines, which Markdown shows as they are; names are plain words by the grammar.
    """
    return visible("\n".join(_lines(made)) + "\n")


def _lines(made: Registration) -> Iterator[str]:
    yield f"# Pre-registration: {made.kind} `{made.name}` of the study `{made.study}`"
    yield ""
    yield from _block([made.title])
    yield "What decides:"
    yield ""
    yield from _block(list(made.sentences))
    yield f"- seal: `sha256:{made.seal}` at {made.sealed_at}, when {_then(made)}, {UNVOUCHED}"
    if made.amendment:
        yield f"- wording: that of amendment {made.amendment}"
    yield f"- spec: `sha256:{made.spec}`; plan: `sha256:{made.plan}`"
    yield f"- {_frozen_words(made.frozen)}"
    yield f"- {_known_words(made.known)}"
    for one in made.receipts:
        yield f"- receipt from outside: {one.form} over {one.size} events, `sha256:{one.digest}`"
    yield ""
    yield "What it reads:"
    yield ""
    yield "| stage | budget of a run | cells (host/seed) | who may enter | enter | runs |"
    yield "|---|---|---|---|---|---|"
    for stage in made.reads:
        yield f"| {' | '.join(_row(stage))} |"
    yield ""
    yield "The file of the same name that ends in `.json` holds all of this for programs. Check it against the study:"
    yield ""
    yield from _block(["promo verify STUDY --registration FILE"])
    yield "or the seal alone, with nothing but Python:"
    yield ""
    yield from _block([RECIPE])


def _then(made: Registration) -> str:
    return f"{plural(made.results_then, 'result')} of its stages existed"


def _frozen_words(found: FrozenThen | None) -> str:
    if found is None:
        return "no study has been started with it"
    return f"frozen {found.at}, in the ledger line `sha256:{found.event}`"


def _known_words(known: Known) -> str:
    if not known.events:
        return "when this was made there was no ledger, so nothing had run"
    seen = plural(len(known.results), "result") if known.results else "no result"
    decided = "it had decided already" if known.decided else "it had not decided"
    return (
        f"when this was made the ledger had {known.events} events, the last one `sha256:{known.head}`: "
        f"{seen} of its stages, and {decided}"
    )


def _row(stage: Reads) -> Iterator[str]:
    yield f"`{stage.stage}`"
    yield stage.budget
    yield " ".join(f"{host}/{seed}" for host, seed in stage.cells)
    yield listed(stage.candidates)
    yield str(stage.enter)
    yield str(stage.runs)


def _block(lines: list[str]) -> Iterator[str]:
    yield from (f"    {' '.join(line.split())}" for line in lines)
    yield ""
