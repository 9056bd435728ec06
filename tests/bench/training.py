"""
The built-in trainer beside a plain loop written by hand, and how long a worker takes to its first training step.

    python tests/bench/training.py [--rounds 9] [--threads 1] [--starts 5] [--no-loop] [--windows]

Both train the same model on the same text with the same batch, in this process, turn by turn, so that a change of the
machine's speed meets both; the medians of their tokens a second are compared.  promo's figure counts the whole loop
with its clock, its points and its checks, not only what the budget is charged; scoring is left out.  Before that, both
compute the losses of the same weights on the same rows, which have to agree.

`--windows` times models with short windows, forward and backward, beside the same with one mask over the whole row.
"""

import argparse
import io
import json
import os
import resource
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from plain_gpt import Loop, Plain
from torch import Tensor

from promo.run.contract import Recorder
from promo.run.corpora import split, synthetic
from promo.run.disk import DISK
from promo.run.executors.local import LocalExecutor, worker_environment
from promo.run.runners.gpt import model
from promo.run.runners.gpt.batches import load, rows
from promo.run.runners.gpt.declare import FACTORS, RUNNER
from promo.run.runners.gpt.model import Gpt
from promo.run.runners.gpt.settings import settings_of
from promo.run.runners.gpt.train import train
from promo.run.store import write_request
from promo.run.values import AttemptSpec, Keeping, Phase, Request, RunOf, TextOf
from promo.study.values import Budget, BudgetKind

SHAPES = {
    "2x64, 8 rows": ({"depth": 2, "aspect": 32, "total_batch": 1024}, 200),
    "4x128, 16 rows": ({"depth": 4, "aspect": 32, "total_batch": 2048}, 40),
    "4x256, 16 rows": ({"depth": 4, "aspect": 64, "total_batch": 2048}, 12),
}
COMMON = {"head_size": 32, "context": 128, "window": "L"}


WINDOWED = (
    ({"depth": 2, "aspect": 32, "context": 128, "window": "SL"}, 8, 30),
    ({"depth": 4, "aspect": 32, "context": 128, "window": "SSSL"}, 16, 6),
    ({"depth": 4, "aspect": 32, "context": 512, "window": "SSSL"}, 4, 6),
    ({"depth": 2, "aspect": 64, "context": 2048, "window": "SL"}, 1, 6),
)
"""Model, rows at once, and how often it is done in a turn."""


def request(changed: dict[str, Any], steps: int, threads: int) -> Request:
    """What a worker would be asked."""
    levels = {name: factor.default for name, factor in FACTORS.items()}
    given = {name: level if isinstance(level, str) else Fraction(level) for name, level in changed.items()}
    resolved = RUNNER.resolve({**levels, **given})
    return Request(
        study="bench",
        plan="0" * 64,
        run=RunOf("0", "bench", "one", "here", 1, None),
        attempt=1,
        trainer=RUNNER.trainer,
        settings=dict(resolved.settings),
        parameters=resolved.parameters,
        flops_per_token=resolved.flops_per_token,
        metric="val_bpb",
        budget=Budget(BudgetKind.STEPS, steps, 600),
        data=TextOf("train.bytes", "validation.bytes", "0" * 64, 1024, 128, None, 1),
        checkpoint=Keeping(at_end=False, every_s=600),
        trunk=None,
        continues=None,
        resume=None,
        grow=None,
        changes=(),
        device="cpu",
        threads=threads,
        program=None,
        levels=None,
        curves=None,
        recorded=None,
    )


def same_losses(asked: Request, text: Path) -> float:
    """The largest difference between the losses of the two models on the same weights and rows."""
    ours = Gpt(settings_of(asked.settings), 128)
    ours.initialise(torch.Generator().manual_seed(1))
    with torch.no_grad():
        for one in ours.parameters():
            one.add_(torch.randn(one.shape, generator=torch.Generator().manual_seed(2)), alpha=0.02)
    plain = Plain(dict(asked.settings)).take(ours)
    inputs, targets = rows(load(text, torch.device("cpu")), 4, 128, torch.Generator().manual_seed(3))
    with torch.no_grad():
        return float((ours(inputs, targets) - plain(inputs, targets)).abs())


def promo_loop(asked: Request, folder: Path) -> tuple[float, float]:
    """Tokens a second of promo's training loop (all but start, build, warm-up, scoring), and a processor second."""
    recorder = Recorder(io.StringIO(), time.monotonic(), folder, folder)
    began = time.monotonic()
    outcome = train(asked, recorder)
    whole = time.monotonic() - began
    spent = sum(seconds for name, seconds in recorder.seconds.items() if name != "train")
    tokens = outcome.work.tokens
    assert tokens is not None
    return tokens / (whole - spent), tokens / float(str(outcome.details["cpu_s"]))


def compare(folder: Path, rounds: int, threads: int) -> None:
    """Print the medians and the median ratio of neighbouring turns for every shape."""
    torch.set_num_threads(threads)
    text = (folder / "train.bytes").read_bytes()
    for name, (changed, steps) in SHAPES.items():
        asked = request({**COMMON, **changed}, steps, threads)
        apart = same_losses(asked, folder / "train.bytes")
        assert apart < 1e-5, f"the two models differ by {apart}"
        settings: dict[str, Any] = dict(asked.settings)
        tokens = steps * settings["total_batch"]
        at_once = min(16, settings["total_batch"] // 128)
        loop = Loop(settings, text, at_once, Plain(settings))
        loop.run(3)
        ours, plain = [], []
        for turn in range(rounds):
            for which in ("ours", "plain") if turn % 2 else ("plain", "ours"):
                if which == "ours":
                    ours.append(promo_loop(asked, folder))
                    continue
                began, cpu = time.monotonic(), time.process_time()
                loop.run(steps)
                plain.append((tokens / (time.monotonic() - began), tokens / (time.process_time() - cpu)))
        for what, place in (("second", 0), ("processor second", 1)):
            pairs = [(one[place], other[place]) for one, other in zip(ours, plain, strict=True)]
            ratios = sorted(one / other for one, other in pairs)
            promo, other = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(
                f"{name:16} {threads} thread(s), tokens a {what:16}: promo {promo:8,.0f}, plain loop {other:8,.0f}, "
                f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
                flush=True,
            )


def masked(queries: Tensor, keys: Tensor, values: Tensor, window: int) -> Tensor:
    """Attention with one mask over the whole row."""
    length = queries.shape[2]
    if window >= length:
        return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    distance = torch.arange(length)[:, None] - torch.arange(length)
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=(distance >= 0) & (distance < window))


def windows(rounds: int, threads: int) -> None:
    """Print how fast short windows are, of the speed with one mask over the whole row."""
    torch.set_num_threads(threads)
    own = model.attention
    for changed, count, times in WINDOWED:
        levels = {**{name: factor.default for name, factor in FACTORS.items()}, **changed, "head_size": 32}
        given = {name: level if isinstance(level, str) else Fraction(level) for name, level in levels.items()}
        length = int(given["context"])
        settings = settings_of(dict(RUNNER.resolve({**given, "total_batch": Fraction(count * length)}).settings))
        trained = Gpt(settings, length)
        trained.initialise(torch.Generator().manual_seed(1))
        text = torch.randint(0, 256, (count, length))
        ratios = []
        for _ in range(rounds):
            spent = {}
            for how in (masked, own):
                model.attention = how
                cpu = time.process_time()
                for _ in range(times):
                    trained(text, text).backward()
                spent[how] = time.process_time() - cpu
            ratios.append(spent[masked] / spent[own])
        model.attention = own
        shape = f"{settings.depth}x{settings.width}, {length} tokens, {settings.window}"
        print(f"{shape:28} speed {statistics.median(ratios):.2f} of the mask over the whole row", flush=True)


def starts(folder: Path, count: int) -> None:
    """Print the seconds from asking for a worker to the end of its first training step, and what all of it computed."""
    seen, computed = [], []
    asked = request({**COMMON, **SHAPES["2x64, 8 rows"][0]}, 1, 1)
    for number in range(count):
        place = folder / "runs" / "bench" / "one-here-s1" / f"attempt-{number}"
        write_request(DISK, place, asked)
        began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        executor = LocalExecutor()
        worker = worker_environment(os.environ, threads=1, cuda_device=None)
        handle = executor.start(AttemptSpec(place, worker, 60, RUNNER.trainer))
        points = place / "points.jsonl"
        while isinstance(executor.look([handle])[0], Phase) and not (points.exists() and points.stat().st_size):
            time.sleep(0.005)
        seen.append(time.monotonic() - began)
        while isinstance(executor.look([handle])[0], Phase):
            time.sleep(0.005)
        executor.close()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        computed.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        result = json.loads((place / "result.json").read_bytes())["body"]
        phases = {name: round(float(text), 2) for name, text in result["seconds"].items()}
        words = f"{seen[-1]:.2f} s to the first training step, {computed[-1]:.2f} processor seconds to the end"
        print(f"start {number}: {words}; {phases}", flush=True)
        assert result["status"] == "ok", result["cause"]
    print(f"worker to first training step: median {statistics.median(seen):.2f} s, {min(seen):.2f} to {max(seen):.2f}")
    spent = f"{statistics.median(computed):.2f}, {min(computed):.2f} to {max(computed):.2f}"
    print(f"processor seconds of supervisor and worker, one step and its scoring included: median {spent}")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--starts", type=int, default=5)
    options.add_argument("--no-loop", action="store_true")
    options.add_argument("--windows", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learned, held = split(synthetic(400_000), Fraction(1, 10))
        (folder / "train.bytes").write_bytes(learned)
        (folder / "validation.bytes").write_bytes(held)
        if asked.starts:
            starts(folder, asked.starts)
        if asked.windows:
            windows(asked.rounds, asked.threads)
        if not asked.no_loop:
            compare(folder, asked.rounds, asked.threads)


if __name__ == "__main__":
    main()
