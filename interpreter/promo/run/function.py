"""
The decorator that makes a Python function a runner::

    from promo.run.function import runner

    @runner(
        metrics={"val_loss": {"unit": "nats", "better": "lower"}},
        factors={"rate": {"unit": "rate", "default": 0.001, "low": 0.00001, "high": 1}},
    )
    def train(rate, seed, budget):
        ...
        return val_loss

A spec names the file: `runner "train.py"`.  `check` and `plan` read the arguments from the syntax tree and never run
the file; a worker imports it and calls the function with its factors and, if it asks for them by name, `seed`,
`budget` (seconds, steps, ...), `budget_kind`, `device`, `threads`, `data`, `record` (phases and points) and `request`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def runner(**declaration: Any) -> Callable[[F], F]:
    """
    Mark a function as a runner; the function itself is left as it is.

    Args:
        declaration: `metrics` (required), `factors`, `name`, `version`, `budgets` (kinds it keeps to; default wall),
            `effective` (setting -> formula over factors), `left_out`, `size` (`parameters`, `flops_per_token` as
            formulas), `needs_modules`, `needs_data`; literal values only.
    """
    del declaration  # read from the text, never from here

    def mark(function: F) -> F:
        return function

    return mark
