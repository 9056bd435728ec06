"""Evidence, effects and verdicts that do not follow; people, amendments, receipts and bundles."""

import base64
import hashlib
import json
from functools import partial

from promo.base.canonical import canonical, digest_bytes
from promo.ledger.chain import GENESIS, line_digest
from studies import command
from tampered.forger import SOUND, kind
from tampered.history import renamed, twice

sound = partial(kind, among=SOUND)

# --- evidence and effects --------------------------------------------------------------------------------------------


def table(name, study, file, path, said):
    """Another number in a derived file, whose digest the ledger has."""

    def tamper(forger):
        found = part = forger.stored(f"evidence/{file}.json")
        for one in path:
            part = part[one]
        part.update(said)
        digest = forger.store(f"evidence/{file}.json", found, b"\n")
        if forger.places("stage.closed", stage=file):
            forger.said("stage.closed", stage=file)["evidence"] = digest
        else:
            forger.said("effects.estimated", name=file)["effects"] = digest

    kind(name, study)(tamper)


FIRST_EFFECT, LAST_EFFECT = (["fits", 0, "estimates", 0], ["fits", 1, "estimates", 0])
table("another cell of the evidence", "plain", "short", ["rows", 0, "cells", 0], {"value": "0.5"})
table("another effect", "screened", "penalties", FIRST_EFFECT, {"value": "7.5"})
table("another error of an effect", "screened", "penalties", LAST_EFFECT, {"error": "7.5"})
table("another sixth digit of an effect", "screened", "penalties", FIRST_EFFECT, {"value": "0.923138"})
kind("another count of missing cells")(renamed("stage.closed", "missing", 1, stage="short"))


@kind("an effect discovered that is none", "screened")
def discovered(forger):
    forger.said("effects.estimated")["discovered"][0][1].append(["c"])


# --- verdicts --------------------------------------------------------------------------------------------------------


def verdict(name, study, rule, said, path=(), fixed=()):
    """Another decision, as its file and the ledger say it."""

    def tamper(forger):
        found = part = forger.stored(f"decisions/{rule}.json")
        for one in path:
            part = part[one]
        part.update(said)
        told = forger.said("decided", name=rule)["verdict"]
        told["decision"] = forger.store(f"decisions/{rule}.json", found, b"\n")
        told.update(outcome=found["outcome"], promoted=found["promoted"], answer=found["found"].get("answer"))
        told["fixed"] += fixed

    return kind(name, study)(tamper)


FINDING = ("found", "findings", 0)
DETAIL = (*FINDING, "details", 1)
promotes_poor = verdict("a gate promotes another", "plain", "pick", {"promoted": ["base", "poor"]})
verdict("another ground", "plain", "pick", {"ground": "sample"}, ("found", "standings", 0))
verdict("another rank", "plain", "pick", {"rank": 9}, ("found", "standings", 1))
verdict("a rule comes out otherwise", "plain", "close", {"answer": "fails"}, ("found",))
verdict("another margin", "plain", "close", {"margin": "7"}, FINDING)
verdict("another comparison", "plain", "close", {"difference": "7"}, ("found", "comparisons", 0))
verdict("another bound of confidence", "rich", "close", {"value": "0.3"}, DETAIL)
verdict("another p", "rich", "by_signs", {"p": "0.5"}, DETAIL)
verdict("another p of ranks", "rich", "by_ranks", {"p": "0.5"}, DETAIL)
verdict("another interval", "rich", "alike", {"low": "-3"}, DETAIL)
verdict("another agreement", "rich", "stable", {"statistic": "0.9"}, FINDING)
verdict("another demand", "rich", "pick", {"holds": False}, ("found", "demands", 0))
verdict("a reduction lets others on", "screened", "fewer", {"promoted": ["screen_1"]})
verdict("a walk moves elsewhere", "screened", "walked_step_3", {"statistic": "7"}, ("found",))
verdict("another way to grow is chosen", "grown", "deeper", {"promoted": ["deeper_copy_top"]})
verdict("a way to grow is chosen that nobody planned", "grown", "deeper", {"promoted": ["nobody"]})
verdict(
    "a factor is fixed that is free",
    "screened",
    "fewer",
    {"level": "0", "fate": "fixed", "at": None},
    ("found", "factors", 2),
    [["c", "0"]],
)
kind("another seal")(renamed("decided", "seal", "0" * 64, name="pick"))


@kind("a gate promotes another, who enters")
def promoted_and_entered(forger):
    promotes_poor(forger)
    renamed("stage.opened", "entrants", ["base", "poor"], stage="long")(forger)


# --- people and amendments -------------------------------------------------------------------------------------------

PERSON = {"is": "person.decided", "name": "close", "by": "Ada", "reason": "so", "promoted": None, "stopped": False}
kind("a person nobody asked")(lambda forger: forger.add(len(forger.lines) - 1, **PERSON))
kind("a person promotes a stranger", "decided")(renamed("person.decided", "promoted", ["base", "spare"]))
kind("a person gives no reason", "decided")(renamed("person.decided", "reason", " "))
kind("a person promotes one twice", "decided")(renamed("person.decided", "promoted", ["base", "good", "good"]))
kind("an amendment without a reason", "amended_late")(renamed("rule.amended", "reason", " "))
kind("a budget by nobody", "spending")(renamed("budget.amended", "by", ""))
kind("a value from elsewhere", "published")(renamed("value.published", "source", "dice"))
kind("an amendment of another number", "amended_late")(renamed("rule.amended", "number", 7))
kind("an amendment behind another event", "amended_late")(renamed("rule.amended", "head", "0" * 64))
kind("results that an amendment's author knew", "amended_late")(renamed("rule.amended", "seen", []))
kind("another text of an amendment", "amended_late")(renamed("rule.amended", "text", "0" * 64))


def other_closure(which):
    def change(forger):
        forger.said("rule.amended", name="pick")[which]["stages"]["short"]["budget"]["cap_s"] = 3600

    return change


kind("an amendment changes what it rests on", "amended_late")(other_closure("new"))
kind("an amendment replaces something else", "amended_late")(other_closure("old"))


@kind("an amendment of what a rule is about", "amended_late")
def amended_target(forger):
    forger.said("rule.amended", name="close")["new"]["rule"]["judged"] = "fair"


@kind("the verdict of another wording is left out", "amended_early")
def without_wording(forger):
    forger.said("decided", name="pick")["others"] = []
    (forger.folder / "decisions/pick.frozen.json").unlink()


@kind("the verdict of a wording that never was")
def with_wording(forger):
    said = forger.said("decided", name="pick")
    said["others"] = [{**said["verdict"], "wording": 1}]


@kind("a verdict by a wording that was replaced", "amended_early")
def by_old_wording(forger):
    forger.said("decided", name="pick")["verdict"]["wording"] = 0


# --- receipts and bundles --------------------------------------------------------------------------------------------


@kind("a run before the required receipt", "anchored")
def run_before_receipt(forger):
    forger.move(forger.places("anchor.received")[0], forger.places("result.accepted")[-1])


kind("another receipt", "anchored")(renamed("anchor.received", "digest", "0" * 64))
kind("a receipt over what had not happened", "anchored")(renamed("anchor.received", "size", 30))


@kind("an attempt that no bundle brought", "bundled")
def untaken(forger):
    del forger.said("bundle.imported")["taken"][0]


@kind("another time than the bundle brought", "bundled")
def brought_when(forger):
    """What ran there is said to have run on a day with another price."""
    forger.said("bundle.imported")["taken"][0][2] = "2020-01-01T00:00:00Z"


@kind("another end than the bundle brought", "bundled")
def brought_until(forger):
    forger.said("bundle.imported")["taken"][-1][3] = "2020-01-01T00:00:00Z"


@kind("a ledger that was cut", "bundled")
def other_ledger(forger):
    said = forger.said("bundle.imported")
    path = forger.folder / said["ledger"]
    path.write_bytes(path.read_bytes()[:-20])
    said["ledger_digest"] = digest_bytes(path.read_bytes())
    forger.pack(said, files={"ledger.jsonl": said["ledger_digest"]})


@kind("another value than the bundle brought", "bundled")
def brought_value(forger):
    starts = (line["event"] for line in forger.lines if line["event"]["is"] == "attempt.started")
    folder = next(start["folder"] for start in starts if start["bundle"])
    forger.result(folder, metrics={"gain": "-0.5", "loss": "0.5"})
    forger.refit()


def chained_there(change):
    """Another ledger of the machine that the bundle comes from, whole and chained anew."""

    def tamper(forger):
        said = forger.said("bundle.imported")
        path = forger.folder / said["ledger"]
        lines = [json.loads(line) for line in path.read_bytes().splitlines()]
        change(lines)
        head, chained = GENESIS, []
        for place, line in enumerate(lines):
            chained.append(canonical({**line, "seq": place, "prev": head}))
            head = line_digest(chained[-1])
        content = b"".join(line + b"\n" for line in chained)
        path.write_bytes(content)
        said.update(ledger_digest=digest_bytes(content), head=head)
        named = {"head": head, "plan": lines[0]["event"]["plan"], "runner": lines[0]["event"]["runner"]}
        forger.pack(said, files={"ledger.jsonl": said["ledger_digest"]}, **named)

    return tamper


def first_of(lines, kind_):
    return next(place for place, line in enumerate(lines) if line["event"]["is"] == kind_)


@chained_there
def ended_there(lines):
    place = first_of(lines, "stage.opened")
    lines.insert(place, {**lines[place], "event": {"is": "study.closed", "stages": 0}})


@chained_there
def slower_there(lines):
    lines[first_of(lines, "result.accepted")]["event"]["device_s"] = "77.000"


@chained_there
def unstarted_there(lines):
    del lines[first_of(lines, "orchestrator.started")]


kind("a ledger of another plan", "bundled")(chained_there(lambda lines: lines[0]["event"].update(plan="0" * 64)))
kind("a ledger that had ended there", "bundled")(ended_there)
kind("a ledger without a start there", "bundled")(unstarted_there)
kind("a ledger that tells of another end there", "bundled")(slower_there)
kind("a ledger of another promo there", "bundled")(chained_there(lambda lines: lines[0]["event"].update(code="0" * 64)))
kind("a ledger of another runner there", "bundled")(
    chained_there(lambda lines: lines[0]["event"]["runner"].update(code="0" * 64))
)
kind("a ledger of other seals there", "bundled")(chained_there(lambda lines: lines[0]["event"].update(seals={})))


def with_inputs(here, there):
    """Runs here and there rest on a file; it has another name, or is another one."""

    def tamper(forger):
        for place in forger.places("orchestrator.started"):
            forger.lines[place]["event"]["inputs"] = [["file", *here, None]]

        def change(lines):
            for line in lines:
                if line["event"]["is"] == "orchestrator.started":
                    line["event"]["inputs"] = [["file", *there, None]]

        chained_there(change)(forger)

    return tamper


ONE, OTHER = "0" * 64, "1" * 64
kind("runs there rest on another file", "bundled")(with_inputs(("/opt/train.sh", ONE), ("/home/train.sh", OTHER)))
sound("runs there rest on the same file elsewhere", "bundled")(
    with_inputs(("/opt/train.sh", ONE), ("/home/train.sh", ONE))
)
kind("a bundle that came twice", "bundled")(twice("bundle.imported"))


@kind("a ledger that is kept elsewhere", "bundled")
def elsewhere(forger):
    said = forger.said("bundle.imported")
    (forger.folder / said["ledger"]).rename(forger.folder / "other.jsonl")
    said["ledger"] = "other.jsonl"


# --- who signed a bundle ---------------------------------------------------------------------------------------------

SOMEBODY = "SHA256:" + "A" * 43


def signed_anew(forger, manifest):
    """Sign a manifest with a key of one's own; its fingerprint."""
    key = forger.folder.parent / "stranger"
    command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    manifest.with_name(f"{manifest.name}.sig").unlink()
    command("ssh-keygen", "-q", "-Y", "sign", "-n", "promo-bundle", "-f", key, manifest)
    blob = base64.b64decode(key.with_suffix(".pub").read_text(encoding="utf-8").split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@kind("another digest of a bundle", "bundled")
def other_bundle(forger):
    before = forger.said("bundle.imported")["bundle"]
    for line in forger.lines:
        if line["event"].get("bundle") == before:
            line["event"]["bundle"] = "0" * 64


@kind("an unsigned bundle in somebody's name", "bundled")
def in_a_name(forger):
    said = forger.said("bundle.imported")
    said["signer"] = SOMEBODY
    forger.pack(said).with_suffix(".json.sig").write_bytes(b"-----BEGIN SSH SIGNATURE-----\n")


kind("a signed bundle in the name of somebody else", "signed")(renamed("bundle.imported", "signer", SOMEBODY))
kind("a signed bundle called unsigned", "signed")(renamed("bundle.imported", "signer", None))


@kind("a bundle signed by somebody else", "signed")
def by_another_key(forger):
    signed_anew(forger, forger.pack(forger.said("bundle.imported")))


@kind("another manifest below the same signature", "signed")
def other_manifest(forger):
    forger.pack(forger.said("bundle.imported"), text="0" * 64)


@sound("a bundle signed by whoever rewrote the study, in his own name", "signed")
def own_name(forger):
    said = forger.said("bundle.imported")
    said["signer"] = signed_anew(forger, forger.pack(said))
