"""Two moons with a small network, in plain Python.  Nobody wrote this for promo."""

import argparse
import math
import random


def moons(count, noise, rng):
    points = []
    for number in range(count):
        label = number % 2
        angle = math.pi * rng.random()
        x, y = (1 - math.cos(angle), 0.5 - math.sin(angle)) if label else (math.cos(angle), math.sin(angle))
        points.append((x + rng.gauss(0, noise), y + rng.gauss(0, noise), label))
    return points


class Network:
    def __init__(self, hidden, rng):
        self.first = [[rng.gauss(0, 1) for _ in range(3)] for _ in range(hidden)]
        self.second = [rng.gauss(0, 1 / math.sqrt(hidden)) for _ in range(hidden + 1)]

    def forward(self, x, y):
        hidden = [math.tanh(a * x + b * y + c) for a, b, c in self.first]
        logit = sum(w * h for w, h in zip(self.second, hidden)) + self.second[-1]
        return hidden, 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))

    def step(self, x, y, label, lr, decay):
        hidden, p = self.forward(x, y)
        error = p - label
        for number, h in enumerate(hidden):
            back = error * self.second[number] * (1 - h * h)
            self.second[number] -= lr * (error * h + decay * self.second[number])
            for place, value in enumerate((x, y, 1.0)):
                self.first[number][place] -= lr * back * value
        self.second[-1] -= lr * error


def loss_of(network, points):
    total = 0.0
    for x, y, label in points:
        _, p = network.forward(x, y)
        total -= math.log(max(p if label else 1 - p, 1e-12))
    return total / len(points)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lr", type=float, default=0.03, help="step size")
    parser.add_argument("--hidden", type=int, default=8, help="width of the hidden layer")
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    parser.add_argument("--noise", type=float, default=0.2, help="of the data")
    parser.add_argument("--max-steps", type=int, default=6000, help="100%% of the training")
    parser.add_argument("--eval-every", type=int, default=1500)
    parser.add_argument("--optimizer", choices=["sgd"], default="sgd")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--seed", type=int, default=1337)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    train, held_out = moons(200, args.noise, rng), moons(200, args.noise, rng)
    network = Network(args.hidden, rng)
    for step in range(1, args.max_steps + 1):
        x, y, label = rng.choice(train)
        network.step(x, y, label, args.lr, args.weight_decay)
        if step % args.eval_every == 0 or step == args.max_steps:
            print(f"step {step}: train_loss {loss_of(network, train):.4f}")
            print(f"val_loss: {loss_of(network, held_out):.4f}")
            if args.verbose:
                print("weights", network.second)


if __name__ == "__main__":
    main()
