"""
The trainer of the runner `gpt`: a request to an outcome.

Order of things: read the streams, build the model, warm up on throw-away steps and one scored window, put the first
state back, and only then start the clock.  Every step after that is charged; scoring is not.  The rates follow the
share of the budget that is used, whatever it is counted in, and training stops at the step end nearest to the
budget.
"""

import hashlib
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from attrs import evolve
from torch import Tensor

from promo.base.canonical import Json, from_exact
from promo.run.contract import Outcome, Recorder
from promo.run.provenance import busy_seconds, device_facts
from promo.run.runners.gpt.batches import BITS, Lengths, Score, load, scoring_windows
from promo.run.runners.gpt.checkpoint import CheckpointError, Spent, State, generator_text, set_generator
from promo.run.runners.gpt.checkpoint import load as load_checkpoint
from promo.run.runners.gpt.checkpoint import save as save_checkpoint
from promo.run.runners.gpt.clock import CLOCK_SECONDS, Clock
from promo.run.runners.gpt.device import next_divisor, peak_flops, rows_that_fit
from promo.run.runners.gpt.feed import Feed, Prefetching, lies_on_device, load_mapped
from promo.run.runners.gpt.grow import grown
from promo.run.runners.gpt.model import Gpt
from promo.run.runners.gpt.optimizer import Optimizer
from promo.run.store import CHECKPOINT, TRUNK
from promo.run.values import Counter, Grown, Kept, Point, Request, RunStatus, Used, Work

WARMUP_STEPS = 3
CPU_ROWS = 16
"""Rows at once on a processor: more of them fall out of its cache."""
CUDA_TOKENS = 2**17
"""Tokens at once on a CUDA device unless a condition says otherwise."""
SCORING_TOKENS = 16_384
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
        `val_bpb`, or the status `nan` or `diverged` with its cause.
    """
    return _Training(request, recorder).run()


def sub_seed(seed: int, purpose: str) -> int:
    """A seed for one purpose, so that streams of one run are independent of each other."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:6], "big")


class _Training:
    def __init__(self, request: Request, recorder: Recorder) -> None:
        self.request, self.recorder = request, recorder
        self.settings: dict[str, Any] = dict(request.settings)
        self.on_cuda = request.device == "cuda"
        self.device = torch.device("cuda" if self.on_cuda else "cpu")
        self.compute = torch.bfloat16 if self.on_cuda else torch.float32
        self.context = int(self.settings["context"])
        assert request.data is not None, "the runner says that it needs a text"
        self.data = request.data
        self.window, self.windows = self.data.window, self.data.score_tokens // self.data.window
        self.batch_rows = int(self.settings["total_batch"]) // self.context
        self.rows_at_once = self._rows_at_once()
        seed = request.run.seed
        self.points: list[Point] = []
        self.too_many: list[int] = []
        """Rows at once that did not fit into the device's memory."""
        self.weights_seed, self.data_seed = sub_seed(seed, "weights"), sub_seed(seed, "data")
        self.trunk, self.grows = request.trunk, request.grow
        self.trunk_state: str | None = None
        """Digest of the state kept at the end of the trunk."""
        self.refused = ""
        """Why the state that a lost attempt kept was not taken up, if it was not."""

    def _rows_at_once(self) -> int:
        wanted = int(self.settings["device_batch"])
        if wanted:
            return wanted
        fit = max(CUDA_TOKENS // self.context, 1) if self.on_cuda else CPU_ROWS
        if self.on_cuda and torch.cuda.is_available():
            fit = min(fit, rows_that_fit(self.settings, torch.cuda.mem_get_info()[0]))
        return max(rows for rows in range(1, min(fit, self.batch_rows) + 1) if self.batch_rows % rows == 0)

    def run(self) -> Outcome:
        cause = self._cannot_begin()
        if cause:
            return Outcome(RunStatus.INVALID, {}, cause=cause)
        self._prepare_process()
        with self.recorder.phase("data"):
            folder, width = self.recorder.study, self.data.token_width
            learned, held = folder / self.data.train, folder / self.data.validation
            self.text_stays = self._text_stays(learned.stat().st_size + held.stat().st_size)
            if self.text_stays:
                self.stream, self.held = load_mapped(learned, width), load_mapped(held, width)
            else:
                self.stream, self.held = load(learned, self.device, width), load(held, self.device, width)
            lengths = self.data.token_lengths
            self.lengths = Lengths(None if lengths is None else folder / lengths, self.device)
            self.bits = BITS / self.lengths.mean(self.stream)
        if len(self.stream) <= self.context:
            cause = (
                f"a row takes {self.context} tokens and the one that follows; the training text has {len(self.stream)}"
            )
            return Outcome(RunStatus.INVALID, {}, cause=cause)
        with self.recorder.phase("build"):
            self.model = Gpt(self.settings, max(self.context, self.window)).to(self.device)
            # On a processor compilation costs more than the short runs that are made there.
            self.forward: Any = torch.compile(self.model, dynamic=False) if self.on_cuda else self.model
            self._reset()
        with self.recorder.phase("warmup"):
            self._warm_up()
        try:
            clock = self._begin()
        except CheckpointError as fault:  # what it carries on was changed, which is no fault of the candidate
            return Outcome(RunStatus.INVALID, {}, cause=str(fault))
        others = busy_seconds()
        began = time.monotonic()
        cpu_before = clock.cpu_s
        cause = self._train(clock)
        contention = _contention(others, clock.cpu_s - cpu_before, time.monotonic() - began)
        self.recorder.add("train", clock.wall_s - clock.earlier_s)
        if clock.free_s:
            self.recorder.add("free steps", clock.free_s)
        found = self._outcome(clock, contention)
        if cause:
            return evolve(found, status=RunStatus.NAN, cause=cause)
        with self.recorder.phase("evaluate"):
            score = self._score(self.windows)
        value = score.bits_per_byte
        self._point(clock, val_bpb=value)
        scored: dict[str, Json] = {"nats": repr(score.nats), "tokens": score.tokens, "bytes": score.bytes}
        found = evolve(found, details={**found.details, "score": scored}, trunk=self.trunk_state)
        if self.request.checkpoint.at_end:
            with self.recorder.phase("checkpoint"):
                found = evolve(found, checkpoint=self._keep(clock))
        if value >= score.guessing(int(self.settings["vocabulary"])):
            what = "token" if self.lengths.table is not None else "byte"
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
        share = self._trunk_share()
        if share is not None and not self._tries_a_way and from_exact(str(self.settings["warmup"])) > share:
            return "the warm-up reaches into the cool-down of the stage"
        return ""

    def _prepare_process(self) -> None:
        torch.set_num_threads(self.request.threads)
        torch.set_flush_denormal(True)
        if self.on_cuda:
            if not torch.cuda.is_available():
                raise RuntimeError("the host declares a CUDA device, and torch finds none")
            torch.set_float32_matmul_precision("high")
            torch.cuda.reset_peak_memory_stats()

    def _reset(self) -> None:
        """The state a run starts from; called again after the warm-up."""
        generator = torch.Generator(self.device).manual_seed(self.weights_seed)
        self.model.initialise(generator)
        self.model.zero_grad(set_to_none=True)
        self.optimizer = Optimizer(self.model, self.settings, self._trunk_share())
        if (self.trunk and self.request.continues) or self._tries_a_way:
            self.optimizer.warmup = 0.0  # the trunk, or the parent, has it behind it
        self.draws = torch.Generator().manual_seed(self.data_seed)
        self._feed()

    def _feed(self) -> None:
        """Rows from the generator as it stands, as many at once as fit."""
        kind = Prefetching if self.text_stays else Feed
        self.feed = kind(self.stream, self.rows_at_once, self.context, self.draws, self.device)

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

    def _warm_up(self) -> None:
        """Touch every code path that will be timed, then forget it all; rows at once shrink here and only here."""
        while True:
            try:
                for _ in range(WARMUP_STEPS):
                    self._step(0.5)
                self._score(min(self.windows, max(SCORING_TOKENS // self.window, 1)))
                break
            except torch.OutOfMemoryError:
                if int(self.settings["device_batch"]) or self.rows_at_once == 1:
                    raise  # the condition asks for this many, or there is no smaller number
                self.too_many.append(self.rows_at_once)
                self.rows_at_once = next_divisor(self.batch_rows, self.rows_at_once)
            self._feed()
            self.model.zero_grad(set_to_none=True)
            if self.on_cuda:
                torch.cuda.empty_cache()
        self._reset()
        self._synchronise()
        if self.on_cuda:
            torch.cuda.reset_peak_memory_stats()

    def _begin(self) -> Clock:
        """The clock at the start of training: at zero, or where the run that is taken up stopped."""
        budget, continued, resumed = self.request.budget, self.request.continues, self.request.resume
        whole = float(budget.amount + (continued.earlier if continued else 0))
        clock = Clock(budget.kind, whole, self.request.flops_per_token)
        if resumed:
            with self.recorder.phase("restore"):
                try:
                    self._take_up(clock, resumed.folder, resumed.state, CHECKPOINT, lost=True)
                except CheckpointError as fault:  # begin where the lost attempt began
                    self.refused = str(fault)
                else:
                    return clock
        if self.grows is not None:
            with self.recorder.phase("restore"):
                self._grow(self.grows)
        if continued:
            assert continued.folder is not None and continued.state is not None, "looked at before"
            with self.recorder.phase("restore"):
                kept = TRUNK if self.trunk else CHECKPOINT
                self._take_up(clock, continued.folder, continued.state, kept, lost=False)
                clock.earlier, clock.earlier_s = clock.used(), clock.wall_s
        return clock

    def _take_up(self, clock: Clock, attempt: str, kept: str, file: str, *, lost: bool) -> None:
        """
        Weights, optimizer, random state, clock and curve as they were kept; nothing of them if a part is not sound.

        No ledger knows the state that a *lost* attempt kept, so that state says itself whose it is.
        """
        folder = self.recorder.study / attempt
        tensors, state = load_checkpoint(folder, kept, file)
        if lost and state.run != self.request.run.id:
            raise CheckpointError(f"the state in {folder.name} is that of another run")
        trunk = None if state.trunk is None else load_checkpoint(folder, state.trunk, TRUNK)
        self._put(tensors, state, folder.name)
        for name in CLOCK_SECONDS:
            setattr(clock, name, float(getattr(state.clock, name)))
        clock.steps, clock.tokens = state.clock.steps, state.clock.tokens
        if trunk is not None:  # an attempt that was lost in its cool-down had kept its trunk
            self.trunk_state = state.trunk
            save_checkpoint(self.attempt, *trunk, TRUNK)
        for point in state.points:
            self.points.append(point)
            self.recorder.point(point.step, point.tokens, point.charged_s, **point.metrics)

    def _grow(self, grow: Grown) -> None:
        """Begin from the state of another run, made larger where a way to grow is tried; the clock stays at zero."""
        assert grow.folder is not None and grow.state is not None, "looked at before"
        folder = self.recorder.study / grow.folder
        tensors, state = load_checkpoint(folder, grow.state, TRUNK if grow.kept is Kept.TRUNK else CHECKPOINT)
        if grow.way is not None:
            generator = torch.Generator().manual_seed(sub_seed(self.request.run.seed, "growth"))
            tensors = grown(tensors, self.settings["depth"], self.settings["width"], grow.way, generator)
        self._put(tensors, state, folder.name)

    def _put(self, tensors: Mapping[str, Tensor], state: State, name: str) -> None:
        """Weights, optimizer and place in the text, as another run kept them."""
        own = {**dict(self.model.named_parameters()), **self.optimizer.tensors()}
        if set(own) != set(tensors) or any(own[one].shape != tensors[one].shape for one in own):
            raise CheckpointError(f"the state in {name} is that of another model")
        with torch.no_grad():
            for one, tensor in own.items():
                tensor.copy_(tensors[one])
        self.optimizer.steps = state.optimizer_steps
        set_generator(self.draws, state.draws)
        self._feed()

    def _keep(self, clock: Clock, file: str = CHECKPOINT) -> str:
        """Put the whole state into files; its digest."""
        seconds = {name: repr(float(getattr(clock, name))) for name in CLOCK_SECONDS}
        state = State(
            run=self.request.run.id,
            optimizer_steps=self.optimizer.steps,
            draws=generator_text(self.feed.place()),
            clock=Spent(**seconds, steps=clock.steps, tokens=clock.tokens),
            points=tuple(self.points),
            trunk=self.trunk_state,
        )
        tensors = {**dict(self.model.named_parameters()), **self.optimizer.tensors()}
        return save_checkpoint(self.attempt, tensors, state, file)

    @property
    def attempt(self) -> Path:
        """Where this run leaves its files."""
        return self.recorder.attempt

    def _point(self, clock: Clock, **values: float) -> None:
        """Record a point, here and for whoever takes this run up."""
        self.recorder.point(clock.steps, clock.tokens, clock.wall_s, **values)
        assert self.recorder.last is not None
        self.points.append(self.recorder.last)

    def _train(self, clock: Clock) -> str:
        """Train until the budget is spent; why it ended early, if it did."""
        due = int(math.sqrt(clock.progress()) * POINTS) + 1
        curve = [share for share in CURVE if share > clock.progress()]
        gathered: list[Tensor] = []
        kept_at = time.monotonic()
        if self._tries_a_way and not clock.steps and not clock.spent():
            self._score_some(clock)  # how a way does right after growing
        while not clock.spent():
            progress = clock.progress()
            wall, cpu = time.perf_counter(), time.process_time()
            loss = self._step(progress)
            self._synchronise()
            clock.charge(time.perf_counter() - wall, time.process_time() - cpu, self.batch_rows * self.context)
            gathered.append(loss)
            trunk = self.trunk if self.trunk is not None and self.trunk.keep and not self.trunk_state else None
            whole = trunk is not None and clock.used() >= trunk.at
            if clock.progress() >= (due / POINTS) ** 2 or clock.steps == 1 or whole:
                mean = float(torch.stack(gathered).mean())
                gathered.clear()
                if not math.isfinite(mean):
                    return f"the training loss was {mean} at step {clock.steps}"
                self._point(clock, train_bpb=mean * self.bits)
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

    def _step(self, progress: float) -> Tensor:
        """One optimizer step over the total batch; the mean loss in nats, still on the device."""
        parts = self.batch_rows // self.rows_at_once
        total = torch.zeros((), device=self.device)
        for _ in range(parts):
            inputs, targets = self.feed.take()
            loss = self.forward(inputs, targets, self.compute) / parts
            loss.backward()
            self.feed.fetch()
            total += loss.detach()
        self.optimizer.step(progress)
        self.model.zero_grad(set_to_none=True)
        return total

    def _score(self, count: int) -> Score:
        """The loss over *count* windows of the held-out text."""
        nats, scored, size = 0.0, 0, 0
        with torch.no_grad():
            batch = max(SCORING_TOKENS // self.window, 1)
            for inputs, targets in scoring_windows(self.held, count, self.window, batch):
                targets, tokens, length = self.lengths.scored(targets.to(self.device))
                if tokens:
                    nats += float(self.forward(inputs.to(self.device), targets, self.compute)) * tokens
                    scored, size = scored + tokens, size + length
        return Score(nats, scored, size)

    def _score_some(self, clock: Clock) -> None:
        """A point of the learning curve: the loss over a quarter of the windows."""
        with self.recorder.phase("evaluate"):
            value = self._score(max(self.windows // 4, 1))
        self._point(clock, val_bpb=value.bits_per_byte)

    def _synchronise(self) -> None:
        if self.on_cuda:
            torch.cuda.synchronize()

    def _outcome(self, clock: Clock, contention: str | None) -> Outcome:
        """What the run did, before it is scored."""
        speed = clock.tokens / clock.wall_s if clock.wall_s else 0.0
        flops = self.request.flops_per_token
        details: dict[str, Json] = {
            "rows_at_once": self.rows_at_once,
            "rows_that_did_not_fit": list(self.too_many),
            "text_in": "host memory, prefetched" if self.text_stays else "device memory",
            "flops_per_s": f"{speed * flops:.4g}",
            "mfu": self._utilisation(speed),
            "cpu_s": f"{clock.cpu_s:.6f}",
            "parameters": sum(weights.numel() for weights in self.model.parameters()),
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
            work=Work(clock.steps, clock.tokens, clock.tokens * flops, f"{speed:.1f}"),
            contention=contention,
            device=self._device(),
            peak_device_bytes=int(torch.cuda.max_memory_allocated()) if self.on_cuda else None,
        )

    def _utilisation(self, tokens_per_s: float) -> str | None:
        """Share of the device's dense bf16 peak that the training loop used; None where the peak is not known."""
        if not self.on_cuda:
            return None
        peak = peak_flops(torch.cuda.get_device_properties(0).name)
        return None if peak is None else f"{tokens_per_s * self.request.flops_per_token / peak:.4f}"

    def _device(self) -> Mapping[str, Json]:
        known: dict[str, Json] = {
            "kind": self.device.type,
            "threads": torch.get_num_threads(),
            "compute": str(self.compute).removeprefix("torch."),
            "instructions": torch.backends.cpu.get_cpu_capability(),
        }
        if self.on_cuda:
            properties = torch.cuda.get_device_properties(0)
            known |= {
                "name": properties.name,
                "memory_bytes": int(properties.total_memory),
                "capability": f"{properties.major}.{properties.minor}",
                "cuda": torch.version.cuda,
                **device_facts(),
                "compiled": True,
            }
        return known


def _contention(busy_before: float | None, own_cpu_s: float, elapsed_s: float) -> str | None:
    """Processor cores that everything else on the machine kept busy while this run trained, on average."""
    busy_after = busy_seconds()
    if busy_before is None or busy_after is None or elapsed_s <= 0:
        return None
    return f"{max(busy_after - busy_before - own_cpu_s, 0.0) / elapsed_s:.3f}"
