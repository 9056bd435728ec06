"""Attempts, what they were asked, what guards say of them, and what a replay reads."""

from functools import partial

from promo.base.canonical import canonical, digest_bytes
from tampered.forger import BASE, FAIR, SOUND, kind

sound = partial(kind, among=SOUND)

# --- attempts and results --------------------------------------------------------------------------------------------


@kind("another cell")
def other_cell(forger):
    forger.said("attempt.started", folder=BASE)["seed"] = 2


@kind("another host")
def other_host(forger):
    """One that nobody planned."""
    forger.said("attempt.started", folder=BASE)["host"] = "den"


@kind("another folder")
def other_folder(forger):
    forger.said("attempt.started", folder=BASE)["folder"] = FAIR.replace("attempt-1", "attempt-7")


@kind("a run that is not planned")
def strange_run(forger):
    for place in forger.of_attempt(BASE):
        forger.lines[place]["event"]["run"] = "0123456789abcdef"


@kind("an attempt numbered back", "rerun")
def number_back(forger):
    """The rerun has the number of the attempt before."""
    for place in forger.of_attempt("runs/short/good-box-s1/attempt-2"):
        forger.lines[place]["event"]["attempt"] = 1


def value(folder, **metrics):
    """Another value, in the result and everywhere behind it but in evidence and verdicts."""

    def change(forger):
        before = forger.stored(f"{folder}/result.json")["body"]["metrics"]
        forger.result(folder, metrics={**before, **metrics})

    return change


kind("another value")(value(BASE, loss="0.5"))
kind("another value that moves no verdict")(value(FAIR, loss="4.25"))
sound("a consistent lie")(lambda forger: (value(BASE, loss="0.5")(forger), forger.refit()))


@kind("more than the budget")
def over_budget(forger):
    used = {**forger.stored(f"{BASE}/result.json")["body"]["used"], "used": "99"}
    forger.result(BASE, used=used)
    forger.refit()


@kind("trained for longer than it lived")
def longer_than_alive(forger):
    """A second of training, by its own clock, of a process that was there for a moment."""
    used = {**forger.stored(f"{BASE}/result.json")["body"]["used"], "counter": "trainer"}
    forger.result(BASE, used=used)
    forger.refit()


@kind("less device time")
def less_time(forger):
    forger.result(BASE, seconds={**forger.stored(f"{BASE}/result.json")["body"]["seconds"], "total": "5.000000"})
    forger.lines[forger.of_attempt(BASE)[1]]["event"]["device_s"] = "1.000"


@kind("another cause of a failure", "failing")
def another_cause(forger):
    forger.said("attempt.failed")["cause"] = "bad luck"


@kind("another status of a failure", "failing")
def failed_for_another_reason(forger):
    said = forger.said("attempt.failed")
    folder = forger.folders(run=said["run"], attempt=said["attempt"])[0]
    body = {**forger.stored(f"{folder}/result.json")["body"], "status": "timeout"}
    said["envelope"] = forger.store(f"{folder}/result.json", {"body": body, "digest": digest_bytes(canonical(body))})


@kind("an attempt beyond the study's budget", "spending")
def beyond_budget(forger):
    """Nobody gave the study more, and it went on all the same."""
    (given,) = forger.places("budget.amended")
    forger.drop(given)
    for line in forger.lines[given:]:
        line["incarnation"] -= 1


@kind("a budget that is no larger", "spending")
def no_more_budget(forger):
    forger.said("budget.amended")["budget_s"] = 18


@kind("an attempt beyond the study's budget of money", "paying")
def beyond_money(forger):
    """Nobody gave the study more, and it went on all the same."""
    beyond_budget(forger)


@kind("a budget of money that is no larger", "paying")
def no_more_money(forger):
    forger.said("budget.amended")["money"] = "3.119"


@kind("one amendment of two budgets", "paying")
def both_budgets(forger):
    forger.said("budget.amended")["budget_s"] = 7200


@kind("less spent by a failed run", "spending")
def less_spent(forger):
    for place in forger.places("attempt.failed"):
        forger.lines[place]["event"]["train_s"] = "0.1"


@kind("within another tolerance", "spending")
def other_tolerance(forger):
    """A run that missed its budget by more than its stage tolerates, called sound."""
    used = {**forger.stored(f"{BASE}/result.json")["body"]["used"], "used": "1.03"}
    forger.result(BASE, used=used)
    forger.refit()


# --- requests --------------------------------------------------------------------------------------------------------


def asked(name, change, study="plain", **said):
    """An attempt was asked something else, and everything else follows from what came of it."""

    def tamper(forger):
        forger.request(forger.folders(**said)[0] if said else BASE, change)
        forger.refit()

    kind(f"asked {name}", study)(tamper)


def inside(part, **said):
    return lambda one: one[part].update(said)


NEVER = "0" * 64
asked("for another budget", inside("budget", amount="9", cap_s=9))
asked("for other levels", inside("settings", quality="0"))
asked("for another seed", inside("run", seed=77))
asked("for another size", lambda one: one.update(parameters="7"))
CHANGE = {"at": "9", "way": None, "settings": {"size": 9}, "parameters": "90", "flops_per_token": "9"}
asked("to change its shape", lambda one: one.update(changes=[CHANGE]))
asked("for another trainer", lambda one: one.update(trainer="other:train"))
asked("for other threads", lambda one: one.update(threads=7))
asked("for more devices", lambda one: one.update(devices=3))
asked("for more nodes", lambda one: one.update(nodes=2))
asked("for fewer devices", lambda one: one.pop("devices"), "widened", stage="longer")
asked("for another plan", lambda one: one.update(plan=NEVER))
asked("to resume", lambda one: one.update(resume={"folder": FAIR, "state": NEVER}))
asked("to keep its state", inside("checkpoint", at_end=True))
asked("for another text", inside("data", digest=NEVER), "texted", stage="first")
asked("for other windows", inside("data", window=8), "texted", stage="first")
asked("for another trunk", inside("trunk", at="9"), "texted", stage="first")
asked("to branch from elsewhere", inside("continues", state=NEVER), "texted", stage="twig")
asked("to continue from another state", inside("continues", state=NEVER), "continued", stage="longer")
asked(
    "to continue another run",
    inside("continues", folder="runs/short/poor-box-s3/attempt-1"),
    "continued",
    stage="longer",
)
asked("to continue what is longer", inside("continues", earlier="40"), "continued", stage="longer")
asked("to grow from another state", inside("grow", state=NEVER), "grown", stage="grown", candidate="taller")
asked("to grow in another way", inside("grow", way="zero_pad"), "grown", stage="deeper")
asked("for a seed that was not drawn", inside("run", seed=1), "anchored")
asked("for a seed that was not published", inside("run", seed=1), "published")

# --- guards ----------------------------------------------------------------------------------------------------------


def flag(name, **said):
    kind(name, "guarded")(lambda forger: forger.said("result.flagged").update(said))


flag("a guard saw another value", value="5")
flag("a guard saw another median", limit="11")
flag("another guard", guard=1)
flag("a guard asks for no rerun", again=False)


@kind("a guard was not applied", "guarded")
def no_flag(forger):
    for place in reversed(forger.places("result.flagged")):
        said = forger.lines[place]["event"]
        for start in forger.places("attempt.started", run=said["run"]):
            if forger.lines[start]["event"]["attempt"] > said["attempt"]:
                forger.forget(forger.lines[start]["event"]["folder"])
                break
        forger.drop(*forger.places("result.flagged", run=said["run"], attempt=said["attempt"]))
    forger.refit()


@kind("a guard objects to what was served well", "guarded")
def another_flag(forger):
    end = forger.lines[forger.of_attempt(BASE)[1]]["event"]
    about = {"run": end["run"], "attempt": 1, "gate": "pick", "guard": 0, "value": "10", "limit": "10", "again": False}
    forger.add(forger.places("decided", name="pick")[0], **{"is": "result.flagged", **about})
    forger.refit()


# --- replays ---------------------------------------------------------------------------------------------------------


@kind("a value that is not in the table", "replayed")
def other_reading(forger):
    forger.result("runs/short/early-box-s1/attempt-1", metrics={"loss": "0.5"})
    forger.refit()


@kind("a recorded run that is passed over", "replayed")
def later_reading(forger):
    """The first recorded run of a cell was not liked, so the second is read at once."""
    forger.forget("runs/short/base-box-s2/attempt-1")
    forger.refit()


@kind("another table", "replayed")
def other_table(forger):
    table = (forger.folder / "curves.csv").read_bytes()
    assert b"b,1,1,10,2.9" in table
    table = table.replace(b"b,1,1,10,2.9", b"b,1,1,10,0.9")
    forger.freeze("curves.csv", table)
    forger.lines[0]["event"]["replay"]["digest"] = digest_bytes(table)


@kind("a table under another name", "replayed")
def other_name(forger):
    """One that does not say of which form the table is."""
    forger.freeze("curves.json", canonical({**forger.stored("curves.json"), "table": "curves"}) + b"\n")


@kind("details of a replayed result", "replayed")
def details(forger):
    forger.result("runs/short/early-box-s1/attempt-1", details={"note": 1})
    forger.refit()


@kind("facts of a replayed result", "replayed")
def facts(forger):
    folder = "runs/short/early-box-s1/attempt-1"
    forger.result(folder, facts={**forger.stored(f"{folder}/result.json")["body"]["facts"], "peak_rss_bytes": "1"})
    forger.refit()


# --- how attempts ended ----------------------------------------------------------------------------------------------


def as_seen(forger, folder, **said):
    """A supervisor that saw another end."""
    digest = forger.store(f"{folder}/exit.json", {**forger.stored(f"{folder}/exit.json"), **said})
    forger.lines[forger.of_attempt(folder)[1]]["event"]["witnesses"]["exit.json"] = digest


@kind("a segment where no change was asked for")
def segment_of_nothing(forger):
    forger.result(BASE, segments=[{"steps": 3, "tokens": "0", "until": "1", "before": "0.5"}])
    forger.refit()


@kind("a part of a run is accepted", "killed")
def accepted_in_part(forger):
    """It was ended at its limit, and nobody knows how much of its budget it used."""
    forger.result(BASE, used=None)
    as_seen(forger, BASE, reason="limit", returncode=-9)
    forger.refit()


@kind("a result without a value is accepted")
def accepted_without_value(forger):
    forger.result(BASE, metrics={"gain": "1"})
    forger.refit()


@kind("a run that was killed is said to have crashed", "killed")
def killed_called_crash(forger):
    """A crash would be the candidate's own fault."""
    for place in forger.places("attempt.failed"):
        forger.lines[place]["event"]["status"] = "crash"
    forger.refit()


@kind("a run that was killed is said to have ended by itself", "killed")
def killed_called_ended(forger):
    said = forger.said("attempt.failed")
    as_seen(forger, forger.folders(run=said["run"], attempt=1)[0], reason="itself", returncode=0)


kind("a late result of another status", "belated")(lambda forger: forger.said("attempt.late").update(status="crash"))


def with_less(forger, share):
    """A result that used a share of its budget as it was timed, which is within the tolerance of what is only timed."""
    used = forger.stored(f"{BASE}/result.json")["body"]["used"]
    forger.result(BASE, used={**used, "used": share, "last_step": None})


@kind("a run that was called off at 97% of its budget is accepted", "killed")
def accepted_when_called_off(forger):
    with_less(forger, "0.97")
    as_seen(forger, BASE, reason="cancelled", returncode=0)
    forger.refit()


@kind("a run that ended with an error at 97% of its budget is accepted", "killed")
def accepted_with_an_error(forger):
    with_less(forger, "0.97")
    as_seen(forger, BASE, reason="itself", returncode=1)
    forger.refit()


@sound("a run that was called off when its budget was used up", "killed")
def called_off_late(forger):
    as_seen(forger, BASE, reason="cancelled", returncode=-15)


def rewritten_end(name, content, study="killed"):
    """Another record of how the first attempt ended, byte for byte, or none."""

    def change(forger):
        said, path = forger.lines[forger.of_attempt(BASE)[1]]["event"], forger.folder / BASE / "exit.json"
        if content is None:
            path.unlink()
            del said["witnesses"]["exit.json"]
        else:
            path.write_bytes(content)
            said["witnesses"]["exit.json"] = digest_bytes(content)

    return change


kind("a record of an end that is garbage", "killed")(rewritten_end("garbage", b"\xff{"))
kind("a record of an end without its reason", "killed")(rewritten_end("bare", b'{"returncode":0}'))
kind("a record of an end with spaces", "killed")(
    rewritten_end("spaced", b'{"reason": "itself", "returncode": 0, "seconds": "9.000"}')
)
kind("a record of an end that knows more", "killed")(
    rewritten_end("more", b'{"reason":"itself","returncode":0,"seconds":"9.000","why":"so"}')
)
sound("no record of the end of a run that used its budget up", "killed")(rewritten_end("none", None))


@kind("no record of the end of a run at 97% of its budget", "killed")
def unseen_in_part(forger):
    with_less(forger, "0.97")
    rewritten_end("none", None)(forger)
    forger.refit()


@kind("no record of the end of a run that failed", "killed")
def failed_unseen(forger):
    said = forger.said("attempt.failed")
    (forger.folder / forger.folders(run=said["run"], attempt=1)[0] / "exit.json").unlink()
    del said["witnesses"]["exit.json"]


def points(name, *lines, end=b"\n"):
    """Other points of a result, which it names."""

    def change(forger):
        path = forger.folder / BASE / "points.jsonl"
        content = (
            b"".join(line + b"\n" for line in (path.read_bytes().splitlines()[0], *lines)).removesuffix(b"\n") + end
        )
        path.write_bytes(content)
        forger.result(BASE, points=digest_bytes(content))
        forger.refit()

    return kind(name)(change)


POINT = b'{"charged_s":"1.0","metrics":{"loss":"2.5"},"step":2,"tokens":"20"}'
points("points that are no JSON", b"step 2")
points("points with spaces", POINT.replace(b":", b": "))
points("points with a step of their own kind", POINT.replace(b'"step":2', b'"step":"2"'))
points("points at a negative step", POINT.replace(b'"step":2', b'"step":-2'))
points("points at negative seconds", POINT.replace(b'"1.0"', b'"-1.0"'))
points("points of negative tokens", POINT.replace(b'"20"', b'"-20"'))
points("points with a value that is not finite", POINT.replace(b'"2.5"', b'"inf"'))
points("points that know more", POINT.replace(b'"step":2', b'"score":"9","step":2'))
points("points that are cut short", POINT, end=b"")


# --- what was trained outside ----------------------------------------------------------------------------------------

THEIRS, TABLED = "runs/short/base-lab-s1/attempt-1", "runs/short/good-lab-s1/attempt-1"


def record(forger, folder, change=lambda said: None, **files):
    """Another record of who trained an attempt, which the ledger has, with the digests of files as they are now."""
    said = forger.stored(f"{folder}/outside.json")
    for name in said["files"]:
        said["files"][name] = digest_bytes((forger.folder / folder / name).read_bytes())
    said["digest"] = said["files"]["result.json" if said["settings"] is None else "table.csv"]
    change(said)
    end = forger.lines[forger.of_attempt(folder)[1]]["event"]
    end["witnesses"]["outside.json"] = forger.store(f"{folder}/outside.json", said)
    end["witnesses"].update({name: one for name, one in said["files"].items() if name in end["witnesses"]})


def recorded(name, change, folder=THEIRS, among=kind):
    among(name, "outside")(lambda forger: record(forger, folder, change))


recorded("trained outside by nobody", lambda said: said.update(by=" "))
recorded("trained outside for another request", lambda said: said.update(request=NEVER))
recorded("an outside record of another result", lambda said: said["files"].update({"result.json": NEVER}))
recorded("an outside record of a file more", lambda said: said["files"].update({"more.txt": NEVER}))
recorded("an outside record of a file less", lambda said: said["files"].pop("log.txt"))
recorded("an outside record that says lost", lambda said: said.update(digest=None, files={}, source=""))
recorded("an outside record from nowhere", lambda said: said.update(source=""))
recorded("an outside record that knows more", lambda said: said.update(why="so"))
recorded("an outside table that is another", lambda said: said.update(digest=NEVER), TABLED)
recorded("an outside table for another seed", lambda said: said["settings"].update(seeds={"1": "2"}), TABLED)
recorded("an outside table that is not read", lambda said: said.update(settings=None), TABLED)
recorded("trained outside by another name", lambda said: said.update(by="Lab D"), among=sound)


@kind("nobody says who trained it outside", "outside")
def untold(forger):
    (forger.folder / THEIRS / "outside.json").unlink()
    del forger.lines[forger.of_attempt(THEIRS)[1]]["event"]["witnesses"]["outside.json"]


@kind("somebody else is said to have trained it outside", "outside")
def renamed(forger):
    said = forger.stored(f"{THEIRS}/outside.json")
    forger.store(f"{THEIRS}/outside.json", {**said, "by": "Lab D"})


@kind("another value from an outside table", "outside")
def outside_value(forger):
    value(TABLED, loss="1.5")(forger)
    record(forger, TABLED)
    forger.refit()


@kind("an outside table whose run ended early", "outside")
def outside_early(forger):
    """Its last point lies at half of the budget, and everything else follows from that."""
    table = (forger.folder / TABLED / "table.csv").read_text("utf-8").replace("good,1,1,", "good,9,1,")
    (forger.folder / TABLED / "table.csv").write_text(table, encoding="utf-8")
    points = b"".join((forger.folder / TABLED / "points.jsonl").read_bytes().splitlines(keepends=True)[:1])
    (forger.folder / TABLED / "points.jsonl").write_bytes(points)
    body = forger.stored(f"{TABLED}/result.json")["body"]
    forger.result(
        TABLED,
        metrics={"loss": "2.6"},
        points=digest_bytes(points),
        used={**body["used"], "used": "0.5"},
        seconds={"train": "0.500000", "total": "0.500000"},
        recorded={**body["recorded"], "rows": [2], "value": "2.6", "table": digest_bytes(table.encode())},
    )
    record(forger, TABLED)
    forger.refit()


# --- states of somebody's program ------------------------------------------------------------------------------------

KEPT, CARRIED = "runs/short/base-box-s1/attempt-1", "runs/longer/base-box-s1/attempt-1"
KEPT_STATE = {"stage": "longer", "candidate": "base"}
asked("to go on from another state of its program", inside("continues", state=NEVER), "stateful", **KEPT_STATE)
asked("to keep more states", lambda one: one["program"]["state"].update(keep=9), "stateful", **KEPT_STATE)
asked("to resume otherwise", lambda one: one["program"]["state"].update(resume=["{state}"]), "stateful", **KEPT_STATE)


@kind("another state at the end of a run", "stateful")
def other_state(forger):
    said = forger.stored(f"{KEPT}/checkpoint.json")
    forger.store(f"{KEPT}/checkpoint.json", {**said, "run": "0123456789abcdef"})


@kind("a state that no run kept", "stateful")
def state_more(forger):
    (forger.folder / KEPT / "checkpoint-0123456789abcdef.state").write_bytes(b"weights")


@kind("a state of a run that keeps none", "stateful")
def state_unasked(forger):
    (forger.folder / CARRIED / "checkpoint-0123456789abcdef.state").write_bytes(b"weights")
