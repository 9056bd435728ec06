"""Who outside the study folder vouches for its ledger, who decided in person, and what other machines brought in."""

from collections.abc import Iterable

from promo.base.classes import frozen
from promo.report.record import Record
from promo.report.words import plural

SHOWN = 12


@frozen
class VouchingView:
    """What stands behind the ledger."""

    said: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Receipts: what it is, who made it, which events it covers, whether a run had begun, its digest."""


def vouching_view(record: Record) -> VouchingView:
    """Everything from outside that the ledger holds."""
    return VouchingView(tuple(_said(record)), tuple(_receipts(record)))


def _receipts(record: Record) -> Iterable[tuple[str, ...]]:
    for one in record.state.receipts:
        size = one.size
        first = record.first_attempt
        before = "before the first run" if first is None or size <= first else "after runs had begun"
        digest = f"sha256:{one.digest[:SHOWN]}"
        yield one.form, one.by, f"the first {size} of {record.state.events}", before, digest


def _said(record: Record) -> Iterable[str]:
    state, study = record.state, record.study
    if not state.receipts:
        yield "The ledger holds no outside receipt: it shows order, not age."
    else:
        yield (
            f"{plural(len(state.receipts), 'receipt')} from outside, checked when recorded. Whether to trust the "
            f"maker is up to you: promo verify checks again with the keys you give it."
        )
    if study.anchor:
        yield "The study requires such a receipt before anything runs."
    if state.published is not None:
        yield f"Seeds were drawn from a value published after the freeze: {state.published}."
    elif study.draw is not None:
        source = "the first receipt" if study.draw.published is None else study.draw.published
        yield f"Seeds are drawn from {source}."
    for one in state.bundles:
        signed = "not signed" if one.signer is None else f"signed by {one.signer}"
        bundle = f"bundle sha256:{one.bundle[:SHOWN]}"
        yield f"Imported from another machine: {plural(len(one.taken), 'attempt')}, {bundle}, {signed}."
