#!/usr/bin/env python
"""Trains a logistic regression; subcommands train and eval."""
import argparse, json, math, os, random, sys

def get_parser():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verbose", action="store_true")
    sub = parser.add_subparsers(dest="cmd", required=True)
    tr = sub.add_parser("train", help="train")
    opt = tr.add_argument_group("optimisation")
    opt.add_argument("--learning-rate", "-lr", type=float, default=3e-2)
    opt.add_argument("--weight-decay", type=float, default=0.0)
    opt.add_argument("--max-steps", type=int, default=600)
    opt.add_argument("--batch-size", type=int, default=8)
    misc = tr.add_argument_group("misc")
    misc.add_argument("--seed", type=int, default=1234)
    misc.add_argument("--log-every", type=int, default=100)
    ev = sub.add_parser("eval")
    ev.add_argument("--ckpt", required=True)
    return parser

def batch(rng, n):
    out = []
    for _ in range(n):
        x = [rng.gauss(0, 1) for _ in range(5)]
        y = 1 if sum((i + 1) * v for i, v in enumerate(x)) + rng.gauss(0, 1) > 0 else 0
        out.append((x, y))
    return out

def nll(w, data):
    s = 0.0
    for x, y in data:
        z = sum(a * b for a, b in zip(w, x))
        p = 1 / (1 + math.exp(-max(-30, min(30, z))))
        s -= math.log(p if y else 1 - p + 1e-12)
    return s / len(data)

def train(args):
    rng = random.Random(args.seed)
    w = [0.0] * 5
    val = batch(random.Random(0), 500)
    loss = 0
    for step in range(1, args.max_steps + 1):
        data = batch(rng, args.batch_size)
        g = [0.0] * 5
        for x, y in data:
            z = sum(a * b for a, b in zip(w, x))
            p = 1 / (1 + math.exp(-max(-30, min(30, z))))
            for i in range(5):
                g[i] += (p - y) * x[i] / len(data)
        w = [a - args.learning_rate * (b + args.weight_decay * a) for a, b in zip(w, g)]
        if step % args.log_every == 0:
            loss = nll(w, data)
            print(f"step {step} | loss {loss:.3f} | val {nll(w, val):.4f}", flush=True)

if __name__ == "__main__":
    a = get_parser().parse_args()
    if a.cmd == "train":
        train(a)
