"""How the tests of a family share one rate."""

from enum import Enum


class Procedure(Enum):
    """By which the effects of a family share its rate."""

    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    """Of false discoveries: their share among what is discovered."""
    HOLM = "holm"
    """Of any false discovery, whatever the tests have to do with each other."""
    HOCHBERG = "hochberg"
    """Of any false discovery, where tests are independent or depend positively."""
