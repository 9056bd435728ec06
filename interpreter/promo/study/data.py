"""What a study reads: the text that models are trained on, or a table of runs that were recorded."""

from collections.abc import Mapping
from fractions import Fraction

from promo.base.classes import frozen
from promo.base.fields import Remark
from promo.study.places import Where, place


@frozen
class Tokens:
    """A tokenizer in a file: its path, its digest if it is pinned, and how many tokens there are, special ones too."""

    path: str
    pinned: str | None
    vocabulary: int


@frozen
class Data:
    """The text that is trained on: its source, the share held out, and the windows that score a model."""

    name: Remark
    source: str
    pinned: str | None
    holdout: Fraction
    score_tokens: int
    window: int
    where: Where = place()
    tokens: Tokens | None = None
    """None: every byte is a token."""


@frozen
class Curves:
    """
    How a table of recorded curves is read, as far as the spec says it; a replay's options go before it.

    *columns* lead from what a column says to its name, *units* to its unit, *labels* from candidates, hosts and seeds
    (as texts) to what the table calls them.
    """

    layout: str
    columns: Mapping[str, str]
    units: Mapping[str, str]
    labels: Mapping[str, str]
    seeds_by: str
    interpolate: bool
    where: Where = place()
