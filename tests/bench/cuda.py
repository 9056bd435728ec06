"""
The built-in trainer on a CUDA device, beside autoresearch's own `train.py` on the same card.

    python tests/bench/cuda.py AUTORESEARCH [--seconds 300] [--depth 8] [--aspect 64] [--window SSSL] [--dry-run]

AUTORESEARCH is a checkout of karpathy/autoresearch; nothing of it is changed, and nothing is fetched.  This makes its
shards and its tokenizer from local text, and two studies over the same documents: its parquet files are promo's source,
its pinned last shard holds the very documents that promo holds out, and its tokenizer's tokens are promo's.  promo runs
both, one after the other: its own trainer under the clock that gives eleven steps away, as upstream does, and a copy of
`train.py` with depth, aspect, batch and budget put in.  Printed: tokens a second without the free steps, val_bpb, the
share of the card's peak, memory, and the two ratios.  The evaluation windows are not the same ones: upstream packs
documents into rows, promo spreads windows over the same text.

`--sdpa` puts a small stand-in for upstream's attention kernels beside the copy, for machines that cannot load them;
the figures are then those of torch's attention on both sides, and the output says so.

`--dry-run` needs no device: a little text, both studies checked and planned, every constant found in `train.py`, and
promo's side trained for a few steps on the processor.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

from promo.cli.main import main as promo
from promo.run.corpora import Corpus, split, standard_library, synthetic

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
  slots    1
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
  seeds    1
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
    """Both specs, and the runner that drives `train.py`."""
    small = asked.dry_run
    scored = 8 * 128 if small else asked.scored // 2048 * 2048
    values: dict[str, Any] = {
        "common": COMMON.format(
            device=device, threads=1 if small else 8, depth=asked.depth, aspect=asked.aspect, batch=asked.batch
        ),
        "vocabulary": vocabulary,
        "holdout": "2%",
        "scored": scored,
        "context": 128 if small else 2048,
        "head": 32 if small else 128,
        "window": asked.window,
        "budget": "3steps\n  cap      2min"
        if small
        else f"{asked.seconds}s upstream\n  cap      {asked.seconds + 300}s",
        "seconds": asked.seconds,
    }
    (folder / "ours.promo").write_text(OURS.format(**values), encoding="utf-8")
    (folder / "theirs.promo").write_text(THEIRS.format(**values), encoding="utf-8")
    for name in ("train.py", "prepare.py"):
        (folder / name).write_bytes((asked.autoresearch / name).read_bytes())
    files = ["prepare.py"]
    if asked.sdpa:
        (folder / "kernels.py").write_text(STAND_IN, encoding="utf-8")
        files.append("kernels.py")
    described = RUNNER.format(files=json.dumps(files), python=sys.executable)
    (folder / "autoresearch.toml").write_text(described, encoding="utf-8")
    pin(folder / "theirs.promo")
    for name in ("ours", "theirs"):
        assert promo(["fmt", str(folder / f"{name}.promo")]) == 0
        assert promo(["plan", str(folder / f"{name}.promo")]) == 0


def pin(spec: Path) -> None:
    """Write down what the runner in the file is, as `promo check` says it."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        assert promo(["check", str(spec)]) == 1
    found = re.search(r"pinned (sha256:[0-9a-f]+)", said.getvalue())
    assert found, said.getvalue()
    text = spec.read_text(encoding="utf-8").replace('.toml"', f'.toml" pinned {found[1]}')
    spec.write_text(text, encoding="utf-8")


def outcome(folder: Path, name: str) -> dict[str, Any]:
    """What the one run of a study recorded."""
    paths = sorted((folder / f"{name}.study" / "runs").glob("*/*/*/result.json"))
    assert paths, f"{name} left no result; see {folder / f'{name}.study'}"
    body: dict[str, Any] = json.loads(paths[-1].read_bytes())["body"]
    assert body["status"] == "ok", f"{name} ended as {body['status']}: {body['cause']}"
    return body


def pace(body: dict[str, Any], batch: int) -> float:
    """Tokens a second of the steps that were charged."""
    return (int(body["work"]["steps"]) - FREE_STEPS) * batch / float(body["seconds"]["train"])


def compare(folder: Path, asked: argparse.Namespace, device: str) -> None:
    """Train both and print what they came to."""
    for name in ("theirs", "ours"):
        assert promo(["run", str(folder / f"{name}.promo"), "--quiet"]) == 0
    ours, theirs = outcome(folder, "ours"), outcome(folder, "theirs")
    kernels = "torch's attention on both sides" if asked.sdpa else "upstream with the kernels it fetches"
    print(f"\n{device}, depth {asked.depth}, aspect {asked.aspect}, {asked.seconds} s, {kernels}")
    for name, body in (("autoresearch", theirs), ("promo", ours)):
        value = float(body["metrics"]["val_bpb"])
        print(
            f"{name:13} {pace(body, asked.batch):12,.0f} tokens/s  val_bpb {value:.6f}  steps {body['work']['steps']}"
        )
    print(f"promo: MFU {ours['work']['mfu']}, peak {ours['memory']['peak_device_bytes']} bytes of device memory")
    speed = pace(ours, asked.batch) / pace(theirs, asked.batch)
    quality = float(ours["metrics"]["val_bpb"]) / float(theirs["metrics"]["val_bpb"])
    print(f"tokens/s {speed:.3f} of upstream (must: at least 1.00); val_bpb {quality:.4f} of it (must: at most 1.00)")


def main() -> None:
    """Make the text, the studies, and the comparison."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("autoresearch", type=Path, help="a checkout of karpathy/autoresearch")
    options.add_argument("--out", type=Path, default=Path("cuda-bench"), help="a new folder for text, studies, results")
    options.add_argument("--seconds", type=int, default=300)
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
    write_studies(asked.out, asked, device, vocabulary)
    os.environ["HOME"] = str((asked.out / "home").resolve())  # where upstream looks for its text
    if not asked.dry_run:
        compare(asked.out, asked, device)
        return
    assert promo(["run", str(asked.out / "ours.promo"), "--quiet"]) == 0
    body = outcome(asked.out, "ours")
    print(f"dry run: {body['work']['steps']} steps, {body['score']['bytes']} bytes in {body['score']['tokens']} tokens")


if __name__ == "__main__":
    main()
