"""
The effective configuration of a request, read once: what a model is built and trained with, typed.

It arrives as a mapping that somebody else may have written, so its sizes are bounded, and those that rest on each other
are held to each other, before anything is built.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Literal

from promo.base.classes import frozen
from promo.base.codec import from_json
from promo.base.fields import Range

Size = Annotated[int, Range(1, 2**26)]


@frozen
class Settings:
    """What the runner resolved of a condition: sizes in layers, channels, tokens and rows; rates and shares exact."""

    depth: Size
    width: Size
    heads: Size
    head_size: Size
    context: Size
    window: Literal["L", "SL", "SSL", "SSSL"]
    vocabulary: Size
    total_batch: Size
    device_batch: Annotated[int, Range(0, 2**26)]
    """Rows at once; 0 for as many as fit."""
    matrix_lr: Fraction
    embedding_lr: Fraction
    head_lr: Fraction
    weight_decay: Fraction
    warmup: Fraction
    warmdown: Fraction

    def __attrs_post_init__(self) -> None:
        if self.width != self.heads * self.head_size or self.head_size % 2:
            raise ValueError(f"{self.heads} heads of {self.head_size} channels make no width of {self.width}")
        if self.total_batch % self.context:
            raise ValueError(f"a step of {self.total_batch} tokens holds no whole number of rows of {self.context}")
        if self.device_batch and self.rows % self.device_batch:
            raise ValueError(f"{self.device_batch} rows at once do not divide the {self.rows} rows of a step")
        if min(self.matrix_lr, self.embedding_lr, self.head_lr, self.weight_decay, self.warmup, self.warmdown) < 0:
            raise ValueError("a rate or share is below 0")

    @property
    def rows(self) -> int:
        """Rows of one step."""
        return self.total_batch // self.context


def settings_of(stored: Mapping[str, int | str]) -> Settings:
    """
    The settings of a request.

    Raises:
        ValueError: a setting is missing, strange, out of its bounds, or does not fit the others.
    """
    return from_json(Settings, dict(stored), "settings")
