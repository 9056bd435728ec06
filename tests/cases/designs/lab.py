"""A laboratory: factors a..k at two levels; never trained, only replayed."""

from promo.run.function import runner


@runner(
    metrics={"y": {"unit": "u", "better": "higher"}},
    factors={
        "a": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "b": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "c": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "d": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "e": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "f": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "g": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "h": {"unit": "level", "default": -1, "low": -1, "high": 1},
        "j": {"unit": "level", "default": -1, "low": -1, "high": 1},
    },
)
def train(a, b, c, d, e, f, g, h, j, seed, budget, record):
    return 0.0
