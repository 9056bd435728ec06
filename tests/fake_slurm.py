"""
A cluster that is a folder: `sbatch`, `squeue`, `scancel`, `scontrol`, `sacct`, `srun` call this, for tests.

SLURM_CONF names the folder, else it lies beside that of the tools.  `plan.json` in it says what goes wrong:

    slots           jobs at once (default 2)
    delay_s         how long a job waits at least
    lose            every n-th accepted job is forgotten before it begins
    doubt           every n-th submission answers with a time-out, although the job was taken
    refuse          the message with which every submission is refused
    says            lines that a site's own wrapper prints in front of what a tool answers, and behind it
    blind           nodes do not see the folders of attempts: jobs end before they begin
    bad             `n1` or `n2`, which does not see them; it is given the next job, of those that do not exclude it
    why             why jobs wait
    twice           every n-th job is started a second time while the first copy runs
    down            until this file is gone, nothing answers
    kill_after_s    the job is ended after so long as `state` says, by SIGKILL, or by SIGTERM where `asks` is true
    state           PENDING: it is to begin anew, and waits for that
    kept            a job is ended only when the file of this name lies in its folder, and so long after that
    accounts        what `sacct` calls the end of jobs that were forgotten; without it there is none
    arrays          `false`: arrays are refused
    only            wrong things happen to the first so many jobs only
    unlaunched      the first so many steps of `srun` fail before they have begun on their second node
    broken          in the first so many, the last process is killed once all have begun
    late            a killed job's copy goes on unseen: it is only called ended

State is in `jobs/NUMBER.json`; whoever calls a tool moves the queue on.  A poll is what is called most, so what it does
not need is imported late.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path

HOME = Path(os.environ.get("SLURM_CONF") or Path(sys.argv[0]).parent.parent / "cluster")
JOBS = HOME / "jobs"
AFTER_S = 0.2
"""Between the first and the last process of a job that is asked to end."""


def plan():
    path = HOME / "plan.json"
    return json.loads(path.read_text()) if path.exists() else {}


def every():
    found = [json.loads(path.read_text()) for path in JOBS.glob("*.json")]
    return sorted(found, key=lambda job: job["number"])


def keep(job):
    path = JOBS / f"{job['number']}.json"
    path.with_suffix(".part").write_text(json.dumps(job))
    path.with_suffix(".part").replace(path)


def alive(job):
    try:
        fields = Path(f"/proc/{job['pid']}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


def told(job, number):
    """Asked to end is each of a job's processes, by itself, and in no order: here the one that was started, last."""
    if number == signal.SIGTERM:
        for one in within(job):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)
        time.sleep(AFTER_S)
    with contextlib.suppress(ProcessLookupError):
        os.kill(job["pid"], number)


def within(job):
    """Processes of a job but for the one that was started."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            session = int(path.read_text().rpartition(")")[2].split()[3])
            if session == job["pid"] != int(path.parent.name):
                yield int(path.parent.name)


def begin(job):
    import subprocess

    with Path(job["output"]).open("ab") as log:
        words = ["/bin/sh", "-c", job["script"]]
        process = subprocess.Popen(
            words,
            cwd=job["chdir"],
            env=job["environment"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process.pid


def since(job, wrong):
    """From when on a job's time counts that is to be ended; never, where it has not come so far."""
    if "kept" not in wrong:
        return job["began"]
    path = Path(job["chdir"]) / wrong["kept"]
    return max(path.stat().st_mtime, job["began"]) if path.exists() else time.time()


def move_on():
    """One step of the queue."""
    wrong, now = plan(), time.time()
    for job in every():
        struck = job["number"] <= wrong.get("only", 10**9)
        if job["state"] == "RUNNING":
            if not alive(job):
                job["state"], job["ended"] = "COMPLETED", now
            elif struck and "kill_after_s" in wrong and now - since(job, wrong) > wrong["kill_after_s"]:
                if not job.get("struck") and not wrong.get("late"):
                    told(job, signal.SIGTERM if wrong.get("asks") else signal.SIGKILL)
                job["struck"] = True
                if wrong.get("late") or not wrong.get("asks") or not alive(job):
                    job["state"], job["ended"] = wrong.get("state", "FAILED"), now
            if job.get("struck") and job["state"] == "COMPLETED":
                job["state"] = wrong.get("state", "FAILED")
            if job.get("struck") and job["state"] == "PENDING":  # and is held there
                job["submitted"] = now + 600
            keep(job)
    running, free = sum(job["state"] == "RUNNING" for job in every()), {wrong.get("bad", "n1")}
    for job in every():
        if job["state"] != "PENDING" or running >= wrong.get("slots", 2):
            continue
        if now - job["submitted"] < wrong.get("delay_s", 0):
            continue
        struck = job["number"] <= wrong.get("only", 10**9)
        if struck and wrong.get("lose") and job["number"] % wrong["lose"] == 0:
            (JOBS / f"{job['number']}.json").unlink()
            with (HOME / "forgotten").open("a") as log:
                log.write(f"{job['id']}|{job['name']}\n")
            continue
        job["node"] = next(node for node in (*free, "n2", "n1") if node not in job["exclude"])
        free = {"n1"} - {wrong.get("bad")}
        if (struck and wrong.get("blind")) or job["node"] == wrong.get("bad"):
            job["state"], job["ended"] = "FAILED", now
            keep(job)
            continue
        job["pid"], job["state"], job["began"] = begin(job), "RUNNING", now
        if struck and wrong.get("twice") and job["number"] % wrong["twice"] == 0:
            begin(job)
        keep(job)
        running += 1


def sbatch(words):
    wrong = plan()
    if "refuse" in wrong:
        with (HOME / "submitted.jsonl").open("a") as log:
            log.write(json.dumps(words) + "\n")
        sys.exit(f"sbatch: error: Batch job submission failed: {wrong['refuse']}")
    said = dict(word[2:].split("=", 1) for word in words if "=" in word)
    assert "--no-requeue" in words and "--parsable" in words
    with (HOME / "submitted.jsonl").open("a") as log:
        log.write(json.dumps(words) + "\n")
    if {"n1", "n2"} <= {*said.get("exclude", "").split(",")}:
        sys.exit("sbatch: error: Batch job submission failed: Requested node configuration is not available")
    if "array" in said and not wrong.get("arrays", True):
        sys.exit("sbatch: error: Batch job submission failed: Invalid job array specification")
    first = 1 + int((HOME / "last").read_text() if (HOME / "last").exists() else 0)
    script, doubted = sys.stdin.read(), False
    places = said["array"].split(",") if "array" in said else [None]
    for number, place in enumerate(places, first):
        own = {"SLURM_JOB_ID": str(number)}
        own |= {} if place is None else {"SLURM_ARRAY_TASK_ID": place, "SLURM_ARRAY_JOB_ID": str(first)}
        struck = number <= wrong.get("only", 10**9)
        doubted = doubted or (struck and wrong.get("doubt") and number % wrong["doubt"] == 0)
        (HOME / "last").write_text(str(number))
        keep(
            {
                "number": number,
                "id": str(number) if place is None else f"{first}_{place}",
                "place": place,
                "name": said["job-name"],
                "exclude": said.get("exclude", "").split(","),
                "state": "PENDING",
                "submitted": time.time(),
                "chdir": said["chdir"] if place is None else os.environ[f"PROMO_ATTEMPT_{place}"],
                "output": said["output"].replace("%%", "%"),
                "script": script,
                "environment": dict(os.environ) | own,
            }
        )
    if doubted:
        sys.exit("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")
    move_on()
    print(first)


def site_submit(words):
    """As a site's own launcher: [--WORD...] NAME FOLDER COMMAND..."""
    import io
    import itertools
    import shlex

    own = list(itertools.takewhile(lambda word: word.startswith("--"), words))
    name, folder, *command = words[len(own) :]
    home = [f"--job-name={name}", f"--chdir={folder}", f"--output={folder}/supervisor.txt"]
    sys.stdin = io.StringIO("exec " + shlex.join(command))
    sbatch(["--parsable", "--no-requeue", *home, *own])


def site_jobs(words):
    for job in known():
        print(f"{job['number']}|{job['name']}|{job['state']}")


def squeue(words):
    assert "--array" in words
    for job in known():
        why = plan().get("why", "Resources") if job["state"] == "PENDING" else "None"
        print(f"{job['id']}|{job['name']}|{job['state']}|{job['place'] or 'N/A'}|{job.get('node', '')}|{why}")


def known():
    """What a controller still knows of, one more time asked."""
    with (HOME / "asked").open("a") as log:
        log.write("x")
    move_on()
    return [job for job in every() if job["state"] in ("PENDING", "RUNNING") or time.time() - job.get("ended", 0) < 300]


def sacct(words):
    (names,) = (word.partition("=")[2].split(",") for word in words if word.startswith("--name="))
    for line in (HOME / "forgotten").read_text().splitlines():
        if line.partition("|")[2] in names:
            print(f"{line}|{plan()['accounts']}")


def scancel(words):
    for job in every():
        if job["id"] not in words:
            continue
        if job["state"] == "RUNNING":
            told(job, signal.SIGTERM)
        if job["state"] in ("PENDING", "RUNNING"):
            job["state"], job["ended"] = "CANCELLED", time.time()
            keep(job)


def scontrol(words):
    said = dict(word.split("=", 1) for word in words if "=" in word)
    for job in every():
        if job["id"] in said["JobId"].split(",") and job["state"] == "PENDING":
            job["exclude"] = said["ExcNodeList"].split(",")
            keep(job)


def srun(words):
    """All tasks on this machine, node by node; one that ends badly ends the others."""
    import subprocess

    said = dict(word[2:].split("=", 1) for word in words if word.startswith("--") and "=" in word)
    command = words[next(place for place, word in enumerate(words) if not word.startswith("--")) :]
    assert os.environ["SLURM_JOB_ID"]
    each = int(said["ntasks-per-node"])
    assert int(said["ntasks"]) == each * int(said["nodes"])
    steps = HOME / "steps"
    steps.mkdir(exist_ok=True)
    step = len(list(steps.iterdir())) + 1
    (steps / os.environ["SLURM_JOB_ID"]).touch()
    begun = each if step <= plan().get("unlaunched", 0) else int(said["ntasks"])
    tasks = []
    for number in range(begun):
        told = {"SLURM_PROCID": number, "SLURM_LOCALID": number % each, "SLURM_NODEID": number // each}
        inner = {**os.environ, **{name: str(value) for name, value in told.items()}}
        tasks.append(subprocess.Popen(command, env=inner))
    if begun < int(said["ntasks"]):
        time.sleep(0.5)
        for task in tasks:
            task.kill()
        sys.exit("srun: error: Task launch for StepId=1.0 failed on node n2: Communication connection failure")
    if step <= plan().get("broken", 0):
        sys.stdin.read()
        tasks[-1].kill()
    while any(task.poll() is None for task in tasks):
        if any(task.returncode for task in tasks):
            for task in tasks:
                task.kill()
        time.sleep(0.02)
    sys.exit(max(abs(task.wait()) for task in tasks))


TOOLS = {"sbatch": sbatch, "squeue": squeue, "scancel": scancel, "scontrol": scontrol, "sacct": sacct}
TOOLS |= {"site-submit": site_submit, "site-jobs": site_jobs, "site-cancel": scancel}


def main():
    JOBS.mkdir(parents=True, exist_ok=True)
    if (HOME / "down").exists():
        sys.exit("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    tool = Path(sys.argv[0]).name
    if tool == "srun":
        srun(sys.argv[1:])
    if tool == "sacct" and "accounts" not in plan():
        sys.exit("Slurm accounting storage is disabled")
    around = plan().get("says")
    for stream in (sys.stdout.buffer, sys.stderr.buffer) if around else ():
        stream.write(around.encode("latin-1") + b"\n")
        stream.flush()
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        TOOLS[tool](sys.argv[1:])
    if around:
        print("Goodbye")
