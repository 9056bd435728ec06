"""Fits a polynomial to a noisy curve with momentum.  Nobody wrote this for promo."""

import random

# settings
DEGREE = 5
LEARNING_RATE = 0.05
MOMENTUM = 0.9
ITERATIONS = 20 * 100
POINTS = 40
SEED = 7
NAME = "curve"

random.seed(SEED)


def truth(x):
    return 0.5 - x + 2 * x**3


def sample(count):
    xs = [random.uniform(-1, 1) for _ in range(count)]
    return [(x, truth(x) + random.gauss(0, 0.1)) for x in xs]


def predict(weights, x):
    value = 0.0
    for weight in reversed(weights):
        value = value * x + weight
    return value


def mean_square(weights, points):
    return sum((predict(weights, x) - y) ** 2 for x, y in points) / len(points)


train, valid = sample(POINTS), sample(200)
weights = [0.0] * (DEGREE + 1)
velocity = [0.0] * (DEGREE + 1)
best = float("inf")
for iteration in range(ITERATIONS):
    x, y = random.choice(train)
    error = predict(weights, x) - y
    power = 1.0
    for number in range(DEGREE + 1):
        velocity[number] = MOMENTUM * velocity[number] - LEARNING_RATE * (1 - MOMENTUM) * 2 * error * power
        weights[number] += velocity[number]
        power *= x
    if iteration % 200 == 199:
        best = min(best, mean_square(weights, valid))
        print("iteration", iteration + 1, "train mse", mean_square(weights, train))

print(NAME, "done")
print("Validation MSE:", mean_square(weights, valid))
