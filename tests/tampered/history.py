"""Events that are missing, stand elsewhere or twice, or at another time."""

import shutil
from functools import partial

from tampered.forger import BASE, FAIR, SOUND, kind

sound = partial(kind, among=SOUND)

START = {
    "is": "orchestrator.started",
    "promo": "0",
    "commit": None,
    "command": [],
    "packages": [],
    "code": "0",
    "inputs": [],
}
LONG_AGO = "2020-01-01T00:00:00Z"

# --- missing ---------------------------------------------------------------------------------------------------------


def without(kind_, **said):
    return lambda forger: forger.drop(*forger.places(kind_, **said))


def without_verdict(name):
    def change(forger):
        forger.drop(*forger.places("decided", name=name))
        (forger.folder / f"decisions/{name}.json").unlink()

    return change


kind("a rule's verdict is left out")(without_verdict("close"))
kind("a gate's verdict is left out")(without_verdict("pick"))
kind("a step of a walk is left out", "screened")(without_verdict("walked_step_2"))
kind("a stage was never opened")(without("stage.opened", stage="aside"))
kind("a stage was never closed")(without("stage.closed", stage="aside"))
kind("no start is recorded")(without("orchestrator.started"))
kind("the text was never prepared", "texted")(without("data.prepared"))
kind("effects were never estimated", "screened")(without("effects.estimated"))


@kind("a stage is left out")
def without_stage(forger):
    for folder in forger.folders(stage="aside"):
        forger.forget(folder)
    forger.drop(*forger.places("stage.opened", stage="aside"), *forger.places("stage.closed", stage="aside"))
    (forger.folder / "evidence/aside.json").unlink()
    forger.said("study.closed")["stages"] -= 1


@kind("a planned run was never made")
def without_run(forger):
    forger.forget(FAIR)
    forger.refit()


@kind("a rerun that was due was not made", "rerun")
def without_rerun(forger):
    forger.forget("runs/short/good-box-s1/attempt-2")
    forger.refit()


@kind("an attempt that failed was never made", "rerun")
def without_failure(forger):
    """The second attempt stands alone, as if it had been the first."""
    forger.forget("runs/short/good-box-s1/attempt-1")
    forger.refit()


@kind("a sound result called lost, another accepted")
def lost_and_again(forger):
    """The score of the first attempt was not liked: it is called lost, and a better one stands behind it."""
    start, end = forger.of_attempt(BASE)
    again = [forger.copy(place) for place in (start, end)]
    said = forger.lines[end]["event"]
    lost = {key: said[key] for key in ("run", "attempt", "device_s", "witnesses", "bundle")}
    forger.lines[end]["event"] = {"is": "attempt.lost", "loss": "gone", **lost}
    insert_again(forger, again, end + 1)
    forger.result(BASE.replace("attempt-1", "attempt-2"), metrics={"gain": "-0.5", "loss": "0.5"})
    forger.refit()


def insert_again(forger, lines, place):
    """An attempt of the same run once more, with a folder and a request of its own."""
    folder = BASE.replace("attempt-1", "attempt-2")
    shutil.copytree(forger.folder / BASE, forger.folder / folder)
    for line in lines:
        line["event"]["attempt"] = 2
    lines[0]["event"]["folder"] = folder
    forger.lines[place:place] = lines
    forger.request(folder, lambda asked: asked.update(attempt=2))


@kind("a second result of a run")
def again(forger):
    start, end = forger.of_attempt(BASE)
    insert_again(forger, [forger.copy(place) for place in (start, end)], end + 1)


@kind("the study ended in its middle")
def ended_in_its_middle(forger):
    """Everything behind the first gate was not liked."""
    last = forger.lines[-1]
    for folder in (*forger.folders(stage="long"), *forger.folders(stage="aside")):
        forger.forget(folder)
    kept = forger.places("stage.closed", stage="short")[0]
    forger.lines = forger.lines[: kept + 1]
    forger.drop(*forger.places("stage.opened", stage="aside"))
    for name in ("evidence/long.json", "evidence/aside.json", "decisions/close.json"):
        (forger.folder / name).unlink()
    forger.lines.append({**last, "event": {"is": "study.closed", "stages": 1}})


@kind("an empty ledger")
def emptied(forger):
    forger.lines = []


# --- elsewhere, or twice ---------------------------------------------------------------------------------------------


def twice(kind_, **said):
    def change(forger):
        place = forger.places(kind_, **said)[0]
        forger.lines.insert(place + 1, forger.copy(place))

    return change


def renamed(kind_, key, value, **said):
    return lambda forger: forger.said(kind_, **said).update({key: value})


def behind(**event):
    """A further event behind the last."""
    return lambda forger: forger.add(len(forger.lines), **event)


def instead_of_the_end(**event):
    return lambda forger: forger.lines[-1].update(event=event)


kind("frozen twice")(twice("study.frozen"))
kind("decided twice")(twice("decided", name="pick"))
kind("opened twice")(twice("stage.opened", stage="long"))
kind("closed twice")(twice("stage.closed", stage="short"))
kind("started twice")(twice("orchestrator.started"))
kind("estimated twice", "screened")(twice("effects.estimated"))
kind("the text prepared twice", "texted")(twice("data.prepared"))
kind("a value published twice", "published")(twice("value.published"))
kind("an end that came twice")(twice("result.accepted"))


def started_again(inputs):
    """One more start in the middle of it, which says that runs rested on this."""

    def change(forger):
        place = forger.places("stage.opened")[0]
        forger.add(place, **{**START, "inputs": inputs})
        for line in forger.lines[place:]:
            line["incarnation"] += 1

    return change


kind("a start with other inputs")(started_again([["file", "/opt/train.sh", "0" * 64, None]]))
kind("an input of no known kind")(started_again([["guess", "/opt/train.sh", "0" * 64, None]]))
sound("a start with the same inputs")(started_again([]))
kind("a start after the end")(behind(**START))
kind("a stop after the end")(behind(**{"is": "study.stopped", "by": "pick"}))
kind("a stop that nobody said")(instead_of_the_end(**{"is": "study.stopped", "by": "pick"}))
kind("closed though it had stopped", "stopped")(instead_of_the_end(**{"is": "study.closed", "stages": 1}))
kind("another number of stages")(renamed("study.closed", "stages", 7))
kind("a stage that is not planned")(renamed("stage.opened", "stage", "extra", stage="aside"))
kind("others enter a stage")(renamed("stage.opened", "entrants", ["base", "fair"], stage="long"))
kind("an end without a start")(lambda forger: forger.drop(forger.of_attempt(BASE)[0]))
sound("a receipt after the end", "anchored")(
    lambda forger: forger.lines.append({**forger.lines[-1], "event": forger.said("anchor.received")})
)
sound("the clock jumped after the end")(behind(**{"is": "clock.jumped", "seconds": 0}))


@kind("an unknown kind")
def unknown_kind(forger):
    forger.add(len(forger.lines) - 1, **{"is": "verdict.bought", "by": "nobody"})


@kind("a gate before its results")
def gate_before_results(forger):
    forger.move(forger.places("decided", name="pick")[0], forger.places("result.accepted")[-8])


@kind("a stage closed before its runs")
def closed_before_runs(forger):
    start = forger.places("attempt.started", stage="short")[-1]
    forger.move(forger.places("decided", name="pick")[0], start)
    forger.move(forger.places("stage.closed", stage="short")[0], start + 1)
    forger.refit()


@kind("a stage opened before its gate decided")
def opened_early(forger):
    forger.move(forger.places("stage.opened", stage="long")[0], 2)


@kind("three attempts at once in two slots")
def crowded(forger):
    starts = forger.places("attempt.started")
    forger.move(starts[2], starts[1] + 1)


@kind("more devices at once than all slots have", "widened")
def too_wide(forger):
    first, second, *_ = forger.places("attempt.started", stage="longer")
    forger.move(second, first + 1)


@kind("runs after the end")
def runs_after_the_end(forger):
    forger.move(forger.places("study.closed")[0], forger.places("attempt.started", stage="long")[-1])


# --- times and starts ------------------------------------------------------------------------------------------------


def long_ago(forger, *jump):
    """From its tenth event on, the ledger says that everything happened years before."""
    for seconds in jump:
        forger.add(10, **{"is": "clock.jumped", "seconds": seconds})
    for line in forger.lines[10:]:
        line["time"] = LONG_AGO


kind("times go back")(long_ago)
kind("times go back, badly explained")(lambda forger: long_ago(forger, 5))
sound("times go back, explained")(lambda forger: long_ago(forger, -(10**9)))


def of_another_start(number):
    def change(forger):
        for line in forger.lines[10:]:
            line["incarnation"] = number

    return change


kind("starts are skipped")(of_another_start(3))
kind("starts go back")(of_another_start(0))
kind("another start that nobody recorded")(of_another_start(2))
