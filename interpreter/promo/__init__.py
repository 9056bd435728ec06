"""
promo: decide honestly which short training runs earn the next budget.

The package is one arrow, and its folders are the values along it::

    text -> syntax -> study -> plans -> run -> evidence -> decision -> report

`interpreter/README.md` walks through the rooms in that order.  For scripts and notebooks there are `promo.load`,
`promo.check` and `promo.plan`, with the rows that they give (`promo.api`); `__init__.pyi` says so to type checkers.
"""

__version__ = "0.1.0"

NAMES = (
    "Cell", "Decision", "Effect", "Finding", "Plan", "PlannedRun", "Point", "PromoError", "Run", "SpecError", "Study",
    "Table", "check", "load", "plan",
)  # fmt: skip
"""What `promo.api` has for everybody; it is imported when the first of them is asked for."""


def __getattr__(name: str) -> object:
    if name not in NAMES:
        raise AttributeError(f"module 'promo' has no attribute '{name}'")
    # By its name, for every room imports this module, and none of them may lead to what stands above it.
    from importlib import import_module

    return getattr(import_module("promo.api"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *NAMES])
