"""A character bigram model of a poem, trained by gradient descent.  Nobody wrote this for promo."""

import math
import random
from pathlib import Path

import click

POEM = Path(__file__).parent / "poem.txt"


def batches(text, index, size, rng):
    while True:
        places = [rng.randrange(len(text) - 1) for _ in range(size)]
        yield [(index[text[place]], index[text[place + 1]]) for place in places]


def softmax(row):
    top = max(row)
    raised = [math.exp(value - top) for value in row]
    total = sum(raised)
    return [value / total for value in raised]


def evaluate(table, text, index):
    total, hits = 0.0, 0
    for here, following in zip(text, text[1:]):
        chances = softmax(table[index[here]])
        total -= math.log(chances[index[following]])
        hits += max(range(len(chances)), key=chances.__getitem__) == index[following]
    return total / (len(text) - 1), hits / (len(text) - 1)


@click.command()
@click.option("--learning-rate", "-l", type=click.FloatRange(0, 10), default=0.5, show_default=True)
@click.option("--batch-size", default=16, help="pairs in a step")
@click.option("--epochs", default=8, help="passes over the poem")
@click.option("--smoothing", default=0.0)
@click.option("--shuffle/--no-shuffle", default=True)
@click.option("--seed", default=0)
def train(learning_rate, batch_size, epochs, smoothing, shuffle, seed):
    """Train and report."""
    rng = random.Random(seed)
    text = POEM.read_text(encoding="utf-8").lower()
    letters = sorted(set(text))
    index = {letter: number for number, letter in enumerate(letters)}
    cut = len(text) * 4 // 5
    known, held_out = text[:cut], text[cut:]
    table = [[0.0] * len(letters) for _ in letters]
    steps = epochs * len(known) // batch_size
    for batch, _ in zip(batches(known, index, batch_size, rng), range(steps)):
        for here, following in batch:
            for number, chance in enumerate(softmax(table[here])):
                target = (1 - smoothing) * (number == following) + smoothing / len(letters)
                table[here][number] -= learning_rate / batch_size * (chance - target)
    loss, hits = evaluate(table, held_out, index)
    click.echo("letters: %d" % len(letters))
    click.echo("test accuracy = {:.4f}".format(hits))
    click.echo("test loss = {:.5f}".format(loss))


if __name__ == "__main__":
    train()
