"""The toy runner as a spec sees it."""

from fractions import Fraction

from promo.base.canonical import exact
from promo.base.classes import frozen
from promo.study.ports import ConditionError, RunnerFactor, RunnerMetric
from promo.study.values import BudgetKind, Effective

BEHAVIOURS = (
    "ok",
    "nan",
    "crash",
    "oom",
    "memory",
    "hang",
    "exit",
    "kill",
    "nothing",
    "forged",
    "once",
    "slow",
    "worse",
    "lawful",
    "noisy",
    "wild",
)

FACTORS = {
    "quality": RunnerFactor("points", Fraction(0), Fraction(-1000), Fraction(1000)),
    "size": RunnerFactor("units", Fraction(8), Fraction(1), Fraction(64), whole=True),
    "ratio": RunnerFactor("units", Fraction(1), Fraction(1), Fraction(8), whole=True),
    "behaviour": RunnerFactor("kind", "ok", choices=BEHAVIOURS),
}


WAYS = {"size": ("copy_top", "interleave", "identity")}
SHAPES = {**WAYS, "quality": ()}
METRICS = {"loss": RunnerMetric("pt", True, "points that a run is told to lose"), "gain": RunnerMetric("pt", False)}


@frozen
class ToyRunner:
    name: str = "toy"
    version: int = 1
    factors = FACTORS
    metrics = METRICS
    trainer: str = "promo_toy.train:train"
    needs_modules: tuple[str, ...] = ()
    budgets: tuple[BudgetKind, ...] = tuple(BudgetKind)
    can_continue: bool = True
    ways = WAYS
    shapes = SHAPES
    needs_data: bool = False

    def resolve(self, levels):
        size = -(-int(levels["size"]) // int(levels["ratio"])) * int(levels["ratio"])
        if size == 13:
            raise ConditionError("size", "13 is unlucky", "choose 12")
        settings = {"size": size, "quality": exact(levels["quality"]), "behaviour": levels["behaviour"]}
        return Effective(tuple(sorted(settings.items())), parameters=size * 10, flops_per_token=size)


RUNNER = ToyRunner()


NOTHING = {}


@frozen
class PlainRunner(ToyRunner):
    ways = NOTHING
    shapes = NOTHING


@frozen
class TrunkRunner(ToyRunner):
    cooldown_factor: str = "ratio"


TRUNK = TrunkRunner(name="trunk")
"""One that keeps a trunk at a constant rate."""
PLAIN = PlainRunner(name="plain", budgets=(BudgetKind.WALL,), can_continue=False)
"""One that keeps to seconds only and carries nothing on."""
