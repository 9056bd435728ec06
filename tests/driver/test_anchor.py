"""Anchors: what a chain cannot show, somebody outside can."""

import base64
import shutil
import subprocess
import time

import pytest

from promo.driver.receipts import NAMESPACE
from promo.ledger.chain import GENESIS, decode, encode, line_digest
from promo.ledger.values import Event
from support import crashed, promo, spec

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
    (workplace / "trial.promo").write_text(spec(), encoding="utf-8")
    key("witness")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    assert not (workplace / "trial.study" / "runs").exists()
    receipt = sign("witness", "trial.study/anchors/1.note")
    assert promo("run", "trial.promo", "--quiet") == 0
    return receipt


def rewritten(ledger, change):
    """A ledger in which somebody changed events and recomputed every digest behind them."""
    head, lines = GENESIS, []
    for event in decode(ledger.read_bytes()).events:
        data = change(event)
        lines.append(encode(Event(event.seq, event.kind, event.time, event.incarnation, data, head)))
        head = line_digest(lines[-1])
    crashed(ledger, b"".join(line + b"\n" for line in lines))  # the checkpoint beside it would tell


def test_only_a_receipt_by_a_key_that_the_reader_brings_verifies(anchored, workplace, capsys):
    stranger = key("stranger")

    assert promo("verify", "trial.promo") == 3
    assert promo("verify", "trial.promo", "--anchor", anchored, "--key", "witness.pub") == 0
    assert "VERIFIED" in capsys.readouterr().out
    assert promo("verify", "trial.promo", "--anchor", anchored) == 1
    assert promo("verify", "trial.promo", "--anchor", anchored, "--key", stranger) == 1
    assert promo("verify", "trial.promo", "--anchor", "none.sig", "--key", stranger) == 1


def test_a_chain_rewritten_as_a_whole_is_found_with_an_anchor_and_unanchored_without(anchored, workplace, capsys):
    ledger = workplace / "trial.study" / "ledger.jsonl"
    rewritten(ledger, lambda event: {**event.data, "commit": "0123456789"} if event.seq == 0 else event.data)

    assert promo("verify", "trial.promo") == 3
    assert promo("verify", "trial.promo", "--anchor", anchored, "--key", "witness.pub") == 1
    assert "the ledger is not the one it vouches for" in capsys.readouterr().out


def test_a_cut_tail_is_found_by_an_anchor_over_the_head_which_alone_does_not_vouch_for_the_freeze(anchored, workplace):
    assert promo("checkpoint", "trial.promo") == 0
    ledger = workplace / "trial.study" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    head = sign("witness", f"trial.study/anchors/{len(lines)}.note")
    both = ["--anchor", anchored, "--anchor", head, "--key", "witness.pub"]

    assert promo("verify", "trial.promo", *both) == 0
    assert promo("verify", "trial.promo", "--anchor", head, "--key", "witness.pub") == 3
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
    (workplace / "trial.promo").write_text(spec(), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    note = "trial.study/anchors/1.note"
    stamp(workplace, note)
    assert promo("run", "trial.promo", "--quiet") == 0

    assert promo("verify", "trial.promo", "--anchor", f"{note}.tsr", "--authority", "real.pem") == 0
    assert promo("verify", "trial.promo", "--anchor", f"{note}.tsr", "--authority", "other.pem") == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_time_stamp_later_than_the_first_run_does_not_vouch_for_the_freeze(workplace):
    (workplace / "trial.promo").write_text(spec(), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    note = "trial.study/anchors/1.note"
    assert promo("run", "trial.promo", "--quiet") == 0
    time.sleep(1.1)
    stamp(workplace, note)

    assert promo("verify", "trial.promo", "--anchor", f"{note}.tsr", "--authority", "real.pem") == 3


def test_a_note_has_the_lines_of_a_checkpoint(anchored, workplace):
    origin, size, root, rest = (workplace / "trial.study" / "anchors" / "1.note").read_text().split("\n")

    assert (origin, size, len(base64.b64decode(root)), rest) == ("promo/trial", "1", 32, "")
