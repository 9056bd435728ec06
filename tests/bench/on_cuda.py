"""
The built-in trainer on a CUDA device, beside autoresearch's own `train.py` on the same card.

    python tests/bench/on_cuda.py AUTORESEARCH [--seconds 60 300] [--depth 8] [--aspect 64] [--cards 1] [--dry-run]

AUTORESEARCH is a checkout of karpathy/autoresearch; nothing of it is changed, and nothing is fetched.  This makes its
shards and its tokenizer from local text, and two studies over the same documents: its parquet files are promo's source,
its pinned last shard holds the very documents that promo holds out, and its tokenizer's tokens are promo's.  promo runs
both, one after the other: its own trainer under the clock that gives eleven steps away, as upstream does, and a copy of
`train.py` with depth, aspect, batch and budget put in.  Printed: tokens a second without the free steps, val_bpb, the
share of the card's peak, memory, and the two ratios.  The evaluation windows are not the same ones: upstream packs
documents into rows, promo spreads windows over the same text.

Then the two ways of rows to the device are timed beside each other, in turn: cut from a text that lies there, and
fetched ahead from the machine's memory; on a processor they have to give the same bits.  With `--cards N`, N runs of
the shortest budget go on at once, one on each card, and each one's tokens a second are printed.

`--sdpa` puts a small stand-in for upstream's attention kernels beside the copy, for machines that cannot load them;
the figures are then those of torch's attention on both sides, and the output says so.

`--dry-run` needs no device: a little text, all studies checked and planned, every constant found in `train.py`, and
promo's side trained for a few steps on the processor, with either way of rows, and two runs at once.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import re
import statistics
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from promo.cli.main import main as promo
from promo.run.contract import Recorder
from promo.run.corpora import Corpus, split, standard_library, synthetic
from promo.run.runners.gpt.train import _Training

HOLDOUT = Fraction(2, 100)
FREE_STEPS = 11
SHARD_DOCUMENTS = 50_000
HELD_SHARD = "shard_06542.parquet"
CACHE = Path("home/.cache/autoresearch")

TOKENIZER = """
import base64, json, pickle, sys
import prepare
prepare.train_tokenizer()
made = prepare.Tokenizer.from_directory().enc
tokens = [base64.b64encode(made.decode_single_token_bytes(rank)).decode() for rank in range(len(made._mergeable_ranks))]
print(json.dumps({"promo_tokenizer": 1, "pattern": made._pat_str, "tokens": tokens}), file=open(sys.argv[1], "w"))
"""

STAND_IN = '''"""Attention of torch in the place of a kernel that is fetched."""

from types import SimpleNamespace

import torch
import torch.nn.functional as F


def flash_attn_func(q, k, v, causal=True, window_size=(-1, -1)):
    q, k, v = (one.transpose(1, 2) for one in (q, k, v))
    length, window = q.shape[2], window_size[0]
    if window < 0 or window >= length:
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:
        places = torch.arange(length, device=q.device)
        distance = places[:, None] - places[None, :]
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=(distance >= 0) & (distance <= window))
    return seen.transpose(1, 2)


def get_kernel(name):
    return SimpleNamespace(flash_attn_interface=SimpleNamespace(flash_attn_func=flash_attn_func))
'''

COMMON = """
host card {{
  device   "{device}" on any
  slots    {slots}
  threads  {threads}
}}

factor depth: layers in [{depth}]
factor aspect: ratio in [{aspect}]
factor total_batch: tokens in [{batch}]
"""

OURS = """promo 1

study ours {{
  title    "The built-in trainer"
  measure  val_bpb in bpb, lower is better
  runner   gpt
}}

data text {{
  source     "home/.cache/autoresearch/data/*.parquet"
  tokenizer  "bpe.json" of {vocabulary}tok
  holdout    {holdout}
  score      {scored}tok in windows of {context}tok
}}
{common}
factor head_size: channels in [{head}]
factor context: tokens in [{context}]
factor window: pattern in ["{window}"]

candidate same as reference

stage once {{
  train    same for {budget}
  on       card
  seeds    {seeds}
  report   only
}}
"""

THEIRS = """promo 1

study theirs {{
  title    "The train.py of autoresearch"
  measure  val_bpb in bpb, lower is better
  runner   "autoresearch.toml"
}}
{common}
candidate same as reference

stage once {{
  train    same for {seconds}s
  on       card
  seeds    1
  report   only
}}
"""

RUNNER = """promo_runner = 1
name = "autoresearch"
budgets = ["wall"]

[metrics.val_bpb]
unit = "bpb"
better = "lower"

[factors.depth]
unit = "layers"
default = 8
low = 1
whole = true
constant = "DEPTH"

[factors.aspect]
unit = "ratio"
default = 64
low = 1
whole = true
constant = "ASPECT_RATIO"

[factors.total_batch]
unit = "tokens"
default = 524288
low = 1
whole = true
constant = "TOTAL_BATCH_SIZE"

[script]
file = "train.py"
files = {files}
argv = ["{python}", "train.py"]

[script.constants]
"prepare.py/TIME_BUDGET" = "{{budget}}"

[script.calls]
"torch.manual_seed" = "{{seed}}"
"torch.cuda.manual_seed" = "{{seed}}"

[summary]
after = "---"
metrics = {{ val_bpb = "val_bpb" }}
figures = {{ train_s = "training_seconds", steps = "num_steps", tokens = "total_tokens_M * 1e6" }}
failures = {{ FAIL = "nan" }}
"""


def documents(megabytes: int, own: str | None) -> list[str]:
    """Text to train on: somebody's own files, or the standard library and as much made text as is asked for."""
    if own is not None:
        return [path.read_text(encoding="utf-8") for path in sorted(Path().glob(own))]
    found = [*standard_library().documents, *synthetic(megabytes * 1_000_000).documents]
    return [content.decode("utf-8", "replace") for _, content in found]


def write_shards(folder: Path, texts: list[str]) -> None:
    """Shards as upstream reads them; the last one holds what promo holds out, and no other does."""
    import pyarrow
    from pyarrow import parquet

    held = [bool(split(Corpus((("", text.encode()),)), HOLDOUT)[1]) for text in texts]
    learned = [text for text, apart in zip(texts, held, strict=True) if not apart]
    place = folder / CACHE / "data"
    place.mkdir(parents=True)
    shards = {
        f"shard_{number:05d}.parquet": learned[at : at + SHARD_DOCUMENTS]
        for number, at in enumerate(range(0, len(learned), SHARD_DOCUMENTS))
    }
    shards[HELD_SHARD] = [text for text, apart in zip(texts, held, strict=True) if apart]
    for name, part in shards.items():
        parquet.write_table(pyarrow.table({"text": part}), place / name, row_group_size=1000)
    print(f"{len(texts)} documents in {len(shards)} shards, {sum(held)} of them held out", flush=True)


def write_tokenizer(folder: Path, upstream: Path) -> int:
    """Upstream's tokenizer, made by upstream, and its tokens for promo; how many there are."""
    words = [sys.executable, "-c", TOKENIZER, str((folder / "bpe.json").resolve())]
    subprocess.run(words, cwd=upstream, env={**os.environ, "HOME": str((folder / "home").resolve())}, check=True)
    tokens = json.loads((folder / "bpe.json").read_bytes())["tokens"]
    assert all(base64.b64decode(one) for one in tokens)
    return len(tokens) + 4  # upstream has four special tokens


def write_studies(folder: Path, asked: argparse.Namespace, device: str, vocabulary: int) -> None:
    """A spec of either side for each budget, one of a run on each card, and the runner that drives `train.py`."""
    for name in ("train.py", "prepare.py"):
        (folder / name).write_bytes((asked.autoresearch / name).read_bytes())
    files = ["prepare.py"]
    if asked.sdpa:
        (folder / "kernels.py").write_text(STAND_IN, encoding="utf-8")
        files.append("kernels.py")
    described = RUNNER.format(files=json.dumps(files), python=sys.executable)
    (folder / "autoresearch.toml").write_text(described, encoding="utf-8")
    for seconds in asked.seconds:
        write_study(folder / f"ours-{seconds}.promo", OURS, asked, device, vocabulary, seconds)
        write_study(folder / f"theirs-{seconds}.promo", THEIRS, asked, device, vocabulary, seconds)
    write_study(folder / "cards.promo", OURS, asked, device, vocabulary, asked.seconds[0], asked.cards)


def write_study(
    spec: Path, form: str, asked: argparse.Namespace, device: str, vocabulary: int, seconds: int, cards: int = 1
) -> None:
    """One spec, laid out and planned."""
    small = asked.dry_run
    values: dict[str, Any] = {
        "common": COMMON.format(
            device=device,
            slots=cards,
            threads=1 if small else 8,
            depth=asked.depth,
            aspect=asked.aspect,
            batch=asked.batch,
        ),
        "vocabulary": vocabulary,
        "holdout": "2%",
        "scored": 8 * 128 if small else asked.scored // 2048 * 2048,
        "context": 128 if small else 2048,
        "head": 32 if small else 128,
        "window": asked.window,
        "budget": "3steps\n  cap      2min" if small else f"{seconds}s upstream\n  cap      {seconds + 300}s",
        "seconds": seconds,
        "seeds": ", ".join(str(seed + 1) for seed in range(cards)),
    }
    spec.write_text(form.format(**values), encoding="utf-8")
    if form is THEIRS:
        pin(spec)
    assert promo(["fmt", str(spec)]) == 0
    assert promo(["plan", str(spec)]) == 0


def pin(spec: Path) -> None:
    """Write down what the runner in the file is, as `promo check` says it."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        assert promo(["check", str(spec)]) == 1
    found = re.search(r"pinned (sha256:[0-9a-f]+)", said.getvalue())
    assert found, said.getvalue()
    text = spec.read_text(encoding="utf-8").replace('.toml"', f'.toml" pinned {found[1]}')
    spec.write_text(text, encoding="utf-8")


def outcomes(folder: Path, name: str) -> list[dict[str, Any]]:
    """What the runs of a study recorded."""
    paths = sorted((folder / f"{name}.study" / "runs").glob("*/*/*/result.json"))
    assert paths, f"{name} left no result; see {folder / f'{name}.study'}"
    bodies: list[dict[str, Any]] = [json.loads(path.read_bytes())["body"] for path in paths]
    for body in bodies:
        assert body["status"] == "ok", f"{name} ended as {body['status']}: {body['cause']}"
    return bodies


def pace(body: dict[str, Any], batch: int) -> float:
    """Tokens a second of the steps that were charged."""
    return (int(body["work"]["steps"]) - FREE_STEPS) * batch / float(body["seconds"]["train"])


def compare(folder: Path, asked: argparse.Namespace, device: str, seconds: int) -> None:
    """Train both and print what they came to."""
    for name in ("theirs", "ours"):
        assert promo(["run", str(folder / f"{name}-{seconds}.promo"), "--quiet"]) == 0
    (ours,), (theirs,) = outcomes(folder, f"ours-{seconds}"), outcomes(folder, f"theirs-{seconds}")
    kernels = "torch's attention on both sides" if asked.sdpa else "upstream with the kernels it fetches"
    print(f"\n{device}, depth {asked.depth}, aspect {asked.aspect}, {seconds} s, {kernels}")
    for name, body in (("autoresearch", theirs), ("promo", ours)):
        value = float(body["metrics"]["val_bpb"])
        print(
            f"{name:13} {pace(body, asked.batch):12,.0f} tokens/s  val_bpb {value:.6f}  steps {body['work']['steps']}"
        )
    print(f"promo: MFU {ours['work']['mfu']}, peak {ours['memory']['peak_device_bytes']} bytes of device memory")
    speed = pace(ours, asked.batch) / pace(theirs, asked.batch)
    quality = float(ours["metrics"]["val_bpb"]) / float(theirs["metrics"]["val_bpb"])
    print(f"tokens/s {speed:.3f} of upstream (must: at least 1.00); val_bpb {quality:.4f} of it (must: at most 1.00)")


class Within(_Training):
    """Trains on a text that lies on the device."""

    def _text_stays(self, text_bytes: int) -> bool:
        return text_bytes < 0


class Ahead(_Training):
    """Trains on a text that stays in the machine's memory."""

    def _text_stays(self, text_bytes: int) -> bool:
        return text_bytes >= 0


def feeds(folder: Path, name: str, steps: int, rounds: int) -> None:
    """The two ways of rows to the device, in turn, as the run of a study would train."""
    study = folder / f"{name}.study"
    place = next((study / "runs").glob("*/*/*/request.json")).parent
    asked = json.loads((place / "request.json").read_bytes())
    asked |= {"study_folder": str(study), "attempt_folder": str(place), "resume": None}
    asked["budget"] = {"kind": "steps", "amount": str(steps), "cap_s": 600}
    asked["checkpoint"] = {"at_end": False, "every_s": 600}
    seen: dict[str, list[float]] = {}
    losses = set()
    for _ in range(rounds):
        for kind in (Within, Ahead):
            outcome = kind(asked, Recorder(io.StringIO(), time.monotonic())).run()
            work: Any = outcome.details["work"]
            seen.setdefault(work["rows_come_from"], []).append(float(work["tokens_per_s"]))
            losses.add(outcome.metrics["val_bpb"])
    assert len(seen) == 2
    if asked["device"] == "cpu":
        assert len(losses) == 1, losses
    for where, speeds in seen.items():
        print(f"rows from {where}: {statistics.median(speeds):,.0f} tokens/s (median of {rounds})")
    print(f"val_bpb of both, {min(losses):.6f} to {max(losses):.6f}")


def cards(folder: Path, batch: int, free: int) -> None:
    """One run on each card at once."""
    assert promo(["run", str(folder / "cards.promo"), "--quiet"]) == 0
    for number, body in enumerate(outcomes(folder, "cards")):
        speed = (int(body["work"]["steps"]) - free) * batch / float(body["seconds"]["train"])
        visible = body["software"]["environment"]["CUDA_VISIBLE_DEVICES"]
        print(f"run {number} of them, on {visible or 'the processor'}: {speed:,.0f} tokens/s")


def main() -> None:
    """Make the text, the studies, and the comparison."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("autoresearch", type=Path, help="a checkout of karpathy/autoresearch")
    options.add_argument("--out", type=Path, default=Path("cuda-bench"), help="a new folder for text, studies, results")
    options.add_argument("--seconds", type=int, nargs="+", default=[60, 300])
    options.add_argument("--cards", type=int, default=1, help="run as many at once, one on each card")
    options.add_argument("--depth", type=int, default=8)
    options.add_argument("--aspect", type=int, default=64)
    options.add_argument("--batch", type=int, default=2**19)
    options.add_argument("--window", default="SSSL")
    options.add_argument("--megabytes", type=int, default=400, help="of made text, besides the standard library")
    options.add_argument("--text", help="a pattern of text files of your own instead, a document each")
    options.add_argument("--scored", type=int, default=2**21, help="tokens that promo scores")
    options.add_argument("--sdpa", action="store_true")
    options.add_argument("--dry-run", action="store_true")
    asked = options.parse_args()
    device = "cpu"
    if asked.dry_run:
        asked.depth, asked.aspect, asked.batch, asked.window, asked.megabytes = 2, 32, 1024, "L", 1
    else:
        import torch

        assert torch.cuda.is_available(), "no CUDA device; --dry-run needs none"
        device = torch.cuda.get_device_name()
    asked.out.mkdir(parents=True)
    write_shards(asked.out, documents(asked.megabytes, asked.text))
    vocabulary = write_tokenizer(asked.out, asked.autoresearch)
    if asked.dry_run:  # what a card would be asked is planned too
        for_card = argparse.Namespace(**{**vars(asked), "dry_run": False, "depth": 8, "aspect": 64, "batch": 2**19})
        write_studies(asked.out, for_card, "NVIDIA H200", vocabulary)
        asked.seconds, asked.cards = asked.seconds[:1], 2
    write_studies(asked.out, asked, device, vocabulary)
    os.environ["HOME"] = str((asked.out / "home").resolve())  # where upstream looks for its text
    first = f"ours-{asked.seconds[0]}"
    if asked.dry_run:
        assert promo(["run", str(asked.out / f"{first}.promo"), "--quiet"]) == 0
        (body,) = outcomes(asked.out, first)
        words = f"{body['score']['bytes']} bytes in {body['score']['tokens']} tokens"
        print(f"dry run: {body['work']['steps']} steps, {words}")
    else:
        for seconds in asked.seconds:
            compare(asked.out, asked, device, seconds)
    feeds(asked.out, first, steps=3 if asked.dry_run else 50, rounds=1 if asked.dry_run else 3)
    if asked.cards > 1:
        cards(asked.out, asked.batch, 0 if asked.dry_run else FREE_STEPS)


if __name__ == "__main__":
    main()
