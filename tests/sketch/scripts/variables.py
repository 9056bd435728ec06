import os, random, math
LR = float(os.environ.get("LR", 0.05))
WIDTH = int(os.environ.get("WIDTH", "16"))
ITERS = int(os.getenv("ITERS", 400))
SEED = int(os.environ.get("SEED", 7))
random.seed(SEED)
w = [random.gauss(0, 1) for _ in range(WIDTH)]
for it in range(ITERS):
    i = random.randrange(WIDTH)
    w[i] -= LR * (w[i] - math.sin(i))
    if (it + 1) % 100 == 0 or it == ITERS - 1:
        err = sum((a - math.sin(k)) ** 2 for k, a in enumerate(w)) / WIDTH
        print("iter", it + 1, "mse", round(err, 6))
