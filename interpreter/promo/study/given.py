"""What one thing is set to, a factor or an option of a host: small, for every worker imports it."""

from fractions import Fraction
from typing import Annotated

from promo.base.fields import Range

Level = Fraction | str
"""A factor's value: an exact number, or a word such as a window pattern."""
MOST = 1024
Several = Annotated[int, Range(1, MOST)]
"""Devices or nodes of a run."""
Options = tuple[tuple[str, Level], ...]
"""What an executor is told: name and value, sorted by name; durations are seconds."""
