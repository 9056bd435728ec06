"""What was frozen, and files that no event knows."""

import json
import shutil
from functools import partial

from promo.base.canonical import canonical, digest_bytes
from tampered.forger import BASE, ONLY_BY_VERIFY, SOUND, kind

sound = partial(kind, among=SOUND)

# --- frozen files ----------------------------------------------------------------------------------------------------


def plan(name, study="plain"):
    """Another plan, of which the ledger has the digest; nothing else is changed."""

    def put(change):
        def tamper(forger):
            found = forger.stored("plan.json")
            change(found)
            forger.freeze("plan.json", canonical(found) + b"\n")

        return kind(name, study)(tamper)

    return put


@plan("another budget in the plan")
def other_budget(found):
    found["study"]["stages"]["short"]["budget"].update(amount="9", cap_s=9)


@plan("other devices of a stage in the plan", "widened")
def other_devices(found):
    found["study"]["stages"]["longer"]["devices"] = 1


@plan("another order in the plan")
def other_order(found):
    runs = found["stages"][0]["runs"]
    runs[0], runs[1] = runs[1], runs[0]


@plan("another seal in the plan")
def other_seal(found):
    found["seals"]["pick"] = "0" * 64


@plan("another cost in the plan")
def other_cost(found):
    found["stages"][0]["budget_s"] = 1


@plan("another bound in the plan")
def other_bound(found):
    found["bound_s"] = 1


@plan("another end in the plan")
def other_end(found):
    found["stages"][1]["ends_s"] = 1


@plan("another price in the plan")
def other_price(found):
    found["money"] = {"currency": "usd", "hosts": {}, "budget": "1.5", "bound": "2"}


@plan("other attempts in the plan")
def other_attempts(found):
    found["stages"][0]["run_count"]["fewest"] = 1


def first(name, **said):
    kind(name)(lambda forger: forger.lines[0]["event"].update(said))


first("another plan was frozen", plan="0" * 64)
first("other seals were frozen", seals={})
first("frozen under another name", study="trail")


@kind("another runner was frozen")
def other_runner(forger):
    forger.lines[0]["event"]["runner"]["version"] = 7


@kind("another closure in the lock")
def lock_closure(forger):
    found = forger.stored("lock.json")
    found["seals"]["pick"]["closure"]["measure"]["unit"] = "kg"
    forger.freeze("lock.json", canonical(found) + b"\n")


def seal(name):
    """Another seal in the lock, whose digest is that of its closure, and of which the ledger has the digest."""

    def put(change):
        def tamper(forger):
            found = forger.stored("lock.json")
            made = change(found["seals"])
            made["digest"] = digest_bytes(canonical(made["closure"]))
            forger.freeze("lock.json", canonical(found) + b"\n")

        return kind(name)(tamper)

    return put


@seal("another seal in the lock")
def other_seal_of_lock(seals):
    seals["pick"]["closure"]["measure"]["unit"] = "kg"
    return seals["pick"]


@seal("a further seal in the lock")
def further_seal(seals):
    seals["picked"] = {**seals["pick"], "name": "picked"}
    return seals["picked"]


def otherwise(name):
    """The same value with a space between its parts, of which the ledger has the digest."""
    return lambda forger: forger.freeze(
        name, json.dumps(forger.stored(name), sort_keys=True, separators=(", ", ":")).encode() + b"\n"
    )


kind("a lock written otherwise")(otherwise("lock.json"))
kind("used files written otherwise")(lambda forger: forger.freeze("imports.json", b"{ }\n"))
kind("settings of curves written otherwise", "replayed")(otherwise("curves.json"))


@kind("a used file that no spec uses", among=ONLY_BY_VERIFY)
def unused(forger):
    forger.freeze("imports.json", canonical({"base.promo": "promo 1\n"}) + b"\n")


def frozen_too(name):
    """A further file, of which the ledger has the digest."""

    def change(forger):
        (forger.folder / name).parent.mkdir(exist_ok=True)
        forger.freeze(name, b"notes")

    return change


def unfrozen(name):
    """A file that was never there."""

    def change(forger):
        del forger.lines[0]["event"]["files"][name]
        (forger.folder / name).unlink()

    return change


kind("notes are frozen")(frozen_too("notes.txt"))
kind("a file elsewhere is frozen")(frozen_too("../notes.txt"))
kind("no lock was frozen")(unfrozen("lock.json"))
kind("no second verifier was frozen")(unfrozen("recheck.py"))
kind("no table was frozen", "replayed")(unfrozen("curves.csv"))


@kind("a used file that is none")
def other_import(forger):
    forger.freeze("imports.json", canonical(["base.promo"]) + b"\n")


@kind("another spec of the same plan", among=ONLY_BY_VERIFY)
def other_spec(forger):
    text = (forger.folder / "spec.promo").read_bytes()
    forger.freeze("spec.promo", text.replace(b"keep top 1", b"keep top 2"))


# --- files -----------------------------------------------------------------------------------------------------------


def file(name):
    def change(forger):
        (forger.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (forger.folder / name).write_bytes(b"{}")

    return change


kind("a file that no event knows")(file("notes.txt"))
kind("a decision that no event knows")(file("decisions/other.json"))
kind("evidence that no event knows")(file("evidence/other.json"))
kind("notes beside the receipts")(file("anchors/notes.txt"))
kind("a file beside the text")(file("data/scores.json"))
kind("a program that no spec uses")(file("program/train.py"))
kind("a further file in a run")(file(f"{BASE}/notes.txt"))
kind("a request of a stage that is not planned")(file("runs/zzz/base-box-s1/attempt-1/request.json"))
kind("a request that is none")(file(f"{BASE.replace('attempt-1', 'attempt-7')}/request.json"))
kind("a state that no result names")(file(f"{BASE}/checkpoint.json"))
kind("tensors that no state names")(file(f"{BASE}/trunk-0123456789abcdef.safetensors"))
sound("nothing")(lambda forger: None)
sound("a report")(file("report-old.html"))
sound("a table for other tools")(file("runs.csv"))
sound("a part of a file that a crash left")(file("evidence/short.json.part"))


@kind("a link to nowhere where programs lie")
def link_to_nowhere(forger):
    (forger.folder / "program").mkdir()
    (forger.folder / "program" / "train.py").symlink_to("nowhere")


@kind("a run that no event knows")
def copied(forger):
    shutil.copytree(forger.folder / BASE, forger.folder / BASE.replace("attempt-1", "attempt-2"))


def unstarted(change):
    """The request of an attempt whose start never reached the ledger, as a crash leaves it, or otherwise."""

    def put(forger):
        asked = {**forger.stored(f"{BASE}/request.json"), "attempt": 2}
        change(asked)
        forger.store(BASE.replace("attempt-1", "attempt-2") + "/request.json", asked)

    return put


kind("a request of another number than its folder")(unstarted(lambda asked: asked.update(attempt=3)))
kind("a request of another run than its folder")(unstarted(lambda asked: asked["run"].update(seed=2)))
sound("a request whose attempt never started")(unstarted(lambda asked: None))


sound("a part of a request that a crash left")(file(f"{BASE.replace('attempt-1', 'attempt-9')}/request.json.part"))


@sound("a request of which a crash left zeros")
def zeroed(forger):
    place = forger.folder / BASE.replace("attempt-1", "attempt-2")
    place.mkdir()
    (place / "request.json").write_bytes(bytes(40))


@kind("a state that is not the one its result names", "texted")
def other_state(forger):
    path = next(path for path in sorted(forger.folder.glob("runs/first/*/*/trunk.json")))
    path.write_bytes(path.read_bytes().replace(b'"digest":"', b'"digest":"0', 1))


@kind("a link in the folder")
def linked(forger):
    (forger.folder / "elsewhere").symlink_to(forger.folder / "runs")


@kind("a program that was changed", "screened")
def changed_program(forger):
    program = forger.folder / "program" / "train.py"
    program.write_bytes(program.read_bytes() + b"#")
