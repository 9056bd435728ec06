"""Laws as formulas: what a declared one is a function of, and a fitted one with its numbers."""

from typing import TYPE_CHECKING, assert_never

from promo.base.canonical import Json
from promo.study.laws import Form, Law

if TYPE_CHECKING:  # whoever reads a text describes laws, and fits none
    from promo.evidence.laws import FittedLaw


def describe_form(form: Form) -> str:
    """The formula of a law."""
    match form:
        case Form.COMPUTE:
            return "a law of compute, E + A C^-b"
        case Form.SHIFTED:
            return "a law of compute, E + A (C + d)^-b"
        case Form.SIZE_AND_DATA:
            return "a law of size and data, E + A N^-a + B D^-b"
        case _:
            assert_never(form)


def describe_law(law: Law) -> dict[str, Json]:
    """Every clause of a law."""
    return {
        "of": ", ".join(law.candidates),
        "from": ", ".join(law.stages),
        "form": describe_form(law.form),
        "test": law.held,
        "reach": f"{law.reach} times",
        "draws": f"{law.draws} seed {law.seed}",
    }


def formula(law: "FittedLaw") -> str:
    """A law with its numbers; a law is told by its predictions, so three digits are enough."""
    floor, factor, exponent, *rest = (f"{value:.3g}" for value in law.parameters)
    match law.form:
        case Form.COMPUTE:
            return f"{floor} + {factor} C^-{exponent}"
        case Form.SHIFTED:
            return f"{floor} + {factor} (C + {rest[0]})^-{exponent}"
        case Form.SIZE_AND_DATA:
            return f"{floor} + {factor} N^-{exponent} + {rest[0]} D^-{rest[1]}"
        case _:
            assert_never(law.form)
