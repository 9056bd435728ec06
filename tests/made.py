"""Requests and results of attempts with everything filled in that a test does not care about."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from promo.base.classes import evolve
from promo.run.corpora import split, synthetic
from promo.run.runners.gpt.declare import FACTORS, RUNNER
from promo.run.values import Body, Facts, Keeping, Request, RunOf, RunStatus, TextOf, Work
from promo.study.values import Budget, BudgetKind

NOTHING = "0" * 64
"""A digest that nothing has."""
KEEPS_NOTHING = Keeping(at_end=False, every_s=600)


def request(**changed) -> Request:
    """What the toy runner is asked for by default: one second of training, with seed 1."""
    asked = Request(
        study="trial",
        plan=NOTHING,
        run=RunOf("0123456789abcdef", "short", "base", "box", 1, None),
        attempt=1,
        trainer="promo_toy.train:train",
        settings={"quality": "2", "size": 8, "behaviour": "ok"},
        parameters=80,
        flops_per_token=8,
        metric="loss",
        budget=budget(BudgetKind.WALL, 1),
        data=None,
        checkpoint=KEEPS_NOTHING,
        trunk=None,
        continues=None,
        resume=None,
        grow=None,
        changes=(),
        device="cpu",
        threads=1,
        program=None,
        levels=None,
        curves=None,
        recorded=None,
    )
    return evolve(asked, **changed)


def budget(kind: BudgetKind, amount: int, cap_s: int = 60) -> Budget:
    """A budget as a stage gives it."""
    return Budget(kind, amount, cap_s)


def body(**changed) -> Body:
    """A sound result of the toy runner."""
    said = Body(
        request=NOTHING,
        status=RunStatus.OK,
        cause="",
        metrics={"loss": "1.5"},
        seconds={"train": "2.000000"},
        points=NOTHING,
        used=None,
        work=Work(steps=3),
        segments=(),
        checkpoint=None,
        trunk=None,
        contention=None,
        facts=Facts(),
        recorded=None,
        details={},
    )
    return evolve(said, **changed)


TINY = {"depth": 1, "aspect": 32, "head_size": 16, "context": 32, "total_batch": 256, "window": "L"}
"""Levels of a model of the built-in runner that trains in a moment."""


def resolved(**levels):
    """What the built-in runner makes of the tiny model with other levels."""
    whole = {name: factor.default for name, factor in FACTORS.items()}
    whole |= {name: level if name == "window" else Fraction(level) for name, level in {**TINY, **levels}.items()}
    return RUNNER.resolve(whole)


def text_folder(folder: Path) -> Path:
    """A folder with a text that lies in two streams, and is looked at in windows of 32 bytes."""
    trained, held = split(synthetic(60_000), Fraction(1, 10))
    (folder / "train").write_bytes(trained)
    (folder / "held").write_bytes(held)
    return folder


NO_LEVELS: Mapping[str, int | str] = {}


def gpt_request(kind: str, amount: int, seed: int = 5, levels: Mapping[str, int | str] = NO_LEVELS, **more) -> Request:
    """What the built-in runner is asked for: a budget, spent on the text of `text_folder`."""
    effective = resolved(**levels)
    asked = {
        "trainer": RUNNER.trainer,
        "run": RunOf("0123456789abcdef", "short", "base", "box", seed, None),
        "settings": dict(effective.settings),
        "parameters": effective.parameters,
        "flops_per_token": effective.flops_per_token,
        "metric": "val_bpb",
        "budget": budget(BudgetKind(kind), amount),
        "data": TextOf("train", "held", NOTHING, 1024, 32, None, 1),
    }
    return request(**{**asked, **more})
