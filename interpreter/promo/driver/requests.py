"""
What is to be carried out: the tasks of a stage, and what a worker is asked for.

A request holds all that training needs and nothing of gates, so equal requests are equal runs.
"""

from collections.abc import Mapping

from promo.base.canonical import Json, exact
from promo.curves.replay import Replay
from promo.driver.pipeline import Compiled
from promo.driver.seeds import seed_of
from promo.driver.study import StudyFolder
from promo.ledger.state import State
from promo.plan.values import PlannedRun
from promo.run.execute import Task
from promo.run.runners.files.declare import FileRunner
from promo.run.runners.recorded.answer import recorded_number
from promo.run.values import CONTRACT
from promo.study.values import Candidate, Mode, Stage

CHECKPOINT_EVERY_S = 600
"""How often a trainer that can keep its state does so, in seconds of wall-clock time."""


class Requests:
    """Writes the requests of one study."""

    def __init__(self, compiled: Compiled, folder: StudyFolder, replay: Replay | None) -> None:
        self.study, self.plan = compiled.sound()
        assert compiled.runner is not None
        self.runner, self.folder, self.replay = compiled.runner, folder, replay
        carried = [one for one in self.plan.stages if self._carried_on(one.name)]
        self.kept = frozenset(run.id for one in carried for run in one.runs)
        """Runs whose state another one begins from, whichever stage asks for them first."""

    def tasks(self, stage: str, state: State, data: Mapping[str, Json]) -> list[Task]:
        """
        Tasks of a stage's real entrants, in the plan's order, with the recorded runs that they may read in a replay.

        A rerun reads the next recorded run of the cell, and where there is none nothing is read again: the same
        numbers under a new name would be no second run.  Who carries a run on reads on in that run.
        """
        entrants = set(state.opened[stage])
        allowance = self.study.allowance_at(stage)
        tasks = []
        for run in self.plan.stage(stage).runs:
            if run.candidate not in entrants:
                continue
            request = self.of(run, state, data)
            if self.replay is None:
                tasks.append(Task(run, request, allowance))
                continue
            continued = request["continues"]
            first = int(str(continued.get("recorded", 0))) if isinstance(continued, Mapping) else 0
            there = len(self.replay.assignment.cells.get((run.candidate, run.host, run.seed), ()))
            tasks.append(Task(run, request, allowance, recorded=first, tries=max(1, there - first)))
        return tasks

    def of(self, run: PlannedRun, state: State, data: Mapping[str, Json]) -> dict[str, Json]:
        """The request of a planned run, as far as it is known before an attempt is numbered."""
        candidate, stage = self.study.candidates[run.candidate], self.study.stages[run.stage]
        host = self.study.hosts[run.host]
        return {
            "promo_request": CONTRACT,
            "study": self.study.name,
            "plan": self.plan.digest,
            "run": {
                "id": run.id,
                "stage": run.stage,
                "candidate": run.candidate,
                "host": run.host,
                **seed_of(self.study, state, run.seed),
            },
            "trainer": self.runner.trainer,
            "settings": dict(candidate.effective.settings),
            "parameters": candidate.effective.parameters,
            "flops_per_token": candidate.effective.flops_per_token,
            "metric": self.study.measure.metric,
            "budget": {
                "kind": stage.budget.kind.value,
                "amount": str(stage.budget.amount),
                "cap_s": stage.budget.cap_s,
            },
            "data": dict(data),
            "checkpoint": {"at_end": stage.trunk is None and run.id in self.kept, "every_s": CHECKPOINT_EVERY_S},
            **self._trunk(stage, run),
            "continues": self._continued(run, stage, state),
            **self.grown(run, stage, state),
            "device": "cpu" if host.is_cpu else "cuda",
            "threads": host.threads,
            **self._program(candidate),
            **({"curves": self.replay.digest} if self.replay else {}),
        }

    def _carried_on(self, stage: str) -> bool:
        """Whether another stage carries these runs on or grows from them."""
        continued = any(other.continues == stage for other in self.study.stages.values())
        grows = any(grow.stage == stage for grow in self.study.grows.values())
        return continued or grows or stage in self.study.grows

    def _trunk(self, stage: Stage, run: PlannedRun) -> dict[str, Json]:
        """Where a constant rate ends, and whether the state there is kept for stages that branch from it."""
        return {} if stage.trunk is None else {"trunk": {"at": str(stage.trunk), "keep": run.id in self.kept}}

    def _continued(self, run: PlannedRun, stage: Stage, state: State) -> dict[str, Json] | None:
        """The trained run that a run carries on: where its state lies, and what it has spent."""
        if stage.continues is None:
            return None
        same = (run.candidate, run.host, run.seed)
        before = next(
            one for one in self.plan.stage(stage.continues).runs if (one.candidate, one.host, one.seed) == same
        )
        accepted = state.accepted(before.id)
        earlier = self.study.earlier(stage.name)
        if accepted is None:
            return {"folder": None, "earlier": str(earlier)}
        details = self.folder.result(accepted).details
        number = {"recorded": recorded_number(details)} if self.replay else {}
        return {
            "folder": accepted.folder,
            "state": details.get("trunk" if stage.mode is Mode.BRANCH else "checkpoint"),
            "earlier": str(earlier),
            **number,
        }

    def grown(self, run: PlannedRun, stage: Stage, state: State) -> dict[str, Json]:
        """
        The kept state that a run grows from; nothing for all others.

        Where ways to grow are tried it is the parent's, and the way; afterwards it is that of the way which was chosen.
        """
        trying = self.study.grows.get(stage.name)
        chosen = self.study.growth_of(run.candidate) if trying is None and stage.continues is None else None
        if trying is not None:
            way: dict[str, Json] = {"way": trying.ways[run.candidate]}
            found = self._kept(trying.parent, trying.stage, run, state)
        elif chosen is not None:
            way = {}
            best = state.promoted(chosen.name)
            found = self._kept(best[0], chosen.name, run, state) if best else None
        else:
            return {}
        return {"grow": {**(found or {"folder": None, "state": None, "kept": "checkpoint"}), **way}}

    def _kept(self, candidate: str, stage: str, run: PlannedRun, state: State) -> dict[str, Json] | None:
        """What the counting run of another candidate left in the cell of *run*; None when none counts."""
        same = (candidate, run.host, run.seed)
        before = next(one for one in self.plan.stage(stage).runs if (one.candidate, one.host, one.seed) == same)
        accepted = state.accepted(before.id)
        if accepted is None:
            return None
        kept = "checkpoint" if self.study.stages[stage].trunk is None else "trunk"
        return {"folder": accepted.folder, "state": self.folder.result(accepted).details.get(kept), "kept": kept}

    def _program(self, candidate: Candidate) -> dict[str, Json]:
        """What a runner kept in a file needs beside the effective configuration: its declaration, and all levels."""
        if not isinstance(self.runner, FileRunner):
            return {}
        levels = {name: level if isinstance(level, str) else exact(level) for name, level in candidate.levels}
        return {"program": dict(self.runner.program), "levels": levels}
