"""What a text is made of that models are trained on: its source, its tokens, and the windows that score a model."""

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
