"""
What is to be carried out: the tasks of a stage, and what a worker is asked for.

A request holds all that training needs and nothing of gates, so equal requests are equal runs.
"""

from typing import TYPE_CHECKING, cast

from promo.base.classes import evolve
from promo.curves.replay import Replay
from promo.decision.agenda import Agenda, Cell
from promo.driver.pipeline import Compiled
from promo.driver.seeds import seed_of
from promo.driver.study import DATA, STREAMS, StudyFolder
from promo.ledger.state import State
from promo.plans.values import PlannedRun
from promo.run.execute import Task
from promo.run.outside import EXECUTOR as OUTSIDE
from promo.run.values import Change, Continued, Grown, Keeping, Kept, Request, RunOf, TextOf, Trunk
from promo.study.given import Level
from promo.study.host import Host
from promo.study.values import Candidate, Mode, Stage

if TYPE_CHECKING:
    from promo.run.runners.files.declare import FileRunner

CHECKPOINT_EVERY_S = 600
"""How often a trainer that can keep its state does so, in seconds of wall-clock time."""


class Requests:
    """Writes the requests of one study."""

    def __init__(self, compiled: Compiled, folder: StudyFolder, replay: Replay | None) -> None:
        self.study, self.plan = compiled.sound()
        assert compiled.runner is not None
        self.runner, self.folder, self.replay = compiled.runner, folder, replay
        self.agenda = Agenda(self.study, self.plan, recorded_runs(replay))
        carried = [one for one in self.plan.stages if self._carried_on(one.name)]
        self.kept = frozenset(run.id for one in carried for run in one.runs)
        """Runs whose state another one begins from, whichever stage asks for them first."""

    def tasks(self, stage: str, state: State) -> list[Task]:
        """Tasks of a stage's real entrants, in the plan's order, with the recorded runs that they read in a replay."""
        replay = self.replay is not None
        return [
            Task(run, self.of(run, state), self.agenda.first_recorded(run, state) if replay else None)
            for run in self.agenda.of_entrants(stage, state)
        ]

    def of(self, run: PlannedRun, state: State, drawn: tuple[int, int | None] | None = None) -> Request:
        """
        The request of the first attempt of a planned run; the others differ in number, and in what they resume.

        *drawn* is its seed and label where those were drawn elsewhere.
        """
        candidate, stage = self.study.candidates[run.candidate], self.study.stages[run.stage]
        host, effective = self.study.hosts[run.host], self._first(candidate, state).effective
        seed, label = drawn or seed_of(self.study, state, run.seed)
        return Request(
            study=self.study.name,
            plan=self.plan.digest,
            run=RunOf(run.id, run.stage, run.candidate, run.host, seed, label),
            attempt=1,
            trainer=self.runner.trainer,
            settings=effective.trained,
            parameters=effective.parameters,
            flops_per_token=effective.flops_per_token,
            metric=self.study.measure.metric,
            budget=stage.budget,
            data=self._text(state),
            checkpoint=Keeping(stage.trunk is None and run.id in self.kept, CHECKPOINT_EVERY_S),
            trunk=None if stage.trunk is None else Trunk(stage.trunk, run.id in self.kept),
            continues=self._continued(run, stage, state),
            resume=None,
            grow=self.grown(run, stage, state),
            device="cpu" if host.is_cpu else "cuda",
            threads=host.threads,
            devices=self.study.devices(stage.name, host.name),
            nodes=host.nodes,
            program=cast("FileRunner", self.runner).program if self.study.runner.file is not None else None,
            levels=self._levels(candidate, host),
            curves=self.replay.digest if self.replay else None,
            recorded=None if self.replay is None else self.agenda.first_recorded(run, state),
            changes=self._changes(candidate, stage, state),
        )

    def is_untold(self, candidate: str, state: State) -> bool:
        """Whether a candidate follows a schedule of which it is not settled here which shapes that goes through."""
        follows = self.study.candidates[candidate].follows
        return follows is not None and not state.path(follows)

    def _first(self, candidate: Candidate, state: State) -> Candidate:
        """Whose shape a candidate begins with: its own, or the first that its schedule goes through."""
        path = state.path(candidate.follows) if candidate.follows else ()
        return self.study.candidates[path[0].candidate] if path else candidate

    def _changes(self, candidate: Candidate, stage: Stage, state: State) -> tuple[Change, ...]:
        """Where its schedule changes the shape of a candidate within the budget of a stage."""
        if candidate.follows is None:
            return ()
        way, whole = self.study.schedules[candidate.follows].way, self.study.whole(stage.name)
        turns = [one for one in state.path(candidate.follows)[1:] if one.at < whole]
        models = [self.study.candidates[one.candidate].effective for one in turns]
        return tuple(
            Change(one.at, way, model.trained, model.parameters, model.flops_per_token)
            for one, model in zip(turns, models, strict=True)
        )

    def _text(self, state: State) -> TextOf | None:
        """Where the prepared text lies."""
        data, text = self.study.data, state.text
        if data is None or text is None or self.replay is not None:
            return None
        train, held, lengths = (f"{DATA}/{name}" for name in STREAMS)
        return TextOf(
            train=train,
            validation=held,
            digest=text.digest,
            score_tokens=data.score_tokens,
            window=data.window,
            token_lengths=None if text.tokens is None else lengths,
            token_width=1 if text.tokens is None else text.tokens.token_width,
        )

    def _carried_on(self, stage: str) -> bool:
        """Whether another stage carries these runs on or grows from them."""
        continued = any(other.continues == stage for other in self.study.stages.values())
        grows = any(grow.stage == stage for grow in self.study.grows.values())
        return continued or grows or stage in self.study.grows

    def _continued(self, run: PlannedRun, stage: Stage, state: State) -> Continued | None:
        """The trained run that a run carries on: where its state lies, and what it has spent."""
        if stage.continues is None:
            return None
        before = self.agenda.cells[stage.continues, run.candidate, run.host, run.seed]
        accepted, earlier = state.accepted(before.id), self.study.earlier(stage.name)
        recorded = None if self.replay is None else self.agenda.first_recorded(run, state)
        body = None if accepted is None else self.folder.result(accepted).body
        if accepted is None or body is None:
            return Continued(None, None, earlier, recorded)
        kept = Kept.TRUNK if stage.mode is Mode.BRANCH else Kept.CHECKPOINT
        return Continued(accepted.folder, body.state(kept), earlier, recorded)

    def grown(self, run: PlannedRun, stage: Stage, state: State) -> Grown | None:
        """
        The kept state that a run grows from; None for all others.

        Where ways to grow are tried it is the parent's, and the way; afterwards it is a way's own, or for what the
        growth becomes that of the way which was chosen.
        """
        if stage.continues is not None:
            return None
        trying = self.study.growth_at(stage.name)
        grow = self.study.growth_of(run.candidate) if trying is None else None
        if trying is not None:
            return self._kept(trying.parent, trying.stage, run, state, trying.ways[run.candidate])
        if grow is None:
            return None
        best = (run.candidate,) if run.candidate in grow.ways else state.promoted(grow.name)
        return self._kept(best[0], grow.name, run, state, None) if best else Grown(None, None, Kept.CHECKPOINT, None)

    def _kept(self, candidate: str, stage: str, run: PlannedRun, state: State, way: str | None) -> Grown:
        """What the counting run of another candidate left in the cell of *run*; nothing when none counts."""
        before = self.agenda.cells.get((stage, candidate, run.host, run.seed))  # a forged choice names anybody
        accepted = None if before is None else state.accepted(before.id)
        body = None if accepted is None else self.folder.result(accepted).body
        if accepted is None or body is None:
            return Grown(None, None, Kept.CHECKPOINT, way)
        kept = Kept.CHECKPOINT if self.study.stages[stage].trunk is None else Kept.TRUNK
        return Grown(accepted.folder, body.state(kept), kept, way)

    def _levels(self, candidate: Candidate, host: Host) -> dict[str, Level] | None:
        """What a runner kept in a file needs beside the effective configuration, and whoever trains outside: all."""
        asked = self.study.runner.file is not None or host.executor == OUTSIDE
        return dict(candidate.levels) if asked else None


def shaped(request: Request, like: Request) -> Request:
    """A request for the shapes that another one asks for."""
    return evolve(
        request,
        settings=like.settings,
        parameters=like.parameters,
        flops_per_token=like.flops_per_token,
        changes=like.changes,
    )


def recorded_runs(replay: Replay | None) -> dict[Cell, int] | None:
    """How many runs a replay has for each candidate, host and seed; None where runs are trained."""
    return None if replay is None else {cell: len(runs) for cell, runs in replay.assignment.cells.items()}
