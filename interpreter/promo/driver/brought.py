"""
What bundles brought into a study, looked at again: signature, manifest and ledger are kept, and each leads to the next.

A bundle is named by the digest of its manifest, which a signature is over.  The manifest names the digest of the ledger
there, and that of every request and result.  So nobody can put another name below what was signed, or put anything
below a name, without that key.  Who signs all of it anew with a key of his own names that key: the fingerprint in the
report is there to be compared with the one that the other side told.
"""

from collections.abc import Iterator, Sequence

from promo.base.canonical import digest_bytes, parse_canonical
from promo.base.classes import evolve
from promo.base.codec import from_json
from promo.base.errors import Mismatch
from promo.decision.protocol import breaches
from promo.driver.bring import arrival, other_origin
from promo.driver.bundle import Manifest
from promo.driver.signatures import made_by
from promo.driver.study import LEDGER, Sight
from promo.driver.values import Check, Outcome
from promo.ledger.bundles import Taken
from promo.ledger.chain import decode
from promo.ledger.state import state_of
from promo.ledger.values import BundleImported, Ended, Event, Freezing
from promo.plans.values import Plan
from promo.report.protocol import breach_words
from promo.report.words import plural


def check_bundles(sight: Sight) -> Iterator[Check]:
    """
    What bundles brought is what their manifests and the ledgers in them say, and was signed by whom the ledger names.

    Raises:
        PromoError: one was signed, and ssh-keygen is not installed.
    """
    for bundle in sight.state.bundles:
        name = f"bundle sha256:{bundle.bundle[:12]}"
        contents = {file: sight.folder.read(file) for file in bundle.files}
        gone = next((file for file, content in contents.items() if content is None), None)
        if gone is not None:
            yield Check(name, Outcome.MISSING, f"{gone} is not there")
            continue
        ledger, manifest, *signature = (content or b"" for content in contents.values())
        try:
            fault = _strange_manifest(sight.plan, bundle, manifest, *signature) or _strange(sight, bundle, ledger)
        except Mismatch as damage:
            fault = f"{bundle.ledger}: {damage.message}"
        words = fault or f"{plural(len(bundle.taken), 'attempt')} as the ledger there says"
        yield Check(name, Outcome.DIFFERS if fault else Outcome.MATCHES, words)


def _strange_manifest(plan: Plan, bundle: BundleImported, content: bytes, signature: bytes = b"") -> str:
    """Why a manifest is not the one that the bundle is named by, or not signed by whom the ledger names."""
    _, name, *signed = bundle.files
    if digest_bytes(content) != bundle.bundle:
        return f"{name} is not that of the bundle"
    try:
        manifest = from_json(Manifest, parse_canonical(content))
    except ValueError as fault:
        return f"{name}: {fault}"
    said = (manifest.plan, manifest.head, manifest.files.get(LEDGER))
    if said != (plan.digest, bundle.head, bundle.ledger_digest):
        return f"{name} is of another ledger"
    if not {Taken(one.run, one.attempt) for one in bundle.taken} <= set(manifest.attempts):
        return f"{name} does not have every attempt that was taken in"
    if signed and made_by(content, signature) != bundle.signer:
        return f"{signed[0]} was not made by {bundle.signer}"
    return ""


def _strange(sight: Sight, bundle: BundleImported, content: bytes) -> str:
    """
    Why a bundle could not have been taken in with this ledger, as when it was; empty where it could.

    Raises:
        Mismatch: the ledger is damaged.
    """
    chain = decode(content)
    if digest_bytes(content) != bundle.ledger_digest or chain.head != bundle.head:
        return f"{bundle.ledger} is not the ledger that was brought"
    first = chain.events[0].event if chain.events else None
    if not isinstance(first, Freezing) or first.plan != sight.plan.digest:
        return f"{bundle.ledger} is of another plan"
    other = other_origin(sight.chain, chain)
    if other:
        return f"{bundle.ledger} was made with another {other}"
    wrong = next(breaches(sight.study, sight.plan, chain.events), None)
    if wrong is not None:
        return f"{bundle.ledger} does not keep to the protocol: {breach_words(wrong)}"
    mine, theirs = (_ends(one.events) for one in (sight.chain, chain))
    keys = [(one.run, one.attempt) for one in bundle.taken]
    same = all(key in theirs and mine.get(key) == theirs[key] for key in keys)
    there = {arrival(one) for one in state_of(chain.events).every_attempt() if one.ended}
    same = same and set(bundle.taken) <= there
    return "" if same else f"it is not what {bundle.ledger} says"


def _ends(events: Sequence[Event]) -> dict[tuple[str, int], Ended]:
    """How each attempt ended, wherever it came from."""
    ends = (one.event for one in events if isinstance(one.event, Ended))
    return {(one.run, one.attempt): evolve(one, bundle=None) for one in ends}
