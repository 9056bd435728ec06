"""An executor of another package: a queue of its own, in which a job waits for so many questions before it begins."""

import subprocess
import sys
from typing import ClassVar

from promo.ledger.losses import Loss
from promo.run.executors.queued import GRACE, Listed, QueueExecutor, Row
from promo.study.ports import ExecutorOption, OptionKind


class QueuedExecutor(QueueExecutor):
    options: ClassVar = {
        "chips": ExecutorOption(OptionKind.COUNT, "4", "accelerators of a job", moves=True, fixed=int),
        "grace": GRACE,
        "image": ExecutorOption(OptionKind.TEXT, '"toy:1"', "the container", moves=True),
        "waits": ExecutorOption(OptionKind.COUNT, "2", "questions that a job waits for"),
    }

    def __init__(self):
        super().__init__()
        self.jobs = {}

    def submit(self, attempt, name):
        self.jobs[name] = [int(dict(attempt.options).get("waits", 1)), attempt, None]
        return name

    def listed(self, jobs):
        return {name: Row(name, self._listed(job)) for name, job in self.jobs.items()}

    def _listed(self, job):
        if job[2] is None:
            job[0] -= 1
            if job[0] >= 0:
                return Listed.QUEUED
            words = [sys.executable, "-P", "-m", "promo.run.attend", str(job[1].folder)]
            with (job[1].folder / "supervisor.txt").open("ab") as log:
                job[2] = subprocess.Popen(words, env=dict(job[1].environment), stdout=log, stderr=log)
        return Listed.RUNNING if job[2].poll() is None else Listed.ENDED

    def end(self, jobs):
        for job in jobs:
            process = self.jobs[job.name][2]
            if process is None:
                del self.jobs[job.name]
            else:
                process.terminate()

    def close(self):
        for _, _, process in self.jobs.values():
            if process is not None:
                process.wait()

    def why_gone(self, job):
        return Loss.CALLED_OFF
