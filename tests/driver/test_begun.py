"""Before the first run: receipts that a study requires, receipts in its ledger, and seeds that nobody knew."""

import base64
import hashlib
import shutil
import subprocess

import pytest

from promo.base.classes import evolve
from promo.driver.seeds import drawn_seed
from promo.ledger.chain import decode
from promo.ledger.values import Freezing, Publication, Receipt
from promo.run.store import parse_request
from support import INLINE, promo, rewritten, spec

pytestmark = pytest.mark.skipif(not (shutil.which("ssh-keygen") and shutil.which("openssl")), reason="needs both")

ONE = "stage short {\n  train four for 1s\n  on box\n  seeds 1, 2\n  report only\n}"
TWO = "cohort four { members base, good }"
PAIR = "candidate base as reference { quality = 2 }\ncandidate good like base { quality = 1 }"
STUDY = 'study trial {{\n  title "A trial"\n  measure loss in pt, lower is better\n  runner toy\n{}}}'
LEDGER = "trial.study/ledger.jsonl"
NOTE = "trial.study/anchors/1.note"


def short(*clauses):
    """A sound spec with one stage, no gate, and these clauses of the study."""
    said = STUDY.format("".join(f"  {clause}\n" for clause in clauses))
    return spec(
        "stage long", "gate", "rule", "use", host=INLINE, study=said, stage_short=ONE, cohort=TWO, candidate=PAIR
    )


def command(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def ssh_key(name):
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name)
    return f"{name}.pub"


def note_key(name):
    command("openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{name}.pem")
    return f"{name}.pem"


def frozen(workplace, *clauses):
    (workplace / "trial.promo").write_text(short(*clauses), encoding="utf-8")
    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0


def signed(name="witness", note=NOTE):
    """A receipt by ssh-keygen and the key that checks it."""
    key = ssh_key(name)
    command("ssh-keygen", "-q", "-Y", "sign", "-n", "promo-checkpoint", "-f", name, note)
    return f"{note}.sig", key


def test_a_study_that_requires_an_anchor_does_not_start_without_and_says_what_to_do(workplace, capsys):
    (workplace / "trial.promo").write_text(short("anchor required"), encoding="utf-8")

    assert promo("run", "trial.promo", "--quiet") == 2
    said = capsys.readouterr().err
    assert "no receipt from outside over what was frozen" in said
    steps = [line.strip(" -") for line in said.splitlines() if line.strip(" -")[:2] in ("1.", "2.", "3.", "4.")]
    assert [step.split()[1:3] for step in steps] == [
        ["promo", "run"],
        ["have", "an"],
        ["promo", "anchor"],
        ["promo", "run"],
    ]
    assert not (workplace / LEDGER).exists()  # nothing was frozen by the way

    assert promo("run", "trial.promo", "--quiet", "--freeze-only") == 0
    assert promo("run", "trial.promo", "--quiet") == 2
    receipt, key = signed()
    assert promo("anchor", "trial.promo", receipt, "--key", key) == 0
    assert promo("run", "trial.promo", "--quiet") == 0
    assert promo("verify", "trial.promo", "--key", key) == 0
    assert promo("verify", "trial.promo") == 3
    assert "by no key or certificate that was given" in capsys.readouterr().out


def test_a_recorded_receipt_is_enough_without_its_file_and_counts_for_its_maker_only(workplace, capsys):
    frozen(workplace)
    receipt, key = signed()
    stranger = ssh_key("stranger")
    assert promo("anchor", "trial.promo", receipt) == 2
    assert promo("anchor", "trial.promo", receipt, "--key", stranger) == 1
    assert promo("anchor", "trial.promo", receipt, "--key", key) == 0
    assert promo("anchor", "trial.promo", receipt, "--key", key) == 2  # a second time says nothing new
    assert promo("anchor", "trial.promo", "trial.promo", "--key", key) == 2
    assert promo("anchor", "trial.promo", "none.sig", "--key", key) == 2
    shutil.rmtree(workplace / "trial.study" / "anchors")
    assert promo("run", "trial.promo", "--quiet") == 0

    assert "Receipts from outside in the ledger: 1." in (workplace / "trial.study/report.html").read_text("utf-8")
    assert promo("verify", "trial.promo", "--key", key) == 0
    assert promo("verify", "trial.promo", "--key", stranger) == 3
    assert promo("verify", "trial.promo", "--key", "trial.promo") == 2


def test_a_git_tag_and_a_cosigned_note_are_receipts_too(workplace):
    frozen(workplace)
    key = ssh_key("witness")
    command("git", "init", "-q", "away")
    here = ["git", "-C", "away", "-c", "user.name=w", "-c", "user.email=w@example.org", "-c", "gpg.format=ssh"]
    here += ["-c", f"user.signingkey={workplace / 'witness.pub'}"]
    command(*here, "commit", "-q", "--allow-empty", "-m", "one")
    command(*here, "tag", "-s", "--cleanup=verbatim", "-F", workplace / NOTE, "frozen")
    tag = subprocess.run(["git", "-C", "away", "cat-file", "tag", "frozen"], capture_output=True, check=True).stdout
    (workplace / "1.tag").write_bytes(tag)
    assert promo("anchor", "trial.promo", "1.tag", "--key", key) == 0

    pem = note_key("w1")
    assert promo("cosign", NOTE, "--key", pem, "--name", "witness.example.org/w1", "--out", "1.cosigned") == 0
    assert promo("cosign", "1.cosigned", "--key", pem, "--name", "owner", "--plain") == 0
    assert (workplace / "1.cosigned").read_text(encoding="utf-8").count("\n— ") == 2


def test_a_cosigned_note_verifies_by_its_key_and_tells_when(workplace, capsys):
    frozen(workplace, "anchor required")
    assert promo("cosign", NOTE, "--key", note_key("w1"), "--name", "witness.example.org/w1") == 0
    (workplace / "w1.vkey").write_text(capsys.readouterr().out.splitlines()[-1], encoding="utf-8")
    assert promo("cosign", NOTE, "--key", "w1.pem", "--name", "a b") == 2
    assert promo("cosign", "trial.promo", "--key", "w1.pem", "--name", "w") == 2
    assert promo("anchor", "trial.promo", f"{NOTE}.cosigned", "--key", "w1.vkey") == 0
    assert promo("run", "trial.promo", "--quiet") == 0

    assert promo("verify", "trial.promo", "--key", "w1.vkey") == 0
    assert promo("verify", "trial.promo", "--anchor", f"{NOTE}.cosigned", "--key", "w1.vkey") == 0
    altered = (workplace / f"{NOTE}.cosigned").read_bytes().replace(b"promo/trial", b"promo/other")
    (workplace / "altered.cosigned").write_bytes(altered)
    assert promo("verify", "trial.promo", "--anchor", "altered.cosigned", "--key", "w1.vkey") == 1


def test_rewritten_chains_are_found_by_the_receipt_in_them_and_unanchored_or_refused_without(workplace, capsys):
    frozen(workplace, "anchor required")
    receipt, key = signed()
    assert promo("anchor", "trial.promo", receipt, "--key", key) == 0
    assert promo("run", "trial.promo", "--quiet") == 0
    ledger = workplace / LEDGER
    sound = ledger.read_bytes()

    def renamed(event):
        return evolve(event.event, commit="0123") if isinstance(event.event, Freezing) else event.event

    rewritten(ledger, renamed)
    assert promo("verify", "trial.promo", "--key", key) == 1
    assert promo("verify", "trial.promo") == 1  # the receipt's own root is of another beginning

    ledger.write_bytes(sound)
    rewritten(ledger, lambda event: None if isinstance(event.event, Receipt) else event.event)
    capsys.readouterr()
    assert promo("verify", "trial.promo", "--key", key) == 1
    assert "a run began before it" in capsys.readouterr().out

    def forged(event):
        if not isinstance(event.event, Receipt):
            return event.event
        content = bytearray(base64.b64decode(event.event.receipt))
        content[200] ^= 1
        digest = hashlib.sha256(content).hexdigest()
        return evolve(event.event, receipt=base64.b64encode(content).decode(), digest=digest)

    ledger.write_bytes(sound)
    rewritten(ledger, forged)
    assert promo("verify", "trial.promo", "--key", key) == 3


def requests(workplace):
    found = (workplace / "trial.study" / "runs").glob("*/*/attempt-1/request.json")
    return [parse_request(path.read_bytes()) for path in sorted(found)]


def test_seeds_are_drawn_from_the_plan_and_the_first_receipt_and_verified(workplace):
    frozen(workplace, "draw seeds from receipt")
    assert promo("run", "trial.promo", "--quiet") == 2
    receipt, key = signed()
    assert promo("anchor", "trial.promo", receipt, "--key", key) == 0
    assert promo("run", "trial.promo", "--quiet") == 0

    first = decode((workplace / LEDGER).read_bytes()).events[1].event
    asked = requests(workplace)
    assert isinstance(first, Receipt)
    assert {one.run.label for one in asked} == {1, 2}
    assert all(one.run.seed == drawn_seed(one.plan, first.digest, one.run.label) for one in asked)
    assert len({one.run.seed for one in asked}) == 2
    assert promo("verify", "trial.promo", "--key", key) == 0


def test_seeds_from_a_published_value_wait_for_it_and_a_swapped_value_is_found(workplace, capsys):
    frozen(workplace, 'draw seeds from "the lottery of Monday"')
    assert promo("run", "trial.promo", "--quiet") == 2
    assert "the value is: the lottery of Monday" in capsys.readouterr().err
    assert promo("anchor", "trial.promo") == 2
    assert promo("anchor", "trial.promo", "--value", " ") == 2
    assert promo("anchor", "trial.promo", "--value", "4 8 15 16 23 42") == 0
    assert promo("anchor", "trial.promo", "--value", "1 2 3") == 2
    assert promo("run", "trial.promo", "--quiet") == 0
    assert promo("verify", "trial.promo") == 3
    first = requests(workplace)[0]
    assert first.run.seed == drawn_seed(first.plan, "4 8 15 16 23 42", 1)

    def swapped(event):
        return evolve(event.event, value="1") if isinstance(event.event, Publication) else event.event

    rewritten(workplace / LEDGER, swapped)
    capsys.readouterr()
    assert promo("verify", "trial.promo") == 1
    assert "DIFFERS  drawn seeds" in capsys.readouterr().out


def test_a_study_that_draws_no_seeds_takes_no_value(workplace):
    frozen(workplace)

    assert promo("anchor", "trial.promo", "--value", "7") == 2


def test_drawn_seeds_have_31_bits_and_differ_by_label_value_and_plan():
    seeds = {drawn_seed(plan, value, label) for plan in "ab" for value in "xy" for label in range(100)}

    assert len(seeds) == 400
    assert max(seeds) < 2**31
    # printf 'promo/seed/1\na\nx\n1' | sha256sum | cut -c1-8 prints it; half of it is the seed.
    assert drawn_seed("a", "x", 1) == 0xF648B8A9 >> 1
