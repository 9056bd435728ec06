"""
The trainer of the runner `gpt`: a request to an outcome.

Order of things: read the streams, build a model of each shape, warm them up on throw-away steps and one scored window,
put the first state back, and only then start the clock.  Every step after that is charged; scoring is not, and neither
is a change of shape, which stands between two steps.  The rates follow the share of the budget that is used, whatever
it is counted in, and training stops at the step end nearest to the budget.
"""

import hashlib
import math
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from promo.base.canonical import Json
from promo.base.classes import evolve
from promo.run.contract import Outcome, Recorder
from promo.run.provenance import busy_seconds
from promo.run.runners.gpt.checkpoint import CheckpointError, State, generator_text, set_generator
from promo.run.runners.gpt.checkpoint import load as load_checkpoint
from promo.run.runners.gpt.checkpoint import save as save_checkpoint
from promo.run.runners.gpt.clock import Clock
from promo.run.runners.gpt.device import contention, described, utilisation
from promo.run.runners.gpt.feed import lies_on_device
from promo.run.runners.gpt.grow import grown
from promo.run.runners.gpt.optimizer import compile_for
from promo.run.runners.gpt.ranks import ALONE, joined
from promo.run.runners.gpt.settings import Settings
from promo.run.runners.gpt.shapes import ShapeError, shapes_of
from promo.run.runners.gpt.text import Text
from promo.run.runners.gpt.trainee import Trainee
from promo.run.segments import misplaced
from promo.run.store import CHECKPOINT, TRUNK
from promo.run.values import Counter, Grown, Kept, Point, Request, RunStatus, Used, Work

POINTS = 32
CURVE = (0.125, 0.25, 0.5)
"""Shares of the budget at which a quarter of the windows is scored, for the learning curve; a way to grow also at 0."""


def train(request: Request, recorder: Recorder) -> Outcome:
    """
    Carry out a request.

    Args:
        request: see `promo.run.contract`.
        recorder: gets phases and points.

    Returns:
        `val_bpb`, or the status `nan`, `diverged` or `invalid` with its cause.
    """
    try:
        training = _Training(request, recorder)
    except ShapeError as fault:
        return Outcome(RunStatus.INVALID, {}, cause=str(fault))
    try:
        return training.run()
    finally:
        training.ranks.leave()


def sub_seed(seed: int, purpose: str) -> int:
    """A seed for one purpose, so that streams of one run are independent of each other."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:6], "big")


def _shared(settings: Settings, devices: int) -> bool:
    """Whether the rows of a step are shared evenly, and each share is a number of rows at once."""
    return settings.rows % (devices * (settings.device_batch or 1)) == 0


class _Training:
    trainee_kind = Trainee

    def __init__(self, request: Request, recorder: Recorder) -> None:
        self.request, self.recorder = request, recorder
        self.shapes = shapes_of(request)
        self.on_cuda = request.device == "cuda"
        self.ranks = ALONE
        """Who trains together, once they have met."""
        self.device = torch.device("cuda" if self.on_cuda else "cpu")
        assert request.data is not None, "the runner says that it needs a text"
        self.data = request.data
        self.points: list[Point] = []
        self.weights_seed, self.data_seed = sub_seed(request.run.seed, "weights"), sub_seed(request.run.seed, "data")
        self.trunk, self.grows = request.trunk, request.grow
        self.trunk_state: str | None = None
        """Digest of the state kept at the end of the trunk."""
        self.refused = ""
        """Why the state that a lost attempt kept was not taken up, if it was not."""

    def run(self) -> Outcome:
        cause = self._cannot_begin()
        if cause:
            return Outcome(RunStatus.INVALID, {}, cause=cause)
        self._prepare_process()
        with self.recorder.phase("data"):
            sizes = [(self.recorder.study / name).stat().st_size for name in (self.data.train, self.data.validation)]
            stays = self._text_stays(sum(sizes))
            self.text = Text(self.data, self.recorder.study, self.device, stays=stays, ranks=self.ranks)
        longest = max(shape.settings.context for shape in self.shapes)
        if len(self.text.stream) <= longest:
            words = f"a row takes {longest} tokens and the one that follows; the training text has"
            return Outcome(RunStatus.INVALID, {}, cause=f"{words} {len(self.text.stream)}")
        with self.recorder.phase("build"):
            self.trainees = [self._built(number) for number in range(len(self.shapes))]
            """One for each shape from the one that is trained now."""
        with self.recorder.phase("warmup"):
            self._warm_up()
            self._reset()
        try:
            clock = self._begin()
        except CheckpointError as fault:  # what it carries on was changed, which is no fault of the candidate
            return Outcome(RunStatus.INVALID, {}, cause=str(fault))
        others = busy_seconds()
        began = time.monotonic()
        cpu_before = clock.cpu_s
        cause = self._train(clock)
        busy = contention(others, clock.cpu_s - cpu_before, time.monotonic() - began)
        self.recorder.add("train", clock.wall_s - clock.earlier_s)
        if clock.free_s:
            self.recorder.add("free steps", clock.free_s)
        found = evolve(self._outcome(clock), contention=busy)
        return evolve(found, status=RunStatus.NAN, cause=cause) if cause else self._scored(clock, found)

    def _scored(self, clock: Clock, found: Outcome) -> Outcome:
        """The outcome with its score, and with the state that the run keeps."""
        with self.recorder.phase("evaluate"):
            score = self.trainee.score(self.text.windows)
        value = score.bits_per_byte
        self._point(clock, val_bpb=value)
        scored: dict[str, Json] = {"nats": repr(score.nats), "tokens": score.tokens, "bytes": score.bytes}
        found = evolve(found, details={**found.details, "score": scored}, trunk=self.trunk_state)
        if self.request.checkpoint.at_end:
            with self.recorder.phase("checkpoint"):
                found = evolve(found, checkpoint=self._keep(clock))
        if value >= score.guessing(self.trainee.settings.vocabulary):
            what = "token" if self.text.lengths.table is not None else "byte"
            cause = f"{value:.3f} bpb is no better than guessing every {what}"
            return evolve(found, status=RunStatus.DIVERGED, cause=cause)
        return evolve(found, metrics={"val_bpb": value})

    def _cannot_begin(self) -> str:
        """Why the request cannot be carried out; empty when it can."""
        continued = self.request.continues
        if continued is not None and continued.state is None:
            return "the run that it carries on left no result and no state"
        if self.grows is not None and self.grows.state is None:
            return "the run that it grows from left no result and no state"
        uneven = [shape.settings for shape in self.shapes if not _shared(shape.settings, self.request.width)]
        if uneven:
            return f"steps of {uneven[0].rows} rows are not shared evenly by {self.request.width} devices"
        share = self._trunk_share()
        if share is not None and not self._tries_a_way and self.shapes[0].settings.warmup > share:
            return "the warm-up reaches into the cool-down of the stage"
        return ""

    def _prepare_process(self) -> None:
        torch.set_num_threads(self.request.threads)
        torch.set_flush_denormal(True)
        if self.on_cuda:
            if not torch.cuda.is_available():
                raise RuntimeError("the host declares a CUDA device, and torch finds none")
            torch.set_float32_matmul_precision("high")
            compile_for(len(self.shapes))
        self.ranks = joined(self.request.width, on_cuda=self.on_cuda)
        if self.on_cuda:
            torch.cuda.reset_peak_memory_stats()

    # --- what is trained ---------------------------------------------------------------------------------------------

    @property
    def trainee(self) -> Trainee:
        """What is trained now."""
        return self.trainees[0]

    def _built(self, number: int) -> Trainee:
        """The trainee of a shape; where a trunk is carried on, or a way tried, the warm-up of rates is over."""
        warmed = (self.trunk is not None and self.request.continues is not None) or self._tries_a_way
        return self.trainee_kind(self.shapes[number].settings, self.text, self._trunk_share(), warmed=warmed)

    def _warm_up(self) -> None:
        """Every shape, one behind the other; what that did to it is put back, or replaced by what it begins with."""
        for trainee in self.trainees:
            self._begin_with(trainee)
            trainee.warm_up()
            trainee.wait()
        self._synchronise()

    def _reset(self) -> None:
        """The state a run starts from."""
        self._begin_with(self.trainee)
        if self.on_cuda:
            self._synchronise()
            torch.cuda.reset_peak_memory_stats()

    def _begin_with(self, trainee: Trainee) -> None:
        self.draws = torch.Generator().manual_seed(self.data_seed)
        trainee.begin(torch.Generator(self.device).manual_seed(self.weights_seed), self.draws)

    def _text_stays(self, text_bytes: int) -> bool:
        """Whether the text stays in the machine's memory because it is too large for the device's."""
        return self.on_cuda and not lies_on_device(text_bytes, torch.cuda.mem_get_info()[0])

    def _trunk_share(self) -> float | None:
        """Share of the whole budget that is trained at a constant rate before it cools down; None without a trunk."""
        if self._tries_a_way:
            return 1.0
        if not self.trunk:
            return None
        earlier = self.request.continues.earlier if self.request.continues else 0
        return self.trunk.at / (self.request.budget.amount + earlier)

    @property
    def _tries_a_way(self) -> bool:
        """Whether this is the lag of a growth, all of which is trained at a constant rate."""
        return self.grows is not None and self.grows.way is not None

    # --- states ------------------------------------------------------------------------------------------------------

    def _begin(self) -> Clock:
        """The clock at the start of training: at zero, or where the run that is taken up stopped."""
        budget, continued, resumed = self.request.budget, self.request.continues, self.request.resume
        whole = float(budget.amount + (continued.earlier if continued else 0))
        clock = Clock(budget.kind, whole, self.shapes[0].flops_per_token)
        if resumed:
            with self.recorder.phase("restore"):
                try:
                    clock = self._taken_up(clock, resumed.folder, resumed.state, CHECKPOINT, lost=True)
                    clock.go_on_for(budget.amount)
                    return clock
                except CheckpointError as fault:  # begin where the lost attempt began
                    self.refused = str(fault)
                    self._reset()
        if self.grows is not None:
            with self.recorder.phase("restore"):
                self._grow(self.grows)
        if continued:
            assert continued.folder is not None and continued.state is not None, "looked at before"
            with self.recorder.phase("restore"):
                kept = TRUNK if self.trunk else CHECKPOINT
                clock = self._taken_up(clock, continued.folder, continued.state, kept, lost=False)
                clock.earlier, clock.earlier_s = clock.used(), clock.wall_s
                clock.go_on_for(budget.amount)
        return clock

    def _taken_up(self, clock: Clock, attempt: str, kept: str, file: str, *, lost: bool) -> Clock:
        """
        Weights, optimizer, random state, clock and curve as they were kept; nothing of them if a part is not sound.

        No ledger knows the state that a *lost* attempt kept, so that state says itself whose it is.  Every state says
        how many changes of shape it has behind it.
        """
        folder = self.recorder.study / attempt
        tensors, state = load_checkpoint(folder, kept, file)
        if lost and state.run != self.request.run.id:
            raise CheckpointError(f"the state in {folder.name} is that of another run")
        trunk = None if state.trunk is None else load_checkpoint(folder, state.trunk, TRUNK)
        changes = len(state.clock.ended)
        if changes >= len(self.shapes):
            raise CheckpointError(f"the state in {folder.name} has {changes} changes of shape behind it")
        clock = clock.taken_up(state.clock, [shape.flops_per_token for shape in self.shapes])
        strange = misplaced((*clock.ended, clock.segment()), self.request.changes)
        if strange:
            raise CheckpointError(f"the state in {folder.name} has another shape: {strange}")
        if changes:
            self._begin_with(self.trainees[changes])
        self._put(self.trainees[changes], tensors, state, folder.name)
        self.trainees = self.trainees[changes:]
        if trunk is not None:  # an attempt that was lost in its cool-down had kept its trunk
            self.trunk_state = state.trunk
            if self.ranks.rank == 0:
                save_checkpoint(self.attempt, *trunk, TRUNK)
        for point in state.points:
            self.points.append(point)
            self.recorder.point(point.step, point.tokens, point.charged_s, **point.metrics)
        return clock

    def _grow(self, grow: Grown) -> None:
        """Begin from the state of another run, made larger where a way to grow is tried; the clock stays at zero."""
        assert grow.folder is not None and grow.state is not None, "looked at before"
        folder = self.recorder.study / grow.folder
        tensors, state = load_checkpoint(folder, grow.state, TRUNK if grow.kept is Kept.TRUNK else CHECKPOINT)
        if grow.way is not None:
            tensors = self._grown(tensors, self.shapes[0].settings, grow.way, "growth")
        self._put(self.trainee, tensors, state, folder.name)

    def _grown(self, tensors: Mapping[str, Tensor], into: Settings, way: str, purpose: str) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(sub_seed(self.request.run.seed, purpose))
        return grown(tensors, into.depth, into.width, way, generator)

    def _put(self, trainee: Trainee, tensors: Mapping[str, Tensor], state: State, name: str) -> None:
        """Weights, optimizer and place in the text, as another run kept them."""
        if not trainee.takes(tensors):
            raise CheckpointError(f"the state in {name} is that of another model")
        trainee.put(tensors, state.optimizer_steps)
        set_generator(self.draws, state.draws)
        trainee.take_rows_from(self.draws)

    def _keep(self, clock: Clock, file: str = CHECKPOINT) -> str:
        """Put the whole state into files, as the first of all processes; its digest."""
        if self.ranks.rank:
            return "kept by another"
        state = State(
            run=self.request.run.id,
            optimizer_steps=self.trainee.optimizer.steps,
            draws=generator_text(self.trainee.feed.place()),
            clock=clock.kept(),
            points=tuple(self.points),
            trunk=self.trunk_state,
        )
        return save_checkpoint(self.attempt, self.trainee.tensors(), state, file)

    @property
    def attempt(self) -> Path:
        """Where this run leaves its files."""
        return self.recorder.attempt

    # --- training ----------------------------------------------------------------------------------------------------

    def _train(self, clock: Clock) -> str:
        """Train until the budget is spent; why it ended early, if it did."""
        due = int(math.sqrt(clock.progress()) * POINTS) + 1
        curve = [share for share in CURVE if share > clock.progress()]
        gathered: list[Tensor] = []
        kept_at = time.monotonic()
        if self._tries_a_way and not clock.steps and not clock.spent():
            self._score_some(clock)  # how a way does right after growing
        while not clock.spent():
            if self._changes_due(clock):
                self._change(clock)
            gathered.append(self._step(clock))
            trunk = self.trunk if self.trunk is not None and self.trunk.keep and not self.trunk_state else None
            whole = trunk is not None and clock.is_at(trunk.at)
            point = whole or clock.steps == 1 or self._changes_due(clock) > 0
            if clock.progress() >= (due / POINTS) ** 2 or point:
                mean = float(torch.stack(gathered).mean())
                gathered.clear()
                if not math.isfinite(mean):
                    return f"the training loss was {mean} at step {clock.steps}"
                self._point(clock, train_bpb=mean * self.text.bits)
                due = int(math.sqrt(clock.progress()) * POINTS) + 1
            if curve and clock.progress() >= curve[0] and not clock.spent():
                curve.pop(0)
                self._score_some(clock)
            if whole:
                with self.recorder.phase("checkpoint"):
                    self.trunk_state = self._keep(clock, TRUNK)
            if not gathered and time.monotonic() - kept_at >= self.request.checkpoint.every_s:
                with self.recorder.phase("checkpoint"):
                    self._keep(clock)
                kept_at = time.monotonic()
        return ""

    def _step(self, clock: Clock) -> Tensor:
        """One step, which is charged with the first process's seconds and the processor seconds of all."""
        progress, wall, cpu = clock.progress(), time.perf_counter(), time.process_time()
        loss = self.trainee.step(progress)
        self._synchronise()
        first = self.ranks.rank == 0
        wall_s, cpu_s = self.ranks.sums(time.perf_counter() - wall if first else 0.0, time.process_time() - cpu)
        clock.charge(wall_s, cpu_s, self.trainee.settings.total_batch)
        return loss

    def _changes_due(self, clock: Clock) -> int:
        """How many changes of shape stand before the next step."""
        made = len(clock.ended)
        return sum(clock.used() >= change.at for change in self.request.changes[made:])

    def _change(self, clock: Clock) -> None:
        """
        Go on in the shape that is due, with weights, optimizer and place in the text; scored right before and after.

        What is new is drawn from a generator of each change, so that it is the same wherever the run is taken up.
        """
        self._score_some(clock)
        with self.recorder.phase("change"):
            tensors = {name: tensor.detach().cpu() for name, tensor in self.trainee.tensors().items()}
            steps, place = self.trainee.optimizer.steps, self.trainee.feed.place()
            for _ in range(self._changes_due(clock)):
                number = len(clock.ended) + 1
                shape = self.shapes[number]
                if shape.way is not None:
                    tensors = self._grown(tensors, shape.settings, shape.way, f"change {number}")
                clock.turn(shape.flops_per_token)
                self.trainees = self.trainees[1:]
            self._begin_with(self.trainee)
            self.trainee.put(tensors, steps)
            self.draws.set_state(place)
            self.trainee.take_rows_from(self.draws)
            self._synchronise()
        self._score_some(clock)

    def _score_some(self, clock: Clock) -> None:
        """A point of the learning curve: the loss over a quarter of the windows."""
        with self.recorder.phase("evaluate"):
            value = self.trainee.score(max(self.text.windows // 4, 1))
        self._point(clock, val_bpb=value.bits_per_byte)

    def _point(self, clock: Clock, **values: float) -> None:
        """Record a point, here and for whoever takes this run up."""
        self.recorder.point(clock.steps, clock.tokens, clock.wall_s, **values)
        assert self.recorder.last is not None
        self.points.append(self.recorder.last)

    def _synchronise(self) -> None:
        if self.on_cuda:
            torch.cuda.synchronize()

    def _outcome(self, clock: Clock) -> Outcome:
        """What the run did, before it is scored."""
        speed = clock.tokens / clock.wall_s if clock.wall_s else 0.0
        flops_per_s = clock.flops / clock.wall_s if clock.wall_s else 0.0
        details: dict[str, Json] = {
            "rows_at_once": self.trainee.rows_at_once,
            "rows_that_did_not_fit": list(self.trainee.too_many),
            "text_in": "host memory, prefetched" if self.text.stays else "device memory",
            "flops_per_s": f"{flops_per_s:.4g}",
            "mfu": utilisation(flops_per_s / self.ranks.count) if self.on_cuda else None,
            **({"processes": self.ranks.count} if self.ranks.count > 1 else {}),
            "cpu_s": f"{clock.cpu_s:.6f}",
            "parameters": sum(weights.numel() for weights in self.trainee.model.parameters()),
            **({"resume_rejected": self.refused} if self.refused else {}),
        }
        return Outcome(
            RunStatus.OK,
            {},
            details=details,
            used=Used(
                kind=self.request.budget.kind,
                used=repr(float(clock.used() - clock.earlier)),
                last_step=repr(float(clock.last)),
                counter=Counter.TRAINER,
            ),
            work=Work(clock.steps, clock.tokens, clock.flops, f"{speed:.1f}"),
            segments=(*clock.ended, clock.segment()) if self.request.changes else (),
            device=described(self.device, self.trainee.compute),
            peak_device_bytes=int(torch.cuda.max_memory_allocated()) if self.on_cuda else None,
        )
