"""How the tests of a family share one rate, and what becomes of that which their model leaves out."""

from enum import Enum


class Procedure(Enum):
    """By which the effects of a family share its rate."""

    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    """Of false discoveries: their share among what is discovered."""
    HOLM = "holm"
    """Of any false discovery, whatever the tests have to do with each other."""
    HOCHBERG = "hochberg"
    """Of any false discovery, where tests are independent or depend positively."""


class Rest(Enum):
    """What becomes of the contrasts that a model leaves out."""

    USUAL = "usual"
    """Part of the error, where runs are repeated; where each row ran once the error is Lenth's, over all contrasts."""
    ERROR = "error"
    """Part of the error, always."""
    LISTED = "listed"
    """Estimated beside the model, outside the family; the error is that of repeated runs, else Lenth's."""
