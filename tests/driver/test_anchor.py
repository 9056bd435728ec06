"""Anchors: what a chain cannot show, somebody outside can."""

import base64
import shutil
import subprocess
import time

import pytest

from promo.base.classes import evolve
from promo.base.errors import ExitCode
from promo.driver.receipts import NAMESPACE
from promo.driver.values import REPLAY_WORDS, Audit, Check, Outcome, Reach
from promo.ledger.values import Freezing
from support import INLINE, promo, rewritten, spec

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


def command(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def key(name):
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name)
    return f"{name}.pub"


def sign(name, note, namespace=NAMESPACE):
    command("ssh-keygen", "-Y", "sign", "-n", namespace, "-f", name, note)
    return f"{note}.sig"


@pytest.fixture
def anchored(workplace):
    """A finished study whose freeze was signed by somebody else before anything ran."""
    (workplace / "trial.promo").write_text(spec(host=INLINE), encoding="utf-8")
    key("witness")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    assert not (workplace / "trial.study" / "runs").exists()
    receipt = sign("witness", "trial.study/anchors/1.note")
    assert promo("run", "trial.promo", "--quiet") == 0
    return receipt


NO_RECEIPT = "CONSISTENT, NOT ANCHORED: everything follows from the stored bytes; nothing outside this folder attests"
BY_REACH = {
    Reach(): (ExitCode.UNANCHORED, NO_RECEIPT),
    Reach(end=True): (
        ExitCode.UNANCHORED,
        "CONSISTENT, NOT ANCHORED: everything follows from the stored bytes, and a receipt from outside covers the "
        "ledger to its last event; nothing outside attests that it was frozen before the runs",
    ),
    Reach(freeze=True): (
        ExitCode.DONE,
        "VERIFIED FROM THE FREEZE: everything follows from the stored bytes, and a receipt from outside covers what "
        "was frozen and no run; nothing outside attests to the end",
    ),
    Reach(freeze=True, end=True): (
        ExitCode.DONE,
        "VERIFIED: everything follows from the stored bytes; receipts from outside cover what was frozen before any "
        "run, and the ledger to its last event",
    ),
}
"""What receipts cover -> exit code and how the verdict begins."""


@pytest.mark.parametrize("reach", BY_REACH)
def test_the_verdict_says_what_receipts_cover_and_no_more(reach):
    sound = Audit((Check("ledger", Outcome.MATCHES, ""),), finished=True, reach=reach)
    code, words = BY_REACH[reach]

    assert sound.exit_code == code
    assert sound.verdict.startswith(words)
    assert evolve(sound, replay=True).verdict == f"{sound.verdict}\n{REPLAY_WORDS}"


@pytest.mark.parametrize("reach", BY_REACH)
@pytest.mark.parametrize(
    ("outcome", "finished", "code", "words"),
    [
        (Outcome.DIFFERS, True, ExitCode.FINDINGS, "MISMATCH: "),
        (Outcome.DIFFERS, False, ExitCode.FINDINGS, "MISMATCH: "),
        (Outcome.MISSING, True, ExitCode.CANNOT, "INCOMPLETE: "),
        (Outcome.MATCHES, False, ExitCode.CANNOT, "INCOMPLETE: "),
    ],
)
def test_no_receipt_makes_up_for_a_difference_or_a_missing_part(reach, outcome, finished, code, words):
    audit = Audit((Check("results", outcome, ""), Check("ledger", Outcome.MATCHES, "")), finished, reach)

    assert audit.exit_code == code
    assert audit.verdict.startswith(words)


def test_only_a_receipt_by_a_key_that_the_reader_brings_verifies(anchored, workplace, capsys):
    stranger = key("stranger")

    assert promo("verify", "trial.promo") == 3
    assert NO_RECEIPT in capsys.readouterr().out
    assert promo("verify", "trial.promo", "--anchor", anchored, "--key", "witness.pub") == 0
    assert BY_REACH[Reach(freeze=True)][1] in capsys.readouterr().out
    assert promo("verify", "trial.promo", "--anchor", anchored) == 1
    assert promo("verify", "trial.promo", "--anchor", anchored, "--key", stranger) == 1
    assert promo("verify", "trial.promo", "--anchor", "none.sig", "--key", stranger) == 1


def test_a_chain_rewritten_as_a_whole_is_found_with_an_anchor_and_unanchored_without(anchored, workplace, capsys):
    ledger = workplace / "trial.study" / "ledger.jsonl"

    def renamed(event):
        return evolve(event.event, commit="0123456789") if isinstance(event.event, Freezing) else event.event

    rewritten(ledger, renamed)

    assert promo("verify", "trial.promo") == 3
    assert promo("verify", "trial.promo", "--anchor", anchored, "--key", "witness.pub") == 1
    assert "the ledger is not the one it attests to" in capsys.readouterr().out


def test_a_cut_tail_is_found_by_an_anchor_over_the_head_which_alone_does_not_vouch_for_the_freeze(
    anchored, workplace, capsys
):
    assert promo("checkpoint", "trial.promo") == 0
    ledger = workplace / "trial.study" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    head = sign("witness", f"trial.study/anchors/{len(lines)}.note")
    both = ["--anchor", anchored, "--anchor", head, "--key", "witness.pub"]

    capsys.readouterr()

    assert promo("verify", "trial.promo", *both) == 0
    assert BY_REACH[Reach(freeze=True, end=True)][1] in capsys.readouterr().out
    assert promo("verify", "trial.promo", "--anchor", head, "--key", "witness.pub") == 3
    assert BY_REACH[Reach(end=True)][1] in capsys.readouterr().out
    ledger.write_bytes(b"".join(lines[:-1]))
    assert promo("verify", "trial.promo", *both) == 1


def test_a_signature_for_another_purpose_and_an_altered_note_do_not_count(anchored, workplace):
    note = workplace / "trial.study" / "anchors" / "1.note"
    sound = note.read_bytes()
    (workplace / anchored).unlink()
    sign("witness", note, namespace="git")
    assert promo("verify", "trial.promo", "--anchor", anchored, "--key", "witness.pub") == 1

    (workplace / anchored).unlink()
    sign("witness", note)
    for other in (sound.replace(b"promo/trial", b"promo/other"), sound + b"\n", sound.replace(b"\n1\n", b"\n01\n")):
        note.write_bytes(other)
        assert promo("verify", "trial.promo", "--anchor", anchored, "--key", "witness.pub") == 1


AUTHORITY = """[tsa]
default_tsa = here
[here]
serial = serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
[leaf]
extendedKeyUsage = critical,timeStamping
"""


def stamp(place, note):
    """Make two time-stamping authorities, and let the real one stamp a note."""
    (place / "tsa.cnf").write_text(AUTHORITY, encoding="utf-8")
    (place / "serial").write_text("01\n", encoding="utf-8")
    for name in ("real", "other"):
        made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        use = ["-addext", "extendedKeyUsage=critical,timeStamping"]
        command("openssl", "req", *made, *use, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    command("openssl", "ts", "-query", "-data", note, "-sha256", "-cert", "-out", "ask.tsq")
    reply = ["-queryfile", "ask.tsq", "-signer", "real.pem", "-inkey", "real.key", "-out", f"{note}.tsr"]
    command("openssl", "ts", "-reply", "-config", "tsa.cnf", *reply)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_time_stamp_by_a_given_authority_verifies_and_by_another_does_not(workplace):
    (workplace / "trial.promo").write_text(spec(host=INLINE), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    note = "trial.study/anchors/1.note"
    stamp(workplace, note)
    assert promo("run", "trial.promo", "--quiet") == 0

    assert promo("verify", "trial.promo", "--anchor", f"{note}.tsr", "--authority", "real.pem") == 0
    assert promo("verify", "trial.promo", "--anchor", f"{note}.tsr", "--authority", "other.pem") == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_time_stamp_later_than_the_first_run_does_not_vouch_for_the_freeze(workplace):
    (workplace / "trial.promo").write_text(spec(host=INLINE), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    note = "trial.study/anchors/1.note"
    assert promo("run", "trial.promo", "--quiet") == 0
    time.sleep(1.1)
    stamp(workplace, note)

    assert promo("verify", "trial.promo", "--anchor", f"{note}.tsr", "--authority", "real.pem") == 3


def test_a_note_has_the_lines_of_a_checkpoint(anchored, workplace):
    origin, size, root, rest = (workplace / "trial.study" / "anchors" / "1.note").read_text().split("\n")

    assert (origin, size, len(base64.b64decode(root)), rest) == ("promo/trial", "1", 32, "")
