"""Places in the text that resolved values remember."""

from collections.abc import Mapping
from typing import Annotated

from promo.base.classes import field
from promo.base.fields import Unstored
from promo.base.source import Span

Where = Annotated[Mapping[str, Span], Unstored({})]
"""Clause word (or "name") -> its place in the text; it never takes part in equality."""


def place() -> Where:
    """The field of a value that holds its place."""
    return field(eq=False, repr=False)  # type: ignore[no-any-return]
